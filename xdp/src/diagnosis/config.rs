//! What a socket would be bound with.

use crate::QueueId;
use crate::program::AttachMode;
use crate::socket::builder::Direction;
use crate::socket::options::{Mode, NeedWakeup, Receive, RingSizes};
use crate::umem::HugePages;

/// What a socket would be bound with: the settings that something can be wrong with.
///
/// ```no_run
/// use xdp::diagnosis::{Config, diagnose};
/// use xdp::{Mode, QueueId};
///
/// let mut config = Config::new(QueueId(3));
/// config.mode = Mode::ZeroCopy;
/// println!("{}", diagnose("eth0", &config));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The queue.
    pub queue: QueueId,
    /// Which halves.
    pub direction: Direction,
    /// Copy or zero-copy.
    pub mode: Mode,
    /// Whether the kernel says when it wants to be woken.
    pub need_wakeup: NeedWakeup,
    /// Whether the library attaches a program.
    pub receive: Receive,
    /// Where the program would run.
    pub attach: AttachMode,
    /// Whether program and socket take packets of several buffers.
    pub multi_buffer: bool,
    /// Bytes of a chunk.
    pub chunk_size: u32,
    /// Whether the chunks are unaligned: of any size from 2048 to 4096 bytes.
    pub unaligned: bool,
    /// Chunks of the UMEM; its size is what has to be locked.
    pub chunks: u32,
    /// Bytes kept free in front of every frame.
    pub headroom: u32,
    /// Whether the UMEM is to lie in huge pages. Not looked at for a UMEM that exists already.
    pub huge_pages: HugePages,
    /// Entries of the rings.
    pub rings: RingSizes,
    /// Packets that one system call sends in copy mode; none for as many as the kernel lets.
    pub tx_budget: Option<u32>,
}

impl Config {
    /// The defaults of a socket for both ways that receives everything: 4096 chunks of 4 KiB.
    pub fn new(queue: QueueId) -> Self {
        Self {
            queue,
            direction: Direction::Both,
            mode: Mode::default(),
            need_wakeup: NeedWakeup::default(),
            receive: Receive::Everything,
            attach: AttachMode::default(),
            multi_buffer: false,
            chunk_size: 4096,
            unaligned: false,
            chunks: 4096,
            headroom: 0,
            huge_pages: HugePages::Never,
            rings: RingSizes::default(),
            tx_budget: None,
        }
    }

    /// Bytes of the UMEM.
    pub fn locked_memory(&self) -> u64 {
        u64::from(self.chunk_size) * u64::from(self.chunks)
    }

    /// Whether the library would load and attach a program.
    pub(super) fn attaches(&self) -> bool {
        self.direction.receives() && self.receive != Receive::Nothing
    }
}
