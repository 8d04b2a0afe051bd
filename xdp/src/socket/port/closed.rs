//! What is left of a socket when it is closed.

#[cfg(feature = "fake-kernel")]
use std::sync::Weak;

use super::{Bound, BoundTo};
use crate::device::queue::QueueProbe;

/// A socket that is closed, and whose chunks the kernel may still have.
#[derive(Debug)]
pub(crate) struct ClosedPort {
    /// Its number; behind that those of the members, if it was the owner of a shared queue.
    pub(super) sockets: Vec<u8>,
    pub(super) bound: Option<Bound>,
    #[cfg(feature = "fake-kernel")]
    pub(super) fake: Option<Weak<()>>,
}

impl ClosedPort {
    pub(crate) fn sockets(&self) -> &[u8] {
        &self.sockets
    }

    pub(crate) fn add(&mut self, members: impl Iterator<Item = u8>) {
        self.sockets.extend(members);
    }

    /// Whether the kernel is known to have let go: it never had anything, or says that the queue has no socket any
    /// more. That happens when the last packet that refers to the socket's memory is freed (`xp_release_deferred`).
    pub(crate) fn is_released(&self) -> bool {
        #[cfg(feature = "fake-kernel")]
        if let Some(nic) = &self.fake {
            return nic.strong_count() == 0;
        }
        match &self.bound {
            None => true,
            Some(bound) => bound.probe.as_ref().is_some_and(|probe| probe.has_socket() == Some(false)),
        }
    }

    /// Whether the kernel will tell when it has let go.
    pub(crate) fn tells_release(&self) -> bool {
        self.bound.as_ref().is_some_and(|bound| bound.probe.is_some()) && QueueProbe::tells()
    }

    /// Whether it was bound to this very queue; never where namespaces cannot be told apart.
    pub(crate) fn was_on(&self, place: BoundTo) -> bool {
        place.namespace.is_some() && self.bound.as_ref().is_some_and(|bound| bound.place == place)
    }
}
