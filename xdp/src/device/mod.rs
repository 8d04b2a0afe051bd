//! Interfaces: which there are, what they can do, who uses them, and when they go.
//!
//! Everything here asks the kernel over netlink (and few ioctls of drivers) and belongs to the network namespace of
//! the calling thread. The interfaces in `/sys` are those of the namespace in which it was mounted, which may be another
//! one: what only `/sys` tells is believed after a comparison, or where it belongs to no namespace, as devices on buses.
//!
//! What the kernel or the driver does not tell is `None`, which is never to be taken for "no".
//!
//! | question | answer |
//! |---|---|
//! | which interfaces are there, and how do they hang together | [`Interface`] |
//! | what can its driver do for AF_XDP | [`Capabilities`] |
//! | how many queues, how large are the rings of the NIC | [`Channels`], [`NicRings`] |
//! | which queue does a packet arrive at | [`RssTable`] |
//! | what does the NIC do to packets before | [`Features`] |
//! | who uses a queue, who polls it and how, what was lost | [`NicQueue`], [`Napi`], [`Polling`], [`QueueCounters`] |
//! | which AF_XDP sockets are there, whoever has them | [`sockets`] |
//! | which rules send packets to which queue | [`FlowRule::list`] |
//! | what happens to interfaces from now on | [`LinkEvents`] |
//!
//! What can be changed is changed for good (`apply`), or until a guard goes (`until_dropped`): see [`Restore`]. A
//! [`FlowRule`] sends packets to a queue, likewise for good or until a guard goes.

mod address;
mod attached;
mod change;
mod change_error;
mod ethtool;
mod events;
mod family;
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing;
mod interface;
mod interface_error;
mod interface_ref;
pub(crate) mod kernel_release;
pub(crate) mod monitor;
mod netdev;
pub(crate) mod netlink;
pub(crate) mod occupant;
mod parent;
mod polling;
pub(crate) mod queue;
mod related;
mod route;
mod sock_diag;
mod steering;
#[cfg(all(test, feature = "lab"))]
mod tests;

pub use address::InterfaceAddress;
pub use attached::AttachedXdp;
pub use change::Restore;
pub use change_error::ChangeError;
pub use ethtool::{
    Channels, ChannelsChange, Count, Feature, Features, FeaturesChange, NicRings, NicRingsChange, RssTable,
};
pub use events::{DownReason, LinkEvent, LinkEvents, LinkId};
pub use interface::{Interface, Queues};
pub use interface_error::InterfaceError;
pub use interface_ref::InterfaceRef;
pub use netdev::{
    Capabilities, CapabilitySource, Napi, NapiChange, NicQueue, QueueCounters, QueueSide, QueueUser,
    RxMetadata, TxOffloads, XdpFeatures,
};
pub use netlink::NetlinkError;
pub use occupant::Occupant;
pub use parent::ParentDevice;
pub use polling::{Polling, PollingChange};
pub use related::RelatedInterface;
pub use sock_diag::{SocketUmem, SocketsError, XdpSocket, sockets};
pub use steering::{FlowKind, FlowMatch, FlowRule, FlowTarget, InstalledRule, SteeringError, SteeringGuard};
