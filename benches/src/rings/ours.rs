//! `xdp-core`, over its fake kernel.

use xdp_core::fake::{FakeKernel, FakeRings};
use xdp_core::ring::ConsumerRing;
use xdp_core::{Addr, Desc};

use super::{FourRings, Taken, chunk, frame, read, slots};
use crate::plain::{ENTRIES, MASK, START};

/// The rings of `xdp-core`.
#[derive(Debug)]
pub struct Ours {
    kernel: FakeKernel,
    rings: FakeRings,
}

/// As a user reads a batch where it lies: both runs, then release. One entry alone is popped, as `submit_from` pushes
/// one.
#[inline(always)]
fn consume<T: xdp_core::ring::Entry>(ring: &mut ConsumerRing<T>, n: u32, read: impl Fn(&T) -> u64) -> Taken {
    if n == 1 {
        return match ring.pop() {
            Some(entry) => Taken { count: 1, sum: read(&entry) },
            None => Taken { count: 0, sum: 0 },
        };
    }
    let mut batch = ring.peek(n);
    let count = batch.len();
    let (first, second) = batch.runs();
    let add = |sum: u64, entry: &T| sum.wrapping_add(read(entry));
    let sum = second.iter().fold(first.iter().fold(0, add), add);
    batch.release(count);
    Taken { count, sum }
}

impl FourRings for Ours {
    fn new() -> Self {
        let (mut kernel, mut rings) =
            FakeKernel::starting_at(ENTRIES, START).expect("the length is a power of two");
        for i in slots() {
            let i = START.wrapping_add(i) & MASK;
            assert!(kernel.complete(Addr(chunk(i))) && kernel.put_rx(frame(i)));
        }
        // Once around, so that both rings are empty again and their entries stay.
        assert_eq!(consume(&mut rings.completion, ENTRIES, |_| 0).count, ENTRIES);
        assert_eq!(consume(&mut rings.rx, ENTRIES, |_| 0).count, ENTRIES);
        Self { kernel, rings }
    }

    #[inline(always)]
    fn fill(&mut self, chunks: &[u64]) -> u32 {
        self.rings.fill.submit_from(chunks) as u32
    }

    #[inline(always)]
    fn completion(&mut self, n: u32) -> Taken {
        consume(&mut self.rings.completion, n, |addr| *addr)
    }

    #[inline(always)]
    fn tx(&mut self, frames: &[Desc]) -> u32 {
        self.rings.tx.submit_from(frames) as u32
    }

    #[inline(always)]
    fn rx(&mut self, n: u32) -> Taken {
        consume(&mut self.rings.rx, n, read)
    }

    fn kernel_takes_fill(&mut self, n: u32) {
        self.kernel.skip_fill(n);
    }

    fn kernel_completes(&mut self, n: u32) {
        self.kernel.skip_completion(n);
    }

    fn kernel_takes_tx(&mut self, n: u32) {
        self.kernel.skip_tx(n);
    }

    fn kernel_receives(&mut self, n: u32) {
        self.kernel.skip_rx(n);
    }

    #[cfg(test)]
    fn published(&self, _taken: u32, i: u32) -> (u64, Desc) {
        let published = self.kernel.peek_fill(i).zip(self.kernel.peek_tx(i));
        published.expect("both are published")
    }
}
