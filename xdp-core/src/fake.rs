//! The kernel's side of all four rings, over heap memory laid out as the kernel does.
//!
//! With it everything above the rings runs without privileges: in tests, benchmarks, fuzzers and users' own tests. It is written
//! against the protocol and not against [`cursor`](crate::cursor), so that the two check each other.
//!
//! - K1 exactly two ends are made of each ring: the user's in [`FakeRings`], the kernel's in [`FakeKernel`].

#![allow(
    unsafe_code,
    reason = "stands in for the kernel, which writes to memory that it shares with the rings (K1)"
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

    /// Receives a packet of `len` bytes: takes a chunk from the fill ring and publishes a descriptor whose data begins `offset` bytes
    /// after the address in the fill ring. None if the fill ring is empty or the rx ring is full.
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

    /// Publishes any descriptor on the rx ring; false if it is full.
    pub fn put_rx(&mut self, desc: Desc) -> bool {
        self.rx.room() > 0 && self.rx.put(desc)
    }

    /// Takes a chunk from the fill ring.
    pub fn take_fill(&mut self) -> Option<u64> {
        self.fill.take()
    }

    /// Takes a descriptor from the tx ring; the chunk stays with the kernel until [`FakeKernel::complete`].
    pub fn transmit(&mut self) -> Option<Desc> {
        self.tx.take()
    }

    /// Publishes an address on the completion ring; false if it is full.
    pub fn complete(&mut self, addr: Addr) -> bool {
        self.completion.room() > 0 && self.completion.put(addr.0)
    }

    /// Sets or clears the flag by which the kernel asks to be woken, of the fill and the tx ring.
    pub fn ask_for_wakeup(&self, fill: Wakeup, tx: Wakeup) {
        self.fill.memory.flags().store(fill as u32, Ordering::Relaxed);
        self.tx.memory.flags().store(tx as u32, Ordering::Relaxed);
    }

    /// Moves the consumer index of the fill ring by `n` without looking at the entries: what a benchmark wants of a kernel.
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

    /// Overwrites the kernel's four indices, as only a broken or hostile kernel would: fill consumer, tx consumer, rx producer,
    /// completion producer.
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
}

impl<T: Entry> Side<T> {
    /// The kernel's side, and the memory for the user's.
    fn pair(entries: Entries, start: u32) -> (Self, RingMemory<T>) {
        let (memory, user) = RingMemory::on_heap(entries, start);
        (Self { memory, next: start, mask: entries.mask() }, user)
    }

    fn take(&mut self) -> Option<T> {
        if self.memory.producer().load(Ordering::Acquire) == self.next {
            return None;
        }
        // SAFETY: the user published this slot with a Release store that the load above saw; it is in the ring by masking.
        let entry = unsafe { self.memory.slot(self.next & self.mask).read() };
        self.skip_consumer(1);
        Some(entry)
    }

    fn put(&mut self, entry: T) -> bool {
        // SAFETY: `put` follows a look at `room`, so the user has released this slot; it is in the ring by masking.
        unsafe { self.memory.slot(self.next & self.mask).write(entry) };
        self.skip_producer(1);
        true
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
        self.next = index;
        self.memory.consumer().store(index, Ordering::Release);
    }

    fn force_producer(&mut self, index: u32) {
        self.next = index;
        self.memory.producer().store(index, Ordering::Release);
    }
}
