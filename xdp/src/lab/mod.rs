//! A network of one's own on one machine: a private network namespace with veth pairs, and no NIC (feature `lab`).
//!
//! A [`Lab`] is held by file descriptors, and by the threads and child processes that are inside. It has no name and no
//! `ip` binary makes it, so nothing of it remains when the last of them is gone: after a drop, after a panic, after
//! `kill -9`. It touches only interfaces that it made itself, and it is quiet: IPv6 is off, the loopback stays down,
//! nothing sends a packet but you.
//!
//! ```no_run
//! use xdp::lab::Lab;
//!
//! let lab = Lab::builder().queues(4).mtu(1500).build()?;
//! let (a, b) = (lab.pair(0).a(), lab.pair(0).b());
//! println!("what is sent on {} arrives on {}", a.name(), b.name());
//!
//! // Lookups, sockets and programs see the namespace of the thread: work inside.
//! let inside = lab.enter()?;
//! assert!(xdp::device::Interface::by_name(a.name())?.has_carrier());
//! drop(inside);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Needs `CAP_SYS_ADMIN` for the namespace and `CAP_NET_ADMIN` for its interfaces. Tests that need a lab begin with
//! [`require`].

mod builder;
mod entered;
mod error;
mod namespace;
mod pair;
mod require;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use xdp_sys::if_link::IFLA_MTU;
use xdp_sys::rtnetlink::{IFF_UP, RTM_DELLINK, RTM_SETLINK, ifinfomsg};

use crate::device::netlink::{NetlinkSocket, Request};
use crate::device::{Interface, InterfaceError};

pub use builder::LabBuilder;
pub use entered::Entered;
pub use error::LabError;
pub use pair::{End, Pair};
pub use require::{available, require};

use namespace::Namespace;

/// A private network namespace with veth pairs, gone when this is dropped.
///
/// What still uses it keeps it until that ends too: open sockets, and threads and child processes that started inside.
#[derive(Debug)]
pub struct Lab {
    namespace: Namespace,
    /// Speaks to the namespace, from any thread.
    route: Mutex<NetlinkSocket>,
    pairs: Vec<Pair>,
    /// Which of the pairs were removed: an interface that gets the index of one later is not ours.
    removed: Vec<AtomicBool>,
}

impl Lab {
    /// A lab with one pair of one queue each, up and ready.
    pub fn new() -> Result<Self, LabError> {
        Self::builder().build()
    }

    /// A lab of your own choice.
    pub fn builder() -> LabBuilder {
        LabBuilder::default()
    }

    /// A pair by number, from 0.
    ///
    /// # Panics
    ///
    /// If the lab was not built with so many.
    pub fn pair(&self, number: usize) -> &Pair {
        &self.pairs[number]
    }

    /// All pairs, also those that were removed since.
    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// Moves the calling thread into the lab until the guard is dropped. Threads that it spawns meanwhile start
    /// inside.
    pub fn enter(&self) -> Result<Entered<'_>, LabError> {
        Entered::new(&self.namespace)
    }

    /// Runs `work` inside, on a thread of its own, and returns what it returns; its panic goes on in the caller.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, LabError> {
        let result = std::thread::scope(|scope| {
            let inside = scope.spawn(|| {
                let _inside = self.enter()?;
                Ok(work())
            });
            inside.join()
        });
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Looks up an end from outside, as it is now.
    pub fn interface(&self, end: &End) -> Result<Interface, InterfaceError> {
        self.present(&mut self.route(), end)
    }

    /// Sets an end up, as `ip link set NAME up` does.
    pub fn set_up(&self, end: &End) -> Result<(), LabError> {
        self.change(end, "set up", &flags(end, IFF_UP))
    }

    /// Sets an end down; the other one loses its carrier.
    pub fn set_down(&self, end: &End) -> Result<(), LabError> {
        self.change(end, "set down", &flags(end, 0))
    }

    /// Changes the MTU of one end, in bytes.
    pub fn set_mtu(&self, end: &End, mtu: u32) -> Result<(), LabError> {
        let request = Request::new(RTM_SETLINK, 0).fixed(&header(end)).value(IFLA_MTU, &mtu);
        self.change(end, "set the MTU of", &request)
    }

    /// Removes a pair, as unplugging a NIC does. Its [`Pair`] stays as a memory of it.
    ///
    /// # Panics
    ///
    /// If the lab was not built with so many.
    pub fn remove_pair(&self, number: usize) -> Result<(), LabError> {
        // The kernel removes both ends together.
        let end = self.pair(number).a();
        self.change(end, "remove", &Request::new(RTM_DELLINK, 0).fixed(&header(end)))?;
        self.removed[number].store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Asks for a change of an end, after a look whether it is there and ours.
    fn change(&self, end: &End, step: &'static str, request: &Request) -> Result<(), LabError> {
        let name = || end.name().to_owned();
        let mut route = self.route();
        self.present(&mut route, end).map_err(|error| match error {
            InterfaceError::Gone { .. } => LabError::Gone { end: name() },
            InterfaceError::OtherNamespace { .. } => LabError::OtherLab { end: name() },
            error => LabError::Interface(error),
        })?;
        let changed = route.request(request).map(drop);
        changed.map_err(|cause| LabError::Change { step, end: name(), cause })
    }

    /// What has an end's index now, if that is the end. Indexes are given out again, and by whoever is inside.
    fn present(&self, route: &mut NetlinkSocket, end: &End) -> Result<Interface, InterfaceError> {
        let name = || end.name().to_owned();
        let ours = self.pairs.iter().position(|pair| [&pair.a, &pair.b].contains(&end));
        let number = ours.ok_or_else(|| InterfaceError::OtherNamespace { name: name() })?;
        let gone = || InterfaceError::Gone { name: name(), index: end.index() };
        if self.removed[number].load(Ordering::Relaxed) {
            return Err(gone());
        }
        let failed = |cause| InterfaceError::Query { what: format!("interface {}", end.name()), cause };
        let found = Interface::query_index(route, end.index()).map_err(failed)?;
        found.filter(|interface| end.is(interface)).ok_or_else(gone)
    }

    fn route(&self) -> MutexGuard<'_, NetlinkSocket> {
        // Requests are numbered: a panic halfway leaves nothing that could be taken for another answer.
        self.route.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a request about an end begins with.
fn header(end: &End) -> ifinfomsg {
    ifinfomsg { ifi_index: end.index() as i32, ..ifinfomsg::default() }
}

/// A request that leaves `IFF_UP` of an end as in `flags`.
fn flags(end: &End, flags: u32) -> Request {
    let header = ifinfomsg { ifi_flags: flags, ifi_change: IFF_UP, ..header(end) };
    Request::new(RTM_SETLINK, 0).fixed(&header)
}
