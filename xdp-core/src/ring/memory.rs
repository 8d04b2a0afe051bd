//! The raw memory of one ring: its words as atomics, its slots as pointers and runs. The invariants R1 to R4 stand in
//! `ring`.

#![allow(unsafe_code, reason = "raw access to the shared ring memory, proven against R1 to R4")]

use alloc::sync::Arc;
use core::fmt;
use core::ptr::NonNull;

use super::{Entry, Owner, RingOffsets, RingWatch};
use crate::cursor::{Entries, Span};
use crate::sync::AtomicU32;

/// The memory of one ring.
pub struct RingMemory<T> {
    producer: NonNull<AtomicU32>,
    consumer: NonNull<AtomicU32>,
    flags: NonNull<AtomicU32>,
    slots: NonNull<T>,
    pub(super) entries: Entries,
    _owner: Owner,
}

// SAFETY: R1 makes the pointers valid on every thread as long as the owner lives, the owner is `Send + Sync`, and
// every access goes through the one ring end that owns this value, or through atomics.
unsafe impl<T: Entry> Send for RingMemory<T> {}

// SAFETY: a shared reference reaches only the three words, and those only as atomics; slots are reached through
// `&mut` ring ends.
unsafe impl<T: Entry> Sync for RingMemory<T> {}

impl<T> fmt::Debug for RingMemory<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RingMemory").field("entries", &self.entries.get()).finish_non_exhaustive()
    }
}

impl<T: Entry> RingMemory<T> {
    /// Describes the ring that lies at `base`.
    ///
    /// # Safety
    ///
    /// Until `owner` is dropped, `base + offset` must point, for each of the first three offsets, to an initialised,
    /// 4-byte aligned `u32` that is only accessed atomically, and for `offsets.entries` to `entries` initialised,
    /// aligned values of `T`; and nobody but the other side of this ring, by the ring's protocol, may write there. At
    /// most one ring end on our side may be made from the same memory.
    pub unsafe fn new(base: NonNull<u8>, offsets: RingOffsets, entries: Entries, owner: Owner) -> Self {
        // SAFETY: in bounds of the mapping by the caller's contract.
        let producer = unsafe { base.add(offsets.producer) };
        // SAFETY: as above.
        let consumer = unsafe { base.add(offsets.consumer) };
        // SAFETY: as above.
        let flags = unsafe { base.add(offsets.flags) };
        // SAFETY: as above.
        let slots = unsafe { base.add(offsets.entries) };
        Self {
            producer: producer.cast(),
            consumer: consumer.cast(),
            flags: flags.cast(),
            slots: slots.cast(),
            entries,
            _owner: owner,
        }
    }

    #[inline]
    pub(crate) fn producer(&self) -> &AtomicU32 {
        // SAFETY: R1; the owner lives in `self`, which the reference borrows.
        unsafe { self.producer.as_ref() }
    }

    #[inline]
    pub(crate) fn consumer(&self) -> &AtomicU32 {
        // SAFETY: R1; the owner lives in `self`, which the reference borrows.
        unsafe { self.consumer.as_ref() }
    }

    #[inline]
    pub(crate) fn flags(&self) -> &AtomicU32 {
        // SAFETY: R1; the owner lives in `self`, which the reference borrows.
        unsafe { self.flags.as_ref() }
    }

    #[inline]
    pub(crate) fn slot(&self, index: u32) -> NonNull<T> {
        // SAFETY: R2 keeps the offset below `entries`, R1 makes those valid.
        unsafe { self.slots.add((index & self.entries.mask()) as usize) }
    }

    /// The lengths of a span's runs before and after the wrap.
    #[inline]
    fn split(&self, span: Span) -> (usize, usize) {
        let before = span.len.min(self.entries.mask() - (span.first & self.entries.mask()) + 1);
        (before as usize, (span.len - before) as usize)
    }

    /// # Safety
    ///
    /// The span is ours by R3 for as long as the slices live, and `span.len <= entries`.
    #[inline]
    pub(super) unsafe fn runs<'s>(&self, span: Span) -> (&'s [T], &'s [T]) {
        let (before, after) = self.split(span);
        // SAFETY: `before` slots from here stay below `entries` (see `split`); R1, R4, and R3 by the caller.
        let first = unsafe { core::slice::from_raw_parts(self.slot(span.first).as_ptr(), before) };
        // SAFETY: `after < entries` slots from the ring's start, disjoint from the first run since `span.len <=
        // entries`.
        let second = unsafe { core::slice::from_raw_parts(self.slots.as_ptr(), after) };
        (first, second)
    }

    /// # Safety
    ///
    /// As [`RingMemory::runs`], and no other reference to these slots exists.
    #[inline]
    pub(super) unsafe fn runs_mut<'s>(&self, span: Span) -> (&'s mut [T], &'s mut [T]) {
        let (before, after) = self.split(span);
        // SAFETY: as in `runs`; exclusive by the caller.
        let first = unsafe { core::slice::from_raw_parts_mut(self.slot(span.first).as_ptr(), before) };
        // SAFETY: as in `runs`; exclusive by the caller.
        let second = unsafe { core::slice::from_raw_parts_mut(self.slots.as_ptr(), after) };
        (first, second)
    }

    /// A watch on this ring; it keeps the memory mapped.
    pub fn watch(&self) -> RingWatch {
        RingWatch {
            producer: self.producer,
            consumer: self.consumer,
            entries: self.entries,
            _owner: Arc::clone(&self._owner),
        }
    }
}
