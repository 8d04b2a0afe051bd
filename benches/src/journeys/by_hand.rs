//! The same by hand: plain rings, plain memory, index masked per element as in `rings::Floor`.
//!
//! What is left out is what a library is for: nobody checks that a chunk is where the kernel says, that it has one
//! owner, or counts anything. What safe Rust and the task need is in: a packet may be shorter than what is read of
//! it, and may not reach beyond its chunk. As the number of chunks is a constant, a mask makes an address safe,
//! without a branch. A [`Ledger`] makes a program of it that believes nothing.

use xdp_core::{Addr, Desc, Options};

use super::ledger::{Believe, Ledger, Owner};
use super::{BYTE, CHUNK, CHUNKS, Flow, Journey, MACS, OFFSET, PACKET, Taken, swap_macs};
use crate::chunks::Stack;
use crate::plain::{ENTRIES, PlainRing, START, slot};

/// A hand-written program's queue.
#[derive(Debug)]
pub struct ByHand<L = Believe> {
    pub(crate) fill: Box<PlainRing<u64>>,
    pub(crate) completion: Box<PlainRing<u64>>,
    pub(crate) tx: Box<PlainRing<Desc>>,
    pub(crate) rx: Box<PlainRing<Desc>>,
    pub(crate) umem: Box<[[u8; CHUNK]; CHUNKS as usize]>,
    /// Chunks of dropped packets, for the fill ring.
    pub(crate) free: Vec<u64>,
    /// Chunks to send from.
    pub(crate) unsent: Vec<u64>,
    /// Where chunks come home to from any thread.
    pub(crate) returns: Stack,
    pub(crate) own: Indices,
    /// System calls that the kernel has asked for: none here.
    pub(crate) system_calls: u64,
    ledger: L,
    /// Entries of the kernel that were not believed: none here.
    refused: u64,
}

/// Our own index of each ring; nobody else writes them.
#[derive(Debug)]
pub(crate) struct Indices {
    pub(crate) fill: u32,
    pub(crate) completion: u32,
    pub(crate) tx: u32,
    pub(crate) rx: u32,
}

impl<L: Ledger> ByHand<L> {
    /// Received packets that can be taken, at most `n`.
    #[inline(always)]
    pub(crate) fn waiting(&self, n: u32) -> u32 {
        self.rx.producer.load().wrapping_sub(self.own.rx).min(n)
    }

    /// Makes an answer of a packet that has an Ethernet header.
    #[inline(always)]
    fn answer(&mut self, frame: &Desc) {
        if frame.len as usize >= MACS {
            swap_macs(&mut self.umem[chunk(frame.addr.0)][offset(frame.addr.0)..]);
        }
    }

    /// Wakes the kernel if it asks for it, and takes completions, to be sent from again.
    #[inline(always)]
    pub(crate) fn kick(&mut self) {
        if self.tx.wants_wakeup() {
            self.system_calls += 1;
        }
        let mut completion = self.own.completion;
        let completed = self.completion.producer.load().wrapping_sub(completion);
        self.unsent.extend((0..completed).map(|i| {
            let addr = self.completion.slots[slot(completion.wrapping_add(i))];
            addr & !(CHUNK as u64 - 1)
        }));
        completion = completion.wrapping_add(completed);
        self.own.completion = completion;
        self.completion.consumer.store(completion);
    }
}

/// The number of the chunk that holds an address.
#[inline(always)]
pub(crate) fn chunk(addr: u64) -> usize {
    (addr as usize / CHUNK) % CHUNKS as usize
}

/// Bytes from the start of the chunk to an address.
#[inline(always)]
pub(crate) fn offset(addr: u64) -> usize {
    addr as usize % CHUNK
}

/// Slots of a ring that we fill that are free.
#[inline(always)]
pub(crate) fn room<T>(ring: &PlainRing<T>, next: u32) -> u32 {
    ENTRIES.wrapping_sub(next.wrapping_sub(ring.consumer.load()))
}

/// The first byte of the chunk that holds an address.
#[inline(always)]
pub(crate) fn start(addr: Addr) -> u64 {
    addr.0 & !(CHUNK as u64 - 1)
}

/// A packet of a length, at the front of a chunk.
#[inline(always)]
pub(crate) fn desc(addr: u64, len: u32) -> Desc {
    Desc { addr: Addr(addr), len, options: Options::NONE }
}

impl<L: Ledger> Journey for ByHand<L> {
    fn new() -> Self {
        let chunks = vec![[BYTE; CHUNK]; CHUNKS as usize].into_boxed_slice();
        let mut hand = Self {
            fill: Box::new(PlainRing::new()),
            completion: Box::new(PlainRing::new()),
            tx: Box::new(PlainRing::new()),
            rx: Box::new(PlainRing::new()),
            umem: chunks.try_into().expect("as many chunks as were made"),
            free: Vec::with_capacity(CHUNKS as usize),
            unsent: (ENTRIES..CHUNKS).map(|i| u64::from(i) * CHUNK as u64).collect(),
            returns: Stack::new(),
            own: Indices { fill: START, completion: START, tx: START, rx: START },
            system_calls: 0,
            ledger: L::new(),
            refused: 0,
        };
        for i in 0..ENTRIES {
            hand.fill.slots[slot(hand.own.fill)] = u64::from(i) * CHUNK as u64;
            hand.own.fill = hand.own.fill.wrapping_add(1);
        }
        hand.fill.producer.store(hand.own.fill);
        hand
    }

    fn prepare(&mut self, n: u32, flow: Flow) {
        let (fill, rx) = (self.fill.consumer.load(), self.rx.producer.load());
        let (completion, tx) = (self.completion.producer.load(), self.tx.consumer.load());
        if flow == Flow::Sent {
            assert!(self.tx.producer.load().wrapping_sub(tx) >= n, "a round of packets is with the kernel");
        } else {
            assert!(self.fill.producer.load().wrapping_sub(fill) >= n, "the fill ring has a round of chunks");
        }
        for i in 0..n {
            let received = desc(self.fill.slots[slot(fill.wrapping_add(i))] + OFFSET, PACKET.len() as u32);
            let completed = &mut self.completion.slots[slot(completion.wrapping_add(i))];
            if flow == Flow::Sent {
                let sent = self.tx.slots[slot(tx.wrapping_add(i))];
                assert_eq!(sent.len as usize, PACKET.len());
                *completed = sent.addr.0;
                continue;
            }
            self.rx.slots[slot(rx.wrapping_add(i))] = received;
            if flow.answers() {
                *completed = received.addr.0;
            }
        }
    }

    fn kernel_receives(&mut self, n: u32) {
        self.fill.kernel_takes(n);
        self.rx.kernel_puts(n);
    }

    fn kernel_sends(&mut self, n: u32) {
        self.tx.kernel_takes(n);
        self.completion.kernel_puts(n);
    }

    #[inline(always)]
    fn borrowed(&mut self, n: u32) -> Taken {
        let count = self.waiting(n).min(room(&self.fill, self.own.fill));
        let (mut rx, mut fill, mut sum) = (self.own.rx, self.own.fill, 0);
        for _ in 0..count {
            let frame = self.rx.slots[slot(rx)];
            rx = rx.wrapping_add(1);
            if !self.ledger.vouches_for(&frame) {
                self.refused += 1;
                continue;
            }
            if frame.len > 0 {
                sum += u64::from(self.umem[chunk(frame.addr.0)][offset(frame.addr.0)]);
            }
            self.fill.slots[slot(fill)] = start(frame.addr);
            fill = fill.wrapping_add(1);
        }
        (self.own.rx, self.own.fill) = (rx, fill);
        self.fill.producer.store(fill);
        self.rx.consumer.store(rx);
        Taken { count, sum }
    }

    #[inline(always)]
    fn sent(&mut self, n: u32) -> u32 {
        let left = self.unsent.len().saturating_sub(n.min(room(&self.tx, self.own.tx)) as usize);
        let mut tx = self.own.tx;
        for addr in self.unsent.drain(left..).rev() {
            self.umem[chunk(addr)][0] = BYTE;
            self.tx.slots[slot(tx)] = desc(addr, PACKET.len() as u32);
            tx = tx.wrapping_add(1);
        }
        let count = tx.wrapping_sub(self.own.tx);
        self.own.tx = tx;
        self.tx.producer.store(tx);
        self.kick();
        count
    }

    #[inline(always)]
    fn owned(&mut self, n: u32) -> u32 {
        let count = self.waiting(n).min(room(&self.tx, self.own.tx));
        let (mut rx, mut tx) = (self.own.rx, self.own.tx);
        for _ in 0..count {
            let frame = self.rx.slots[slot(rx)];
            rx = rx.wrapping_add(1);
            // What goes on at once need not be noted as our own in between.
            if !self.ledger.vouches_for(&frame)
                || !self.ledger.pass(frame.addr.0, Owner::Receiving, Owner::Sending)
            {
                self.refused += 1;
                continue;
            }
            self.answer(&frame);
            self.tx.slots[slot(tx)] = frame;
            tx = tx.wrapping_add(1);
        }
        (self.own.rx, self.own.tx) = (rx, tx);
        self.tx.producer.store(tx);
        self.rx.consumer.store(rx);
        if self.tx.wants_wakeup() {
            self.system_calls += 1;
        }

        let completed = self.completion.producer.load().wrapping_sub(self.own.completion);
        let completed = completed.min(room(&self.fill, self.own.fill));
        let (mut completion, mut fill) = (self.own.completion, self.own.fill);
        for _ in 0..completed {
            let addr = self.completion.slots[slot(completion)];
            completion = completion.wrapping_add(1);
            if !self.ledger.pass(addr, Owner::Sending, Owner::Receiving) {
                self.refused += 1;
                continue;
            }
            self.fill.slots[slot(fill)] = start(Addr(addr));
            fill = fill.wrapping_add(1);
        }
        (self.own.completion, self.own.fill) = (completion, fill);
        self.fill.producer.store(fill);
        self.completion.consumer.store(completion);
        count
    }

    /// By hand there is nothing to be gained or lost.
    #[inline(always)]
    fn owned_each(&mut self, n: u32) -> u32 {
        self.owned(n)
    }

    #[inline(always)]
    fn recycled(&mut self, n: u32) -> u32 {
        let count = self.waiting(n).min(room(&self.fill, self.own.fill));
        let (mut rx, mut fill) = (self.own.rx, self.own.fill);
        for _ in 0..count {
            let frame = self.rx.slots[slot(rx)];
            self.answer(&frame);
            self.fill.slots[slot(fill)] = start(frame.addr);
            (rx, fill) = (rx.wrapping_add(1), fill.wrapping_add(1));
        }
        (self.own.rx, self.own.fill) = (rx, fill);
        self.fill.producer.store(fill);
        self.rx.consumer.store(rx);
        count
    }

    #[inline(always)]
    fn dropped(&mut self, n: u32) -> u32 {
        let count = (self.free.len() as u32).min(room(&self.fill, self.own.fill));
        let mut fill = self.own.fill;
        for addr in self.free.drain(self.free.len() - count as usize..) {
            self.fill.slots[slot(fill)] = addr;
            fill = fill.wrapping_add(1);
        }
        self.own.fill = fill;
        self.fill.producer.store(fill);

        let count = self.waiting(n);
        let mut rx = self.own.rx;
        for _ in 0..count {
            self.free.push(start(self.rx.slots[slot(rx)].addr));
            rx = rx.wrapping_add(1);
        }
        self.own.rx = rx;
        self.rx.consumer.store(rx);
        count
    }

    /// Every chunk is with the kernel, on its way back, or free.
    #[cfg(test)]
    fn is_whole(&mut self) -> bool {
        let fill = self.own.fill.wrapping_sub(self.fill.consumer.load());
        let tx = self.own.tx.wrapping_sub(self.tx.consumer.load());
        let back = self.completion.producer.load().wrapping_sub(self.own.completion);
        let free = (self.free.len() + self.unsent.len()) as u32;
        let is_sane =
            self.fill.is_sane() && self.tx.is_sane() && self.rx.is_sane() && self.completion.is_sane();
        is_sane && fill + tx + back + free == CHUNKS && self.system_calls + self.refused == 0
    }
}
