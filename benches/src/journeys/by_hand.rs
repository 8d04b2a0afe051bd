//! The same by hand: plain rings, plain memory, every number believed, index masked per element as in `rings::Floor`.
//!
//! What is left out is what a library is for: nobody checks that a chunk is where the kernel says, or that it has one
//! owner. The one comparison that safe Rust needs to swap the MAC addresses (the packet lies inside its chunk) is in.

use xdp_core::{Addr, Desc, Options};

use super::{BYTE, CHUNK, CHUNKS, Flow, Journey, OFFSET, PACKET, Taken, swap_macs};
use crate::plain::{ENTRIES, PlainRing, START, slot};

/// A hand-written program's queue.
#[derive(Debug)]
pub struct ByHand {
    fill: Box<PlainRing<u64>>,
    completion: Box<PlainRing<u64>>,
    tx: Box<PlainRing<Desc>>,
    rx: Box<PlainRing<Desc>>,
    umem: Box<[[u8; CHUNK]; CHUNKS as usize]>,
    /// Chunks of dropped packets.
    free: Vec<u64>,
    own: Indices,
}

/// Our own index of each ring; nobody else writes them.
#[derive(Debug)]
struct Indices {
    fill: u32,
    completion: u32,
    tx: u32,
    rx: u32,
}

impl ByHand {
    /// Received packets that can be taken, at most `n`.
    #[inline(always)]
    fn waiting(&self, n: u32) -> u32 {
        self.rx.producer.load().wrapping_sub(self.own.rx).min(n)
    }
}

/// The number of the chunk that holds an address.
#[inline(always)]
fn chunk(addr: u64) -> usize {
    (addr as usize / CHUNK) % CHUNKS as usize
}

/// Bytes from the start of the chunk to an address.
#[inline(always)]
fn offset(addr: u64) -> usize {
    addr as usize % CHUNK
}

/// Slots of a ring that we fill that are free.
#[inline(always)]
fn room<T>(ring: &PlainRing<T>, next: u32) -> u32 {
    ENTRIES.wrapping_sub(next.wrapping_sub(ring.consumer.load()))
}

impl Journey for ByHand {
    fn new() -> Self {
        let chunks = vec![[BYTE; CHUNK]; CHUNKS as usize].into_boxed_slice();
        let mut hand = Self {
            fill: Box::new(PlainRing::new()),
            completion: Box::new(PlainRing::new()),
            tx: Box::new(PlainRing::new()),
            rx: Box::new(PlainRing::new()),
            umem: chunks.try_into().expect("as many chunks as were made"),
            free: Vec::with_capacity(CHUNKS as usize),
            own: Indices { fill: START, completion: START, tx: START, rx: START },
        };
        for i in 0..ENTRIES {
            hand.fill.slots[slot(hand.own.fill)] = u64::from(i) * CHUNK as u64;
            hand.own.fill = hand.own.fill.wrapping_add(1);
        }
        hand.fill.producer.store(hand.own.fill);
        hand
    }

    fn prepare(&mut self, n: u32, flow: Flow) {
        let (mut fill, mut rx) = (self.fill.consumer.load(), self.rx.producer.load());
        let mut completion = self.completion.producer.load();
        assert!(self.fill.producer.load().wrapping_sub(fill) >= n, "the fill ring has a round of chunks");
        for _ in 0..n {
            let addr = self.fill.slots[slot(fill)] + OFFSET;
            self.rx.slots[slot(rx)] =
                Desc { addr: Addr(addr), len: PACKET.len() as u32, options: Options::NONE };
            (fill, rx) = (fill.wrapping_add(1), rx.wrapping_add(1));
            if flow == Flow::Owned {
                self.completion.slots[slot(completion)] = addr;
                completion = completion.wrapping_add(1);
            }
        }
    }

    fn kernel_receives(&mut self, n: u32) {
        self.fill.consumer.skip(n);
        self.rx.producer.skip(n);
    }

    fn kernel_sends(&mut self, n: u32) {
        self.tx.consumer.skip(n);
        self.completion.producer.skip(n);
    }

    #[inline(always)]
    fn borrowed(&mut self, n: u32) -> Taken {
        let count = self.waiting(n).min(room(&self.fill, self.own.fill));
        let (mut rx, mut fill, mut sum) = (self.own.rx, self.own.fill, 0);
        for _ in 0..count {
            let Addr(addr) = self.rx.slots[slot(rx)].addr;
            sum += u64::from(self.umem[chunk(addr)][offset(addr)]);
            self.fill.slots[slot(fill)] = addr & !(CHUNK as u64 - 1);
            (rx, fill) = (rx.wrapping_add(1), fill.wrapping_add(1));
        }
        (self.own.rx, self.own.fill) = (rx, fill);
        self.fill.producer.store(fill);
        self.rx.consumer.store(rx);
        Taken { count, sum }
    }

    #[inline(always)]
    fn owned(&mut self, n: u32) -> u32 {
        let count = self.waiting(n).min(room(&self.tx, self.own.tx));
        let (mut rx, mut tx) = (self.own.rx, self.own.tx);
        for _ in 0..count {
            let frame = self.rx.slots[slot(rx)];
            swap_macs(&mut self.umem[chunk(frame.addr.0)][offset(frame.addr.0)..]);
            self.tx.slots[slot(tx)] = frame;
            (rx, tx) = (rx.wrapping_add(1), tx.wrapping_add(1));
        }
        (self.own.rx, self.own.tx) = (rx, tx);
        self.tx.producer.store(tx);
        self.rx.consumer.store(rx);

        let completed = self.completion.producer.load().wrapping_sub(self.own.completion);
        let completed = completed.min(room(&self.fill, self.own.fill));
        let (mut completion, mut fill) = (self.own.completion, self.own.fill);
        for _ in 0..completed {
            self.fill.slots[slot(fill)] = self.completion.slots[slot(completion)] & !(CHUNK as u64 - 1);
            (completion, fill) = (completion.wrapping_add(1), fill.wrapping_add(1));
        }
        (self.own.completion, self.own.fill) = (completion, fill);
        self.fill.producer.store(fill);
        self.completion.consumer.store(completion);
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
            self.free.push(self.rx.slots[slot(rx)].addr.0 & !(CHUNK as u64 - 1));
            rx = rx.wrapping_add(1);
        }
        self.own.rx = rx;
        self.rx.consumer.store(rx);
        count
    }

    /// Every chunk that goes round is on its way to the kernel, back from it, or free.
    #[cfg(test)]
    fn is_whole(&mut self) -> bool {
        let fill = self.own.fill.wrapping_sub(self.fill.consumer.load());
        let back = self.completion.producer.load().wrapping_sub(self.own.completion);
        fill + back + self.free.len() as u32 == ENTRIES
    }
}
