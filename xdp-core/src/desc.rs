//! Descriptors, addresses and option bits as they stand in the rings.

use core::fmt;
use core::ops::BitOr;

/// One entry of the rx and tx rings: where a frame's bytes lie, how many, and what they belong to.
#[doc(alias = "xdp_desc")]
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Desc {
    /// The address of the first byte, relative to the start of the UMEM.
    pub addr: Addr,
    /// Bytes in the frame.
    pub len: u32,
    /// Option bits; unknown ones make the kernel refuse the descriptor.
    pub options: Options,
}

/// An address as the rings carry it, relative to the start of the UMEM.
///
/// With aligned chunks it is the address of a byte, and the chunk is found by masking. With unaligned chunks
/// (Minimum kernel: 5.4) the lower 48 bits are the base of the buffer and the upper 16 the offset of the data in it.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord, Hash)]
pub struct Addr(pub u64);

impl Addr {
    const OFFSET_SHIFT: u32 = 48;
    const BASE_MASK: u64 = (1 << Self::OFFSET_SHIFT) - 1;

    /// The unaligned encoding of a base (at most 48 bits; higher ones are cut) and an offset.
    #[doc(alias = "XSK_UNALIGNED_BUF_OFFSET_SHIFT")]
    pub const fn unaligned(base: u64, offset: u16) -> Self {
        Self((base & Self::BASE_MASK) | ((offset as u64) << Self::OFFSET_SHIFT))
    }

    /// The base of an address in the unaligned encoding.
    #[doc(alias = "xsk_umem__extract_addr")]
    pub const fn base(self) -> u64 {
        self.0 & Self::BASE_MASK
    }

    /// The offset of an address in the unaligned encoding.
    #[doc(alias = "xsk_umem__extract_offset")]
    pub const fn offset(self) -> u16 {
        (self.0 >> Self::OFFSET_SHIFT) as u16
    }

    /// Where the data of an address in the unaligned encoding begins: base plus offset.
    #[doc(alias = "xsk_umem__add_offset_to_addr")]
    pub const fn data(self) -> u64 {
        self.base() + self.offset() as u64
    }
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// The option bits of a descriptor.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options(u32);

impl Options {
    /// No option.
    pub const NONE: Self = Self(0);
    /// The packet goes on in the next descriptor. Minimum kernel: 6.6.
    #[doc(alias = "XDP_PKT_CONTD")]
    pub const CONTINUES: Self = Self(1);
    /// TX metadata stands in front of the frame. Minimum kernel: 6.8.
    #[doc(alias = "XDP_TX_METADATA")]
    pub const METADATA: Self = Self(2);

    /// The bits as they stand in a ring.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Bits from a ring; unknown ones are kept, see [`Options::is_known`].
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// Whether all bits of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether every bit has a meaning that this library knows.
    pub const fn is_known(self) -> bool {
        self.0 & !(Self::CONTINUES.0 | Self::METADATA.0) == 0
    }
}

impl BitOr for Options {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_unaligned_address_gives_back_its_parts(base in 0u64..1 << 48, offset: u16) {
            let addr = Addr::unaligned(base, offset);
            prop_assert_eq!(addr.base(), base);
            prop_assert_eq!(addr.offset(), offset);
            prop_assert_eq!(addr.data(), base + u64::from(offset));
        }
    }

    #[test]
    fn options_are_told_apart() {
        let both = Options::CONTINUES | Options::METADATA;
        assert!(both.contains(Options::CONTINUES) && both.contains(Options::METADATA));
        assert!(!Options::NONE.contains(Options::CONTINUES));
        assert!(both.is_known() && !Options::from_bits(4).is_known());
    }
}
