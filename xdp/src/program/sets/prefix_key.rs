//! How a prefix is a key of a trie: the number of bits, the family, the address.
//!
//! The family comes first in what is compared, so that one trie holds IPv4 and IPv6 apart.

use std::net::IpAddr;

use crate::program::Prefix;

/// A key of the trie. Programs build the same on their stack: the offsets are theirs too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::program) struct PrefixKey {
    bits: u32,
    family: u32,
    address: [u8; 16],
}

impl PrefixKey {
    pub(in crate::program) const BYTES: usize = 24;
    /// Where the family is, in bytes after the number of bits.
    pub(in crate::program) const FAMILY: i16 = 4;
    /// Where the address is; an IPv4 address takes the first 4 bytes of it.
    pub(in crate::program) const ADDRESS: i16 = 8;
    pub(in crate::program) const IPV4: i32 = 4;
    pub(in crate::program) const IPV6: i32 = 6;
    /// The number of bits that a whole address has in front of it: those of the family.
    pub(in crate::program) const FAMILY_BITS: i32 = 32;

    pub(super) fn of(prefix: Prefix) -> Self {
        let bits = Self::FAMILY_BITS as u32 + u32::from(prefix.bits());
        let mut address = [0; 16];
        let family = match prefix.address() {
            IpAddr::V4(v4) => {
                address[..4].copy_from_slice(&v4.octets());
                Self::IPV4
            }
            IpAddr::V6(v6) => {
                address = v6.octets();
                Self::IPV6
            }
        };
        Self { bits, family: family as u32, address }
    }

    /// As the kernel has it: the number of bits in the machine's order, and bytes.
    pub(super) fn bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..4].copy_from_slice(&self.bits.to_ne_bytes());
        bytes[4..8].copy_from_slice(&self.family.to_ne_bytes());
        bytes[8..].copy_from_slice(&self.address);
        bytes
    }

    /// The prefix in a key; `None` if it is no key of ours.
    pub(super) fn prefix(key: &[u8]) -> Option<Prefix> {
        let bits = u32::from_ne_bytes(*key.first_chunk()?).checked_sub(Self::FAMILY_BITS as u32)?;
        let address = match u32::from_ne_bytes(*key.get(4..)?.first_chunk()?) as i32 {
            Self::IPV4 => IpAddr::from(*key.get(8..)?.first_chunk::<4>()?),
            Self::IPV6 => IpAddr::from(*key.get(8..)?.first_chunk::<16>()?),
            _ => return None,
        };
        Prefix::new(address, u8::try_from(bits).ok()?).ok()
    }
}
