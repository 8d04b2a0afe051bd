//! Our end of a ring that we empty. The invariants R1 to R4 stand in `ring`.

#![allow(unsafe_code, reason = "reads published slots, proven against R1 to R4")]

use core::ptr::NonNull;

use super::{Entry, RingMemory, RingWatch};
use crate::cursor::{Consumer, Span};
use crate::sync::Ordering;

/// A ring that we empty: completion (`u64`) or rx ([`Desc`](crate::desc::Desc)).
#[derive(Debug)]
pub struct ConsumerRing<T> {
    cursor: Consumer,
    memory: RingMemory<T>,
}

impl<T: Entry> ConsumerRing<T> {
    /// Takes up a ring where its consumer word stands.
    pub fn new(memory: RingMemory<T>) -> Self {
        // Relaxed: as in `ProducerRing::new`.
        let next = memory.consumer().load(Ordering::Relaxed);
        Self { cursor: Consumer::new(memory.entries, next), memory }
    }

    /// A watch on this ring; it keeps the memory mapped.
    pub fn watch(&self) -> RingWatch {
        self.memory.watch()
    }

    /// Up to `want` published entries, to be read and then released.
    #[inline]
    pub fn peek(&mut self, want: u32) -> Peeked<'_, T> {
        let span = self.cursor.peek(want, self.memory.producer());
        Peeked { len: span.len, ring: self }
    }

    /// Reads and releases as many entries as are there and fit `target`; returns how many.
    #[inline]
    pub fn release_into(&mut self, target: &mut [T]) -> usize {
        if let [entry] = target {
            return match self.pop() {
                Some(popped) => {
                    *entry = popped;
                    1
                }
                None => 0,
            };
        }
        let mut batch = self.peek(u32::try_from(target.len()).unwrap_or(u32::MAX));
        let len = batch.len() as usize;
        let (first, second) = batch.runs();
        let (before, after) = target[..len].split_at_mut(first.len());
        before.copy_from_slice(first);
        after.copy_from_slice(second);
        batch.release(len as u32);
        len
    }

    /// Reads and releases one entry.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        let index = self.cursor.peek_one(self.memory.producer())?;
        // SAFETY: the slot is published and not released (R3), valid and initialised (R1, R2), and any bits are a
        // value (R4).
        let entry = unsafe { self.memory.slot(index).read() };
        self.cursor.advance(1, self.memory.consumer());
        Some(entry)
    }

    /// The first `n` entries of those that the last [`ConsumerRing::peek`] has seen, without another look.
    #[inline]
    pub fn seen(&self, n: u32) -> (&[T], &[T]) {
        let span = Span { first: self.cursor.next(), len: n.min(self.cursor.available()) };
        // SAFETY: the span is published and not released (R3), at most `entries` long (C2); the slices borrow `self`,
        // and releasing needs it mutably.
        unsafe { self.memory.runs(span) }
    }

    /// As [`ConsumerRing::seen`], to be changed in place: what is not released is ours, and the other side never reads it.
    #[inline]
    pub fn seen_mut(&mut self, n: u32) -> (&mut [T], &mut [T]) {
        let span = Span { first: self.cursor.next(), len: n.min(self.cursor.available()) };
        // SAFETY: the span is published and not released (R3), so the other side does not touch it, at most `entries`
        // long (C2); the slices borrow `self` mutably, so no other reference to the slots exists while they live.
        unsafe { self.memory.runs_mut(span) }
    }

    /// The entry at `i` of those that the last [`ConsumerRing::peek`] has seen.
    #[inline]
    pub fn seen_at(&self, i: u32) -> Option<T> {
        if i >= self.cursor.available() {
            return None;
        }
        let slot = self.memory.slot(self.cursor.next().wrapping_add(i));
        // SAFETY: `i < available`, so the slot is published and not released (R3), valid (R1, R2), and any bits are a
        // value (R4).
        Some(unsafe { slot.read() })
    }

    /// Releases the first `n` entries of those that were seen, at most as many as there are.
    #[inline]
    pub fn release(&mut self, n: u32) {
        self.cursor.release(n, self.memory.consumer());
    }

    /// The ring's length.
    pub const fn entries(&self) -> u32 {
        self.cursor.entries().get()
    }

    /// Entries published that we have not released, by a fresh look.
    #[inline]
    pub fn waiting(&self) -> u32 {
        self.cursor.waiting(self.memory.producer())
    }

    /// How often the other side's word was impossible and was ignored.
    pub const fn faults(&self) -> u32 {
        self.cursor.faults()
    }
}

/// Published entries of a [`ConsumerRing`]; what is not released when this is dropped is offered again.
#[derive(Debug)]
pub struct Peeked<'r, T> {
    ring: &'r mut ConsumerRing<T>,
    len: u32,
}

impl<'r, T: Entry> Peeked<'r, T> {
    /// Entries that are not released yet.
    #[inline]
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// Whether no entry is left.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The entries that are not released yet, as the runs before and after the wrap.
    #[inline]
    pub fn runs(&self) -> (&[T], &[T]) {
        let span = Span { first: self.ring.cursor.next(), len: self.len };
        // SAFETY: `len` entries from the next one are published and not released, at most `entries` of them: `len`
        // was at most what was seen, and only `release` on `self` moves either (R3, C2). The slices borrow `self`,
        // and releasing needs it mutably.
        unsafe { self.ring.memory.runs(span) }
    }

    /// The entry at `i`, counted from the first that is not released.
    #[inline]
    pub fn get(&self, i: u32) -> Option<T> {
        if i >= self.len {
            return None;
        }
        let slot = self.ring.memory.slot(self.ring.cursor.next().wrapping_add(i));
        // SAFETY: `len` entries from the next one are published and not released: `len` was at most what was seen,
        // and only `release` on `self` moves either (R3). So the slot is valid (R1, R2), and any bits are a value
        // (R4).
        Some(unsafe { slot.read() })
    }

    /// The entries one by one, each of which counts as read when it is yielded.
    #[inline]
    pub fn drain(self) -> Drain<'r, T> {
        let memory = &self.ring.memory;
        let next = memory.slot(self.ring.cursor.next());
        let (first, last) = (memory.slot(0), memory.slot(memory.entries.mask()));
        Drain { next, first, last, taken: 0, len: self.len, ring: self.ring }
    }

    /// Gives the next `n` entries back, at most what is left. May be called several times.
    #[inline]
    pub fn release(&mut self, n: u32) {
        let n = n.min(self.len);
        self.len -= n;
        // What is left of the range was seen published, and only this moves it.
        self.ring.cursor.advance(n, self.ring.memory.consumer());
    }
}

/// Published entries of a [`ConsumerRing`], taken one by one; those that were yielded are released when this is
/// dropped. If it is forgotten, they are offered again.
#[derive(Debug)]
pub struct Drain<'r, T: Entry> {
    /// The slot of the next entry.
    next: NonNull<T>,
    /// The ring's first slot, and its last.
    first: NonNull<T>,
    last: NonNull<T>,
    taken: u32,
    /// Entries from the cursor's next one on that were seen published; they stay so while this borrows the ring.
    len: u32,
    ring: &'r mut ConsumerRing<T>,
}

// SAFETY: the pointer is one into the ring's memory, and this has the ring's end alone, which may go to any thread.
unsafe impl<T: Entry> Send for Drain<'_, T> {}

// SAFETY: as above; a shared reference only tells numbers.
unsafe impl<T: Entry> Sync for Drain<'_, T> {}

impl<T: Entry> Drain<'_, T> {
    /// Entries that were yielded.
    #[inline]
    pub const fn taken(&self) -> u32 {
        self.taken
    }
}

impl<T: Entry> Iterator for Drain<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        if self.taken == self.len {
            return None;
        }
        self.taken += 1;
        let slot = self.next;
        // SAFETY: a slot of the ring (R2), so that behind it is another, or the end of the slots.
        let behind = unsafe { slot.add(1) };
        self.next = if slot == self.last { self.first } else { behind };
        // SAFETY: one of the `len` slots that are published and not released (R3), valid (R1, R2), and any bits are a
        // value (R4).
        Some(unsafe { slot.read() })
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.len - self.taken) as usize;
        (left, Some(left))
    }
}

impl<T: Entry> ExactSizeIterator for Drain<'_, T> {}

impl<T: Entry> Drop for Drain<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // The word is one that the other side reads: left alone while there is nothing to tell.
        if self.taken > 0 {
            // No more than was seen published.
            self.ring.cursor.advance(self.taken, self.ring.memory.consumer());
        }
    }
}
