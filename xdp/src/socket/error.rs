//! Why a socket could not be set up.

use std::fmt;
use std::io;

use crate::QueueId;
use crate::device::{InterfaceError, Occupant};
use crate::diagnosis::{Finding, causes};
use crate::error::RegisterError;
use crate::program::{AttachError, LoadError};
use crate::socket::busy_poll::BusyPollError;
use crate::socket::options::RingSizes;
use crate::umem::UmemError;

/// A step of setting up a socket, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Make the socket.
    Socket,
    /// Register the UMEM.
    RegisterUmem,
    /// Set the size of a ring.
    RingSize(RingKind),
    /// Ask where the parts of the rings lie.
    RingOffsets,
    /// Map a ring.
    MapRing(RingKind),
    /// Bind to the queue.
    Bind,
}

/// One of the four rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RingKind {
    /// Frames received.
    Rx,
    /// Frames to send.
    Tx,
    /// Chunks to receive into.
    Fill,
    /// Chunks sent.
    Completion,
}

impl fmt::Display for RingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Rx => "rx",
            Self::Tx => "tx",
            Self::Fill => "fill",
            Self::Completion => "completion",
        })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket => f.write_str("make an AF_XDP socket"),
            Self::RegisterUmem => f.write_str("register the umem"),
            Self::RingSize(ring) => write!(f, "set the size of the {ring} ring"),
            Self::RingOffsets => f.write_str("tell the layout of the rings"),
            Self::MapRing(ring) => write!(f, "map the {ring} ring"),
            Self::Bind => f.write_str("bind the socket"),
        }
    }
}

/// Why a socket could not be opened. Whatever was set up before the error is taken down again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The interface does not exist, or could not be asked.
    #[error(transparent)]
    Interface(#[from] InterfaceError),
    /// The interface is down.
    #[error("interface {interface} is down: set it up first (ip link set {interface} up)")]
    InterfaceDown {
        /// Its name.
        interface: String,
    },
    /// The interface has no such queue. (The kernel itself would take queue 65536 for queue 0.)
    #[error(
        "interface {interface} has {queues} {direction} queues, counted from 0; there is no queue {queue}"
    )]
    Queue {
        /// The interface's name.
        interface: String,
        /// The queue asked for.
        queue: QueueId,
        /// Queues that the interface has.
        queues: u32,
        /// Which queues: receive or transmit.
        direction: &'static str,
    },
    /// A ring of that size cannot be.
    #[error(
        "the {ring} ring needs a power of two of entries, from 1 to {most}, not {entries}",
        most = RingSizes::MOST
    )]
    RingSize {
        /// The ring.
        ring: RingKind,
        /// The size asked for.
        entries: u32,
    },
    /// The UMEM has too few free chunks.
    #[error(
        "the umem has {free} free chunks where {wanted} were asked for: build it with more, or give each socket a \
         share"
    )]
    Chunks {
        /// Chunks that are free.
        free: u32,
        /// Chunks wanted.
        wanted: u32,
    },
    /// The UMEM serves as many sockets as it can tell apart.
    #[error("the umem serves {most} sockets already: use another one")]
    TooManySockets {
        /// How many are possible.
        most: u8,
    },
    /// The UMEM could not be made.
    #[error(transparent)]
    Umem(#[from] UmemError),
    /// The program could not be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The program could not be attached.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// The socket could not be put into the program's map.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// No such number of packets can be sent by one system call.
    #[error("the tx budget must be from 32 packets to the tx ring's {most} entries, not {budget}")]
    TxBudget {
        /// The number asked for.
        budget: u32,
        /// The largest that works.
        most: u32,
    },
    /// A privilege is missing.
    #[error(
        "not allowed to {step}: it needs CAP_NET_RAW in the network namespace's user namespace (run as root, or \
         setcap cap_net_raw+ep)"
    )]
    Permission {
        /// The step that needs it.
        step: Step,
    },
    /// The kernel was built without AF_XDP.
    #[error("this kernel has no AF_XDP: it needs Linux 4.18 or later, built with CONFIG_XDP_SOCKETS")]
    NoAfXdp,
    /// The kernel has no TX metadata, and the UMEM was built for it.
    #[error("this kernel has no TX metadata: it needs Linux 6.8 or later; build the umem without it")]
    NoTxMetadata,
    /// Zero-copy was required of a UMEM that was built for checksums in software, which are of copy mode.
    #[error("checksums in software are of copy mode: build the umem with `tx_metadata`, or use Mode::Copy")]
    SoftwareChecksum,
    /// The socket cannot busy-poll as it was told to.
    #[error(transparent)]
    BusyPoll(#[from] BusyPollError),
    /// The UMEM needs more locked memory than this user may have.
    #[error(
        "the umem needs {needed} KiB of locked memory and the limit is {limit} KiB, less what is locked already: \
         raise RLIMIT_MEMLOCK (ulimit -l), grant CAP_IPC_LOCK, or use fewer chunks",
        needed = .needed / 1024, limit = .limit / 1024
    )]
    LockedMemory {
        /// Bytes needed.
        needed: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// Another socket has the queue.
    #[error(
        "queue {queue} of {interface} is bound by another AF_XDP socket{by}: end it, or take another queue",
        by = by(.occupant)
    )]
    QueueBusy {
        /// The interface's name.
        interface: String,
        /// The queue.
        queue: QueueId,
        /// Who has it, where the kernel tells.
        occupant: Option<Occupant>,
    },
    /// The registration of a socket on this very queue was to be shared.
    #[error(
        "queue {queue} of {interface} is the one that the first socket is on: sockets that share a queue are opened by \
         SharedQueue, which owns its fill and completion rings"
    )]
    SameQueue {
        /// The interface's name.
        interface: String,
        /// The queue.
        queue: QueueId,
    },
    /// A setting that the owner of a shared queue cannot have.
    #[error("{setting} cannot be set for a queue that sockets share: {instead}")]
    NotShared {
        /// The setting.
        setting: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
    /// A shared queue has as many members as it can have.
    #[error("the queue has {most} members already: close one, or take another queue")]
    TooManyMembers {
        /// How many are possible.
        most: usize,
    },
    /// No queue was selected.
    #[error("no queue of {interface} was selected: name at least one")]
    NoQueues {
        /// The interface's name.
        interface: String,
    },
    /// A queue was selected twice.
    #[error("queue {queue} of {interface} was selected twice: it can have one socket, or a SharedQueue")]
    QueueTwice {
        /// The interface's name.
        interface: String,
        /// The queue.
        queue: QueueId,
    },
    /// The kernel cannot share a registration between queues.
    #[error(
        "this kernel cannot share a umem between queues or interfaces: it needs Linux 5.10; let each socket register it \
         (Socket::builder)"
    )]
    CannotShare,
    /// Zero-copy was required, and the driver cannot.
    #[error(
        "{interface} cannot do zero-copy on queue {queue}: {}",
        likeliest(.causes, "its driver has no support (or not with its present MTU, channels or offloads); use \
         Mode::PreferZeroCopy or Mode::Copy")
    )]
    NoZeroCopy {
        /// The interface's name.
        interface: String,
        /// The queue.
        queue: QueueId,
        /// What it may come from, the likeliest first.
        causes: Vec<Finding>,
        /// What the kernel said.
        #[source]
        cause: io::Error,
    },
    /// Zero-copy was required, and unaligned chunks lie across pages: the driver takes only those whose pages lie side by
    /// side in the machine's memory, and the kernel would lose the others without a word.
    #[error(
        "zero-copy with unaligned chunks needs the whole umem in one huge page: use HugePages::Require and fewer chunks, \
         aligned chunks, or Mode::Copy"
    )]
    UnalignedZeroCopy,
    /// Packets of several frames were required, and the kernel cannot.
    #[error(
        "this kernel's AF_XDP has no packets of several frames: they need Linux 6.6 or later; use MultiBuffer::Prefer or \
         MultiBuffer::Never"
    )]
    NoMultiBuffer,
    /// The interface went away meanwhile.
    #[error("interface {interface} went away while the socket was set up")]
    InterfaceGone {
        /// Its name.
        interface: String,
    },
    /// The kernel told a layout of the rings that cannot be.
    #[error("the kernel told an impossible layout of the {ring} ring: please report the kernel's version")]
    Layout {
        /// The ring.
        ring: RingKind,
    },
    /// Any other refusal of the kernel.
    #[error("the kernel refused to {step} (queue {queue} of {interface}){}", likely(.causes))]
    Kernel {
        /// What was asked of it.
        step: Step,
        /// The interface's name.
        interface: String,
        /// The queue.
        queue: QueueId,
        /// What it may come from, the likeliest first; empty where nothing is known about it.
        causes: Vec<Finding>,
        /// What the kernel said.
        #[source]
        cause: io::Error,
    },
}

impl BindError {
    /// What the error may come from on this machine, each with its remedy, the likeliest first; empty where nothing
    /// more is known than the error says.
    ///
    /// Where an error number has several causes they were looked for when it came; what else there is to know, the
    /// calling thread's privileges for example, is looked at now: ask on the thread that got the error.
    pub fn likely_causes(&self) -> Vec<Finding> {
        causes::of(self)
    }
}

/// The first cause and its remedy; what is said anyway if none is known.
fn likeliest(causes: &[Finding], otherwise: &str) -> String {
    causes.first().map_or_else(|| otherwise.to_owned(), Finding::in_short)
}

/// The same to be appended to a sentence.
fn likely(causes: &[Finding]) -> String {
    causes.first().map_or_else(String::new, |cause| format!(": {}", cause.in_short()))
}

fn by(occupant: &Option<Occupant>) -> String {
    occupant.as_ref().map_or_else(String::new, |occupant| format!(", {occupant}"))
}
