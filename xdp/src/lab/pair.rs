//! A veth pair: two interfaces joined by a cable that is not there.

use std::net::Ipv4Addr;

use crate::device::InterfaceRef;

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
    pub(super) mac: [u8; 6],
    pub(super) address: Option<Ipv4Addr>,
}

impl End {
    /// The name, the same in every lab: `veth0a` and `veth0b` for pair 0.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The index, which means something inside the lab only.
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

    /// The index as the kernel's requests have it.
    pub(super) fn raw_index(&self) -> i32 {
        self.index.cast_signed()
    }
}

impl From<&End> for InterfaceRef<'_> {
    fn from(end: &End) -> Self {
        Self::Index(end.index)
    }
}
