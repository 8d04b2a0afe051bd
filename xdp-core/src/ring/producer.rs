//! Our end of a ring that we fill. The invariants R1 to R4 stand in `ring`.

#![allow(unsafe_code, reason = "writes to reserved slots, proven against R1 to R4")]

use super::{Entry, RingMemory, RingWatch};
use crate::cursor::{Producer, Span};
use crate::sync::Ordering;
use crate::wake;

/// A ring that we fill: fill (`u64`) or tx ([`Desc`](crate::desc::Desc)).
#[derive(Debug)]
pub struct ProducerRing<T> {
    cursor: Producer,
    memory: RingMemory<T>,
}

impl<T: Entry> ProducerRing<T> {
    /// Takes up a ring where its producer word stands.
    pub fn new(memory: RingMemory<T>) -> Self {
        // Relaxed: the word is ours, and whoever had the ring before handed it to this thread with an ordering of its
        // own.
        let next = memory.producer().load(Ordering::Relaxed);
        Self { cursor: Producer::new(memory.entries, next), memory }
    }

    /// A watch on this ring; it keeps the memory mapped.
    pub fn watch(&self) -> RingWatch {
        self.memory.watch()
    }

    /// Up to `want` free slots, to be written and then submitted.
    #[inline]
    pub fn reserve(&mut self, want: u32) -> Reserved<'_, T> {
        let span = self.cursor.reserve(want, self.memory.consumer());
        Reserved { len: span.len, ring: self }
    }

    /// Writes and submits as many of `source` as there is room for; returns how many.
    #[inline]
    pub fn submit_from(&mut self, source: &[T]) -> usize {
        match source {
            [entry] => usize::from(self.push(*entry)),
            _ => self.submit_many(source),
        }
    }

    /// Apart, so that one entry pays for no registers that only many need.
    #[inline(never)]
    fn submit_many(&mut self, source: &[T]) -> usize {
        let mut batch = self.reserve(u32::try_from(source.len()).unwrap_or(u32::MAX));
        let len = batch.len() as usize;
        let (first, second) = batch.runs();
        let (before, after) = source[..len].split_at(first.len());
        first.copy_from_slice(before);
        if !after.is_empty() {
            second.copy_from_slice(after);
        }
        batch.submit(len as u32);
        len
    }

    /// Writes the slot `ahead` places behind the last submitted one, to be submitted later; false when there is no
    /// such free slot.
    #[inline]
    pub fn write_ahead(&mut self, ahead: u32, entry: T) -> bool {
        if ahead >= self.cursor.room()
            && self.cursor.reserve(ahead.saturating_add(1), self.memory.consumer()).len <= ahead
        {
            return false;
        }
        // SAFETY: `ahead` is below the room, so the slot is reserved (R3), valid (R1, R2), and takes any value (R4).
        unsafe { self.memory.slot(self.cursor.next().wrapping_add(ahead)).write(entry) };
        true
    }

    /// Submits the next `n` slots, which were written ahead; at most as many as were seen free.
    #[inline]
    pub fn submit(&mut self, n: u32) {
        self.cursor.submit(n, self.memory.producer());
    }

    /// Writes and submits one entry; false when the ring is full.
    #[inline]
    pub fn push(&mut self, entry: T) -> bool {
        let Some(index) = self.cursor.reserve_one(self.memory.consumer()) else { return false };
        // SAFETY: the slot is reserved (R3), valid (R1, R2), and takes any value (R4).
        unsafe { self.memory.slot(index).write(entry) };
        self.cursor.advance(1, self.memory.producer());
        true
    }

    /// The ring's length.
    pub const fn entries(&self) -> u32 {
        self.cursor.entries().get()
    }

    /// Entries submitted that the other side has not consumed yet.
    #[inline]
    pub fn outstanding(&self) -> u32 {
        self.cursor.outstanding(self.memory.consumer())
    }

    /// The flags word, read without ordering: a hint.
    #[inline]
    pub fn flags(&self) -> u32 {
        self.memory.flags().load(Ordering::Relaxed)
    }

    /// The flags word, read so that what was submitted is visible to a kernel that goes to sleep now (see [`wake`]).
    #[inline]
    pub fn flags_after_submit(&self) -> u32 {
        wake::flags_after_publish(self.memory.flags())
    }

    /// How often the other side's word was impossible and was ignored.
    pub const fn faults(&self) -> u32 {
        self.cursor.faults()
    }
}

/// Free slots of a [`ProducerRing`]; what is not submitted when this is dropped stays free.
#[derive(Debug)]
pub struct Reserved<'r, T> {
    ring: &'r mut ProducerRing<T>,
    len: u32,
}

impl<T: Entry> Reserved<'_, T> {
    /// Slots that are not submitted yet.
    #[inline]
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// Whether no slot is left.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The slots that are not submitted yet, as the runs before and after the wrap. They hold what was there a lap ago.
    #[inline]
    pub fn runs(&mut self) -> (&mut [T], &mut [T]) {
        let span = Span { first: self.ring.cursor.next(), len: self.len };
        // SAFETY: the span is reserved and not submitted (R3), at most `entries` long (C2); `self` is borrowed
        // mutably, so no other reference to the slots exists while these live.
        unsafe { self.ring.memory.runs_mut(span) }
    }

    /// Writes the slot at `i`, counted from the first that is not submitted; false when `i` is beyond the range.
    #[inline]
    pub fn write(&mut self, i: u32, entry: T) -> bool {
        if i >= self.len {
            return false;
        }
        let slot = self.ring.memory.slot(self.ring.cursor.next().wrapping_add(i));
        // SAFETY: `i < len`, so the slot is reserved (R3), valid (R1, R2), and takes any value (R4).
        unsafe { slot.write(entry) };
        true
    }

    /// Publishes the next `n` slots, at most what is left. May be called several times.
    #[inline]
    pub fn submit(&mut self, n: u32) {
        let n = n.min(self.len);
        self.len -= n;
        // What is left of the range was seen free, and only this moves it.
        self.ring.cursor.advance(n, self.ring.memory.producer());
    }
}
