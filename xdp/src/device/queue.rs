//! Whether an AF_XDP socket is bound to a queue, whoever owns it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use xdp_sys::Errno;
use xdp_sys::genetlink::genlmsghdr;
use xdp_sys::netdev::{
    NETDEV_A_QUEUE_ID, NETDEV_A_QUEUE_IFINDEX, NETDEV_A_QUEUE_TYPE, NETDEV_A_QUEUE_XSK, NETDEV_CMD_QUEUE_GET,
    NETDEV_FAMILY_NAME, NETDEV_FAMILY_VERSION, NETDEV_QUEUE_TYPE_RX, NETDEV_QUEUE_TYPE_TX,
};

use super::netlink::{Attributes, Family, NetlinkError, NetlinkSocket, Protocol};

/// Whether this kernel has ever told us of a socket on a queue.
///
/// The attribute is present or absent, and on kernels before 6.15 absent always. No version, operation or policy of
/// the family tells the two apart: the attribute occurs in answers only, and distributions add operations one by one.
/// So absence means "free" only once presence was seen. One kernel serves all namespaces, so the knowledge is global.
static TELLS: AtomicBool = AtomicBool::new(false);

/// A standing question about one queue: is an AF_XDP socket bound to it?
///
/// The kernel releases a closed socket some milliseconds late, and this tells when it is done. Ask once while a
/// socket of your own is bound, so that a later "no" can be believed. It sees the network namespace of the thread
/// that opened it.
#[derive(Debug)]
pub(crate) struct QueueProbe {
    socket: Mutex<NetlinkSocket>,
    family: Family,
    interface: u32,
    queue: u32,
}

impl QueueProbe {
    /// `None` where the kernel has no such question. Minimum kernel: 6.8.
    pub(crate) fn open(interface: u32, queue: u32) -> Option<Self> {
        let mut socket = NetlinkSocket::open(Protocol::Generic).ok()?;
        let family = Family::find(&mut socket, NETDEV_FAMILY_NAME).ok()?;
        family.has(NETDEV_CMD_QUEUE_GET).then(|| Self {
            socket: Mutex::new(socket),
            family,
            interface,
            queue,
        })
    }

    /// The same, for a queue that a socket is bound to: asked once while it is there, so that a later "no" can be
    /// believed. `None` also where the kernel does not tell.
    pub(crate) fn of_bound(interface: u32, queue: u32) -> Option<Self> {
        Self::open(interface, queue).filter(|probe| probe.has_socket() == Some(true))
    }

    /// Whether a socket is bound, in copy or zero-copy mode; `None` where the kernel does not tell.
    ///
    /// It does not tell when it is older than 6.15, or when the interface is down or without such a queue. An
    /// interface that is gone has none: the kernel unbinds its sockets before it goes.
    pub(crate) fn has_socket(&self) -> Option<bool> {
        // A socket is shown on the receive and on the transmit queue of its number, where both exist.
        let sides = [NETDEV_QUEUE_TYPE_RX, NETDEV_QUEUE_TYPE_TX].map(|side| self.side_has_socket(side));
        if sides.iter().any(|side| matches!(side, Ok(true))) {
            saw_socket();
            return Some(true);
        }
        let gone = |side: &Result<_, NetlinkError>| {
            side.as_ref().is_err_and(|error| error.refusal() == Some(Errno::ENODEV))
        };
        // A side that could not be asked at all may be the one that shows the socket.
        let unknown = sides.iter().any(|side| side.as_ref().is_err_and(|error| error.refusal().is_none()));
        let answered = sides.iter().any(Result::is_ok);
        (sides.iter().all(gone) || answered && !unknown && tells()).then_some(false)
    }

    /// Whether this kernel is known to tell.
    pub(crate) fn tells() -> bool {
        tells()
    }

    fn side_has_socket(&self, side: u32) -> Result<bool, NetlinkError> {
        let request = self
            .family
            .request(NETDEV_CMD_QUEUE_GET, NETDEV_FAMILY_VERSION)
            .value(NETDEV_A_QUEUE_IFINDEX, &self.interface)
            .value(NETDEV_A_QUEUE_TYPE, &side)
            .value(NETDEV_A_QUEUE_ID, &self.queue);
        // Numbered requests: a question that a panic cut short leaves nothing that could be taken for our answer.
        let mut socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = socket.request_one(&request)?;
        let attributes = Attributes::after::<genlmsghdr>(&answer.payload).map(|(_, attributes)| attributes);
        Ok(attributes.is_some_and(|attributes| attributes.find(NETDEV_A_QUEUE_XSK).is_some()))
    }
}

/// Whether this kernel is known to tell.
pub(crate) fn tells() -> bool {
    TELLS.load(Ordering::Relaxed)
}

/// Remembers that it does.
pub(crate) fn saw_socket() {
    // Relaxed: the flag stands alone and only ever turns true.
    TELLS.store(true, Ordering::Relaxed);
}
