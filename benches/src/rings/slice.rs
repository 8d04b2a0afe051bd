//! By hand, run by run: a batch is one contiguous range of slots, or two where the ring wraps.

use xdp_core::Desc;

use super::{FourRings, Taken, chunk, frame, read, slots};
use crate::plain::{ENTRIES, PlainRing, START, slot};

/// One acquire load and one release store a batch; at most two runs.
#[derive(Debug)]
pub struct Slice {
    fill: Box<PlainRing<u64>>,
    completion: Box<PlainRing<u64>>,
    tx: Box<PlainRing<Desc>>,
    rx: Box<PlainRing<Desc>>,
    /// Our own indices, in that order; nobody else writes them.
    next: [u32; 4],
}

#[inline(always)]
fn produce<T: Copy>(ring: &mut PlainRing<T>, next: &mut u32, source: &[T]) -> u32 {
    let room = ENTRIES.wrapping_sub(next.wrapping_sub(ring.consumer.load())) as usize;
    let n = source.len().min(room);
    let first = slot(*next);
    let before = n.min(ENTRIES as usize - first);
    let (run, rest) = source[..n].split_at(before);
    ring.slots[first..first + before].copy_from_slice(run);
    ring.slots[..rest.len()].copy_from_slice(rest);
    *next = next.wrapping_add(n as u32);
    ring.producer.store(*next);
    n as u32
}

#[inline(always)]
fn consume<T: Copy>(ring: &PlainRing<T>, next: &mut u32, want: u32, read: impl Fn(&T) -> u64) -> Taken {
    let count = ring.producer.load().wrapping_sub(*next).min(want);
    let first = slot(*next);
    let before = (count as usize).min(ENTRIES as usize - first);
    let add = |sum: u64, entry: &T| sum.wrapping_add(read(entry));
    let sum = ring.slots[first..first + before].iter().fold(0, add);
    let sum = ring.slots[..count as usize - before].iter().fold(sum, add);
    *next = next.wrapping_add(count);
    ring.consumer.store(*next);
    Taken { count, sum }
}

impl FourRings for Slice {
    fn new() -> Self {
        let mut slice = Self {
            fill: Box::new(PlainRing::new()),
            completion: Box::new(PlainRing::new()),
            tx: Box::new(PlainRing::new()),
            rx: Box::new(PlainRing::new()),
            next: [START; 4],
        };
        for i in slots() {
            slice.completion.slots[i as usize] = chunk(i);
            slice.rx.slots[i as usize] = frame(i);
        }
        slice
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
