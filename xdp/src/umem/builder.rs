//! How a UMEM is to be, and why there is none.

#![allow(unsafe_code, reason = "takes memory on trust, by a constructor that says so")]

use std::ptr::NonNull;

use xdp_core::layout::{ChunkSize, LayoutError, UmemLayout};

use super::Umem;
use crate::metadata::Reserve;
use crate::sys::{self, Mapping, Pages};

/// Whether the packet memory is backed by huge pages (2 MiB), which spares address translations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HugePages {
    /// Ordinary pages.
    #[default]
    Never,
    /// Huge pages if the system has free ones, else ordinary pages; [`Umem::has_huge_pages`] says which.
    Prefer,
    /// Huge pages or an error.
    Require,
}

/// Why there is no UMEM.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UmemError {
    /// The geometry does not work.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The system has no free huge pages and they were required.
    #[error(
        "no {bytes} bytes of free huge pages: reserve {pages} of 2 MiB in /proc/sys/vm/nr_hugepages, or let the \
         library fall back to ordinary pages"
    )]
    HugePages {
        /// Bytes asked for, rounded up to whole huge pages.
        bytes: usize,
        /// The same in huge pages.
        pages: usize,
        /// What the kernel said.
        #[source]
        cause: std::io::Error,
    },
    /// The memory that was given is too short.
    #[error("the memory has {len} bytes and the chunks need {needed}: use fewer, or more memory")]
    ShortMemory {
        /// Bytes that were given.
        len: usize,
        /// Bytes that the chunks need.
        needed: usize,
    },
    /// The memory that was given does not begin with a page: the kernel would refuse it.
    #[error("the memory does not begin with a page: map it, or allocate it so")]
    UnalignedMemory,
    /// The kernel has no memory for it.
    #[error("the kernel gave no {bytes} bytes of memory: use fewer chunks")]
    Memory {
        /// Bytes asked for.
        bytes: usize,
        /// What the kernel said.
        #[source]
        cause: std::io::Error,
    },
}

/// How a [`Umem`] is to be.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct UmemBuilder {
    chunks: u32,
    chunk_size: ChunkSize,
    headroom: u32,
    huge_pages: HugePages,
    reserve: Reserve,
}

impl Default for UmemBuilder {
    /// 4096 chunks of 4 KiB on ordinary pages.
    fn default() -> Self {
        Self {
            chunks: 4096,
            chunk_size: ChunkSize::K4,
            headroom: 0,
            huge_pages: HugePages::Never,
            reserve: Reserve::Nothing,
        }
    }
}

impl UmemBuilder {
    /// How many chunks, 1 or more; 4096 if not said. A socket wants about twice its rx ring and its tx ring.
    pub fn chunks(mut self, chunks: u32) -> Self {
        self.chunks = chunks;
        self
    }

    /// The size of a chunk; 4 KiB if not said.
    pub fn chunk_size(mut self, size: ChunkSize) -> Self {
        self.chunk_size = size;
        self
    }

    /// Chunks of any size from 2048 to 4096 bytes, one right behind the other: for frames of a little over 2 KiB, of
    /// which 4 KiB would waste most.
    ///
    /// An odd size gets one byte more: kernels from 6.18 on keep a mark in the lowest bit of an address until the frame
    /// has completed, and then clear it (`xsk_skb_destructor_set_addr`), so that no chunk may begin at an odd address.
    ///
    /// Costs a multiplication where aligned chunks have a mask. Zero-copy needs chunks whose pages lie side by side in
    /// the machine's memory: there, sockets want the whole UMEM in one huge page. Minimum kernel: 5.4.
    #[doc(alias = "XDP_UMEM_UNALIGNED_CHUNK_FLAG")]
    pub fn unaligned(mut self, chunk_bytes: u32) -> Self {
        self.chunk_size = ChunkSize::Unaligned(chunk_bytes);
        self
    }

    /// Bytes kept free in front of every frame, beyond the 256 that the kernel keeps for XDP programs; 0 if not said.
    pub fn headroom(mut self, bytes: u32) -> Self {
        self.headroom = bytes;
        self
    }

    /// Whether to use huge pages; never if not said.
    pub fn huge_pages(mut self, huge_pages: HugePages) -> Self {
        self.huge_pages = huge_pages;
        self
    }

    /// Keeps room for requests in front of every frame that is sent (see [`crate::metadata`]): 24 bytes more of
    /// headroom, which frames cannot grow into.
    ///
    /// Minimum kernel: 6.8; on older ones sockets are refused.
    #[doc(alias("XDP_UMEM_TX_METADATA_LEN", "tx_metadata_len"))]
    pub fn tx_metadata(mut self) -> Self {
        if self.reserve == Reserve::Nothing {
            self.reserve = Reserve::Metadata;
        }
        self
    }

    /// The same, and the kernel itself computes the checksums that are asked for, whatever the NIC could: for tests,
    /// as a veth pair hands a packet over with its checksum still to be computed. Sockets are in copy mode.
    ///
    /// Minimum kernel: 6.8; on older ones sockets are refused.
    #[doc(alias = "XDP_UMEM_TX_SW_CSUM")]
    pub fn software_checksum(mut self) -> Self {
        self.reserve = Reserve::SoftwareChecksum;
        self
    }

    /// Makes the UMEM of memory that is there already: a memfd that another process has mapped too, for example. How
    /// much of it is used, the chunks say; [`huge_pages`](UmemBuilder::huge_pages) is of no consequence.
    ///
    /// Packets can then be read and written by whoever shares the memory, without this library's knowledge: see below.
    ///
    /// # Safety
    ///
    /// - The `len` bytes from `memory` on are mapped, readable, writable and initialised as long as `owner` lives. It is
    ///   dropped when nothing refers to the memory any more, or never. (The kernel needs no mapping: it keeps the pages.)
    /// - Nobody else writes to a chunk while this process has it: as a frame, a batch or a free chunk of a pool. Nobody else
    ///   reads one that is being written to. Whoever shares the memory has to be told of a chunk, and gives it back before
    ///   its frame is used again.
    /// - No Rust reference to the memory is used but those that this library gives out.
    ///
    /// # Errors
    ///
    /// A geometry that does not work, or memory that is too short for it or does not begin with a page.
    pub unsafe fn build_on(
        self,
        memory: NonNull<u8>,
        len: usize,
        owner: impl Send + Sync + 'static,
    ) -> Result<Umem, UmemError> {
        const PAGE: usize = 4096;
        let (layout, reserve) = (self.layout()?, self.reserve);
        if len < layout.bytes() {
            return Err(UmemError::ShortMemory { len, needed: layout.bytes() });
        }
        if memory.as_ptr().addr() % PAGE != 0 {
            return Err(UmemError::UnalignedMemory);
        }
        let memory = Mapping::lent(memory, layout.bytes(), Box::new(owner));
        Ok(Umem::new(memory, Pages::Normal, layout, reserve))
    }

    /// The geometry that was asked for.
    fn layout(&self) -> Result<UmemLayout, UmemError> {
        let headroom = self.headroom.saturating_add(self.reserve.bytes());
        let chunk_size = match self.chunk_size {
            ChunkSize::Unaligned(bytes @ 2048..4096) => ChunkSize::Unaligned(bytes.next_multiple_of(2)),
            other => other,
        };
        Ok(UmemLayout::new(chunk_size, self.chunks, headroom)?)
    }

    /// Maps the memory. Nothing is locked or known to the kernel's network before a socket is bound.
    ///
    /// # Errors
    ///
    /// A geometry that does not work, or memory that the system does not have.
    pub fn build(self) -> Result<Umem, UmemError> {
        let layout = self.layout()?;
        let (memory, pages) = map(layout.bytes(), self.huge_pages)?;
        Ok(Umem::new(memory, pages, layout, self.reserve))
    }
}

fn map(bytes: usize, huge_pages: HugePages) -> Result<(Mapping, Pages), UmemError> {
    if huge_pages != HugePages::Never {
        match Mapping::anonymous(bytes, Pages::Huge) {
            Ok(mapping) => return Ok((mapping, Pages::Huge)),
            Err(errno) if huge_pages == HugePages::Require => {
                let pages = bytes.div_ceil(sys::HUGE_PAGE);
                let bytes = pages.saturating_mul(sys::HUGE_PAGE);
                return Err(UmemError::HugePages { bytes, pages, cause: sys::io_error(errno) });
            }
            Err(_) => {}
        }
    }
    match Mapping::anonymous(bytes, Pages::Normal) {
        Ok(mapping) => Ok((mapping, Pages::Normal)),
        Err(errno) => Err(UmemError::Memory { bytes, cause: sys::io_error(errno) }),
    }
}
