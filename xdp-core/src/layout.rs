//! The geometry of a UMEM: validated once, so that everything after is total.
//!
//! - L1 the size of aligned chunks is a power of two, so a chunk is found by a shift.
//! - L2 `chunks * chunk size` fits a `usize` and 48 bits of address.
//! - L3 0 <= headroom, and every received frame has room for at least 128 bytes behind it.

mod unaligned;

use crate::desc::{Addr, Desc};

pub use unaligned::{UnalignedError, UnalignedLayout};

/// Bytes that the kernel keeps free in front of every received frame, for XDP programs that prepend.
pub const XDP_PACKET_HEADROOM: u32 = 256;

/// Bytes of a chunk that headroom may never take: 256 in front, 128 for a frame, 320 for the kernel's fragment table.
///
/// Kernels from 7.0 (and stable releases since April 2026) refuse more (`xdp_umem_reg`); older ones accept up to 448
/// bytes more and then cannot build packets of several frames. The stricter rule holds everywhere, so that a set-up
/// that works goes on working.
const RESERVED: u32 = XDP_PACKET_HEADROOM + 128 + 320;

/// The size of a chunk: the slot that one frame lives in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ChunkSize {
    /// 2048 bytes: twice the frames in the same memory; a frame of up to 1792 bytes.
    K2,
    /// 4096 bytes: room for headroom, metadata and larger frames.
    #[default]
    K4,
    /// Any size from 2048 to 4096 bytes, in unaligned mode: see [`UnalignedLayout`]. Minimum kernel: 5.4.
    Unaligned(u32),
}

impl ChunkSize {
    /// The size in bytes.
    pub const fn bytes(self) -> u32 {
        match self {
            Self::K2 => 2048,
            Self::K4 => 4096,
            Self::Unaligned(bytes) => bytes,
        }
    }

    /// The size of aligned chunks of that many bytes, if there is one.
    pub const fn from_bytes(bytes: u32) -> Option<Self> {
        match bytes {
            2048 => Some(Self::K2),
            4096 => Some(Self::K4),
            _ => None,
        }
    }
}

/// The number of a chunk, counted from 0 at the start of the UMEM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chunk(pub u32);

/// Where a descriptor's bytes lie: wholly inside one chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The chunk.
    pub chunk: Chunk,
    /// Bytes from the start of the chunk to the first byte.
    pub offset: u32,
    /// Bytes in the frame.
    pub len: u32,
}

/// Why a UMEM cannot have this geometry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// No chunks, or more than addresses can tell apart.
    #[error("a UMEM needs 1 to {most} chunks of {chunk_size} bytes, not {chunks}")]
    Chunks {
        /// What was asked for.
        chunks: u32,
        /// Bytes in a chunk.
        chunk_size: u32,
        /// The largest count that works.
        most: u32,
    },
    /// The headroom leaves too little of the chunk.
    #[error(
        "a headroom of {headroom} bytes does not fit chunks of {chunk_size} bytes: at most {most}, or use larger \
         chunks"
    )]
    Headroom {
        /// What was asked for, in bytes.
        headroom: u32,
        /// Bytes in a chunk.
        chunk_size: u32,
        /// The largest headroom that works, in bytes.
        most: u32,
    },
    /// No unaligned chunk has that size.
    #[error("an unaligned chunk has {least} to {most} bytes, not {chunk_size}")]
    ChunkSize {
        /// What was asked for, in bytes.
        chunk_size: u32,
        /// The smallest size, in bytes.
        least: u32,
        /// The largest size, in bytes.
        most: u32,
    },
}

impl LayoutError {
    const fn of(error: UnalignedError) -> Self {
        match error {
            UnalignedError::ChunkSize { chunk_bytes, least, most } => {
                Self::ChunkSize { chunk_size: chunk_bytes, least, most }
            }
            UnalignedError::Chunks { chunks, chunk_bytes, most } => {
                Self::Chunks { chunks, chunk_size: chunk_bytes, most }
            }
            UnalignedError::Headroom { headroom, chunk_bytes, most } => {
                Self::Headroom { headroom, chunk_size: chunk_bytes, most }
            }
        }
    }
}

/// The geometry of a UMEM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UmemLayout {
    chunk_size: ChunkSize,
    /// The chunk size again, as what is computed with on every packet.
    chunk_bytes: u32,
    chunks: u32,
    headroom: u32,
    /// The same with unaligned chunks, which are found in another way.
    unaligned: Option<UnalignedLayout>,
}

impl UmemLayout {
    /// Checks the geometry; `headroom` is in bytes, beyond the 256 that the kernel keeps free anyway.
    ///
    /// # Errors
    ///
    /// [`LayoutError`] when there are no or too many chunks, or too much headroom.
    pub const fn new(chunk_size: ChunkSize, chunks: u32, headroom: u32) -> Result<Self, LayoutError> {
        let bytes = chunk_size.bytes();
        if let ChunkSize::Unaligned(bytes) = chunk_size {
            return match UnalignedLayout::new(bytes, chunks, headroom) {
                Ok(layout) => {
                    Ok(Self { chunk_size, chunk_bytes: bytes, chunks, headroom, unaligned: Some(layout) })
                }
                Err(error) => Err(LayoutError::of(error)),
            };
        }
        // L2; 2^32 times the smallest chunk, so that whoever counts in those still gets along with a `u32`. One is kept
        // free so that a chunk's number plus one fits, too.
        let most = if usize::BITS < 64 {
            i32::MAX as u32 / bytes
        } else {
            u32::MAX / (bytes / ChunkSize::K2.bytes()) - 1
        };
        if chunks == 0 || chunks > most {
            return Err(LayoutError::Chunks { chunks, chunk_size: bytes, most });
        }
        let most = bytes - RESERVED;
        if headroom > most {
            return Err(LayoutError::Headroom { headroom, chunk_size: bytes, most });
        }
        Ok(Self { chunk_size, chunk_bytes: bytes, chunks, headroom, unaligned: None })
    }

    /// Whether the chunks are unaligned. Then addresses of the kernel may have two parts, and have to be made plain
    /// ([`Addr::data`]) before anything else.
    #[inline]
    pub const fn is_unaligned(&self) -> bool {
        self.unaligned.is_some()
    }

    /// The size of a chunk.
    pub const fn chunk_size(&self) -> ChunkSize {
        self.chunk_size
    }

    /// How many chunks.
    pub const fn chunks(&self) -> u32 {
        self.chunks
    }

    /// Bytes kept free in front of received frames, beyond the kernel's 256.
    pub const fn headroom(&self) -> u32 {
        self.headroom
    }

    /// Bytes in the whole UMEM.
    pub const fn bytes(&self) -> usize {
        self.chunks as usize * self.chunk_bytes as usize
    }

    /// Bytes from the start of a chunk to the first byte of a received frame that no XDP program moved.
    pub const fn rx_offset(&self) -> u32 {
        XDP_PACKET_HEADROOM + self.headroom
    }

    /// The largest frame that is received into one chunk, in bytes.
    pub const fn rx_capacity(&self) -> u32 {
        self.chunk_bytes - self.rx_offset()
    }

    /// The address of a chunk's first byte.
    #[inline]
    pub const fn addr(&self, chunk: Chunk) -> u64 {
        chunk.0 as u64 * self.chunk_bytes as u64
    }

    /// The number of the chunk that would hold an address, in the UMEM or not.
    #[inline]
    pub const fn chunk_number(&self, addr: u64) -> u64 {
        match &self.unaligned {
            // L1
            None => addr >> self.chunk_bytes.trailing_zeros(),
            Some(layout) => layout.chunk_number(addr),
        }
    }

    /// Bytes from the start of its chunk to an address.
    #[inline]
    pub const fn offset(&self, addr: u64) -> u32 {
        match &self.unaligned {
            None => addr as u32 & (self.chunk_bytes - 1),
            Some(layout) => layout.offset(addr),
        }
    }

    /// Bytes in a chunk.
    #[inline]
    pub const fn chunk_bytes(&self) -> u32 {
        self.chunk_bytes
    }

    /// The chunk that holds an address, if it lies in the UMEM.
    #[inline]
    pub const fn chunk(&self, addr: u64) -> Option<Chunk> {
        let number = self.chunk_number(addr);
        if number < self.chunks as u64 { Some(Chunk(number as u32)) } else { None }
    }

    /// The address of the first byte of the chunk that holds an address; no check.
    #[inline]
    pub const fn chunk_start(&self, addr: u64) -> u64 {
        match &self.unaligned {
            None => addr & !(self.chunk_bytes as u64 - 1),
            Some(layout) => layout.chunk_start(addr),
        }
    }

    /// Whether a descriptor's bytes end inside the chunk that they begin in; the chunk itself is not looked at.
    #[inline]
    pub const fn fits(&self, desc: Desc) -> bool {
        self.offset(desc.addr.0) as u64 + desc.len as u64 <= self.chunk_bytes() as u64
    }

    /// Where a descriptor's bytes lie, if they lie inside one chunk of the UMEM.
    ///
    /// For addresses and lengths that the kernel (or another process) wrote, before they become a slice.
    #[inline]
    pub const fn place(&self, desc: Desc) -> Option<Place> {
        let Addr(addr) = desc.addr;
        let offset = self.offset(addr);
        match self.chunk(addr) {
            Some(chunk) if self.fits(desc) => Some(Place { chunk, offset, len: desc.len }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desc::Options;
    use proptest::prelude::*;

    #[test]
    fn headroom_is_limited_as_new_kernels_do() {
        // The figures were probed on Linux 6.18.44: 1352 and 3400 are refused.
        assert!(UmemLayout::new(ChunkSize::K2, 1, 1344).is_ok());
        assert!(UmemLayout::new(ChunkSize::K4, 1, 3392).is_ok());
        assert_eq!(
            UmemLayout::new(ChunkSize::K2, 1, 1345),
            Err(LayoutError::Headroom { headroom: 1345, chunk_size: 2048, most: 1344 })
        );
    }

    #[test]
    fn a_umem_has_at_least_one_chunk() {
        assert!(matches!(UmemLayout::new(ChunkSize::K4, 0, 0), Err(LayoutError::Chunks { chunks: 0, .. })));
        assert!(matches!(UmemLayout::new(ChunkSize::K4, u32::MAX, 0), Err(LayoutError::Chunks { .. })));
    }

    #[test]
    fn the_message_says_what_to_do() {
        let error = UmemLayout::new(ChunkSize::K2, 8, 2000).unwrap_err();
        assert_eq!(
            alloc::string::ToString::to_string(&error),
            "a headroom of 2000 bytes does not fit chunks of 2048 bytes: at most 1344, or use larger chunks"
        );
    }

    fn any_layout() -> impl Strategy<Value = UmemLayout> {
        let size = prop_oneof![
            Just(ChunkSize::K2),
            Just(ChunkSize::K4),
            (2048u32..=4096).prop_map(ChunkSize::Unaligned)
        ];
        (size, 1u32..=1 << 15, 0u32..=1344)
            .prop_map(|(size, chunks, headroom)| UmemLayout::new(size, chunks, headroom).unwrap())
    }

    /// Addresses near the places where things go wrong, and anywhere.
    fn any_addr() -> impl Strategy<Value = u64> {
        prop_oneof![0u64..1 << 28, any::<u64>(), (0u64..64).prop_map(|back| u64::MAX - back)]
    }

    proptest! {
        /// Against the obvious definition, in numbers that cannot overflow.
        #[test]
        fn a_place_lies_in_one_chunk_of_the_umem(layout in any_layout(), addr in any_addr(), len in prop_oneof![0u32..8192, any::<u32>()]) {
            let size = u128::from(layout.chunk_size().bytes());
            let (raw, addr) = (addr, if layout.is_unaligned() { Addr(addr).data() } else { addr });
            let (first, end) = (u128::from(addr), u128::from(addr) + u128::from(len));
            let inside = first < layout.bytes() as u128 && end <= (first / size + 1) * size;
            let place = layout.place(Desc { addr: Addr(raw), len, options: Options::NONE });
            prop_assert_eq!(place.is_some(), inside);
            if let Some(place) = place {
                prop_assert_eq!(layout.addr(place.chunk) + u64::from(place.offset), addr);
                prop_assert_eq!(layout.chunk_start(raw), layout.addr(place.chunk));
                prop_assert!(place.offset + place.len <= layout.chunk_size().bytes());
            }
        }

        #[test]
        fn a_chunk_is_found_by_any_address_in_it(layout in any_layout(), pick: u32, offset in 0u64..2048) {
            let chunk = Chunk(pick % layout.chunks());
            prop_assert_eq!(layout.chunk(layout.addr(chunk) + offset), Some(chunk));
        }
    }
}
