//! What can be chosen of a socket.

use std::fmt;

use crate::program::Filter;

/// How packets get between the NIC and the UMEM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Mode {
    /// The NIC reads and writes the UMEM itself; an error where the driver cannot. Minimum kernel: 4.20 and a driver
    /// with support.
    ZeroCopy,
    /// Zero-copy if it can be had, else copy; the report says why.
    #[default]
    PreferZeroCopy,
    /// The kernel copies packets: works on every interface.
    Copy,
}

/// The mode that was obtained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ObtainedMode {
    /// The NIC reads and writes the UMEM itself.
    ZeroCopy,
    /// The kernel copies packets.
    Copy,
}

impl fmt::Display for ObtainedMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::ZeroCopy => "zero-copy",
            Self::Copy => "copy",
        })
    }
}

/// Whether the kernel says when it wants to be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NeedWakeup {
    /// The kernel sets a flag when it sleeps; system calls are made only then. Minimum kernel: 5.4.
    #[default]
    WhenAsked,
    /// Every kick is a system call.
    Always,
}

/// Whether a packet may consist of several frames, as one that is longer than a chunk must.
///
/// The bind flag of the socket and the program that the library loads for it always agree. Such packets are received
/// by [`Rx::seek_packets`](crate::Rx::seek_packets) and [`Rx::recv_packets`](crate::Rx::recv_packets), and sent by
/// [`Tx::send_packet`](crate::Tx::send_packet).
#[doc(alias = "XDP_USE_SG")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum MultiBuffer {
    /// Every packet is one frame; the kernel drops what does not fit a chunk.
    #[default]
    Never,
    /// Several frames if the kernel can, else one; the report says why. Where a driver could have either this or
    /// zero-copy, and zero-copy is preferred too, this comes first.
    Prefer,
    /// Several frames, or an error. Minimum kernel: 6.6.
    Require,
}

/// What is taken from the kernel's own stack and given to a socket.
///
/// There is no default: nothing is taken that was not named.
///
/// ```no_run
/// use xdp::{Filter, QueueId, Receive, Socket};
///
/// let quic = Filter::udp().dst_port(4433);
/// let socket = Socket::open("eth0", QueueId(0), Receive::Only(quic))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Receive {
    /// The packets that a filter matches; the kernel's stack gets the others as if there were no program. The library
    /// loads and attaches the program that does it. Minimum kernel: 5.9.
    Only(Filter),
    /// Every packet that arrives at the queue, SSH and ARP included. The library loads and attaches the program that
    /// does it.
    Everything,
    /// Nothing: for sending only, or because a program of your own fills the socket (see
    /// [`Socket::register`](crate::Socket::register)).
    Nothing,
}

/// How many entries each ring has, each a power of two from 1 to [`RingSizes::MOST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RingSizes {
    /// Frames received and not taken yet.
    pub rx: u32,
    /// Frames waiting to be sent.
    pub tx: u32,
    /// Chunks for the kernel to receive into.
    pub fill: u32,
    /// Chunks sent and not taken back yet.
    pub completion: u32,
}

impl RingSizes {
    /// The largest ring that this library makes: 64 MiB of descriptors.
    pub const MOST: u32 = 1 << 22;
}

/// 2048 entries, as others have too, and a fill ring of 4096: the kernel publishes a received batch before it frees
/// the fill ring's slots, and with twice the rx ring there is always room to give the chunks back.
impl Default for RingSizes {
    fn default() -> Self {
        Self { rx: 2048, tx: 2048, fill: 4096, completion: 2048 }
    }
}
