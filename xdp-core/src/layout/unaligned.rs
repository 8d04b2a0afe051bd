//! The geometry of a UMEM with unaligned chunks: chunks of any size, one behind the other.
//!
//! In this mode (`XDP_UMEM_UNALIGNED_CHUNK_FLAG`, Minimum kernel: 5.4) an address in a ring has two parts: the lower 48
//! bits are a base, the upper 16 an offset, and the data begins at their sum (see [`Addr`]). The kernel names what it
//! received as the base that it found in the fill ring and an offset; a completion is the address that was sent,
//! unchanged. Both parts together name a byte, and with it a chunk, so a plain address (offset 0) and one in two parts
//! mean the same here.
//!
//! What the kernel accepts (`xp_check_unaligned`, `xp_unaligned_validate_desc` in `net/xdp`): to fill, a base with a
//! whole chunk size behind it in the UMEM; to send, 1 byte to a chunk size of bytes inside the UMEM. It knows no chunk
//! borders: a fill address amid a chunk is received into as it stands, and reaches into the next one. So fill with
//! [`UnalignedLayout::addr`] only.
//!
//! - L4 2048 <= chunk size <= 4096, so an offset fits 16 bits, and an address with its offset 49.
//! - L5 `chunks * chunk size` fits a `usize` and 48 bits; headroom as in L3.

use super::{Chunk, Place, RESERVED, XDP_PACKET_HEADROOM};
use crate::desc::{Addr, Desc};

/// The smallest and the largest chunk in bytes: what the kernel demands, and the smallest page of any machine.
const LEAST: u32 = 2048;
const MOST: u32 = 4096;

/// The geometry of a UMEM with unaligned chunks. Minimum kernel: 5.4.
///
/// Worth its price (a multiplication where [`UmemLayout`](super::UmemLayout) has a shift, and the kernel's own search
/// for a free buffer) when frames of a little over 2 KiB would waste most of a 4 KiB chunk.
///
/// ```
/// use xdp_core::layout::{Chunk, UnalignedLayout};
/// use xdp_core::{Addr, Desc};
///
/// let layout = UnalignedLayout::new(3000, 64, 0)?;
/// assert_eq!(layout.addr(Chunk(2)), 6000);                   // what goes into the fill ring
/// let received = Addr::unaligned(6000, 256);                 // what the kernel answers
/// let place = layout.place(Desc { addr: received, len: 60, ..Desc::default() }).unwrap();
/// assert_eq!((place.chunk, place.offset), (Chunk(2), 256));
/// # Ok::<(), xdp_core::layout::UnalignedError>(())
/// ```
#[doc(alias = "XDP_UMEM_UNALIGNED_CHUNK_FLAG")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnalignedLayout {
    chunk_bytes: u32,
    /// 2^64 divided by the chunk size, rounded up: a division on every packet becomes a multiplication.
    reciprocal: u64,
    chunks: u32,
    headroom: u32,
}

/// Why a UMEM with unaligned chunks cannot have this geometry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnalignedError {
    /// A chunk size that the kernel does not take, or not on every machine.
    #[error("an unaligned chunk has {least} to {most} bytes, not {chunk_bytes}")]
    ChunkSize {
        /// What was asked for, in bytes.
        chunk_bytes: u32,
        /// The smallest size, in bytes.
        least: u32,
        /// The largest size, in bytes.
        most: u32,
    },
    /// No chunks, or more than addresses can tell apart.
    #[error("a UMEM needs 1 to {most} chunks of {chunk_bytes} bytes, not {chunks}")]
    Chunks {
        /// What was asked for.
        chunks: u32,
        /// Bytes in a chunk.
        chunk_bytes: u32,
        /// The largest count that works.
        most: u32,
    },
    /// The headroom leaves too little of the chunk.
    #[error(
        "a headroom of {headroom} bytes does not fit chunks of {chunk_bytes} bytes: at most {most}, or use larger \
         chunks"
    )]
    Headroom {
        /// What was asked for, in bytes.
        headroom: u32,
        /// Bytes in a chunk.
        chunk_bytes: u32,
        /// The largest headroom that works, in bytes.
        most: u32,
    },
}

impl UnalignedLayout {
    /// Checks the geometry: chunks of 2048 to 4096 bytes, `headroom` in bytes beyond the 256 that the kernel keeps free
    /// anyway.
    ///
    /// # Errors
    ///
    /// [`UnalignedError`] for another chunk size, no or too many chunks, or too much headroom.
    pub const fn new(chunk_bytes: u32, chunks: u32, headroom: u32) -> Result<Self, UnalignedError> {
        if chunk_bytes < LEAST || chunk_bytes > MOST {
            return Err(UnalignedError::ChunkSize { chunk_bytes, least: LEAST, most: MOST });
        }
        // L5; the last value is kept free so that a chunk's number plus one still fits a `u32`.
        let most = if usize::BITS < 64 { i32::MAX as u32 / chunk_bytes } else { u32::MAX - 1 };
        if chunks == 0 || chunks > most {
            return Err(UnalignedError::Chunks { chunks, chunk_bytes, most });
        }
        let most = chunk_bytes - RESERVED;
        if headroom > most {
            return Err(UnalignedError::Headroom { headroom, chunk_bytes, most });
        }
        let reciprocal = u64::MAX / chunk_bytes as u64 + 1;
        Ok(Self { chunk_bytes, reciprocal, chunks, headroom })
    }

    /// Bytes in a chunk.
    #[inline]
    pub const fn chunk_bytes(&self) -> u32 {
        self.chunk_bytes
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

    /// The address of a chunk's first byte: what the fill ring wants.
    #[inline]
    pub const fn addr(&self, chunk: Chunk) -> u64 {
        chunk.0 as u64 * self.chunk_bytes as u64
    }

    /// The address of a byte of a chunk in two parts, as the kernel writes it; none if the chunk has no such byte. The
    /// tx ring takes it, and the sum of its parts as well.
    #[inline]
    pub const fn addr_at(&self, chunk: Chunk, offset: u32) -> Option<Addr> {
        // L4: the offset fits.
        if chunk.0 < self.chunks && offset < self.chunk_bytes {
            Some(Addr::unaligned(self.addr(chunk), offset as u16))
        } else {
            None
        }
    }

    /// The number of the chunk that would hold an address, in the UMEM or not.
    #[inline]
    pub const fn chunk_number(&self, addr: u64) -> u64 {
        // Exact: the rounding of the reciprocal is below the chunk size, so below 2^12, the address is below 2^49, and
        // their product below 2^64 (L4).
        ((Addr(addr).data() as u128 * self.reciprocal as u128) >> 64) as u64
    }

    /// Bytes from the start of its chunk to an address.
    #[inline]
    pub const fn offset(&self, addr: u64) -> u32 {
        (Addr(addr).data() - self.chunk_start(addr)) as u32
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
        self.chunk_number(addr) * self.chunk_bytes as u64
    }

    /// Whether a descriptor's bytes end inside the chunk that they begin in; the chunk itself is not looked at.
    #[inline]
    pub const fn fits(&self, desc: Desc) -> bool {
        self.offset(desc.addr.0) as u64 + desc.len as u64 <= self.chunk_bytes as u64
    }

    /// Where a descriptor's bytes lie, if they lie inside one chunk of the UMEM.
    ///
    /// For addresses and lengths that the kernel (or another process) wrote, before they become a slice.
    #[inline]
    pub const fn place(&self, desc: Desc) -> Option<Place> {
        let Addr(addr) = desc.addr;
        match self.chunk(addr) {
            Some(chunk) if self.fits(desc) => Some(Place { chunk, offset: self.offset(addr), len: desc.len }),
            _ => None,
        }
    }

    /// The chunks that lie inside one page of `page_bytes` each (4096, or 2097152 for huge pages).
    ///
    /// In zero-copy mode only these work for certain: a chunk that runs on into a page which does not follow in the
    /// device's address space is refused, and the kernel says so nowhere: it takes such an address out of the fill ring
    /// and drops it. With 4 KiB pages hardly any chunk is left, so back the memory with huge pages. In copy mode all
    /// chunks work.
    pub fn within_pages(&self, page_bytes: u32) -> impl Iterator<Item = Chunk> + '_ {
        let page = u64::from(page_bytes.max(1));
        let (bytes, last) = (u64::from(self.chunk_bytes), u64::from(self.chunk_bytes) - 1);
        let is_within = move |number: &u32| {
            let first = u64::from(*number) * bytes;
            first / page == (first + last) / page
        };
        (0..self.chunks).filter(is_within).map(Chunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    #[test]
    fn chunk_sizes_are_those_that_the_kernel_takes_and_need_no_power_of_two() {
        for bytes in [2048, 2049, 3000, 4095, 4096] {
            assert_eq!(
                UnalignedLayout::new(bytes, 3, 0).map(|layout| layout.bytes()),
                Ok(3 * bytes as usize)
            );
        }
        for bytes in [0, 2047, 4097, u32::MAX] {
            let error = UnalignedLayout::new(bytes, 3, 0).unwrap_err();
            assert_eq!(error, UnalignedError::ChunkSize { chunk_bytes: bytes, least: 2048, most: 4096 });
        }
        assert!(matches!(UnalignedLayout::new(3000, 0, 0), Err(UnalignedError::Chunks { chunks: 0, .. })));
        assert!(matches!(UnalignedLayout::new(3000, u32::MAX, 0), Err(UnalignedError::Chunks { .. })));
    }

    #[test]
    fn the_message_says_what_to_do_about_headroom() {
        assert!(UnalignedLayout::new(3000, 1, 3000 - 704).is_ok());
        assert_eq!(
            UnalignedLayout::new(3000, 1, 3000 - 703).unwrap_err().to_string(),
            "a headroom of 2297 bytes does not fit chunks of 3000 bytes: at most 2296, or use larger chunks"
        );
    }

    /// The multiplication stands for a division: on both sides of every chunk border near the ends of what an address
    /// can say, for every chunk size.
    #[test]
    fn the_chunk_is_found_as_by_division_for_every_chunk_size() {
        for bytes in 2048..=4096u32 {
            let layout = UnalignedLayout::new(bytes, u32::MAX - 1, 0).unwrap();
            let size = u64::from(bytes);
            let last = (1 << 48) - 1;
            for number in [0, 1, 77, u64::from(u32::MAX), last / size - 1, last / size] {
                for addr in [(number * size).saturating_sub(1), number * size, number * size + 1] {
                    let addr = addr.min(last);
                    assert_eq!(layout.chunk_number(addr), addr / size);
                    let (base, offset) = (addr.saturating_sub(0xffff), addr.min(0xffff) as u16);
                    assert_eq!(layout.chunk_number(Addr::unaligned(base, offset).0), addr / size);
                }
            }
            let furthest = Addr::unaligned(last, u16::MAX);
            assert_eq!(layout.chunk_number(furthest.0), (last + 0xffff) / size);
        }
    }

    #[test]
    fn chunks_that_cross_a_page_are_left_out() {
        let layout = UnalignedLayout::new(3000, 9, 0).unwrap();
        let within: Vec<u32> = layout.within_pages(4096).map(|chunk| chunk.0).collect();
        assert_eq!(within, [0, 3, 7]); // 0..3000, 9000..12000 and 21000..24000
        assert_eq!(layout.within_pages(2 << 20).count(), 9);
        assert_eq!(UnalignedLayout::new(4096, 9, 0).unwrap().within_pages(4096).count(), 9);
    }
}
