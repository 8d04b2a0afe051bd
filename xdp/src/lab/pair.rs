//! A veth pair: two interfaces joined by a cable that is not there.

use std::net::Ipv4Addr;

use crate::device::{Interface, InterfaceRef};

/// Two interfaces: what one sends, the other receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    pub(super) a: End,
    pub(super) b: End,
}

impl Pair {
    /// One end.
    pub fn a(&self) -> &End {
        &self.a
    }

    /// The other end.
    pub fn b(&self) -> &End {
        &self.b
    }
}

/// One end of a [`Pair`], as it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    pub(super) name: String,
    pub(super) index: u32,
    pub(super) namespace: Option<u64>,
    pub(super) mac: [u8; 6],
    pub(super) address: Option<Ipv4Addr>,
}

impl End {
    /// The name, the same in every lab: `veth0a` and `veth0b` for pair 0.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The index. A bare number means this end inside the lab only: outside, pass the end itself, which is refused there.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// The hardware address, the same in every lab.
    pub fn mac(&self) -> [u8; 6] {
        self.mac
    }

    /// The IPv4 address, if the lab was built with addresses; the prefix has 24 bits.
    pub fn address(&self) -> Option<Ipv4Addr> {
        self.address
    }

    /// Whether an interface that has our index is what the lab made, and not one that got the index afterwards.
    pub(super) fn is(&self, interface: &Interface) -> bool {
        interface.mac() == Some(self.mac) && interface.kind() == Some("veth")
    }
}

impl<'a> From<&'a End> for InterfaceRef<'a> {
    fn from(end: &'a End) -> Self {
        Self::Known { index: end.index, name: &end.name, namespace: end.namespace }
    }
}
