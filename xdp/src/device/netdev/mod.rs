//! What an interface can do for AF_XDP, its queues and who serves them: the generic netlink family `netdev`.

mod capabilities;
mod counters;
mod flags;
mod guess;
mod napi;
mod napi_change;
mod queues;
#[cfg(test)]
mod tests;

pub use capabilities::{Capabilities, CapabilitySource};
pub use counters::QueueCounters;
pub use flags::{RxMetadata, TxOffloads, XdpFeatures};
pub use napi::Napi;
pub use napi_change::NapiChange;
pub use queues::{NicQueue, QueueSide, QueueUser};
