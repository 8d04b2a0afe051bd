//! Setting up a socket: what is asked for. The kernel calls that do it stand in `steps`.

mod steps;

use std::sync::Arc;

use crate::QueueId;
use crate::device::InterfaceRef;
use crate::diagnosis::{Config, Diagnosis, diagnose};
use crate::program::AttachMode;
use crate::rx::Rx;
use crate::socket::Socket;
use crate::socket::busy_poll::BusyPoll;
use crate::socket::error::BindError;
use crate::socket::options::{Mode, MultiBuffer, NeedWakeup, Receive, RingSizes};
use crate::socket::port::Port;
use crate::socket::share::Sharing;
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
}
