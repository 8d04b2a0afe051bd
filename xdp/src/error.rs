//! Errors of the halves of a socket: what went wrong, on what, and what to do. Those of setting up stand in
//! `socket::error`.

use std::io;

use crate::device::AttachedXdp;
use crate::frame::Frame;
use crate::metadata::RequestError;
use crate::packet::Packet;
use crate::program::MapError;

/// Why a frame was not sent; it comes back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The tx ring has no room: kick, and send it again.
    #[error("the tx ring is full: kick it and send the frame again")]
    Full(Frame),
    /// The frame lives in another UMEM, whose chunks this socket cannot reach: copy its bytes into a frame of this one.
    #[error("the frame belongs to another umem: copy it into a frame of this one")]
    Foreign(Frame),
    /// The frame has no bytes; kernels disagree on what becomes of such a descriptor.
    #[error("the frame is empty: write to it before you send it")]
    Empty(Frame),
    /// What was asked for cannot go with the frame.
    #[error("{1}")]
    Request(Frame, RequestError),
}

impl SendError {
    /// The frame.
    pub fn into_frame(self) -> Frame {
        match self {
            Self::Full(frame) | Self::Foreign(frame) | Self::Empty(frame) | Self::Request(frame, _) => frame,
        }
    }
}

/// Why a packet was not sent; it comes back, and none of its frames was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendPacketError {
    /// The tx ring has no room for all of its frames: kick, and send it again.
    #[error("the tx ring has no room for {} frames: kick it and send the packet again", .0.frame_count())]
    Full(Packet),
    /// One of its frames lives in another UMEM, whose chunks this socket cannot reach: copy its bytes.
    #[error("a frame of the packet belongs to another umem: copy its bytes into frames of this one")]
    Foreign(Packet),
    /// One of its frames has no bytes; kernels disagree on what becomes of such a descriptor.
    #[error("a frame of the packet is empty: leave it out")]
    Empty(Packet),
    /// It has more frames than the socket sends as one packet; the kernel would drop all of it.
    #[error(
        "the packet has {} frames where the socket sends {most} at most: {}",
        packet.frame_count(),
        fewer_frames(*most)
    )]
    Frames {
        /// The packet.
        packet: Packet,
        /// Frames that a packet can have, see [`Tx::most_frames`](crate::Tx::most_frames).
        most: u32,
    },
}

impl SendPacketError {
    /// The packet.
    pub fn into_packet(self) -> Packet {
        match self {
            Self::Full(packet)
            | Self::Foreign(packet)
            | Self::Empty(packet)
            | Self::Frames { packet, .. } => packet,
        }
    }
}

fn fewer_frames(most: u32) -> &'static str {
    if most > 1 {
        "use larger chunks, or fill them up"
    } else {
        "bind the socket for packets of several frames"
    }
}

/// Why no packet could be built of bytes. Nothing was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// There are no bytes.
    #[error("a packet needs at least one byte")]
    Empty,
    /// There are more bytes than the socket sends as one packet.
    #[error(
        "a packet of {len} bytes is longer than the {most} bytes that the socket sends as one: bind it for packets of \
         several frames, or use larger chunks"
    )]
    TooLong {
        /// Bytes that there are.
        len: usize,
        /// Bytes that fit.
        most: u64,
    },
    /// Too few chunks are free.
    #[error("the packet needs {wanted} chunks and {free} are free: kick, and build it again")]
    Chunks {
        /// Chunks that it needs.
        wanted: u32,
        /// Chunks that were free.
        free: u32,
    },
}

/// Why a packet could not be moved into one frame; it comes back.
#[derive(Debug, thiserror::Error)]
#[error("a packet of {} bytes does not fit the {fits} bytes of one chunk: copy it with to_vec", packet.len())]
pub struct LinearizeError {
    /// The packet.
    pub packet: Packet,
    /// Bytes that fit the chunk of its first frame.
    pub fits: usize,
}

/// Why a packet of a batch cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeekError {
    /// The batch is shorter.
    #[error("the batch has {packets} packets, none with number {index}")]
    NoSuchPacket {
        /// The number asked for.
        index: u32,
        /// Packets in the batch.
        packets: u32,
    },
    /// The length does not fit a chunk.
    #[error("a packet of {len} bytes does not fit: 1 to {most} bytes do, or use larger chunks")]
    Length {
        /// Bytes asked for.
        len: usize,
        /// Bytes that fit.
        most: u32,
    },
}

/// Why the kernel could not be woken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KickError {
    /// The interface was removed, or moved to another namespace, or its driver has stopped AF_XDP on the queue (some
    /// do when the last program is detached): the socket is of no use any more.
    #[error(
        "interface {interface} is gone, or its driver has stopped AF_XDP there: open a new socket when it is back"
    )]
    InterfaceGone {
        /// Its name.
        interface: String,
    },
    /// The interface is down; what was queued stays queued.
    #[error("interface {interface} is down: set it up (ip link set {interface} up) and kick again")]
    InterfaceDown {
        /// Its name.
        interface: String,
    },
    /// Anything else.
    #[error("the kernel refused to be woken for {interface}")]
    Kernel {
        /// The interface's name.
        interface: String,
        /// What the kernel said.
        #[source]
        cause: io::Error,
    },
}

/// Why waiting ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The interface was removed, or moved to another namespace: nothing will arrive any more.
    #[error("interface {interface} is gone: open a new socket when it is back")]
    InterfaceGone {
        /// Its name.
        interface: String,
    },
    /// The program that was to send packets here was taken off the interface, or replaced: nothing will arrive until
    /// the receiving half is registered with one that is attached. Packets that are there already can be taken first.
    #[error(
        "the program that sends packets to this socket was taken off {interface}, which has {now} now: attach it again \
         and register the socket with it, or open a new socket"
    )]
    ProgramGone {
        /// The interface's name.
        interface: String,
        /// The programs that it has now.
        now: AttachedXdp,
    },
    /// Anything else.
    #[error("cannot wait for {interface}")]
    Kernel {
        /// The interface's name.
        interface: String,
        /// What the kernel said.
        #[source]
        cause: io::Error,
    },
}

/// Why a program cannot send a socket its packets.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// The program runs on another interface; the kernel would drop every packet that it sends here, and count it
    /// nowhere.
    #[error(
        "the program is attached to {program} and the socket is bound to {socket}: attach it to {socket} too"
    )]
    OtherInterface {
        /// The socket's interface.
        socket: String,
        /// The program's.
        program: String,
    },
    /// The socket takes packets of several frames, and the program does not get them: the driver would refuse it with
    /// a large MTU, or drop such packets.
    #[error(
        "the socket on {interface} takes packets of several frames and program {program} does not get them: load it \
         with ProgramBuilder::multi_buffer"
    )]
    SingleBufferProgram {
        /// The socket's interface.
        interface: String,
        /// The program's name.
        program: String,
    },
    /// The program gets packets of several frames, the MTU allows for them, and the socket does not take them: the
    /// kernel would drop every one.
    #[error(
        "program {program} gets packets of {frame} bytes on {interface} (its MTU and the header), and a frame of the \
         socket takes {fits}: bind the socket with SocketBuilder::multi_buffer, use larger chunks, or lower the MTU"
    )]
    SingleBufferSocket {
        /// The socket's interface.
        interface: String,
        /// The program's name.
        program: String,
        /// Bytes of the longest packet that the MTU allows for.
        frame: u32,
        /// Bytes that are received into one chunk.
        fits: u32,
    },
    /// The program's map does not take it.
    #[error(transparent)]
    Map(#[from] MapError),
}

/// Why not everything was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FlushError {
    /// Time is up.
    #[error("{outstanding} frames were not sent in time: is the link up, and does the peer receive?")]
    TimedOut {
        /// Frames still with the kernel.
        outstanding: u32,
    },
    /// The kernel could not be woken.
    #[error(transparent)]
    Kick(#[from] KickError),
    /// Waiting failed.
    #[error(transparent)]
    Wait(#[from] WaitError),
}
