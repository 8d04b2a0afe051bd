//! The four rings as three implementations have them, and the bed that runs an operation.

use std::hint::black_box;

use xdp_core::{Addr, Desc, Options};

use crate::case::{ENDLESS, ROUND, Subject};
use crate::measured;
use crate::plain::ENTRIES;

mod floor;
mod ours;
mod slice;

pub use floor::Floor;
pub use ours::Ours;
pub use slice::Slice;

/// The four rings of one implementation, and the kernel that moves the other indices.
pub trait FourRings {
    /// Rings whose rx and completion entries are the same in every implementation.
    fn new() -> Self;

    /// Writes and publishes as many addresses as there is room for; returns how many.
    fn fill(&mut self, chunks: &[u64]) -> u32;

    /// Reads and releases up to `n` addresses.
    fn completion(&mut self, n: u32) -> Taken;

    /// Writes and publishes as many descriptors as there is room for; returns how many.
    fn tx(&mut self, frames: &[Desc]) -> u32;

    /// Reads and releases up to `n` descriptors.
    fn rx(&mut self, n: u32) -> Taken;

    /// The kernel takes `n` chunks from the fill ring.
    fn kernel_takes_fill(&mut self, n: u32);

    /// The kernel publishes `n` completions.
    fn kernel_completes(&mut self, n: u32);

    /// The kernel takes `n` frames from the tx ring.
    fn kernel_takes_tx(&mut self, n: u32);

    /// The kernel publishes `n` received frames.
    fn kernel_receives(&mut self, n: u32);

    /// What was published at `i` in the fill and in the tx ring, behind the `taken` entries that the kernel has
    /// taken, for tests.
    #[cfg(test)]
    fn published(&self, taken: u32, i: u32) -> (u64, Desc);
}

/// What was taken from a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Entries or packets.
    pub count: u32,
    /// The sum of what was read of them, wrapping.
    pub sum: u64,
}

/// What is read of a received frame: all that is needed to find its bytes.
#[inline(always)]
pub(crate) fn read(frame: &Desc) -> u64 {
    frame.addr.0.wrapping_add(u64::from(frame.len))
}

/// Address number `i`.
pub(crate) fn chunk(i: u32) -> u64 {
    u64::from(i) << 12
}

/// Descriptor number `i`.
pub(crate) fn frame(i: u32) -> Desc {
    Desc { addr: Addr(chunk(i) + 256), len: 60 + i % 1400, options: Options::NONE }
}

/// What is done with the rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Produce to the fill ring.
    Fill,
    /// Consume from the completion ring.
    Completion,
    /// Produce to the tx ring.
    Tx,
    /// Consume from the rx ring.
    Rx,
    /// Produce to the tx ring, consume from the completion ring.
    TxAndCompletion,
    /// Consume from the rx ring, produce to the fill ring.
    RxAndFill,
}

/// All of them.
pub(crate) const OPERATIONS: [Operation; 6] = [
    Operation::Fill,
    Operation::Completion,
    Operation::Tx,
    Operation::Rx,
    Operation::TxAndCompletion,
    Operation::RxAndFill,
];

impl Operation {
    /// The name of its group.
    pub fn group(self) -> &'static str {
        match self {
            Self::Fill => "xdp-core/fill",
            Self::Completion => "xdp-core/completion",
            Self::Tx => "xdp-core/tx",
            Self::Rx => "xdp-core/rx",
            Self::TxAndCompletion => "xdp-core/tx+completion",
            Self::RxAndFill => "xdp-core/rx+fill",
        }
    }
}

/// Rings, and a batch of what goes through them.
#[derive(Debug)]
pub struct Bed<R> {
    rings: R,
    operation: Operation,
    chunks: Vec<u64>,
    frames: Vec<Desc>,
}

impl<R: FourRings> Bed<R> {
    /// Fresh rings.
    pub fn new(operation: Operation) -> Self {
        Self {
            rings: R::new(),
            operation,
            chunks: (0..ROUND).map(chunk).collect(),
            frames: (0..ROUND).map(frame).collect(),
        }
    }
}

impl<R: FourRings> Subject for Bed<R> {
    fn rounds_at_once(&self) -> u32 {
        ENDLESS
    }

    /// The kernel moves before a consumer, behind a producer.
    fn step(&mut self, n: u32) {
        let rings = &mut self.rings;
        let n = black_box(n);
        let (chunks, frames) = (&self.chunks[..n as usize], &self.frames[..n as usize]);
        match self.operation {
            Operation::Fill => {
                assert_eq!(measured::fill(rings, chunks), n);
                rings.kernel_takes_fill(n);
            }
            Operation::Completion => {
                rings.kernel_completes(n);
                check(measured::completion(rings, n), n);
            }
            Operation::Tx => {
                assert_eq!(measured::tx(rings, frames), n);
                rings.kernel_takes_tx(n);
            }
            Operation::Rx => {
                rings.kernel_receives(n);
                check(measured::rx(rings, n), n);
            }
            Operation::TxAndCompletion => {
                rings.kernel_completes(n);
                check(measured::tx_and_completion(rings, frames), n);
                rings.kernel_takes_tx(n);
            }
            Operation::RxAndFill => {
                rings.kernel_receives(n);
                check(measured::rx_and_fill(rings, chunks), n);
                rings.kernel_takes_fill(n);
            }
        }
    }
}

#[inline]
fn check(taken: Taken, n: u32) {
    assert_eq!(taken.count, n);
    black_box(taken.sum);
}

/// The slots of a ring, once around.
fn slots() -> std::ops::Range<u32> {
    0..ENTRIES
}

#[cfg(test)]
mod tests;
