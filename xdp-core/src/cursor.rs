//! One user-space end of a ring shared with the kernel: index arithmetic and nothing more.
//!
//! Not here: the memory (`ring`), waking (`wake`), frame ownership (`frames`). The shared words are parameters, so that
//! tests need no memory tricks.
//!
//! - C1 `entries` is a power of two, 1..=2^31 ([`Entries`]).
//! - C2 0 <= `limit - next` <= `entries`, wrapping: what we may use, as last seen; only we make it smaller. A word of
//!   the other side that would break this, or that takes back what was ours already, is refused and counted in
//!   `faults`; the last good view stays.
//! - C3 our own index has one writer, us; it is never read back from shared memory.
//!
//! | # | access | order | pairs with (`net/xdp/xsk_queue.h`) |
//! |---|--------|-------|------------------------------------|
//! | 1 | store own producer | Release | `smp_load_acquire(&q->ring->producer)` in `__xskq_cons_peek`: entries are seen whole |
//! | 2 | load kernel's consumer | Acquire | `smp_store_release(&q->ring->consumer)` in `__xskq_cons_release`: the slots are ours |
//! | 3 | load kernel's producer | Acquire | `smp_store_release(&q->ring->producer)` in `__xskq_prod_submit`: all is seen whole |
//! | 4 | store own consumer | Release | `READ_ONCE(q->ring->consumer)` in `xskq_prod_nb_free`: our reads are done by then |
//! | 12 | load a consumer from outside | Acquire | row 4, or the kernel's as row 2: its producer is seen as far, at least |
//!
//! The kernel's own producers make do with a control dependency where we have row 2; a compiler may break one, so
//! Acquire.

use crate::sync::{AtomicU32, Ordering, row};

/// The number of entries of a ring: a power of two, 1..=2^31.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entries {
    /// One less than the number: what is needed on every access.
    mask: u32,
}

impl Entries {
    /// Accepts a power of two from 1 to 2^31, refuses everything else.
    pub const fn new(entries: u32) -> Option<Self> {
        if entries.is_power_of_two() { Some(Self { mask: entries - 1 }) } else { None }
    }

    /// The number itself.
    pub const fn get(self) -> u32 {
        self.mask + 1
    }

    /// What an index is masked with to become a slot.
    pub const fn mask(self) -> u32 {
        self.mask
    }
}

/// A range of indices: `len` entries from the free-running index `first`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The free-running index of the first entry.
    pub first: u32,
    /// How many entries.
    pub len: u32,
}

/// Entries that are published and not yet consumed, as seen from outside both ends; at most the ring's length. Exact
/// while neither end moves.
pub(crate) fn pending(entries: Entries, producer: &AtomicU32, consumer: &AtomicU32) -> u32 {
    consumed_and_pending(entries, producer, consumer).1
}

/// The consumer's index, and what [`pending`] tells.
pub(crate) fn consumed_and_pending(
    entries: Entries,
    producer: &AtomicU32,
    consumer: &AtomicU32,
) -> (u32, u32) {
    // The consumer first: what it has passed the producer has passed too, and the difference cannot wrap.
    let consumed = consumer.load(row(12, Ordering::Acquire));
    (consumed, producer.load(Ordering::Relaxed).wrapping_sub(consumed).min(entries.get()))
}

/// Our end of a ring that we fill: the fill ring or the tx ring.
#[derive(Debug)]
pub struct Producer {
    /// The index of the next entry that we publish; equal to our shared word.
    next: u32,
    /// The first index that we may not use yet, as last seen.
    limit: u32,
    entries: Entries,
    faults: u32,
}

impl Producer {
    /// An end that goes on at the index `next` of our own shared word; the kernel has consumed nothing beyond it.
    pub const fn new(entries: Entries, next: u32) -> Self {
        Self { next, limit: next, entries, faults: 0 }
    }

    /// The ring's length.
    pub const fn entries(&self) -> Entries {
        self.entries
    }

    /// The index of the next entry that will be submitted.
    pub const fn next(&self) -> u32 {
        self.next
    }

    /// How often the kernel's word was impossible and was ignored.
    pub const fn faults(&self) -> u32 {
        self.faults
    }

    /// Entries that can be written without looking at the kernel's word again.
    #[inline]
    pub const fn room(&self) -> u32 {
        self.limit.wrapping_sub(self.next)
    }

    /// Up to `want` entries that are free to be written, from the next index on.
    ///
    /// Claims nothing: what is not submitted is offered again. Reads the kernel's word only if the last view is too
    /// short.
    #[inline]
    pub fn reserve(&mut self, want: u32, kernel_consumer: &AtomicU32) -> Span {
        let (first, mut room) = (self.next, self.room());
        if room < want {
            room = self.refresh(first, room, kernel_consumer);
        }
        Span { first, len: room.min(want) }
    }

    /// Publishes the next `n` entries, at most as many as were last seen free.
    #[inline]
    pub fn submit(&mut self, n: u32, own_producer: &AtomicU32) {
        self.advance(n.min(self.room()), own_producer);
    }

    /// As [`Producer::submit`], for those who know that `n` entries were seen free.
    #[inline]
    pub(crate) fn advance(&mut self, n: u32, own_producer: &AtomicU32) {
        self.next = self.next.wrapping_add(n);
        own_producer.store(self.next, row(1, Ordering::Release));
    }

    /// The next index, if its entry is free to be written: [`Producer::reserve`] of one.
    #[inline]
    pub(crate) fn reserve_one(&mut self, kernel_consumer: &AtomicU32) -> Option<u32> {
        let next = self.next;
        if self.limit == next {
            let limit = kernel_consumer.load(row(2, Ordering::Acquire)).wrapping_add(self.entries.get());
            // C2 and "not none" in one comparison: `1 <= room <= entries`.
            if limit.wrapping_sub(next).wrapping_sub(1) > self.entries.mask() {
                self.faults = self.faults.saturating_add(u32::from(limit != next));
                return None;
            }
            self.limit = limit;
        }
        Some(next)
    }

    /// Submitted entries that the kernel has not consumed, by a fresh look that orders nothing.
    pub fn outstanding(&self, kernel_consumer: &AtomicU32) -> u32 {
        // Relaxed: the number is a hint (for waking, for statistics); no slot is reused on the strength of it.
        self.next.wrapping_sub(kernel_consumer.load(Ordering::Relaxed)).min(self.entries.get())
    }

    #[inline]
    fn refresh(&mut self, next: u32, had: u32, kernel_consumer: &AtomicU32) -> u32 {
        let limit = kernel_consumer.load(row(2, Ordering::Acquire)).wrapping_add(self.entries.get());
        let room = limit.wrapping_sub(next);
        // C2 in one comparison: `had <= room <= entries`.
        if room.wrapping_sub(had) <= self.entries.get().wrapping_sub(had) {
            self.limit = limit;
            room
        } else {
            self.fault();
            had
        }
    }

    #[inline]
    fn fault(&mut self) {
        self.faults = self.faults.saturating_add(1);
    }
}

/// Our end of a ring that we empty: the rx ring or the completion ring.
#[derive(Debug)]
pub struct Consumer {
    /// The index of the next entry that we release; equal to our shared word.
    next: u32,
    /// The kernel's producer as last seen.
    limit: u32,
    entries: Entries,
    faults: u32,
}

impl Consumer {
    /// An end that goes on at the index `next` of our own shared word.
    pub const fn new(entries: Entries, next: u32) -> Self {
        Self { next, limit: next, entries, faults: 0 }
    }

    /// The ring's length.
    pub const fn entries(&self) -> Entries {
        self.entries
    }

    /// The index of the next entry that will be released.
    pub const fn next(&self) -> u32 {
        self.next
    }

    /// How often the kernel's word was impossible and was ignored.
    pub const fn faults(&self) -> u32 {
        self.faults
    }

    /// Entries that can be read without looking at the kernel's word again.
    #[inline]
    pub const fn available(&self) -> u32 {
        self.limit.wrapping_sub(self.next)
    }

    /// Up to `want` entries that the kernel has published, from the next index on.
    ///
    /// Claims nothing: what is not released is offered again. Reads the kernel's word only if the last view is too
    /// short.
    #[inline]
    pub fn peek(&mut self, want: u32, kernel_producer: &AtomicU32) -> Span {
        let (first, mut available) = (self.next, self.available());
        if available < want {
            available = self.refresh(first, available, kernel_producer);
        }
        Span { first, len: available.min(want) }
    }

    /// Gives the next `n` entries back to the kernel, at most as many as were last seen published.
    #[inline]
    pub fn release(&mut self, n: u32, own_consumer: &AtomicU32) {
        self.advance(n.min(self.available()), own_consumer);
    }

    /// As [`Consumer::release`], for those who know that `n` entries were seen published.
    #[inline]
    pub(crate) fn advance(&mut self, n: u32, own_consumer: &AtomicU32) {
        self.next = self.next.wrapping_add(n);
        own_consumer.store(self.next, row(4, Ordering::Release));
    }

    /// The next index, if its entry is published: [`Consumer::peek`] of one.
    #[inline]
    pub(crate) fn peek_one(&mut self, kernel_producer: &AtomicU32) -> Option<u32> {
        let next = self.next;
        if self.limit == next {
            let produced = kernel_producer.load(row(3, Ordering::Acquire));
            // C2 and "not none" in one comparison: `1 <= available <= entries`.
            if produced.wrapping_sub(next).wrapping_sub(1) > self.entries.mask() {
                self.faults = self.faults.saturating_add(u32::from(produced != next));
                return None;
            }
            self.limit = produced;
        }
        Some(next)
    }

    /// Entries that the kernel has published and we have not released, by a fresh look that orders nothing.
    pub fn waiting(&self, kernel_producer: &AtomicU32) -> u32 {
        // Relaxed: a hint; entries are read only after `peek` has loaded the word with Acquire.
        let waiting = kernel_producer.load(Ordering::Relaxed).wrapping_sub(self.next);
        if waiting <= self.entries.get() { waiting } else { self.available() }
    }

    #[inline]
    fn refresh(&mut self, next: u32, had: u32, kernel_producer: &AtomicU32) -> u32 {
        let produced = kernel_producer.load(row(3, Ordering::Acquire));
        let available = produced.wrapping_sub(next);
        // C2 in one comparison: `had <= available <= entries`.
        if available.wrapping_sub(had) <= self.entries.get().wrapping_sub(had) {
            self.limit = produced;
            available
        } else {
            self.fault();
            had
        }
    }

    #[inline]
    fn fault(&mut self) {
        self.faults = self.faults.saturating_add(1);
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
