//! The set-up sequence: the kernel calls that make a socket, in their order.

use std::os::fd::AsFd;
use std::sync::Arc;

use xdp_core::WakePolicy;
use xdp_core::frames::Holder;

use super::{Direction, SocketBuilder};
use crate::QueueId;
use crate::device::monitor::LinkMonitor;
use crate::device::queue::QueueProbe;
use crate::device::{Interface, InterfaceRef};
use crate::diagnosis::Config;
use crate::metadata::Requestable;
use crate::program::{Attachment, Program, ProgramBuilder};
use crate::socket::at::At;
use crate::socket::bind::{self, Obtained};
use crate::socket::busy_poll;
use crate::socket::checks;
use crate::socket::error::BindError;
use crate::socket::halves::{self, Halves, Shares};
use crate::socket::namespace::Namespace;
use crate::socket::options::{MultiBuffer, NeedWakeup, ObtainedMode, Receive};
use crate::socket::port::{Bound, BoundTo, Busy, Link, Port};
use crate::socket::report::{ProgramReport, Report};
use crate::socket::rings;
use crate::socket::share::Source;
use crate::socket::tune::{self, DEFAULT_TX_BUDGET};
use crate::socket::waiter::Waiter;
use crate::trace;

impl SocketBuilder {
    /// The whole sequence, told to who traces it.
    pub(super) fn set_up(
        self,
        interface: InterfaceRef<'_>,
        queue: QueueId,
        direction: Direction,
    ) -> Result<Halves, BindError> {
        trace::set_up(interface, queue, || self.all_steps(interface, queue, direction))
    }

    /// Nothing is asked of the kernel's socket layer before everything that can be checked here
    /// was checked.
    fn all_steps(
        mut self,
        interface: InterfaceRef<'_>,
        queue: QueueId,
        direction: Direction,
    ) -> Result<Halves, BindError> {
        // 1. Sizes. A ring for the direction that is not used stays, as the kernel wants a fill and a completion ring
        //    always, but small.
        if !direction.receives() {
            (self.rings.rx, self.rings.fill) = (0, 1);
        }
        if !direction.sends() {
            (self.rings.tx, self.rings.completion) = (0, 1);
        }
        checks::sizes(self.rings, direction)?;
        self.mode = checks::mode(self.mode, &self.umem)?;
        let most = self.rings.tx;
        if let Some(budget) =
            self.tx_budget.filter(|budget| direction.sends() && !(DEFAULT_TX_BUDGET..=most).contains(budget))
        {
            return Err(BindError::TxBudget { budget, most });
        }

        // 2. The interface, and the queue against those that are in use.
        let interface = Interface::find(interface)?;
        checks::interface(&interface, queue, direction)?;
        let why_single_buffer = checks::multi_buffer(&interface, self.mode, self.multi_buffer)?;
        if why_single_buffer.is_some() {
            self.multi_buffer = MultiBuffer::Never;
        }

        // 3. The program, before the bind: attaching resets the link of some NICs, and some do not send without one.
        let attachment = match &self.receive {
            Receive::Everything if direction.receives() => {
                Some(self.attach_program(&interface, queue, Program::redirect_all())?)
            }
            Receive::Only(filter) if direction.receives() => {
                Some(self.attach_program(&interface, queue, Program::redirect(filter.clone()))?)
            }
            _ => None,
        };

        // 4. The socket, and where the kernel is to get the UMEM from: an earlier socket of it, or here.
        let config = self.config(queue, direction);
        let at = At { interface: &interface, queue, config: &config };
        let fd = at.socket()?;
        let namespace = Namespace::of(fd.as_fd());
        let place = BoundTo { namespace: namespace.id, interface: interface.index(), queue };
        let mut source = Source::find(&at, &self.umem, self.sharing, self.partner.take(), place)?;

        // 5. The rings: sizes, layout, mappings.
        let rings = source.prepare(&at, &fd, &self.umem, || rings::make(&at, &fd, self.rings))?;
        if !rings.has_flags {
            self.need_wakeup = NeedWakeup::Always;
        }
        let tx_budget = tune::raise_tx_budget(fd.as_fd(), self.tx_budget.unwrap_or(self.rings.tx));
        let enough = tune::send_buffer_of(self.rings.tx, self.umem.layout().chunk_bytes());
        let set_send_buffer = || tune::set_send_buffer(fd.as_fd(), self.send_buffer, enough);
        let send_buffer = direction.sends().then(set_send_buffer).flatten();
        self.busy_poll.map_or(Ok(()), |busy| busy.apply(fd.as_fd()))?;

        // 6. The halves, with their chunks; the fill ring is filled here, before the bind, or some NICs never look at
        //    it.
        let policy = match self.need_wakeup {
            _ if self.busy_poll.is_some() => WakePolicy::Polling,
            NeedWakeup::WhenAsked => WakePolicy::WhenAsked,
            NeedWakeup::Always => WakePolicy::Always,
        };
        let port = self
            .umem
            .adopt(|number| Arc::new(Port::new(number, Link::Kernel(fd), policy, self.umem.clone())))
            .ok_or(BindError::TooManySockets { most: Holder::SOCKETS })?;
        let shares = Shares::of(&port, self.chunks, direction, Some(place))?;
        let waiter = || Waiter::new(LinkMonitor::open(interface.index()).ok());
        let mut halves = halves::make(&port, rings, shares, waiter);

        // 7. Bind, and read back what came of it.
        let config = Config { need_wakeup: self.need_wakeup, ..config.clone() };
        let at = At { config: &config, ..at };
        let (Obtained { mode, why_copy, busy_retries }, registration) =
            bind::to_queue(&at, &port, source, place)?;
        let most_frames = bind::most_frames(&at, mode);
        if config.multi_buffer {
            halves.allow_packets(most_frames, self.umem.layout());
        }
        let polled_napi = busy_poll::polled_napi(port.fd());
        if let Some(busy) = self.busy_poll.filter(|_| mode == ObtainedMode::ZeroCopy && direction.sends()) {
            self.busy_poll = Some(busy.settle(port.fd(), polled_napi, &interface, queue)?);
        }
        let report = Report {
            interface: interface.name().to_owned(),
            queue,
            mode,
            why_copy,
            multi_buffer: config.multi_buffer,
            most_frames,
            why_single_buffer,
            program: attachment.as_deref().map(ProgramReport::of),
            rings: self.rings,
            chunks: (self.umem.chunks(), self.umem.layout().chunk_size().bytes()),
            huge_pages: self.umem.has_huge_pages(),
            tx_budget,
            send_buffer,
            busy_poll: self.busy_poll,
            polled_napi,
            requestable: Requestable::on(&self.umem, mode, &interface),
            registration,
            busy_retries,
        };
        let bound = Bound {
            place,
            _namespace: namespace,
            zero_copy: mode == ObtainedMode::ZeroCopy,
            need_wakeup: self.need_wakeup,
            multi_buffer: config.multi_buffer,
            probe: QueueProbe::of_bound(interface.index(), queue.0),
        };
        trace::bound(&report);
        port.set_bound(report, bound);
        // Where the kernel does not tell when it has released a socket (before 6.15), what an earlier socket of this
        // queue held has come home only now.
        if let Some(rx) = &mut halves.rx {
            rx.refill();
        }
        if let Some(busy) = self.busy_poll {
            // After the bind, at which drivers make the queue anew.
            let patience = busy.patience(polled_napi, &interface, queue)?;
            port.set_busy(Busy { spin: busy.spin(), _patience: patience });
        }

        // 8. Let the program send this queue's packets here.
        if let Some(attachment) = attachment {
            port.register(attachment)?;
        }
        Ok(halves)
    }

    /// Attaches the program that these settings ask for, for sockets on several queues, to be registered by the
    /// caller; and the settings without it.
    pub(crate) fn attach_for(
        mut self,
        interface: &Interface,
        queues: &[QueueId],
    ) -> Result<(Self, Option<Arc<Attachment>>), BindError> {
        queues.iter().try_for_each(|queue| checks::interface(interface, *queue, Direction::Both))?;
        let last = queues.iter().copied().max().unwrap_or(QueueId(0));
        let program = match std::mem::replace(&mut self.receive, Receive::Nothing) {
            Receive::Everything => Program::redirect_all(),
            Receive::Only(filter) => Program::redirect(filter),
            Receive::Nothing => return Ok((self, None)),
        };
        let attachment = self.attach_program(interface, last, program)?;
        Ok((self, Some(attachment)))
    }

    fn attach_program(
        &self,
        interface: &Interface,
        queue: QueueId,
        program: ProgramBuilder,
    ) -> Result<Arc<Attachment>, BindError> {
        let queues = interface.queues();
        let entries = queues.rx.max(queues.tx).max(queue.0 + 1);
        let mut program = program.map_entries(entries);
        if self.multi_buffer != MultiBuffer::Never {
            program = program.multi_buffer();
        }
        let program = program.load()?;
        Ok(Arc::new(program.attach(interface, self.attach)?))
    }
}
