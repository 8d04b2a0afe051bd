//! Ring memory on the heap: for the fake kernel, and for rings between threads.
//!
//! - H1 the block is allocated once, zeroed, page-aligned, and lives as long as any [`RingMemory`] on it (its owner).

#![allow(unsafe_code, reason = "allocates ring memory, and describes it to both ends (H1)")]

use alloc::alloc::{alloc_zeroed, dealloc, handle_alloc_error};
use alloc::sync::Arc;
use core::alloc::Layout;
use core::ptr::NonNull;

use super::{Entry, RingMemory, RingOffsets};
use crate::cursor::Entries;
use crate::sync::Ordering;

/// The layout of `struct xdp_ring` on Linux 6.18 (by probe): the two indices and the flags are kept apart from each
/// other's cache lines.
const OFFSETS: RingOffsets = RingOffsets { producer: 0, consumer: 128, flags: 196, entries: 320 };

impl<T: Entry> RingMemory<T> {
    /// The memory of one ring for its two ends, with both indices at `start`.
    pub(crate) fn on_heap(entries: Entries, start: u32) -> (Self, Self) {
        let slots = (entries.get() as usize).checked_mul(size_of::<T>());
        let bytes = slots.and_then(|slots| slots.checked_add(OFFSETS.entries));
        let block = Arc::new(Block::new(bytes.expect("the ring fits the address space")));
        let base = block.base;
        // SAFETY: the block is that large, zeroed and page-aligned, and lives as long as the owner that goes with it
        // (H1). Every caller makes one end of this value and the opposite end of the other.
        let one = unsafe { Self::new(base, OFFSETS, entries, block.clone()) };
        // SAFETY: as above.
        let other = unsafe { Self::new(base, OFFSETS, entries, block) };
        one.producer().store(start, Ordering::Relaxed);
        one.consumer().store(start, Ordering::Relaxed);
        (one, other)
    }
}

#[derive(Debug)]
struct Block {
    base: NonNull<u8>,
    layout: Layout,
}

// SAFETY: the block is only an allocation; all access goes through the `RingMemory` ends made from it, which have
// their own proof.
unsafe impl Send for Block {}

// SAFETY: as above: a shared block offers no access at all.
unsafe impl Sync for Block {}

impl Block {
    fn new(bytes: usize) -> Self {
        let layout =
            Layout::from_size_align(bytes, 4096).expect("at most 2^31 entries of 16 bytes fit an allocation");
        // SAFETY: the size is not zero: it begins with the ring's words.
        let base = unsafe { alloc_zeroed(layout) };
        match NonNull::new(base) {
            Some(base) => Self { base, layout },
            None => handle_alloc_error(layout),
        }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout; the owner count says that no ring end is left (H1).
        unsafe { dealloc(self.base.as_ptr(), self.layout) };
    }
}
