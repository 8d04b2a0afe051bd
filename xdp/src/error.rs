//! Errors of the halves of a socket: what went wrong, on what, and what to do. Those of setting up stand in
//! `socket::error`.

use std::io;

use crate::device::AttachedXdp;
use crate::frame::Frame;
use crate::metadata::RequestError;
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
