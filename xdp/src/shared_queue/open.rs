//! Setting up the owner of a shared queue.

use std::os::fd::AsFd;
use std::sync::Arc;

use xdp_core::WakePolicy;
use xdp_core::frames::Holder;
use xdp_core::ring::{ConsumerRing, ProducerRing};

use super::{NO_DESK, SharedQueue};
use crate::QueueId;
use crate::device::queue::QueueProbe;
use crate::device::{Interface, InterfaceRef};
use crate::diagnosis::Config;
use crate::metadata::Requestable;
use crate::pool::HalfPool;
use crate::refusal::Refused;
use crate::socket::at::At;
use crate::socket::bind::{self, Obtained};
use crate::socket::builder::{Direction, SocketBuilder};
use crate::socket::checks;
use crate::socket::counter::Counter;
use crate::socket::error::BindError;
use crate::socket::gauge::Watches;
use crate::socket::halves::Shares;
use crate::socket::namespace::Namespace;
use crate::socket::options::{MultiBuffer, NeedWakeup, ObtainedMode, Receive, RingSizes};
use crate::socket::port::{Bound, BoundTo, Link, Port};
use crate::socket::report::Report;
use crate::socket::rings;
use crate::socket::share::Source;
use crate::socket::tune::DEFAULT_TX_BUDGET;

impl SocketBuilder {
    /// Opens a queue that several sockets share: the owner of its fill and completion ring, which members join. See
    /// [`SharedQueue`].
    ///
    /// The chunks ([`SocketBuilder::chunks`]) are those for receiving, whichever member gets them; half of the UMEM
    /// if not said. Mode, need-wakeup and packets of several frames hold for all members.
    ///
    /// # Errors
    ///
    /// [`BindError::NotShared`] for a setting that the owner cannot have; or as [`SocketBuilder::bind`].
    pub fn bind_shared<'a>(
        mut self,
        interface: impl Into<InterfaceRef<'a>>,
        queue: QueueId,
    ) -> Result<SharedQueue, BindError> {
        // The same steps as those of a socket, in the same order.
        self.check_shareable()?;
        self.rings = RingSizes { rx: 1, tx: 1, ..self.rings };
        checks::sizes(self.rings, Direction::Both)?;
        self.mode = checks::mode(self.mode, &self.umem)?;
        let interface = Interface::find(interface)?;
        checks::interface(&interface, queue, Direction::Both)?;
        let why_single_buffer = checks::multi_buffer(&interface, self.mode, self.multi_buffer)?;
        if why_single_buffer.is_some() {
            self.multi_buffer = MultiBuffer::Never;
        }

        let config = self.config(queue, Direction::Both);
        let at = At { interface: &interface, queue, config: &config };
        let fd = at.socket()?;
        let namespace = Namespace::of(fd.as_fd());
        let place = BoundTo { namespace: namespace.id, interface: interface.index(), queue };
        let mut source = Source::find(&at, &self.umem, self.sharing, None, place)?;
        let make_rings = || rings::make_owner(&at, &fd, self.rings);
        let (fill, completion, has_flags) = source.prepare(&at, &fd, &self.umem, make_rings)?;
        if !has_flags {
            self.need_wakeup = NeedWakeup::Always;
        }
        let policy = match self.need_wakeup {
            NeedWakeup::WhenAsked => WakePolicy::WhenAsked,
            NeedWakeup::Always => WakePolicy::Always,
        };
        let port = self
            .umem
            .adopt(|number| Arc::new(Port::new(number, Link::Kernel(fd), policy, self.umem.clone())))
            .ok_or(BindError::TooManySockets { most: Holder::SOCKETS })?;
        let chunks = self.chunks.unwrap_or((self.umem.chunks() / 2).max(1));
        let pool = Shares::of(&port, Some(chunks), Direction::Rx, Some(place))?.into_rx();
        let mut owner = SharedQueue::new(Arc::clone(&port), fill, completion, pool);

        let config = Config { need_wakeup: self.need_wakeup, ..config.clone() };
        let at = At { config: &config, ..at };
        let (Obtained { mode, why_copy, busy_retries }, registration) =
            bind::to_queue(&at, &port, source, place)?;
        let report = Report {
            interface: interface.name().to_owned(),
            queue,
            mode,
            why_copy,
            multi_buffer: config.multi_buffer,
            most_frames: bind::most_frames(&at, mode),
            why_single_buffer,
            program: None,
            rings: self.rings,
            chunks: (self.umem.chunks(), self.umem.layout().chunk_size().bytes()),
            huge_pages: self.umem.has_huge_pages(),
            tx_budget: DEFAULT_TX_BUDGET,
            send_buffer: None,
            busy_poll: None,
            polled_napi: None,
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
        port.set_bound(report, bound);
        owner.place = Some((interface, config));
        Ok(owner)
    }

    fn check_shareable(&self) -> Result<(), BindError> {
        let refuse = |setting, instead| Err(BindError::NotShared { setting, instead });
        match self {
            Self { receive: Receive::Everything | Receive::Only(_), .. } => {
                refuse("what is received", "put each member into a slot of a program (Rx::register_slot)")
            }
            Self { busy_poll: Some(_), .. } => {
                refuse("busy polling", "leave it to interrupts, or open a socket on each queue")
            }
            Self { tx_budget: Some(_), .. } => {
                refuse("the tx budget", "each member has as much as its tx ring holds")
            }
            _ => Ok(()),
        }
    }
}

impl SharedQueue {
    /// An owner without members; the fill ring is filled.
    pub(crate) fn new(
        port: Arc<Port>,
        fill: ProducerRing<u64>,
        completion: ConsumerRing<u64>,
        pool: HalfPool,
    ) -> Self {
        let watches =
            Watches { fill: Some(fill.watch()), completion: Some(completion.watch()), ..Watches::default() };
        port.watch(watches);
        let counts = &port.gauge().rx_counts;
        let (refused, system_calls) = (Refused::new(&counts.refused), Counter::new(&counts.system_calls));
        let mut owner = Self {
            fill,
            completion,
            desks: Vec::new(),
            desk_of: [NO_DESK; 256],
            pool,
            fed: 0,
            refused,
            system_calls,
            place: None,
            port,
        };
        owner.feed();
        owner
    }
}
