//! The kernel's socket, as both halves and all rings of it share it: made once, closed when the last of them is gone.
//!
//! - P1 the rings are unmapped before the descriptor is closed: a mapped ring keeps the queue bound. The halves drop
//!   their rings before their `Arc<Port>`, and the port its watches before its descriptor.

mod closed;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
#[cfg(feature = "fake-kernel")]
use std::sync::Weak;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crossbeam_utils::CachePadded;
use xdp_core::WakePolicy;
use xdp_core::frames::Pool;
use xdp_core::ring::ConsumerRing;
use xdp_sys::Errno;

use crate::QueueId;
use crate::device::queue::QueueProbe;
use crate::device::{AttachedXdp, Restore};
use crate::error::{KickError, RegisterError};
use crate::program::Attachment;
use crate::shared_queue::Seat;
use crate::socket::gauge::{Gauge, Watches};
use crate::socket::namespace::Namespace;
use crate::socket::options::NeedWakeup;
use crate::socket::report::Report;
use crate::sys;
use crate::trace;
use crate::umem::Umem;

pub(crate) use closed::ClosedPort;

/// What became of a kick that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kick {
    /// The kernel has gone through the whole ring.
    Done,
    /// The kernel has stopped early: its budget is used up, or it is out of buffers. Progress, not an error.
    Partial,
}

/// One AF_XDP socket.
#[derive(Debug)]
pub(crate) struct Port {
    number: u8,
    /// Taken out only to close it.
    link: Option<Link>,
    wake_policy: WakePolicy,
    gauge: Arc<Gauge>,
    /// Chunks that the receiving half misses of its share, told by itself; none once it is gone.
    rx_wants: CachePadded<AtomicU32>,
    /// The end of the lane that the receiving half has left, so that no chunk is lost in it.
    left_lane: Mutex<Option<ConsumerRing<u64>>>,
    is_gone: AtomicBool,
    report: OnceLock<Report>,
    bound: OnceLock<Bound>,
    busy: OnceLock<Busy>,
    /// Programs that send packets here, with the slot of their map; they stay attached as long as this lives.
    registrations: Mutex<Vec<(Arc<Attachment>, QueueId)>>,
    umem: Umem,
    /// Of a member of a shared queue. The queue's socket is closed after this one.
    seat: Option<Seat>,
}

/// What is at the other end.
#[derive(Debug)]
pub(crate) enum Link {
    /// The kernel.
    Kernel(OwnedFd),
    /// A fake kernel, which is never asked for anything; the descriptor is one of no socket. It has the chunks as
    /// long as it lives.
    #[cfg(feature = "fake-kernel")]
    Fake(OwnedFd, Weak<()>),
}

/// Where a socket was bound, and what came of it.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) place: BoundTo,
    /// Keeps the identity in `place` from being given to another namespace.
    pub(crate) _namespace: Namespace,
    pub(crate) zero_copy: bool,
    pub(crate) need_wakeup: NeedWakeup,
    pub(crate) multi_buffer: bool,
    /// None where the kernel cannot be asked.
    pub(crate) probe: Option<QueueProbe>,
}

/// How a socket polls its queue itself.
#[derive(Debug)]
pub(crate) struct Busy {
    /// How long a wait polls before it sleeps.
    pub(crate) spin: Duration,
    /// Gives the queue's NAPI its settings back when the socket goes.
    pub(crate) _patience: Option<Restore>,
}

/// A queue of an interface of a network namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BoundTo {
    /// The network namespace, see [`Namespace::id`].
    pub(crate) namespace: Option<u64>,
    pub(crate) interface: u32,
    pub(crate) queue: QueueId,
}

impl Port {
    pub(crate) fn new(number: u8, link: Link, wake_policy: WakePolicy, umem: Umem) -> Self {
        Self {
            number,
            link: Some(link),
            wake_policy,
            gauge: Arc::default(),
            rx_wants: CachePadded::default(),
            left_lane: Mutex::default(),
            is_gone: AtomicBool::new(false),
            report: OnceLock::new(),
            bound: OnceLock::new(),
            busy: OnceLock::new(),
            registrations: Mutex::default(),
            umem,
            seat: None,
        }
    }

    /// As a member of a shared queue.
    pub(crate) fn seated(mut self, seat: Seat) -> Self {
        self.seat = Some(seat);
        self
    }

    /// What a member of a shared queue has of it.
    pub(crate) fn seat(&self) -> Option<&Seat> {
        self.seat.as_ref()
    }

    /// The number that chunks are received under: that of the shared queue, if it is a member of one.
    pub(crate) fn receives_as(&self) -> u8 {
        self.seat.as_ref().map_or(self.number, |seat| seat.queue.number)
    }

    pub(crate) fn watch(&self, watches: Watches) {
        self.gauge.watch(watches);
    }

    /// Notes where the socket was bound; called once.
    pub(crate) fn set_bound(&self, report: Report, bound: Bound) {
        self.umem.bound(bound.place);
        self.set_report(report);
        self.bound.get_or_init(|| bound);
    }

    pub(crate) fn set_report(&self, report: Report) {
        self.report.get_or_init(|| report);
    }

    /// Where it is bound and what came of it; none before the bind, and over a fake kernel.
    pub(crate) fn bound(&self) -> Option<&Bound> {
        self.bound.get()
    }

    pub(crate) fn number(&self) -> u8 {
        self.number
    }

    pub(crate) fn umem(&self) -> &Umem {
        &self.umem
    }

    pub(crate) fn rx_pool(&self) -> &AtomicU32 {
        &self.gauge.rx_pool
    }

    pub(crate) fn rx_wants(&self) -> &AtomicU32 {
        &self.rx_wants
    }

    pub(crate) fn tx_pool(&self) -> &AtomicU32 {
        &self.gauge.tx_pool
    }

    pub(crate) fn wake_policy(&self) -> WakePolicy {
        self.wake_policy
    }

    /// Notes how the socket polls its queue itself; called once, if it does.
    pub(crate) fn set_busy(&self, busy: Busy) {
        self.busy.get_or_init(|| busy);
    }

    /// How long a wait polls before it sleeps, if the socket polls its queue itself.
    pub(crate) fn spin(&self) -> Option<Duration> {
        self.busy.get().map(|busy| busy.spin)
    }

    pub(crate) fn is_zero_copy(&self) -> bool {
        self.bound.get().is_some_and(|bound| bound.zero_copy)
    }

    /// Whether the interface is known to be gone. The kernel says it once, to whichever half asks first.
    pub(crate) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Relaxed)
    }

    pub(crate) fn set_gone(&self) {
        self.is_gone.store(true, Ordering::Relaxed);
    }

    pub(crate) fn leave_lane(&self, lane: ConsumerRing<u64>) {
        *self.left_lane.lock().unwrap_or_else(PoisonError::into_inner) = Some(lane);
    }

    /// Where it was bound; none over a fake kernel.
    pub(crate) fn place(&self) -> Option<BoundTo> {
        self.bound.get().map(|bound| bound.place)
    }

    /// The programs that send packets here, each with the slot of its map.
    pub(crate) fn registrations(&self) -> Vec<(Arc<Attachment>, QueueId)> {
        self.registrations.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn report(&self) -> &Report {
        self.report.get().expect("halves leave the builder only after the bind, which sets the report")
    }

    pub(crate) fn interface_name(&self) -> String {
        self.report().interface.clone()
    }

    /// Lets observers ask for the kernel's counters as long as the socket is open.
    pub(crate) fn lend_descriptor(&self) {
        self.gauge.lend(|| self.kernel()?.try_clone_to_owned().ok());
    }

    /// What the accounting reads.
    pub(crate) fn gauge(&self) -> &Arc<Gauge> {
        &self.gauge
    }

    /// The descriptor.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        match self.link.as_ref().expect("the link is taken out only in `drop`") {
            Link::Kernel(fd) => fd.as_fd(),
            #[cfg(feature = "fake-kernel")]
            Link::Fake(fd, _) => fd.as_fd(),
        }
    }

    /// The descriptor, unless the kernel is a fake one.
    pub(crate) fn kernel(&self) -> Option<BorrowedFd<'_>> {
        matches!(self.link, Some(Link::Kernel(_))).then(|| self.fd())
    }

    pub(crate) fn kick_sending(&self) -> Result<Kick, KickError> {
        let Some(fd) = self.kernel() else { return Ok(Kick::Done) };
        self.judge(sys::kick(fd))
    }

    pub(crate) fn kick_receiving(&self) -> Result<(), KickError> {
        let Some(fd) = self.kernel() else { return Ok(()) };
        self.judge(sys::wake_rx(fd)).map(drop)
    }

    fn judge(&self, result: Result<(), Errno>) -> Result<Kick, KickError> {
        let interface = || self.interface_name();
        let refused = match result {
            Ok(()) => return Ok(Kick::Done),
            // Out of budget, completion slots, socket buffers; or dropped by the device's queue, and completed. A
            // signal is no error either.
            Err(Errno::EAGAIN | Errno::EBUSY | Errno::ENOBUFS | Errno::ENOMEM | Errno::EINTR) => {
                return Ok(Kick::Partial);
            }
            Err(Errno::ENXIO) => KickError::InterfaceGone { interface: interface() },
            Err(Errno::ENETDOWN) => KickError::InterfaceDown { interface: interface() },
            Err(other) => KickError::Kernel { interface: interface(), cause: sys::io_error(other) },
        };
        trace::kick_failed(&refused);
        Err(refused)
    }

    /// Lets a program send this queue's packets here, until the receiving half is dropped.
    pub(crate) fn register(&self, attachment: Arc<Attachment>) -> Result<(), RegisterError> {
        self.register_slot(attachment, self.report().queue)
    }

    /// As [`Port::register`], in another slot of the program's map than that of the queue's number.
    pub(crate) fn register_slot(
        &self,
        attachment: Arc<Attachment>,
        slot: QueueId,
    ) -> Result<(), RegisterError> {
        let (ours, theirs) = (self.bound.get().map(|bound| bound.place.interface), attachment.interface());
        if ours != Some(theirs.index()) {
            return Err(RegisterError::OtherInterface {
                socket: self.interface_name(),
                program: theirs.name().to_owned(),
            });
        }
        self.check_buffers(&attachment)?;
        attachment.program().map().insert(slot, self.fd())?;
        self.registrations.lock().unwrap_or_else(PoisonError::into_inner).push((attachment, slot));
        Ok(())
    }

    /// Whether a program and this socket agree on packets of several buffers, or need not for the interface's MTU.
    fn check_buffers(&self, attachment: &Attachment) -> Result<(), RegisterError> {
        const ETHERNET_HEADER: u32 = 14;
        let (interface, program) = (self.interface_name(), attachment.program());
        let frame = attachment.interface().mtu().saturating_add(ETHERNET_HEADER);
        let fits = self.umem.layout().rx_capacity();
        let name = program.name().to_owned();
        match (self.report().multi_buffer, program.multi_buffer()) {
            (true, false) => Err(RegisterError::SingleBufferProgram { interface, program: name }),
            (false, true) if frame > fits => {
                Err(RegisterError::SingleBufferSocket { interface, program: name, frame, fits })
            }
            _ => Ok(()),
        }
    }

    /// Whether programs were registered to send packets here.
    pub(crate) fn has_programs(&self) -> bool {
        !self.registrations.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Whether none of those is among the programs that the interface has `now`.
    pub(crate) fn lacks_programs(&self, now: AttachedXdp) -> bool {
        let registrations = self.registrations.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = |id: u32| registrations.iter().any(|(attachment, _)| attachment.program().id() == id);
        let there = [now.driver(), now.generic(), now.hardware()];
        // Not so if one was replaced since, by its own attachment.
        !registrations.is_empty()
            && !there.into_iter().flatten().any(ours)
            && !registrations.iter().any(|(attachment, _)| attachment.is_at_work())
    }

    /// Takes this socket out of the maps of its programs: nobody reads its rx ring any more. The programs stay
    /// attached, as some NICs do not send without one, and pass the queue's packets to the kernel's stack.
    pub(crate) fn stop_receiving(&self) {
        for (attachment, queue) in self.registrations.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let program = attachment.program();
            let map = program.map();
            // The slot may have been given to another socket since: putting ours in tells, as it is refused then.
            if map.insert(*queue, self.fd()).is_ok() {
                // What fails here the kernel does when the socket is closed.
                drop(map.remove(*queue));
            }
        }
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // The rings go first, then the descriptor (P1), and with it the socket's slot in every map of a program: the
        // kernel empties that before it unbinds, and only if the slot is still this socket's. Programs that nobody
        // else holds come last.
        self.gauge.watch(Watches::default());
        if let Some(mut lane) = self.left_lane.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            let mut rest = Pool::default();
            while let Some(chunk) = lane.pop() {
                rest.push(chunk);
            }
            self.umem.home().returns.push_all(rest.last(u32::MAX));
        }
        trace::closed(self.report.get());
        let link = self.link.take();
        #[cfg(feature = "fake-kernel")]
        let fake = match &link {
            Some(Link::Fake(_, nic)) => Some(nic.clone()),
            _ => None,
        };
        drop(link);
        self.registrations.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
        let bound = self.bound.take();
        if let Some(seat) = self.seat.take() {
            self.umem.leave(self.number);
            // What the kernel has of a member it has until the queue is closed, perhaps here.
            drop(seat);
            return;
        }
        self.umem.close(ClosedPort {
            sockets: vec![self.number],
            bound,
            #[cfg(feature = "fake-kernel")]
            fake,
        });
    }
}
