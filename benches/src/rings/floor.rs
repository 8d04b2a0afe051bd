//! By hand, element by element: what libxdp's inline functions compile to, without what they need to know at run
//! time.

use xdp_core::Desc;

use super::{FourRings, Taken, chunk, frame, read, slots};
use crate::plain::{ENTRIES, PlainRing, START, slot};

/// One acquire load and one release store a batch; the index is masked per element.
#[derive(Debug)]
pub struct Floor {
    fill: Box<PlainRing<u64>>,
    completion: Box<PlainRing<u64>>,
    tx: Box<PlainRing<Desc>>,
    rx: Box<PlainRing<Desc>>,
    /// Our own indices, in that order; nobody else writes them.
    next: [u32; 4],
}

#[inline(always)]
fn produce<T: Copy>(ring: &mut PlainRing<T>, next: &mut u32, source: &[T]) -> u32 {
    let mut index = *next;
    let room = ENTRIES.wrapping_sub(index.wrapping_sub(ring.consumer.load()));
    let n = (source.len() as u32).min(room);
    for entry in &source[..n as usize] {
        ring.slots[slot(index)] = *entry;
        index = index.wrapping_add(1);
    }
    *next = index;
    ring.producer.store(index);
    n
}

#[inline(always)]
fn consume<T: Copy>(ring: &PlainRing<T>, next: &mut u32, want: u32, read: impl Fn(&T) -> u64) -> Taken {
    let mut index = *next;
    let count = ring.producer.load().wrapping_sub(index).min(want);
    let mut sum = 0u64;
    for _ in 0..count {
        sum = sum.wrapping_add(read(&ring.slots[slot(index)]));
        index = index.wrapping_add(1);
    }
    *next = index;
    ring.consumer.store(index);
    Taken { count, sum }
}

impl FourRings for Floor {
    fn new() -> Self {
        let mut floor = Self {
            fill: Box::new(PlainRing::new()),
            completion: Box::new(PlainRing::new()),
            tx: Box::new(PlainRing::new()),
            rx: Box::new(PlainRing::new()),
            next: [START; 4],
        };
        for i in slots() {
            floor.completion.slots[i as usize] = chunk(i);
            floor.rx.slots[i as usize] = frame(i);
        }
        floor
    }

    #[inline(always)]
    fn fill(&mut self, chunks: &[u64]) -> u32 {
        produce(&mut self.fill, &mut self.next[0], chunks)
    }

    #[inline(always)]
    fn completion(&mut self, n: u32) -> Taken {
        consume(&self.completion, &mut self.next[1], n, |addr| *addr)
    }

    #[inline(always)]
    fn tx(&mut self, frames: &[Desc]) -> u32 {
        produce(&mut self.tx, &mut self.next[2], frames)
    }

    #[inline(always)]
    fn rx(&mut self, n: u32) -> Taken {
        consume(&self.rx, &mut self.next[3], n, read)
    }

    fn kernel_takes_fill(&mut self, n: u32) {
        self.fill.kernel_takes(n);
    }

    fn kernel_completes(&mut self, n: u32) {
        self.completion.kernel_puts(n);
    }

    fn kernel_takes_tx(&mut self, n: u32) {
        self.tx.kernel_takes(n);
    }

    fn kernel_receives(&mut self, n: u32) {
        self.rx.kernel_puts(n);
    }

    #[cfg(test)]
    fn published(&self, taken: u32, i: u32) -> (u64, Desc) {
        let slot = (crate::plain::START.wrapping_add(taken + i) & crate::plain::MASK) as usize;
        (self.fill.slots[slot], self.tx.slots[slot])
    }
}
