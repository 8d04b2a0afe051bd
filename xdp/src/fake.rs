//! Sockets over a fake kernel: whole journeys without privileges, for tests, benchmarks, fuzzers, and your own tests.
//!
//! The library above the rings is the real one; only the kernel is played, and does no more than it is told. Nothing
//! blocks: waiting returns at once.
//!
//! ```
//! use xdp::{Umem, fake};
//!
//! let umem = Umem::builder().chunks(64).build()?;
//! let (mut socket, mut nic) = fake::socket(&umem, 32)?;
//! assert!(nic.deliver(b"ping"));                             // a packet arrives
//! let (rx, tx) = socket.halves();
//! for mut frame in rx.recv(64) {
//!     frame.copy_from_slice(b"pong");
//!     tx.send(frame)?;
//! }
//! tx.kick()?;
//! assert_eq!(nic.transmit().as_deref(), Some(&b"pong"[..])); // and the answer leaves
//! assert!(umem.accounting().is_balanced());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - N1 what the NIC takes from the fill and tx rings is its own until it publishes it on the rx or completion ring,
//!   as long as nothing was forged: after that it copies no bytes.

#![allow(unsafe_code, reason = "plays the NIC, which reads and writes the chunks that were handed to it")]

mod shared;

use std::collections::VecDeque;
use std::fs::File;
use std::ptr;
use std::sync::Arc;

use xdp_core::desc::{Addr, Desc, Options};
use xdp_core::fake::{FakeKernel, FakeRings};
use xdp_core::frames::Holder;
use xdp_core::{Chunk, WakePolicy};

use crate::QueueId;
use crate::metadata::Requestable;
use crate::socket::Socket;
use crate::socket::builder::Direction;
use crate::socket::error::{BindError, RingKind};
use crate::socket::gauge::Watches;
use crate::socket::halves::{self, Shares};
use crate::socket::options::{ObtainedMode, RingSizes};
use crate::socket::port::{Link, Port};
use crate::socket::report::Report;
use crate::socket::rings::Rings;
use crate::socket::share::Registration;
use crate::socket::waiter::Waiter;
use crate::umem::{HomeRef, Umem};

pub use shared::{FakeQueue, shared_queue};

/// A socket for both ways over a fake kernel, with four rings of `entries`, and the NIC that plays it.
///
/// # Errors
///
/// [`BindError`] when the size is not a power of two, or the UMEM has no free chunk.
pub fn socket(umem: &Umem, entries: u32) -> Result<(Socket, FakeNic), BindError> {
    socket_starting_at(umem, entries, 0)
}

/// As [`socket`], with all ring indices at `start`: near `u32::MAX` is where wrapping goes wrong.
///
/// # Errors
///
/// As [`socket`].
pub fn socket_starting_at(umem: &Umem, entries: u32, start: u32) -> Result<(Socket, FakeNic), BindError> {
    socket_with(umem, entries, start, None)
}

/// As [`socket_starting_at`], with `chunks` of the UMEM, or all that are free: for several sockets on one UMEM.
///
/// # Errors
///
/// As [`socket`], and when fewer chunks are free.
pub fn socket_with(
    umem: &Umem,
    entries: u32,
    start: u32,
    chunks: Option<u32>,
) -> Result<(Socket, FakeNic), BindError> {
    let (kernel, rings) = FakeKernel::starting_at(entries, start)
        .filter(|_| entries <= RingSizes::MOST)
        .ok_or(BindError::RingSize { ring: RingKind::Rx, entries })?;
    let plugged = Arc::new(());
    let link = link(&plugged)?;
    let port = umem
        .adopt(|number| Arc::new(Port::new(number, link, WakePolicy::WhenAsked, umem.clone())))
        .ok_or(BindError::TooManySockets { most: Holder::SOCKETS })?;
    port.set_report(report(umem, entries));
    let shares = Shares::of(&port, chunks, Direction::Both, None)?;
    let FakeRings { fill, completion, rx, tx } = rings;
    let watches = Watches {
        rx: Some(rx.watch()),
        completion: Some(completion.watch()),
        fill: Some(fill.watch()),
        tx: Some(tx.watch()),
        ..Watches::default()
    };
    let rings = Rings { rx: Some((rx, fill)), tx: Some((tx, completion)), watches, has_flags: true };
    let halves = halves::make(&port, rings, shares, || Waiter::new(None));
    let nic = FakeNic {
        kernel,
        in_flight: VecDeque::new(),
        is_hostile: false,
        splits: false,
        home: umem.home_ref(),
        umem: umem.clone(),
        _plugged: plugged,
    };
    match (halves.rx, halves.tx) {
        (Some(rx), Some(tx)) => Ok((Socket::from_halves(rx, tx), nic)),
        _ => unreachable!("both halves were asked for"),
    }
}

/// As [`socket_starting_at`], bound for packets of several frames, of which one that is sent can have `most_frames`.
///
/// # Errors
///
/// As [`socket`].
pub fn socket_for_packets(
    umem: &Umem,
    entries: u32,
    start: u32,
    most_frames: u32,
) -> Result<(Socket, FakeNic), BindError> {
    let (mut socket, mut nic) = socket_starting_at(umem, entries, start)?;
    nic.splits = true;
    let (rx, tx) = socket.halves();
    rx.expect_packets(halves::most_received(umem.layout()));
    tx.allow_packets(most_frames);
    Ok((socket, nic))
}

/// A socket that is none, and whose chunks the kernel has as long as it is plugged in.
fn link(plugged: &Arc<()>) -> Result<Link, BindError> {
    let no_socket = File::open("/dev/null").map_err(|cause| BindError::Kernel {
        causes: Vec::new(),
        step: crate::socket::error::Step::Socket,
        interface: "fake".to_owned(),
        queue: QueueId(0),
        cause,
    })?;
    Ok(Link::Fake(no_socket.into(), Arc::downgrade(plugged)))
}

fn report(umem: &Umem, entries: u32) -> Report {
    Report {
        interface: "fake".to_owned(),
        queue: QueueId(0),
        mode: ObtainedMode::Copy,
        why_copy: None,
        multi_buffer: false,
        most_frames: 1,
        why_single_buffer: None,
        program: None,
        rings: RingSizes { rx: entries, tx: entries, fill: entries, completion: entries },
        chunks: (umem.chunks(), umem.layout().chunk_size().bytes()),
        huge_pages: umem.has_huge_pages(),
        tx_budget: entries,
        send_buffer: None,
        busy_poll: None,
        polled_napi: None,
        requestable: Requestable::all_in(umem.home().reserve),
        registration: Registration::Own { why: None },
        busy_retries: 0,
    }
}

/// The other side of a fake socket: the kernel and the NIC in one.
///
/// Like the kernel, it keeps the chunks of a socket that was dropped until it is dropped itself. As long as it keeps
/// the protocol it copies packets; once it was made to break it, only descriptors move, since it can no longer tell
/// which chunks are its own.
#[derive(Debug)]
pub struct FakeNic {
    kernel: FakeKernel,
    /// Descriptors taken from the tx ring that were not completed yet.
    in_flight: VecDeque<Desc>,
    is_hostile: bool,
    /// A packet that does not fit a chunk is received into several.
    splits: bool,
    home: HomeRef,
    /// Keeps the home.
    umem: Umem,
    /// As long as this lives, the chunks that a dropped socket has left with us are ours.
    _plugged: Arc<()>,
}

impl FakeNic {
    /// A packet arrives, as the kernel puts it: behind its 256 bytes and the UMEM's headroom, in several frames if need
    /// be and the socket is bound for them. False, and the packet is lost, when it does not fit, the fill ring has too
    /// few chunks, or the rx ring no room.
    pub fn deliver(&mut self, packet: &[u8]) -> bool {
        let capacity = self.umem.layout().rx_capacity() as usize;
        if self.splits && packet.len() > capacity {
            let frames: Vec<&[u8]> = packet.chunks(capacity).collect();
            return self.deliver_frames(&frames);
        }
        self.deliver_at(packet, self.umem.layout().rx_offset())
    }

    /// A packet of these frames arrives, all of them or none.
    pub fn deliver_frames(&mut self, frames: &[&[u8]]) -> bool {
        let (Some((last, others)), Ok(count)) = (frames.split_last(), u32::try_from(frames.len())) else {
            return false;
        };
        let capacity = self.umem.layout().rx_capacity() as usize;
        let is_room = self.kernel.rx_room() >= count && self.kernel.peek_fill(count - 1).is_some();
        if !is_room || frames.iter().any(|frame| frame.len() > capacity) {
            return false;
        }
        others.iter().all(|frame| self.deliver_part(frame, Options::CONTINUES))
            && self.deliver_part(last, Options::NONE)
    }

    /// A frame arrives with these option bits: [`Options::CONTINUES`] for a packet whose next frame comes later.
    pub fn deliver_part(&mut self, frame: &[u8], options: Options) -> bool {
        self.put(frame, self.umem.layout().rx_offset(), options)
    }

    /// As [`FakeNic::deliver`], with the first byte `offset` bytes into the chunk: an XDP program has moved it.
    pub fn deliver_at(&mut self, packet: &[u8], offset: u32) -> bool {
        self.put(packet, offset, Options::NONE)
    }

    fn put(&mut self, packet: &[u8], offset: u32, options: Options) -> bool {
        let size = self.umem.layout().chunk_size().bytes();
        if offset >= size || packet.len() > (size - offset) as usize {
            return false;
        }
        if self.kernel.rx_room() == 0 {
            return false;
        }
        let Some(chunk) = self.kernel.take_fill() else { return false };
        let addr = chunk + u64::from(offset);
        if !self.is_hostile {
            let data = self.home.pointer(addr);
            // SAFETY: the chunk came from the fill ring, so it is the kernel's, which is us (N1), until the
            // descriptor below is published. The receiving half puts only chunks of the UMEM there, and `offset +
            // len` ends inside the chunk by the check above.
            unsafe { ptr::copy_nonoverlapping(packet.as_ptr(), data.as_ptr(), packet.len()) };
        }
        // The kernel names unaligned chunks in two parts.
        let is_unaligned = self.umem.layout().is_unaligned();
        let addr = if is_unaligned { Addr::unaligned(chunk, offset as u16) } else { Addr(addr) };
        self.kernel.put_rx(Desc { addr, len: packet.len() as u32, options })
    }

    /// The next packet that was sent leaves, and its chunk completes; if the completion ring is full, it does so with
    /// a later [`FakeNic::complete`]. None if there is none.
    pub fn transmit(&mut self) -> Option<Vec<u8>> {
        let bytes = self.take_sent()?;
        self.complete();
        Some(bytes)
    }

    /// The next packet that was sent leaves; its chunk stays with the NIC until [`FakeNic::complete`].
    pub fn take_sent(&mut self) -> Option<Vec<u8>> {
        let desc = self.kernel.transmit()?;
        let mut bytes = vec![0; desc.len as usize];
        if !self.is_hostile {
            let data = self.home.pointer(desc.addr.0);
            // SAFETY: the sending half publishes only descriptors inside the UMEM (T1 in `tx`), and the chunk is the
            // kernel's, which is us (N1), until it completes.
            unsafe { ptr::copy_nonoverlapping(data.as_ptr(), bytes.as_mut_ptr(), bytes.len()) };
        }
        self.in_flight.push_back(desc);
        Some(bytes)
    }

    /// The frames of the next packet that was sent leave, and their chunks complete as from [`FakeNic::transmit`]. None
    /// if there is none, or its end was not sent.
    pub fn transmit_packet(&mut self) -> Option<Vec<Vec<u8>>> {
        let goes_on = |i| self.kernel.peek_tx(i).map(|desc| desc.options.contains(Options::CONTINUES));
        let last =
            (0..).map_while(|i| goes_on(i).map(|goes_on| (i, goes_on))).find(|(_, goes_on)| !goes_on)?.0;
        (0..=last).map(|_| self.transmit()).collect()
    }

    /// Completes the oldest packet that left and was not completed; false if there is none, or the completion ring is
    /// full.
    pub fn complete(&mut self) -> bool {
        let Some(desc) = self.in_flight.front() else { return false };
        if !self.kernel.complete(desc.addr) {
            return false;
        }
        self.in_flight.pop_front();
        true
    }

    /// Puts any descriptor on the rx ring, as only a broken or hostile kernel would; false if the ring is full. No
    /// bytes are copied any more.
    pub fn forge_rx(&mut self, desc: Desc) -> bool {
        self.is_hostile = true;
        self.kernel.put_rx(desc)
    }

    /// Completes any address, as only a broken or hostile kernel would; false if the ring is full. No bytes are
    /// copied any more.
    pub fn forge_completion(&mut self, addr: u64) -> bool {
        self.is_hostile = true;
        self.kernel.complete(Addr(addr))
    }

    /// The address of a chunk.
    pub fn addr(&self, chunk: Chunk) -> u64 {
        self.umem.layout().addr(chunk)
    }

    /// The kernel's side of the rings, to do anything with. No bytes are copied any more.
    pub fn kernel(&mut self) -> &mut FakeKernel {
        self.is_hostile = true;
        &mut self.kernel
    }
}
