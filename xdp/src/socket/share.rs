//! One registration of a UMEM with the kernel for several sockets: which socket joins which, and why not.
//!
//! Where the kernel's sharing is not used, each socket registers the memory anew: the chunks are shared all the same,
//! as who has which is known here and not there. What is gained is locked memory, which counts once a registration.

use std::fmt;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use crate::QueueId;
use crate::device::{Capabilities, Interface, InterfaceRef};
use crate::diagnosis::Config;
use crate::program::AttachMode;
use crate::rx::Rx;
use crate::socket::Socket;
use crate::socket::at::At;
use crate::socket::builder::SocketBuilder;
use crate::socket::error::BindError;
use crate::socket::options::{Mode, MultiBuffer, NeedWakeup, Receive};
use crate::socket::port::{BoundTo, Port};
use crate::socket::rings;
use crate::tx::Tx;
use crate::umem::Umem;

/// Whether a socket registers its UMEM with the kernel, or shares the registration of an earlier socket.
///
/// A registration locks the whole memory and counts against the limit of locked memory (`RLIMIT_MEMLOCK`). One that
/// is shared counts once, and lasts until the last of its sockets is closed, whichever that is. In exchange all its
/// sockets have the mode, the need-wakeup setting and the packets of several frames of the first: a socket that wants
/// it otherwise registers for itself.
#[doc(alias = "XDP_SHARED_UMEM")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Sharing {
    /// Shares where an earlier socket of the UMEM has the same settings and the kernel can, else registers; the
    /// [report](crate::Report) says which, and why. Minimum kernel for sharing: 5.10.
    #[default]
    Prefer,
    /// Registers always.
    Never,
}

/// How the kernel came to know the UMEM of a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Registration {
    /// The socket registered it.
    Own {
        /// Why no other registration is shared, where there is one.
        why: Option<String>,
    },
    /// It shares that of a socket on another queue of the same interface. Minimum kernel: 5.10.
    OtherQueue,
    /// It shares that of a socket on another interface. Minimum kernel: 5.10.
    OtherDevice,
    /// It is a member of a [`SharedQueue`](crate::SharedQueue), and shares the fill and completion rings, too.
    SameQueue,
}

impl fmt::Display for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own { why: None } => f.write_str("registered by this socket"),
            Self::Own { why: Some(why) } => write!(f, "registered by this socket ({why})"),
            Self::OtherQueue => f.write_str("shared with a socket on another queue"),
            Self::OtherDevice => f.write_str("shared with a socket on another interface"),
            Self::SameQueue => f.write_str("shared with all sockets of this queue"),
        }
    }
}

/// A bound socket whose registration of the UMEM is to be shared: see [`Socket::share`].
#[derive(Debug)]
pub struct Share<'a> {
    first: &'a Arc<Port>,
}

impl<'a> Share<'a> {
    pub(crate) fn of(first: &'a Arc<Port>) -> Self {
        Self { first }
    }

    /// A second socket on another queue of the same interface.
    pub fn other_queue(&self, queue: QueueId) -> SecondBuilder<'static> {
        self.second(None, queue)
    }

    /// A second socket on another interface.
    pub fn other_device<'b>(
        &self,
        interface: impl Into<InterfaceRef<'b>>,
        queue: QueueId,
    ) -> SecondBuilder<'b> {
        self.second(Some(interface.into()), queue)
    }

    fn second<'b>(&self, interface: Option<InterfaceRef<'b>>, queue: QueueId) -> SecondBuilder<'b> {
        let first = self.first;
        let mode = if first.is_zero_copy() { Mode::ZeroCopy } else { Mode::Copy };
        let mut builder = SocketBuilder::new(first.umem()).mode(mode).need_wakeup(first.need_wakeup());
        if first.has_multi_buffer() {
            builder = builder.multi_buffer(MultiBuffer::Require);
        }
        SecondBuilder { builder: builder.share_with(Arc::clone(first)), interface, queue }
    }
}

/// How a second socket on one registration is to be. Mode, need-wakeup and packets of several frames are as with the
/// first, so they cannot be chosen here.
#[derive(Debug)]
#[must_use = "a builder does nothing until one of the binds"]
pub struct SecondBuilder<'a> {
    builder: SocketBuilder,
    /// None for that of the first socket.
    interface: Option<InterfaceRef<'a>>,
    queue: QueueId,
}

impl SecondBuilder<'_> {
    /// As [`SocketBuilder::rx_entries`].
    pub fn rx_entries(mut self, entries: u32) -> Self {
        self.builder = self.builder.rx_entries(entries);
        self
    }

    /// As [`SocketBuilder::tx_entries`].
    pub fn tx_entries(mut self, entries: u32) -> Self {
        self.builder = self.builder.tx_entries(entries);
        self
    }

    /// As [`SocketBuilder::fill_entries`].
    pub fn fill_entries(mut self, entries: u32) -> Self {
        self.builder = self.builder.fill_entries(entries);
        self
    }

    /// As [`SocketBuilder::completion_entries`].
    pub fn completion_entries(mut self, entries: u32) -> Self {
        self.builder = self.builder.completion_entries(entries);
        self
    }

    /// As [`SocketBuilder::receive`].
    pub fn receive(mut self, receive: Receive) -> Self {
        self.builder = self.builder.receive(receive);
        self
    }

    /// As [`SocketBuilder::attach`].
    pub fn attach(mut self, mode: AttachMode) -> Self {
        self.builder = self.builder.attach(mode);
        self
    }

    /// As [`SocketBuilder::chunks`].
    pub fn chunks(mut self, chunks: u32) -> Self {
        self.builder = self.builder.chunks(chunks);
        self
    }

    /// Opens a socket for both ways.
    ///
    /// # Errors
    ///
    /// [`BindError::SameQueue`] for the queue that the first socket is on; [`BindError::CannotShare`] where the
    /// kernel is too old; or as [`SocketBuilder::bind`].
    pub fn bind(self) -> Result<Socket, BindError> {
        self.with(|builder, interface, queue| builder.bind(interface, queue))
    }

    /// Opens a socket that only receives.
    ///
    /// # Errors
    ///
    /// As [`SecondBuilder::bind`].
    pub fn bind_rx(self) -> Result<Rx, BindError> {
        self.with(|builder, interface, queue| builder.bind_rx(interface, queue))
    }

    /// Opens a socket that only sends.
    ///
    /// # Errors
    ///
    /// As [`SecondBuilder::bind`].
    pub fn bind_tx(self) -> Result<Tx, BindError> {
        self.with(|builder, interface, queue| builder.bind_tx(interface, queue))
    }

    fn with<T>(
        self,
        bind: impl FnOnce(SocketBuilder, InterfaceRef<'_>, QueueId) -> Result<T, BindError>,
    ) -> Result<T, BindError> {
        let Self { builder, interface, queue } = self;
        let Some(first) = builder.partner() else { unreachable!("`Share::second` has put it there") };
        let name = first.interface_name();
        let place = first.place();
        let same = InterfaceRef::Known {
            index: place.map_or(0, |place| place.interface),
            name: &name,
            namespace: place.and_then(|place| place.namespace),
        };
        bind(builder, interface.unwrap_or(same), queue)
    }
}

/// Where the kernel is to get the UMEM of a new socket from.
#[derive(Debug)]
pub(crate) enum Source {
    /// From a socket that is bound; if that fails, from the new socket.
    Prefer(Arc<Port>),
    /// From a socket that is bound, or not at all.
    Require(Arc<Port>),
    /// From the new socket, and why not from an earlier one, where there is one.
    Own(Option<String>),
}

impl Source {
    /// Chooses, for a new socket on `place`.
    pub(crate) fn find(
        at: &At<'_>,
        umem: &Umem,
        sharing: Sharing,
        wanted: Option<Arc<Port>>,
        place: BoundTo,
    ) -> Result<Self, BindError> {
        if let Some(first) = wanted {
            if first.place() == Some(place) {
                let interface = at.interface.name().to_owned();
                return Err(BindError::SameQueue { interface, queue: at.queue });
            }
            return Ok(Self::Require(first));
        }
        if sharing == Sharing::Never {
            return Ok(Self::Own(None));
        }
        let mut why = None;
        for first in umem.bound_ports() {
            match objection(&first, place, at.config, at.interface) {
                None => return Ok(Self::Prefer(first)),
                objection => why = objection.or(why),
            }
        }
        Ok(Self::Own(why))
    }

    /// Registers the UMEM with a new socket, if that is what is to be, and makes its rings.
    pub(crate) fn prepare<T>(
        &mut self,
        at: &At<'_>,
        fd: &OwnedFd,
        umem: &Umem,
        make_rings: impl Fn() -> Result<T, BindError>,
    ) -> Result<T, BindError> {
        if self.is_shared() {
            match make_rings() {
                Err(error) if rings::wants_umem_first(&error) => {
                    self.do_without("this kernel cannot share: it needs Linux 5.10")?;
                }
                made => return made,
            }
        }
        at.register(fd.as_fd(), umem)?;
        make_rings()
    }

    fn is_shared(&self) -> bool {
        !matches!(self, Self::Own(_))
    }

    /// The kernel has refused to share.
    pub(super) fn do_without(&mut self, why: &str) -> Result<(), BindError> {
        if matches!(self, Self::Require(_)) {
            return Err(BindError::CannotShare);
        }
        *self = Self::Own(Some(why.to_owned()));
        Ok(())
    }
}

/// Why a socket on `place` should rather not share the registration of `first`.
fn objection(first: &Port, place: BoundTo, config: &Config, interface: &Interface) -> Option<String> {
    if first.place() == Some(place) {
        return Some("the other socket has this very queue".to_owned());
    }
    if first.need_wakeup() != config.need_wakeup {
        return Some("the other socket has another need-wakeup setting, which would be inherited".to_owned());
    }
    if first.has_multi_buffer() != config.multi_buffer {
        return Some(
            "the other socket differs in packets of several frames, which would be inherited".to_owned(),
        );
    }
    let may_do_better = || {
        let told = Capabilities::of(interface).ok().and_then(|capabilities| capabilities.xdp().zero_copy());
        told != Some(false)
    };
    match (config.mode, first.is_zero_copy()) {
        (Mode::Copy, true) => {
            Some("the other socket is in zero-copy mode, which would be inherited".to_owned())
        }
        (Mode::ZeroCopy, false) => {
            Some("the other socket is in copy mode, which would be inherited".to_owned())
        }
        (Mode::PreferZeroCopy, false) if may_do_better() => {
            Some("the other socket is in copy mode, and this interface may do better".to_owned())
        }
        _ => None,
    }
}

/// The sharing that was obtained.
pub(super) fn kind(first: &Port, place: BoundTo) -> Registration {
    let is_same = first
        .place()
        .is_some_and(|first| (first.namespace, first.interface) == (place.namespace, place.interface));
    if is_same { Registration::OtherQueue } else { Registration::OtherDevice }
}

impl Port {
    /// The setting that sockets which share with it inherit.
    pub(crate) fn need_wakeup(&self) -> NeedWakeup {
        self.bound().map_or(NeedWakeup::default(), |bound| bound.need_wakeup)
    }

    /// As [`Port::need_wakeup`].
    pub(crate) fn has_multi_buffer(&self) -> bool {
        self.bound().is_some_and(|bound| bound.multi_buffer)
    }
}
