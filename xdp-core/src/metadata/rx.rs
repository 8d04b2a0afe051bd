//! What an XDP program has said of a frame that was received, and how it is read.

use crate::desc::Desc;
use crate::layout::UmemLayout;

/// Bytes that a program can put in front of a frame at most (`bpf_xdp_adjust_meta`): 252, in steps of 4; older
/// kernels take 32.
pub const MOST_RX_METADATA: u32 = 252;

/// Where the `len` bytes of metadata in front of a received frame begin; none if they would reach into what the
/// kernel leaves alone, the headroom of the UMEM, or out of the chunk.
#[inline]
#[must_use]
pub const fn rx_start(layout: &UmemLayout, desc: Desc, len: u32) -> Option<u64> {
    let free = layout.headroom() as u64 + len as u64;
    match layout.place(desc) {
        // Of a chunk and an offset: an address of the kernel may have two parts.
        Some(place) if place.offset as u64 >= free => {
            Some(layout.addr(place.chunk) + place.offset as u64 - len as u64)
        }
        _ => None,
    }
}

/// A layout of RX metadata: an agreement between the XDP program that writes it and who reads it.
///
/// The kernel tells neither whether there is metadata nor how long it is. Bytes that are read where a program wrote
/// none are what happened to be there: have the program write a mark, as [`RxHints`] does.
///
/// ```
/// use xdp_core::metadata::FromMetadata;
///
/// /// Which rule of the program has let the packet through, and when.
/// struct Verdict { rule: u32, time: u64 }
///
/// impl FromMetadata for Verdict {
///     const LEN: usize = 12;
///
///     fn from_metadata(bytes: &[u8]) -> Option<Self> {
///         let (rule, time) = bytes.split_first_chunk()?;
///         let (rule, time) = (u32::from_ne_bytes(*rule), u64::from_ne_bytes(time.try_into().ok()?));
///         Some(Self { rule, time })
///     }
/// }
///
/// let verdict = Verdict::from_metadata(&[1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]).unwrap();
/// # #[cfg(target_endian = "little")]
/// assert_eq!((verdict.rule, verdict.time), (1, 2));
/// ```
pub trait FromMetadata: Sized {
    /// How many bytes it takes: a multiple of 4, at most [`MOST_RX_METADATA`]. They end where the frame begins.
    const LEN: usize;

    /// Reads it; `bytes` are [`FromMetadata::LEN`]. None if these are no such metadata.
    fn from_metadata(bytes: &[u8]) -> Option<Self>;
}

/// The bytes as they are.
impl<const N: usize> FromMetadata for [u8; N] {
    const LEN: usize = N;

    fn from_metadata(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok()
    }
}

/// A number in the machine's byte order.
impl FromMetadata for u32 {
    const LEN: usize = 4;

    fn from_metadata(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_ne_bytes)
    }
}

/// A number in the machine's byte order.
impl FromMetadata for u64 {
    const LEN: usize = 8;

    fn from_metadata(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_ne_bytes)
    }
}

/// One behind the other, without padding.
impl<A: FromMetadata, B: FromMetadata> FromMetadata for (A, B) {
    const LEN: usize = A::LEN + B::LEN;

    fn from_metadata(bytes: &[u8]) -> Option<Self> {
        let (a, b) = bytes.split_at_checked(A::LEN)?;
        Some((A::from_metadata(a)?, B::from_metadata(b)?))
    }
}

/// What a NIC knows of a packet that it received, as a program asks its driver for and puts in front of the packet.
///
/// The standard layout, 24 bytes in the machine's byte order but for the VLAN protocol:
///
/// ```text
/// 0          8        12           16         18              20
/// | timestamp | hash   | hash type  | VLAN tci | VLAN protocol | mark and valid bits | packet
/// |  u64, ns  | u32    | u32        | u16      | u16, network  | u32                 |
/// ```
///
/// The last word holds [`RxHints::MARK`] and a bit for each hint that is there, so that a packet in front of which
/// nothing was written is told from one without hints. Minimum kernel: 6.3 for timestamp and hash, 6.8 for VLAN, and
/// a driver with support.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RxHints {
    /// When the packet arrived, in nanoseconds of the NIC's clock; which clock that is says the driver.
    pub timestamp: Option<u64>,
    /// The hash that chose its queue.
    pub hash: Option<RxHash>,
    /// The VLAN tag that the NIC took off it.
    pub vlan: Option<RxVlan>,
}

/// A hash over some fields of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RxHash {
    /// The hash.
    pub value: u32,
    /// What it was computed over.
    pub kind: HashType,
}

/// What a hash was computed over, as bits.
#[doc(alias = "xdp_rss_hash_type")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HashType(pub u32);

impl HashType {
    /// IPv4 addresses.
    pub const IPV4: Self = Self(1 << 0);
    /// IPv6 addresses.
    pub const IPV6: Self = Self(1 << 1);
    /// IPv6 extension headers, or IPv4 options.
    pub const DYNAMIC_HEADER: Self = Self(1 << 2);
    /// Ports, of whatever protocol.
    pub const L4: Self = Self(1 << 3);
    /// TCP.
    pub const TCP: Self = Self(1 << 4);
    /// UDP.
    pub const UDP: Self = Self(1 << 5);
    /// SCTP.
    pub const SCTP: Self = Self(1 << 6);
    /// IPsec.
    pub const IPSEC: Self = Self(1 << 7);
    /// ICMP.
    pub const ICMP: Self = Self(1 << 8);

    /// Whether all bits of `other` are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// A VLAN tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RxVlan {
    /// Priority (3 bits), drop eligibility (1) and number (12).
    pub tci: u16,
    /// 0x8100 (IEEE 802.1Q) or 0x88a8 (802.1ad).
    pub protocol: u16,
}

impl RxVlan {
    /// The number of the VLAN.
    #[must_use]
    pub const fn id(self) -> u16 {
        self.tci & 0x0fff
    }
}

impl RxHints {
    /// Where the program stores the timestamp, in bytes from the start of the metadata: `u64`.
    pub const TIMESTAMP_AT: usize = 0;
    /// Where it stores the hash: `u32`.
    pub const HASH_AT: usize = 8;
    /// Where it stores what the hash was computed over: `u32`.
    pub const HASH_TYPE_AT: usize = 12;
    /// Where it stores the tag: `u16`.
    pub const VLAN_TCI_AT: usize = 16;
    /// Where it stores the tag's protocol: `u16` in network byte order, as the kernel gives it.
    pub const VLAN_PROTOCOL_AT: usize = 18;
    /// Where it stores [`RxHints::MARK`] and the bits of the hints that are there: `u32`.
    pub const VALID_AT: usize = 20;

    /// What the last word begins with in any case.
    pub const MARK: u32 = 0x5864_7000;
    /// The bit of the timestamp.
    pub const TIMESTAMP: u32 = 1 << 0;
    /// The bit of hash and hash type.
    pub const HASH: u32 = 1 << 1;
    /// The bit of tag and protocol.
    pub const VLAN: u32 = 1 << 2;

    /// The bytes that a program writes for these hints.
    #[must_use]
    pub fn metadata(&self) -> [u8; <Self as FromMetadata>::LEN] {
        let mut bytes = [0; <Self as FromMetadata>::LEN];
        let mut valid = Self::MARK;
        if let Some(timestamp) = self.timestamp {
            valid |= Self::TIMESTAMP;
            bytes[Self::TIMESTAMP_AT..][..8].copy_from_slice(&timestamp.to_ne_bytes());
        }
        if let Some(RxHash { value, kind }) = self.hash {
            valid |= Self::HASH;
            bytes[Self::HASH_AT..][..4].copy_from_slice(&value.to_ne_bytes());
            bytes[Self::HASH_TYPE_AT..][..4].copy_from_slice(&kind.0.to_ne_bytes());
        }
        if let Some(RxVlan { tci, protocol }) = self.vlan {
            valid |= Self::VLAN;
            bytes[Self::VLAN_TCI_AT..][..2].copy_from_slice(&tci.to_ne_bytes());
            bytes[Self::VLAN_PROTOCOL_AT..][..2].copy_from_slice(&protocol.to_be_bytes());
        }
        bytes[Self::VALID_AT..].copy_from_slice(&valid.to_ne_bytes());
        bytes
    }
}

impl FromMetadata for RxHints {
    const LEN: usize = 24;

    fn from_metadata(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 24] = bytes.try_into().ok()?;
        let word = |at: usize| u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let valid = word(Self::VALID_AT);
        if valid & !(Self::TIMESTAMP | Self::HASH | Self::VLAN) != Self::MARK {
            return None;
        }
        let has = |bit| valid & bit != 0;
        let timestamp = u64::from_metadata(&bytes[Self::TIMESTAMP_AT..][..8])?;
        let hash = RxHash { value: word(Self::HASH_AT), kind: HashType(word(Self::HASH_TYPE_AT)) };
        let half = |at: usize| [bytes[at], bytes[at + 1]];
        let vlan = RxVlan {
            tci: u16::from_ne_bytes(half(Self::VLAN_TCI_AT)),
            protocol: u16::from_be_bytes(half(Self::VLAN_PROTOCOL_AT)),
        };
        Some(Self {
            timestamp: has(Self::TIMESTAMP).then_some(timestamp),
            hash: has(Self::HASH).then_some(hash),
            vlan: has(Self::VLAN).then_some(vlan),
        })
    }
}
