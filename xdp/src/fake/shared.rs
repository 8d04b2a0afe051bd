//! A shared queue over a fake kernel.
//!
//! - N2 what the kernel takes from the fill ring and from a member's tx ring is its own until it publishes it on an
//!   rx ring or on the completion ring.

#![allow(unsafe_code, reason = "plays the NIC, which reads and writes the chunks that were handed to it")]

use std::collections::VecDeque;
use std::ptr;
use std::sync::Arc;

use xdp_core::WakePolicy;
use xdp_core::desc::{Addr, Desc, Options};
use xdp_core::fake::{FakeKernel, FakeRings};
use xdp_core::frames::Holder;

use super::{link, report};
use crate::shared_queue::SharedQueue;
use crate::socket::Socket;
use crate::socket::builder::Direction;
use crate::socket::error::{BindError, RingKind};
use crate::socket::halves::Shares;
use crate::socket::options::RingSizes;
use crate::socket::port::Port;
use crate::socket::report::Report;
use crate::socket::rings::MemberRings;
use crate::socket::share::Registration;
use crate::umem::{HomeRef, Umem};

/// The owner of a shared queue over a fake kernel, with `chunks` to receive into and rings of `entries` whose indices
/// begin at `start`, and the NIC that plays it. Members join by [`FakeQueue::join`].
///
/// # Errors
///
/// [`BindError`] when the size is not a power of two, or the UMEM has fewer free chunks.
pub fn shared_queue(
    umem: &Umem,
    entries: u32,
    start: u32,
    chunks: u32,
) -> Result<(SharedQueue, FakeQueue), BindError> {
    let (kernel, FakeRings { fill, completion, .. }) = rings(entries, start)?;
    let plugged = Arc::new(());
    let link = link(&plugged)?;
    let port = umem
        .adopt(|number| Arc::new(Port::new(number, link, WakePolicy::WhenAsked, umem.clone())))
        .ok_or(BindError::TooManySockets { most: Holder::SOCKETS })?;
    port.set_report(report(umem, entries));
    let pool = Shares::of(&port, Some(chunks), Direction::Rx, None)?.into_rx();
    let owner = SharedQueue::new(port, fill, completion, pool);
    let nic = FakeQueue {
        kernel,
        members: Vec::new(),
        in_flight: VecDeque::new(),
        home: umem.home_ref(),
        umem: umem.clone(),
        plugged,
    };
    Ok((owner, nic))
}

fn rings(entries: u32, start: u32) -> Result<(FakeKernel, FakeRings), BindError> {
    FakeKernel::starting_at(entries, start)
        .filter(|_| entries <= RingSizes::MOST)
        .ok_or(BindError::RingSize { ring: RingKind::Rx, entries })
}

/// The other side of a fake shared queue: the kernel, the program that chooses the member, and the NIC in one.
///
/// Like the kernel, it keeps the chunks of a queue that was dropped until it is dropped itself.
#[derive(Debug)]
pub struct FakeQueue {
    /// The kernel's side of the fill and the completion ring; its other rings have no other end.
    kernel: FakeKernel,
    /// The kernel's side of each member's rx and tx ring.
    members: Vec<FakeKernel>,
    /// Descriptors taken from tx rings that were not completed yet.
    in_flight: VecDeque<Desc>,
    home: HomeRef,
    /// Keeps the home.
    umem: Umem,
    plugged: Arc<()>,
}

impl FakeQueue {
    /// One more member, with `chunks` to send from and rings of `entries` whose indices begin at `start`; members are
    /// numbered from 0 as they join.
    ///
    /// # Errors
    ///
    /// As [`shared_queue`]; and where the owner has as many members as it can.
    pub fn join(
        &mut self,
        owner: &mut SharedQueue,
        [entries, start]: [u32; 2],
        chunks: u32,
    ) -> Result<Socket, BindError> {
        let (kernel, FakeRings { rx, tx, .. }) = rings(entries, start)?;
        let report = Report { registration: Registration::SameQueue, ..report(&self.umem, entries) };
        let rings = MemberRings { rx: Some(rx), tx: Some(tx) };
        let socket = owner.join_fake(link(&self.plugged)?, rings, chunks, report)?;
        self.members.push(kernel);
        Ok(socket)
    }

    /// A packet arrives for a member. False, and it is lost, when it does not fit, the fill ring is empty, or the
    /// member's rx ring is full.
    pub fn deliver(&mut self, member: usize, packet: &[u8]) -> bool {
        let layout = self.umem.layout();
        let Some(target) = self.members.get_mut(member) else { return false };
        if packet.len() > layout.rx_capacity() as usize || target.rx_room() == 0 {
            return false;
        }
        let Some(chunk) = self.kernel.take_fill() else { return false };
        let addr = chunk + u64::from(layout.rx_offset());
        let data = self.home.pointer(addr);
        // SAFETY: the chunk came from the fill ring, so it is the kernel's, which is us (N2), until the descriptor
        // below is published. The owner puts only chunks of the UMEM there, and the packet ends inside by the check
        // above.
        unsafe { ptr::copy_nonoverlapping(packet.as_ptr(), data.as_ptr(), packet.len()) };
        target.put_rx(Desc { addr: Addr(addr), len: packet.len() as u32, options: Options::NONE })
    }

    /// The next packet that a member sent leaves; its chunk stays with the NIC until [`FakeQueue::complete`].
    pub fn take_sent(&mut self, member: usize) -> Option<Vec<u8>> {
        let desc = self.members.get_mut(member)?.transmit()?;
        let mut bytes = vec![0; desc.len as usize];
        let data = self.home.pointer(desc.addr.0);
        // SAFETY: the sending half publishes only descriptors inside the UMEM (T1 in `tx`), and the chunk is the
        // kernel's, which is us (N2), until it completes.
        unsafe { ptr::copy_nonoverlapping(data.as_ptr(), bytes.as_mut_ptr(), bytes.len()) };
        self.in_flight.push_back(desc);
        Some(bytes)
    }

    /// Completes the packet at `i` of those that left and were not completed; false if there is none, or the
    /// completion ring is full.
    pub fn complete(&mut self, i: usize) -> bool {
        let Some(desc) = self.in_flight.get(i) else { return false };
        if !self.kernel.complete(desc.addr) {
            return false;
        }
        self.in_flight.remove(i);
        true
    }

    /// Completes any address, as only a broken or hostile kernel would; false if the ring is full.
    pub fn forge_completion(&mut self, addr: u64) -> bool {
        self.kernel.complete(Addr(addr))
    }
}
