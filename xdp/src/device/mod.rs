//! Interfaces: which there are, what they can do, who uses them, and when they go.
//!
//! Everything here asks the kernel over netlink (and one ioctl for queue counts) and belongs to the network namespace
//! of the calling thread. `/sys` is never read: it shows the namespace in which it was mounted, which may be another
//! one.

mod attached;
mod interface;
mod interface_error;
mod interface_ref;
pub(crate) mod monitor;
pub(crate) mod netlink;
pub(crate) mod occupant;
pub(crate) mod queue;
#[cfg(all(test, feature = "lab"))]
mod tests;

pub use attached::AttachedXdp;
pub use interface::{Interface, Queues};
pub use interface_error::InterfaceError;
pub use interface_ref::InterfaceRef;
pub use netlink::NetlinkError;
pub use occupant::Occupant;
