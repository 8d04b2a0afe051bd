//! AF_XDP sockets in safe Rust, without C.
//!
//! Linux's AF_XDP hands packets between a NIC and a program through rings in shared memory, past the kernel's network
//! stack. This is the journey of a packet, and the reading order of the code:
//!
//! ```text
//!            fill ring                rx ring
//!  pool ──────────────► kernel/NIC ──────────────► your hands ── edit ──┐
//!   ▲                                                 │ drop            │ send
//!   └───── completion ring ◄──── kernel/NIC ◄──── tx ring ◄─────────────┘
//! ```
//!
//! The memory of the packets is a [`Umem`], divided into chunks. At every moment each chunk is in exactly one place:
//! a pool, your hands, the fill, rx, tx or completion side of the kernel. Types keep it so, a table with a byte a
//! chunk checks what the kernel says, and [`Umem::accounting`] tells the numbers.
//!
//! Two flows over the same rings:
//!
//! - **borrowed**: [`Rx::seek`] lends received packets, [`Tx::seek`] lends free chunks; `peek` gives the bytes of
//!   one, `commit` hands them over, [`Tx::kick`] wakes the kernel if it asked for it. The fastest way through.
//! - **owned**: [`Rx::recv`] yields [`Frame`]s, which move, live as long as you like, go to other threads;
//!   [`Tx::send`] takes them.
//!
//! Level by level, each built on the one below: [`Socket::open`] (or [`create_tx_socket`] and its siblings),
//! [`Socket::builder`], and crate `xdp-core` for those who schedule their own work.
//!
//! ```no_run
//! use std::time::Duration;
//! use xdp::{QueueId, Receive, Socket};
//!
//! let mut socket = Socket::open("eth0", QueueId(0), Receive::Everything)?;
//! loop {
//!     socket.wait(Duration::from_millis(100))?;
//!     let (rx, tx) = socket.halves();
//!     for frame in rx.recv(64) {
//!         tx.send(frame)?;                                          // what came in goes out again
//!     }
//!     tx.kick()?;                                                   // one system call a batch, and only if asked for
//! }
//! # #[allow(unreachable_code)]
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A child of fork(2) has neither the packet memory nor the rings: it must not touch frames or sockets of its parent
//! (starting another program, as `std::process::Command` does, is fine).
//!
//! Feature `tracing` tells a subscriber of crate `tracing` how sockets are set up and what goes wrong, never of packets.
//!
//! Sockets over a fake kernel (feature `fake-kernel`) and a network namespace without a NIC (feature `lab`) make all
//! of it run on any machine.

#![deny(unsafe_code)]
// Opted into by: fake.rs and fake/shared.rs (play the kernel), frame.rs, rx/batch.rs, tx/batch.rs (chunks as slices),
// metadata/stamps.rs (bytes in front of frames), umem.rs (owns the memory), umem/builder.rs (takes it on trust), sys.rs,
// sys/memory.rs, program/bpf.rs and bpf/map.rs (system calls), socket/rings.rs (the kernel's mappings).

mod accounting;
mod create;
pub mod device;
pub mod diagnosis;
mod error;
#[cfg(feature = "fake-kernel")]
pub mod fake;
mod frame;
#[cfg(feature = "lab")]
pub mod lab;
pub mod metadata;
mod packet;
mod pool;
pub mod program;
pub mod queues;
mod refusal;
mod rx;
mod shared_queue;
mod socket;
mod sys;
mod trace;
mod tx;
mod umem;

use std::fmt;

pub use xdp_core::{Addr, Chunk, ChunkSize, Desc, LayoutError, Options, UmemLayout};

pub use accounting::Accounting;
pub use create::{
    DirectedSocket, Wish, XdpConfig, create_bi_socket, create_rx_socket, create_socket, create_tx_socket,
};
pub use device::{Interface, InterfaceError, InterfaceRef};
pub use diagnosis::{Diagnosis, Finding, FindingKind, Severity};
pub use error::{
    BuildError, FlushError, KickError, LinearizeError, PeekError, RegisterError, SendError, SendPacketError,
    WaitError,
};
pub use frame::{Frame, RoomError};
pub use packet::Packet;
pub use program::{AttachError, AttachMode, AttachedMode, Attachment, Filter, LoadError, MapError, Program};
pub use refusal::{Disbelief, Refusal};
pub use rx::{LentPacket, PacketBatch, Recv, RecvPackets, Rx, RxBatch};
pub use shared_queue::{MemberBuilder, SharedQueue};
pub use socket::Socket;
pub use socket::builder::{Direction, SocketBuilder};
pub use socket::busy_poll::{BusyPoll, BusyPollError, BusyPollOption};
pub use socket::error::{BindError, RingKind, Step};
pub use socket::metrics::{Metrics, MetricsDelta, Occupancy, RingMetrics};
pub use socket::observer::Observer;
pub use socket::options::{Mode, MultiBuffer, NeedWakeup, ObtainedMode, Receive, RingSizes};
pub use socket::report::{ProgramReport, Report};
pub use socket::share::{Registration, SecondBuilder, Share, Sharing};
pub use socket::statistics::{RingStatistics, Statistics};
pub use tx::{Tx, TxBatch};
pub use umem::{HugePages, Umem, UmemBuilder, UmemError};

/// A queue of a NIC, counted from 0.
///
/// Checked against the queues of the interface before bind: the kernel itself keeps only sixteen bits of it, so that
/// binding queue 65536 would succeed and silently take queue 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueId(pub u32);

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The programs of the README, which are compiled with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
