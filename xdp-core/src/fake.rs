//! The kernel's side of all four rings, over heap memory laid out as the kernel does.
//!
//! With it everything above the rings runs without privileges: in tests, benchmarks, fuzzers and users' own tests. It
//! is written against the protocol and not against [`cursor`](crate::cursor), so that the two check each other.
//!
//! - K1 exactly two ends are made of each ring: the user's in [`FakeRings`], the kernel's in [`FakeKernel`].
//! - K2 the kernel's end touches a slot only while its indices have kept the protocol; once they were forced out of
//!   it, never again.

#![allow(
    unsafe_code,
    reason = "stands in for the kernel, which writes to memory that it shares with the rings (K1, K2)"
)]

use crate::cursor::Entries;
use crate::desc::{Addr, Desc, Options};
use crate::ring::{ConsumerRing, Entry, ProducerRing, RingMemory};
use crate::sync::Ordering;
use crate::wake::NEED_WAKEUP;

/// The user's ends of the four rings of a fake socket.
#[derive(Debug)]
pub struct FakeRings {
    /// Chunks for the kernel to receive into.
    pub fill: ProducerRing<u64>,
    /// Chunks that the kernel has sent from.
    pub completion: ConsumerRing<u64>,
    /// Frames received.
    pub rx: ConsumerRing<Desc>,
    /// Frames to send.
    pub tx: ProducerRing<Desc>,
}

/// The kernel's ends of the four rings of a fake socket: a kernel that does only what it is told.
#[derive(Debug)]
pub struct FakeKernel {
    fill: Side<u64>,
    completion: Side<u64>,
    rx: Side<Desc>,
    tx: Side<Desc>,
}

impl FakeKernel {
    /// Four rings of `entries` each, with all indices at 0; none unless `entries` is a power of two.
    pub fn new(entries: u32) -> Option<(Self, FakeRings)> {
        Self::starting_at(entries, 0)
    }

    /// As [`FakeKernel::new`], with all indices at `start`: near `u32::MAX` is where wrapping goes wrong.
    pub fn starting_at(entries: u32, start: u32) -> Option<(Self, FakeRings)> {
        let entries = Entries::new(entries)?;
        let (fill, fill_end) = Side::pair(entries, start);
        let (completion, completion_end) = Side::pair(entries, start);
        let (rx, rx_end) = Side::pair(entries, start);
        let (tx, tx_end) = Side::pair(entries, start);
        let rings = FakeRings {
            fill: ProducerRing::new(fill_end),
            completion: ConsumerRing::new(completion_end),
            rx: ConsumerRing::new(rx_end),
            tx: ProducerRing::new(tx_end),
        };
        Some((Self { fill, completion, rx, tx }, rings))
    }

    /// Receives a packet of `len` bytes: takes a chunk from the fill ring and publishes a descriptor whose data
    /// begins `offset` bytes after the address in the fill ring. None if the fill ring is empty or the rx ring is
    /// full.
    pub fn receive(&mut self, len: u32, offset: u64) -> Option<Desc> {
        if self.rx.room() == 0 {
            return None;
        }
        let desc = Desc { addr: Addr(self.fill.take()? + offset), len, options: Options::NONE };
        self.rx.put(desc);
        Some(desc)
    }

    /// Descriptors that the rx ring has room for.
    pub fn rx_room(&self) -> u32 {
        self.rx.room()
    }

    /// Publishes any descriptor on the rx ring; false if it is full, or its indices were forced.
    pub fn put_rx(&mut self, desc: Desc) -> bool {
        self.rx.put(desc)
    }

    /// The chunk at `i` of those that wait in the fill ring; it stays there.
    pub fn peek_fill(&self, i: u32) -> Option<u64> {
        self.fill.peek(i)
    }

    /// The descriptor at `i` of those that wait in the tx ring; it stays there.
    pub fn peek_tx(&self, i: u32) -> Option<Desc> {
        self.tx.peek(i)
    }

    /// Writes the slot of the rx ring `ahead` places behind the last published one, to be published by
    /// [`FakeKernel::skip_rx`]; false if there is no such free slot.
    pub fn lay_out_rx(&mut self, ahead: u32, desc: Desc) -> bool {
        self.rx.lay_out(ahead, desc)
    }

    /// As [`FakeKernel::lay_out_rx`], for the completion ring and [`FakeKernel::skip_completion`].
    pub fn lay_out_completion(&mut self, ahead: u32, addr: Addr) -> bool {
        self.completion.lay_out(ahead, addr.0)
    }

    /// Takes a chunk from the fill ring.
    pub fn take_fill(&mut self) -> Option<u64> {
        self.fill.take()
    }

    /// Takes a descriptor from the tx ring; the chunk stays with the kernel until [`FakeKernel::complete`].
    pub fn transmit(&mut self) -> Option<Desc> {
        self.tx.take()
    }

    /// Publishes an address on the completion ring; false if it is full, or its indices were forced.
    pub fn complete(&mut self, addr: Addr) -> bool {
        self.completion.put(addr.0)
    }

    /// Sets or clears the flag by which the kernel asks to be woken, of the fill and the tx ring.
    pub fn ask_for_wakeup(&self, fill: Wakeup, tx: Wakeup) {
        self.fill.memory.flags().store(fill as u32, Ordering::Relaxed);
        self.tx.memory.flags().store(tx as u32, Ordering::Relaxed);
    }

    /// Moves the consumer index of the fill ring by `n` without looking at the entries: what a benchmark wants of a
    /// kernel.
    pub fn skip_fill(&mut self, n: u32) {
        self.fill.skip_consumer(n);
    }

    /// Moves the consumer index of the tx ring by `n` without looking at the entries.
    pub fn skip_tx(&mut self, n: u32) {
        self.tx.skip_consumer(n);
    }

    /// Moves the producer index of the rx ring by `n`: the entries hold what was there a lap ago.
    pub fn skip_rx(&mut self, n: u32) {
        self.rx.skip_producer(n);
    }

    /// Moves the producer index of the completion ring by `n`: the entries hold what was there a lap ago.
    pub fn skip_completion(&mut self, n: u32) {
        self.completion.skip_producer(n);
    }

    /// Overwrites the kernel's four indices, as only a broken or hostile kernel would: fill consumer, tx consumer, rx
    /// producer, completion producer. Entries of a ring whose index left the protocol are not read or written any
    /// more.
    pub fn force_indices(&mut self, fill: u32, tx: u32, rx: u32, completion: u32) {
        self.fill.force_consumer(fill);
        self.tx.force_consumer(tx);
        self.rx.force_producer(rx);
        self.completion.force_producer(completion);
    }
}

/// The value of a ring's flags word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Wakeup {
    /// The kernel looks by itself.
    NotNeeded = 0,
    /// The kernel asks for a system call.
    Needed = NEED_WAKEUP,
}

/// The kernel's end of one ring.
#[derive(Debug)]
struct Side<T> {
    memory: RingMemory<T>,
    /// Our own index: producer of rx and completion, consumer of fill and tx.
    next: u32,
    mask: u32,
    /// We have broken the protocol, and can no longer tell which slots are ours: from now on only indices move.
    is_broken: bool,
}

impl<T: Entry> Side<T> {
    /// The kernel's side, and the memory for the user's.
    fn pair(entries: Entries, start: u32) -> (Self, RingMemory<T>) {
        let (memory, user) = RingMemory::on_heap(entries, start);
        (Self { memory, next: start, mask: entries.mask(), is_broken: false }, user)
    }

    fn peek(&self, i: u32) -> Option<T> {
        if self.is_broken || i >= self.memory.producer().load(Ordering::Acquire).wrapping_sub(self.next) {
            return None;
        }
        // SAFETY: the user published this slot with a Release store that the load above saw, and does not touch it
        // until we move on (K2); it is in the ring by masking.
        Some(unsafe { self.memory.slot(self.next.wrapping_add(i)).read() })
    }

    fn take(&mut self) -> Option<T> {
        let entry = self.peek(0)?;
        self.skip_consumer(1);
        Some(entry)
    }

    fn lay_out(&mut self, ahead: u32, entry: T) -> bool {
        if self.is_broken || ahead >= self.room() {
            return false;
        }
        // SAFETY: there is room, so the user has released this slot and does not touch it until we publish it (K2);
        // it is in the ring by masking.
        unsafe { self.memory.slot(self.next.wrapping_add(ahead)).write(entry) };
        true
    }

    fn put(&mut self, entry: T) -> bool {
        let is_written = self.lay_out(0, entry);
        if is_written {
            self.skip_producer(1);
        }
        is_written
    }

    fn room(&self) -> u32 {
        (self.mask + 1).saturating_sub(self.next.wrapping_sub(self.memory.consumer().load(Ordering::Acquire)))
    }

    fn skip_consumer(&mut self, n: u32) {
        self.force_consumer(self.next.wrapping_add(n));
    }

    fn skip_producer(&mut self, n: u32) {
        self.force_producer(self.next.wrapping_add(n));
    }

    fn force_consumer(&mut self, index: u32) {
        // The protocol lets us go forward, to the producer at most.
        let published = self.memory.producer().load(Ordering::Acquire).wrapping_sub(self.next);
        self.is_broken |= index.wrapping_sub(self.next) > published;
        self.next = index;
        self.memory.consumer().store(index, Ordering::Release);
    }

    fn force_producer(&mut self, index: u32) {
        // The protocol lets us go forward, as far as there is room.
        self.is_broken |= index.wrapping_sub(self.next) > self.room();
        self.next = index;
        self.memory.producer().store(index, Ordering::Release);
    }
}
