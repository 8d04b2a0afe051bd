//! Free chunks on their way round, without packets: the pool and the return path, and the bed that runs them.

use std::hint::black_box;

use crate::case::{ENDLESS, ROUND, Subject};
use crate::measured;
use crate::rings::{Taken, chunk};

mod by_hand;
mod ours;

pub use by_hand::{ByHand, Stack};
pub use ours::Ours;

/// Chunks of the UMEM.
pub(crate) const CHUNKS: u32 = 4096;

/// A pool with one owner, and a return path that any thread may push to.
pub trait FreeChunks {
    /// Both empty.
    fn new() -> Self;

    /// Puts the chunks into the pool one by one, then takes as many out one by one; adds up what came out.
    fn push_and_pop(&mut self, addrs: &[u64]) -> Taken;

    /// Puts the chunks into the pool all at once, looks at as many of the last ones and takes them out; adds up what
    /// was looked at.
    fn in_bulk(&mut self, addrs: &[u64]) -> Taken;

    /// Pushes the chunks to the return path one by one.
    fn push_each(&mut self, addrs: &[u64]);

    /// Pushes the chunks to the return path all at once.
    fn push_all(&mut self, addrs: &[u64]);

    /// Takes all chunks from the return path into the pool; returns how many.
    fn take_all(&mut self) -> u32;

    /// Takes the last `n` chunks out of the pool; adds them up.
    fn forget(&mut self, n: u32) -> Taken;
}

/// What is done with the chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Into the pool and out of it, one by one.
    PushAndPop,
    /// Into the pool and out of it, all at once.
    InBulk,
    /// To the return path, one by one.
    PushEach,
    /// To the return path, all at once.
    PushAll,
    /// From the return path into the pool.
    TakeAll,
}

/// All of them.
pub(crate) const OPERATIONS: [Operation; 5] =
    [Operation::PushAndPop, Operation::InBulk, Operation::PushEach, Operation::PushAll, Operation::TakeAll];

impl Operation {
    /// The name of its group.
    pub fn group(self) -> &'static str {
        match self {
            Self::PushAndPop => "xdp-core/pool-push+pop",
            Self::InBulk => "xdp-core/pool-bulk",
            Self::PushEach => "xdp-core/return-push",
            Self::PushAll => "xdp-core/return-push-all",
            Self::TakeAll => "xdp-core/return-take-all",
        }
    }
}

/// A pool, a return path, and chunks for a round.
#[derive(Debug)]
pub struct Bed<C> {
    free: C,
    operation: Operation,
    addrs: Vec<u64>,
    /// Chunks of the round that are on the return path.
    returned: usize,
}

impl<C: FreeChunks> Bed<C> {
    /// A pool that holds a round of other chunks, as pools do.
    pub fn new(operation: Operation) -> Self {
        let mut free = C::new();
        let others: Vec<u64> = (ROUND..2 * ROUND).map(chunk).collect();
        free.push_all(&others);
        assert_eq!(free.take_all(), ROUND);
        // In no order that a cache or a compiler could know.
        let addrs = (0..ROUND).map(|i| chunk(i * 181 % ROUND)).collect();
        Self { free, operation, addrs, returned: 0 }
    }
}

impl<C: FreeChunks> Subject for Bed<C> {
    /// What was pushed in the last round comes back: no chunk is on the return path twice.
    fn prepare(&mut self) {
        let returned = std::mem::take(&mut self.returned);
        assert_eq!(self.free.take_all() as usize, returned);
        let sum = self.addrs[..returned].iter().sum();
        assert_eq!(self.free.forget(returned as u32), Taken { count: returned as u32, sum });
    }

    fn rounds_at_once(&self) -> u32 {
        match self.operation {
            Operation::PushAndPop | Operation::InBulk => ENDLESS,
            _ => 1,
        }
    }

    fn step(&mut self, n: u32) {
        let Self { free, addrs, returned, .. } = self;
        let n = black_box(n);
        let end = *returned + n as usize;
        match self.operation {
            Operation::PushAndPop => {
                assert_eq!(measured::push_and_pop(free, &addrs[..end]), sum(&addrs[..end]));
            }
            Operation::InBulk => assert_eq!(measured::in_bulk(free, &addrs[..end]), sum(&addrs[..end])),
            Operation::PushEach => {
                measured::push_each(free, &addrs[*returned..end]);
                *returned = end;
            }
            Operation::PushAll => {
                measured::push_all(free, &addrs[*returned..end]);
                *returned = end;
            }
            Operation::TakeAll => {
                free.push_all(&addrs[..end]);
                assert_eq!(measured::take_all(free), n);
                assert_eq!(free.forget(n), sum(&addrs[..end]));
            }
        }
    }
}

#[inline]
fn sum(addrs: &[u64]) -> Taken {
    Taken { count: addrs.len() as u32, sum: addrs.iter().sum() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keeps_every_chunk<C: FreeChunks>() {
        let addrs: Vec<u64> = (0..64).map(chunk).collect();
        let mut free = C::new();
        assert_eq!(free.take_all(), 0);
        assert_eq!(free.push_and_pop(&addrs), sum(&addrs));
        assert_eq!(free.in_bulk(&addrs), sum(&addrs));
        assert_eq!(free.forget(64), sum(&[]), "all that went in came out");
        free.push_each(&addrs[..16]);
        free.push_all(&addrs[16..]);
        free.push_all(&[]);
        assert_eq!(free.take_all(), 64);
        assert_eq!(free.take_all(), 0);
        assert_eq!(free.forget(64), sum(&addrs));
    }

    #[test]
    fn both_implementations_keep_every_chunk() {
        keeps_every_chunk::<ByHand>();
        keeps_every_chunk::<Ours>();
    }

    #[test]
    fn the_stack_by_hand_keeps_every_chunk_of_several_threads() {
        let stack = Stack::new();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let stack = &stack;
                scope.spawn(move || (thread * 1000..thread * 1000 + 1000).for_each(|i| stack.push(chunk(i))));
            }
        });
        let mut taken = Vec::new();
        stack.take_all(&mut taken);
        taken.sort_unstable();
        assert_eq!(taken, (0..4000).map(chunk).collect::<Vec<_>>());
    }
}
