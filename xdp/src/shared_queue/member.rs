//! Members of a shared queue: how they are to be, and how they join.

use std::os::fd::AsFd;
use std::sync::Arc;

use xdp_core::frames::Holder;

use super::desk::{Desk, Ends};
use super::{Seat, SharedQueue, Tally};
use crate::device::InterfaceError;
use crate::device::monitor::LinkMonitor;
use crate::rx::Rx;
use crate::socket::Socket;
use crate::socket::at::At;
use crate::socket::bind;
use crate::socket::builder::Direction;
use crate::socket::checks;
use crate::socket::error::BindError;
use crate::socket::gauge::Watches;
use crate::socket::halves::{self, Halves, Shares};
use crate::socket::namespace::Namespace;
use crate::socket::options::RingSizes;
use crate::socket::port::{Bound, Link, Port};
use crate::socket::report::Report;
use crate::socket::rings::{self, MemberRings, Rings};
use crate::socket::share::Registration;
use crate::socket::tune;
use crate::socket::waiter::Waiter;
use crate::tx::Tx;

/// How a member of a [`SharedQueue`] is to be. Mode, need-wakeup and packets of several frames are the queue's, and
/// it has no fill and completion ring, so none of that can be chosen.
#[derive(Debug)]
#[must_use = "a builder does nothing until one of the joins"]
pub struct MemberBuilder<'a> {
    queue: &'a mut SharedQueue,
    rings: RingSizes,
    chunks: Option<u32>,
}

impl SharedQueue {
    /// One more member, with rings of 2048 entries, and a sixteenth of the UMEM's chunks to send from unless told
    /// otherwise. It may join at any time, from a thread in the namespace of the interface.
    pub fn member(&mut self) -> MemberBuilder<'_> {
        MemberBuilder { queue: self, rings: RingSizes::default(), chunks: None }
    }
}

impl MemberBuilder<'_> {
    /// Entries of the rx ring: a power of two; 2048 if not said.
    pub fn rx_entries(mut self, entries: u32) -> Self {
        self.rings.rx = entries;
        self
    }

    /// Entries of the tx ring: a power of two; 2048 if not said.
    pub fn tx_entries(mut self, entries: u32) -> Self {
        self.rings.tx = entries;
        self
    }

    /// Chunks that this member has to send from; those to receive into are the queue's.
    pub fn chunks(mut self, chunks: u32) -> Self {
        self.chunks = Some(chunks);
        self
    }

    /// Joins for both ways.
    ///
    /// # Errors
    ///
    /// [`BindError::TooManyMembers`] at [`SharedQueue::MEMBERS`]; [`BindError::Interface`] in another network
    /// namespace; or [`BindError`] says which step failed.
    pub fn join(self) -> Result<Socket, BindError> {
        let halves = self.set_up(Direction::Both)?;
        match (halves.rx, halves.tx) {
            (Some(rx), Some(tx)) => Ok(Socket::from_halves(rx, tx)),
            _ => unreachable!("both halves were asked for"),
        }
    }

    /// Joins for receiving only.
    ///
    /// # Errors
    ///
    /// As [`MemberBuilder::join`].
    pub fn join_rx(self) -> Result<Rx, BindError> {
        let halves = self.set_up(Direction::Rx)?;
        Ok(halves.rx.unwrap_or_else(|| unreachable!("the receiving half was asked for")))
    }

    /// Joins for sending only.
    ///
    /// # Errors
    ///
    /// As [`MemberBuilder::join`].
    pub fn join_tx(self) -> Result<Tx, BindError> {
        let halves = self.set_up(Direction::Tx)?;
        Ok(halves.tx.unwrap_or_else(|| unreachable!("the sending half was asked for")))
    }

    fn set_up(self, direction: Direction) -> Result<Halves, BindError> {
        let Self { queue: owner, rings: mut sizes, chunks } = self;
        // 1. What can be checked here. Fill and completion ring are the owner's.
        (sizes.fill, sizes.completion) = (1, 1);
        if !direction.receives() {
            sizes.rx = 0;
        }
        if !direction.sends() {
            sizes.tx = 0;
        }
        checks::sizes(sizes, direction)?;
        (sizes.fill, sizes.completion) = (0, 0);
        owner.make_room()?;
        let Some((interface, config)) = &owner.place else { return Err(BindError::NoAfXdp) };

        // 2. The socket, which must be where the owner is: an index means another interface elsewhere.
        let at = At { interface, queue: config.queue, config };
        let fd = at.socket()?;
        let namespace = Namespace::of(fd.as_fd());
        let place = owner.port.place().filter(|place| place.namespace == namespace.id);
        let Some(place) = place else {
            return Err(InterfaceError::OtherNamespace { name: interface.name().to_owned() }.into());
        };

        // 3. Its rings; the completion ring that the kernel knows is not its own, so that nothing of it is mapped.
        let rings = rings::make_member(&at, &fd, sizes)?;
        let tx_budget = tune::raise_tx_budget(fd.as_fd(), sizes.tx);
        let enough = tune::send_buffer_of(sizes.tx, owner.umem().layout().chunk_bytes());
        let set_send_buffer = || tune::set_send_buffer(fd.as_fd(), None, enough);
        let send_buffer = direction.sends().then(set_send_buffer).flatten();

        // 4. The halves.
        let waiter = || Waiter::new(LinkMonitor::open(interface.index()).ok());
        let (port, desk, mut halves) = owner.seat(Link::Kernel(fd), rings, chunks, waiter)?;

        // 5. Bind to the owner's rings. Flags are inherited, and must not be given.
        let obtained = bind::to_rings_of(&at, port.fd(), &owner.port)?;
        let report = owner.port.report();
        if report.multi_buffer {
            halves.allow_packets(report.most_frames, owner.umem().layout());
        }
        let report = Report {
            mode: obtained.mode,
            rings: sizes,
            tx_budget,
            send_buffer,
            registration: Registration::SameQueue,
            busy_retries: obtained.busy_retries,
            ..report.clone()
        };
        let bound = Bound {
            place,
            _namespace: namespace,
            zero_copy: owner.port.is_zero_copy(),
            need_wakeup: owner.port.need_wakeup(),
            multi_buffer: report.multi_buffer,
            probe: None,
        };
        port.set_bound(report, bound);
        owner.add_desk(desk);
        Ok(halves)
    }
}

impl SharedQueue {
    /// A member over a fake kernel.
    #[cfg(feature = "fake-kernel")]
    pub(crate) fn join_fake(
        &mut self,
        link: Link,
        rings: MemberRings,
        chunks: u32,
        report: Report,
    ) -> Result<Socket, BindError> {
        self.make_room()?;
        let (port, desk, halves) = self.seat(link, rings, Some(chunks), || Waiter::new(None))?;
        port.set_report(report);
        self.add_desk(desk);
        match (halves.rx, halves.tx) {
            (Some(rx), Some(tx)) => Ok(Socket::from_halves(rx, tx)),
            _ => unreachable!("both rings were given"),
        }
    }

    /// Whether one more member may join.
    fn make_room(&mut self) -> Result<(), BindError> {
        self.clear_desks();
        match self.desks.len() {
            Self::MEMBERS.. => Err(BindError::TooManyMembers { most: Self::MEMBERS }),
            _ => Ok(()),
        }
    }

    /// The halves of a member, with the rings that the kernel has given it, and the desk at which it is served once
    /// it is bound.
    pub(super) fn seat(
        &self,
        link: Link,
        rings: MemberRings,
        chunks: Option<u32>,
        waiter: impl Fn() -> Waiter,
    ) -> Result<(Arc<Port>, Desk, Halves), BindError> {
        let (umem, tally) = (self.umem(), Arc::new(Tally::default()));
        let seat = Seat { tally: Arc::clone(&tally), queue: Arc::clone(&self.port) };
        let policy = self.port.wake_policy();
        let new = |number| Arc::new(Port::new(number, link, policy, umem.clone()).seated(seat));
        let port = umem
            .adopt_into(Some(self.port.number()), new)
            .ok_or(BindError::TooManySockets { most: Holder::SOCKETS })?;
        let shares = match &rings.tx {
            Some(_) => {
                let chunks = chunks.unwrap_or((umem.chunks() / 16).max(1));
                Shares::of(&port, Some(chunks), Direction::Tx, None)?
            }
            None => Shares::none(umem),
        };
        let (mut desk, Ends { fill, completion }) = Desk::new(umem, port.number(), tally);
        desk.is_sender_gone = rings.tx.is_none();
        let watches = Watches {
            rx: rings.rx.as_ref().map(xdp_core::ConsumerRing::watch),
            completion: Some(completion.watch()),
            tx: rings.tx.as_ref().map(xdp_core::ProducerRing::watch),
            ..Watches::default()
        };
        let rings = Rings {
            rx: rings.rx.map(|ring| (ring, fill)),
            tx: rings.tx.map(|ring| (ring, completion)),
            watches,
            has_flags: true,
        };
        let halves = halves::make(&port, rings, shares, waiter);
        Ok((port, desk, halves))
    }
}
