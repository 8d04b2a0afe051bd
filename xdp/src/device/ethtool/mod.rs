//! What drivers tell and can be told: queue counts, sizes of rings, the spreading of packets, features.
//!
//! Asked over the generic netlink family `ethtool`, and of kernels that have none of it by ioctl(2).

mod channels;
mod channels_change;
mod features;
mod features_change;
mod rings;
mod rings_change;
mod rss;
#[cfg(test)]
mod tests;

pub use channels::Channels;
pub use channels_change::ChannelsChange;
pub use features::{Feature, Features};
pub use features_change::FeaturesChange;
pub use rings::NicRings;
pub use rings_change::NicRingsChange;
pub use rss::RssTable;

use std::fmt;

/// How many of something a NIC uses, and how many it could.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// In use now.
    pub current: u32,
    /// The most that the driver allows; 0 if it has nothing of the kind.
    pub max: u32,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.current, self.max)
    }
}

/// Values in words, as errors name them.
fn parts(values: impl Iterator<Item = String>) -> String {
    values.collect::<Vec<_>>().join(", ")
}
