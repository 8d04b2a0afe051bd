//! What an interface can be called by.

use super::Interface;

/// What an interface can be called by: a name, an alternative name, an index, or what was found before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InterfaceRef<'a> {
    /// A name (`eth0`) or an alternative name (`enp3s0f0np0`).
    Name(&'a str),
    /// An index, which stays the same when the interface is renamed.
    Index(u32),
    /// An interface that was found before. Refused where another network namespace is at work: an index means another
    /// interface there.
    Known {
        /// Its index.
        index: u32,
        /// Its name when it was found.
        name: &'a str,
        /// The network namespace that it was found in, as `SO_NETNS_COOKIE` numbers them. `None` before Linux 5.14,
        /// where the name must be the same instead.
        namespace: Option<u64>,
    },
}

impl<'a> From<&'a str> for InterfaceRef<'a> {
    fn from(name: &'a str) -> Self {
        Self::Name(name)
    }
}

impl<'a> From<&'a String> for InterfaceRef<'a> {
    fn from(name: &'a String) -> Self {
        Self::Name(name)
    }
}

impl From<u32> for InterfaceRef<'_> {
    fn from(index: u32) -> Self {
        Self::Index(index)
    }
}

impl<'a> From<&'a Interface> for InterfaceRef<'a> {
    fn from(interface: &'a Interface) -> Self {
        Self::Known { index: interface.index(), name: interface.name(), namespace: interface.namespace() }
    }
}
