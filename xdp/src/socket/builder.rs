//! Setting up a socket: what is asked for, and the kernel calls that do it, in their order.

use std::os::fd::AsFd;
use std::sync::Arc;

use xdp_core::WakePolicy;
use xdp_core::frames::Holder;

use crate::QueueId;
use crate::device::monitor::LinkMonitor;
use crate::device::queue::QueueProbe;
use crate::device::{Interface, InterfaceRef};
use crate::diagnosis::{Config, Diagnosis, diagnose};
use crate::metadata::Requestable;
use crate::program::{AttachMode, Attachment, Program, ProgramBuilder};
use crate::rx::Rx;
use crate::socket::at::At;
use crate::socket::bind::{self, Obtained};
use crate::socket::busy_poll::{self, BusyPoll};
use crate::socket::error::BindError;
use crate::socket::halves::{self, Halves, Shares};
use crate::socket::namespace::Namespace;
use crate::socket::options::{Mode, MultiBuffer, NeedWakeup, ObtainedMode, Receive, RingSizes};
use crate::socket::port::{Bound, BoundTo, Busy, Link, Port};
use crate::socket::report::{ProgramReport, Report};
use crate::socket::rings;
use crate::socket::share::{Sharing, Source};
use crate::socket::tune::{self, DEFAULT_TX_BUDGET};
use crate::socket::waiter::Waiter;
use crate::socket::{Socket, checks};
use crate::trace;
use crate::tx::Tx;
use crate::umem::Umem;

/// Which halves a socket has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Receiving only.
    Rx,
    /// Sending only.
    Tx,
    /// Both ways.
    Both,
}

impl Direction {
    pub(crate) fn receives(self) -> bool {
        self != Self::Tx
    }

    pub(crate) fn sends(self) -> bool {
        self != Self::Rx
    }
}

/// How a socket is to be.
///
/// ```no_run
/// use xdp::{Mode, QueueId, Receive, Socket, Umem};
///
/// let umem = Umem::builder().chunks(8192).build()?;
/// let socket = Socket::builder(&umem)
///     .rx_entries(4096)
///     .mode(Mode::PreferZeroCopy)
///     .receive(Receive::Everything)
///     .bind("eth0", QueueId(3))?;
/// println!("{}", socket.report());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until one of the binds"]
pub struct SocketBuilder {
    pub(crate) umem: Umem,
    pub(crate) rings: RingSizes,
    pub(crate) mode: Mode,
    pub(crate) need_wakeup: NeedWakeup,
    pub(crate) multi_buffer: MultiBuffer,
    pub(crate) receive: Receive,
    pub(crate) attach: AttachMode,
    pub(crate) chunks: Option<u32>,
    pub(crate) tx_budget: Option<u32>,
    pub(crate) send_buffer: Option<u32>,
    pub(crate) busy_poll: Option<BusyPoll>,
    pub(crate) sharing: Sharing,
    /// The socket whose registration is to be shared, or else an error.
    pub(crate) partner: Option<Arc<Port>>,
}

impl SocketBuilder {
    pub(crate) fn new(umem: &Umem) -> Self {
        Self {
            umem: umem.clone(),
            rings: RingSizes::default(),
            mode: Mode::default(),
            need_wakeup: NeedWakeup::default(),
            multi_buffer: MultiBuffer::default(),
            receive: Receive::Nothing,
            attach: AttachMode::PreferDriver,
            chunks: None,
            tx_budget: None,
            send_buffer: None,
            busy_poll: None,
            sharing: Sharing::default(),
            partner: None,
        }
    }

    /// Shares the registration of this socket, or fails.
    pub(super) fn share_with(mut self, first: Arc<Port>) -> Self {
        self.partner = Some(first);
        self
    }

    pub(super) fn partner(&self) -> Option<Arc<Port>> {
        self.partner.clone()
    }

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

    /// Entries of the fill ring: a power of two; 4096 if not said. Twice the rx ring is a good size (see
    /// [`RingSizes`]).
    pub fn fill_entries(mut self, entries: u32) -> Self {
        self.rings.fill = entries;
        self
    }

    /// Entries of the completion ring: a power of two; 2048 if not said. At least the tx ring is a good size.
    pub fn completion_entries(mut self, entries: u32) -> Self {
        self.rings.completion = entries;
        self
    }

    /// Copy or zero-copy; zero-copy preferred if not said.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Whether the kernel says when it wants to be woken; it does if not said.
    pub fn need_wakeup(mut self, need_wakeup: NeedWakeup) -> Self {
        self.need_wakeup = need_wakeup;
        self
    }

    /// Whether a packet may consist of several frames; never if not said.
    ///
    /// Minimum kernel: 6.6.
    #[doc(alias = "XDP_USE_SG")]
    pub fn multi_buffer(mut self, multi_buffer: MultiBuffer) -> Self {
        self.multi_buffer = multi_buffer;
        self
    }

    /// What is taken from the kernel's stack and given to this socket; nothing if not said.
    pub fn receive(mut self, receive: Receive) -> Self {
        self.receive = receive;
        self
    }

    /// Where the program of [`SocketBuilder::receive`] runs; in the driver if it can, if not said.
    pub fn attach(mut self, mode: AttachMode) -> Self {
        self.attach = mode;
        self
    }

    /// Chunks of the UMEM that this socket takes; all free ones if not said. A socket for both ways gives half to
    /// each.
    pub fn chunks(mut self, chunks: u32) -> Self {
        self.chunks = Some(chunks);
        self
    }

    /// Packets that one system call sends in copy mode: 32 to the length of the tx ring; that length if not said.
    ///
    /// Minimum kernel: 6.17; older ones stay at 32, and the report says what was obtained.
    #[doc(alias = "XDP_MAX_TX_SKB_BUDGET")]
    pub fn tx_budget(mut self, packets: u32) -> Self {
        self.tx_budget = Some(packets);
        self
    }

    /// Bytes of packets that may be on their way in copy mode, as the kernel counts them: a packet with its chunk's
    /// length, rounded up. If not said, enough for all that the tx ring holds, where the kernel lets: without
    /// `CAP_NET_ADMIN` up to `net.core.wmem_max`. The report says what was obtained.
    #[doc(alias("SO_SNDBUF", "SO_SNDBUFFORCE"))]
    pub fn send_buffer(mut self, bytes: u32) -> Self {
        self.send_buffer = Some(bytes);
        self
    }

    /// Lets the socket drive its queue itself, see [`BusyPoll`]; interrupts do if not said.
    pub fn busy_poll(mut self, busy_poll: BusyPoll) -> Self {
        self.busy_poll = Some(busy_poll);
        self
    }

    /// Whether the registration of an earlier socket of the UMEM is shared; it is where that makes no difference, if
    /// not said.
    #[doc(alias = "XDP_SHARED_UMEM")]
    pub fn sharing(mut self, sharing: Sharing) -> Self {
        self.sharing = sharing;
        self
    }

    /// Opens a socket for both ways.
    ///
    /// # Errors
    ///
    /// [`BindError`] says which step failed, on what, and what to do.
    pub fn bind<'a>(
        self,
        interface: impl Into<InterfaceRef<'a>>,
        queue: QueueId,
    ) -> Result<Socket, BindError> {
        let halves = self.set_up(interface.into(), queue, Direction::Both)?;
        match (halves.rx, halves.tx) {
            (Some(rx), Some(tx)) => Ok(Socket::from_halves(rx, tx)),
            _ => unreachable!("both halves were asked for"),
        }
    }

    /// Opens a socket that only receives.
    ///
    /// # Errors
    ///
    /// As [`SocketBuilder::bind`].
    pub fn bind_rx<'a>(
        self,
        interface: impl Into<InterfaceRef<'a>>,
        queue: QueueId,
    ) -> Result<Rx, BindError> {
        let halves = self.set_up(interface.into(), queue, Direction::Rx)?;
        Ok(halves.rx.unwrap_or_else(|| unreachable!("the receiving half was asked for")))
    }

    /// Opens a socket that only sends.
    ///
    /// # Errors
    ///
    /// As [`SocketBuilder::bind`].
    pub fn bind_tx<'a>(
        self,
        interface: impl Into<InterfaceRef<'a>>,
        queue: QueueId,
    ) -> Result<Tx, BindError> {
        let halves = self.set_up(interface.into(), queue, Direction::Tx)?;
        Ok(halves.tx.unwrap_or_else(|| unreachable!("the sending half was asked for")))
    }

    /// Says what would go wrong if a socket were bound with these settings, and what would be worse than need be.
    /// Nothing is changed, made or bound: see [`diagnose`].
    ///
    /// ```no_run
    /// use xdp::{Direction, Mode, QueueId, Socket, Umem};
    ///
    /// let umem = Umem::builder().build()?;
    /// let builder = Socket::builder(&umem).mode(Mode::ZeroCopy);
    /// println!("{}", builder.diagnose("eth0", QueueId(3), Direction::Both));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn diagnose<'a>(
        &self,
        interface: impl Into<InterfaceRef<'a>>,
        queue: QueueId,
        direction: Direction,
    ) -> Diagnosis {
        diagnose(interface, &self.config(queue, direction))
    }

    /// What can be wrong, of these settings.
    pub(crate) fn config(&self, queue: QueueId, direction: Direction) -> Config {
        let layout = self.umem.layout();
        Config {
            direction,
            mode: self.mode,
            need_wakeup: self.need_wakeup,
            receive: self.receive.clone(),
            attach: self.attach,
            multi_buffer: self.multi_buffer != MultiBuffer::Never,
            chunk_size: layout.chunk_bytes(),
            unaligned: layout.is_unaligned(),
            chunks: layout.chunks(),
            headroom: layout.headroom(),
            rings: self.rings,
            tx_budget: self.tx_budget,
            ..Config::new(queue)
        }
    }

    /// The whole sequence, told to who traces it.
    fn set_up(
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
            // Asked once while the socket is there, so that a later "no" can be believed.
            probe: QueueProbe::open(interface.index(), queue.0)
                .filter(|probe| probe.has_socket() == Some(true)),
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
