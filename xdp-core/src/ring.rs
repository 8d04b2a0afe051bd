//! The four rings: a cursor over raw shared memory. The only raw access to ring memory is here.
//!
//! A reserved or peeked range is handed out as at most two contiguous runs, before and after the wrap, so that descriptors
//! are copied in bulk. Nothing is claimed until `submit` or `release`: a range that is dropped is simply offered again.
//!
//! - R1 the memory described by a [`RingMemory`] is mapped, aligned and initialised as long as its `owner` lives, and the ring holds it.
//! - R2 a slot is `index & mask`, so it is below `entries`.
//! - R3 by the protocol (`cursor`, rows 1 to 4) the other side does not touch the slots of a reserved or peeked range
//!   until we submit or release it. A range borrows the ring mutably, so there is one at a time.
//! - R4 an entry ([`Entry`]) is plain old data: any bit pattern is a value.

#![allow(unsafe_code, reason = "raw access to the shared ring memory, proven against R1 to R4")]

use alloc::sync::Arc;
use core::fmt;
use core::ptr::NonNull;

use crate::cursor::{Consumer, Entries, Producer, Span};
use crate::desc::Desc;
use crate::sync::{AtomicU32, Ordering};
use crate::wake;

mod heap;

mod sealed {
    #[expect(unnameable_types, reason = "sealing is what this trait is for")]
    pub trait Sealed {}
    impl Sealed for u64 {}
    impl Sealed for crate::desc::Desc {}
}

/// What stands in a ring: `u64` addresses (fill, completion) or [`Desc`] (rx, tx). Both are plain old data (R4).
pub trait Entry: Copy + Default + fmt::Debug + Send + Sync + 'static + sealed::Sealed {}
impl Entry for u64 {}
impl Entry for Desc {}

/// Where the parts of a ring lie in its mapping, in bytes from the mapping's start.
///
/// The kernel tells them (`XDP_MMAP_OFFSETS`); they have changed over time and are never to be assumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RingOffsets {
    /// The producer's index, a `u32`.
    pub producer: usize,
    /// The consumer's index, a `u32`.
    pub consumer: usize,
    /// The flags word, a `u32`.
    pub flags: usize,
    /// The first entry.
    pub entries: usize,
}

/// Whatever keeps a ring's memory mapped; it is dropped with the ring.
pub type Owner = Arc<dyn Send + Sync>;

/// The memory of one ring.
pub struct RingMemory<T> {
    producer: NonNull<AtomicU32>,
    consumer: NonNull<AtomicU32>,
    flags: NonNull<AtomicU32>,
    slots: NonNull<T>,
    entries: Entries,
    _owner: Owner,
}

// SAFETY: R1 makes the pointers valid on every thread as long as the owner lives, the owner is `Send + Sync`, and every access
// goes through the one ring end that owns this value, or through atomics.
unsafe impl<T: Entry> Send for RingMemory<T> {}

// SAFETY: a shared reference reaches only the three words, and those only as atomics; slots are reached through `&mut` ring ends.
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
    /// Until `owner` is dropped, `base + offset` must point, for each of the first three offsets, to an initialised, 4-byte
    /// aligned `u32` that is only accessed atomically, and for `offsets.entries` to `entries` initialised, aligned values of `T`;
    /// and nobody but the other side of this ring, by the ring's protocol, may write there. At most one ring end on our
    /// side may be made from the same memory.
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
        let before = span.len.min(self.entries.get() - (span.first & self.entries.mask()));
        (before as usize, (span.len - before) as usize)
    }

    /// # Safety
    ///
    /// The span is ours by R3 for as long as the slices live, and `span.len <= entries`.
    #[inline]
    unsafe fn runs<'s>(&self, span: Span) -> (&'s [T], &'s [T]) {
        let (before, after) = self.split(span);
        // SAFETY: `before` slots from here stay below `entries` (see `split`); R1, R4, and R3 by the caller.
        let first = unsafe { core::slice::from_raw_parts(self.slot(span.first).as_ptr(), before) };
        // SAFETY: `after < entries` slots from the ring's start, disjoint from the first run since `span.len <= entries`.
        let second = unsafe { core::slice::from_raw_parts(self.slots.as_ptr(), after) };
        (first, second)
    }

    /// # Safety
    ///
    /// As [`RingMemory::runs`], and no other reference to these slots exists.
    #[inline]
    unsafe fn runs_mut<'s>(&self, span: Span) -> (&'s mut [T], &'s mut [T]) {
        let (before, after) = self.split(span);
        // SAFETY: as in `runs`; exclusive by the caller.
        let first = unsafe { core::slice::from_raw_parts_mut(self.slot(span.first).as_ptr(), before) };
        // SAFETY: as in `runs`; exclusive by the caller.
        let second = unsafe { core::slice::from_raw_parts_mut(self.slots.as_ptr(), after) };
        (first, second)
    }
}

/// Copies a range that wraps here into a range that wraps there, through `f`, in at most three contiguous pieces; returns how many
/// entries were copied: as many as the shorter range has.
#[inline]
pub fn copy_runs<A: Entry, B: Entry>(
    from: (&[A], &[A]),
    to: (&mut [B], &mut [B]),
    mut f: impl FnMut(A) -> B,
) -> u32 {
    let ((mut from, mut from_next), (mut to, mut to_next)) = (from, to);
    let mut copied = 0;
    loop {
        let n = from.len().min(to.len());
        let (from_now, to_now) = (&from[..n], &mut to[..n]);
        for (target, source) in to_now.iter_mut().zip(from_now) {
            *target = f(*source);
        }
        copied += n as u32;
        (from, to) = (&from[n..], &mut to[n..]);
        if from.is_empty() {
            (from, from_next) = (from_next, &[]);
        }
        if to.is_empty() {
            (to, to_next) = (to_next, &mut []);
        }
        if from.is_empty() || to.is_empty() {
            return copied;
        }
    }
}

/// A ring between two of our own threads, in heap memory laid out as the kernel does: one end puts, the other takes.
///
/// No locked instruction and no system call; the same cursors as towards the kernel.
pub fn channel<T: Entry>(entries: Entries) -> (ProducerRing<T>, ConsumerRing<T>) {
    let (put, take) = RingMemory::on_heap(entries, 0);
    (ProducerRing::new(put), ConsumerRing::new(take))
}

/// A ring that we fill: fill (`u64`) or tx ([`Desc`]).
#[derive(Debug)]
pub struct ProducerRing<T> {
    cursor: Producer,
    memory: RingMemory<T>,
}

impl<T: Entry> ProducerRing<T> {
    /// Takes up a ring where its producer word stands.
    pub fn new(memory: RingMemory<T>) -> Self {
        // Relaxed: the word is ours, and whoever had the ring before handed it to this thread with an ordering of its own.
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

    /// Writes the slot `ahead` places behind the last submitted one, to be submitted later; false when there is no such free slot.
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
        let span = self.cursor.reserve(1, self.memory.consumer());
        if span.len == 0 {
            return false;
        }
        // SAFETY: the slot is reserved (R3), valid (R1, R2), and takes any value (R4).
        unsafe { self.memory.slot(span.first).write(entry) };
        self.cursor.submit(1, self.memory.producer());
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
        // SAFETY: the span is reserved and not submitted (R3), at most `entries` long (C2); `self` is borrowed mutably, so no
        // other reference to the slots exists while these live.
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
        self.ring.submit(n);
    }
}

/// A ring that we empty: completion (`u64`) or rx ([`Desc`]).
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
        let span = self.cursor.peek(1, self.memory.producer());
        if span.len == 0 {
            return None;
        }
        // SAFETY: the slot is published and not released (R3), valid and initialised (R1, R2), and any bits are a value (R4).
        let entry = unsafe { self.memory.slot(span.first).read() };
        self.cursor.release(1, self.memory.consumer());
        Some(entry)
    }

    /// The first `n` entries of those that the last [`ConsumerRing::peek`] has seen, without another look.
    #[inline]
    pub fn seen(&self, n: u32) -> (&[T], &[T]) {
        let span = Span { first: self.cursor.next(), len: n.min(self.cursor.available()) };
        // SAFETY: the span is published and not released (R3), at most `entries` long (C2); the slices borrow `self`, and
        // releasing needs it mutably.
        unsafe { self.memory.runs(span) }
    }

    /// The entry at `i` of those that the last [`ConsumerRing::peek`] has seen.
    #[inline]
    pub fn seen_at(&self, i: u32) -> Option<T> {
        if i >= self.cursor.available() {
            return None;
        }
        let slot = self.memory.slot(self.cursor.next().wrapping_add(i));
        // SAFETY: `i < available`, so the slot is published and not released (R3), valid (R1, R2), and any bits are a value (R4).
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

impl<T: Entry> Peeked<'_, T> {
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
        // SAFETY: `len` entries from the next one are published and not released, at most `entries` of them: `len` was at most what was seen, and
        // only `release` on `self` moves either (R3, C2). The slices borrow `self`, and releasing needs it mutably.
        unsafe { self.ring.memory.runs(span) }
    }

    /// The entry at `i`, counted from the first that is not released.
    #[inline]
    pub fn get(&self, i: u32) -> Option<T> {
        if i >= self.len {
            return None;
        }
        let slot = self.ring.memory.slot(self.ring.cursor.next().wrapping_add(i));
        // SAFETY: `len` entries from the next one are published and not released: `len` was at most what was seen, and only `release` on `self`
        // moves either (R3). So the slot is valid (R1, R2), and any bits are a value (R4).
        Some(unsafe { slot.read() })
    }

    /// Gives the next `n` entries back, at most what is left. May be called several times.
    #[inline]
    pub fn release(&mut self, n: u32) {
        let n = n.min(self.len);
        self.len -= n;
        self.ring.release(n);
    }
}

/// A look at a ring's two indices from outside its end, for statistics while another thread uses the ring.
pub struct RingWatch {
    producer: NonNull<AtomicU32>,
    consumer: NonNull<AtomicU32>,
    entries: Entries,
    _owner: Owner,
}

// SAFETY: R1 holds on every thread as long as the owner lives, and the words are reached only as atomics.
unsafe impl Send for RingWatch {}

// SAFETY: as above.
unsafe impl Sync for RingWatch {}

impl fmt::Debug for RingWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RingWatch")
            .field("entries", &self.entries.get())
            .field("pending", &self.pending())
            .finish()
    }
}

impl<T: Entry> RingMemory<T> {
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

impl RingWatch {
    /// Entries that are published and not yet consumed, at most the ring's length. Exact while neither side moves.
    pub fn pending(&self) -> u32 {
        // SAFETY: R1, upheld by the owner that `self` holds.
        let producer = unsafe { self.producer.as_ref() };
        // SAFETY: as above.
        let consumer = unsafe { self.consumer.as_ref() };
        // Relaxed: a number for people. The consumer first: what it has passed the producer has passed too.
        let consumed = consumer.load(Ordering::Relaxed);
        producer.load(Ordering::Relaxed).wrapping_sub(consumed).min(self.entries.get())
    }
}

#[cfg(all(test, feature = "fake-kernel"))]
mod tests;
