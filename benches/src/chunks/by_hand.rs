//! By hand: a vector, and a stack that any thread may push to.

use std::sync::atomic::{AtomicU32, Ordering};

use super::{CHUNKS, FreeChunks};
use crate::rings::{Taken, chunk};

/// Free chunks of a hand-written program.
#[derive(Debug)]
pub struct ByHand {
    pool: Vec<u64>,
    returns: Stack,
}

impl FreeChunks for ByHand {
    fn new() -> Self {
        Self { pool: Vec::with_capacity(CHUNKS as usize), returns: Stack::new() }
    }

    #[inline(always)]
    fn push_and_pop(&mut self, addrs: &[u64]) -> Taken {
        for addr in addrs {
            self.pool.push(*addr);
        }
        let mut taken = Taken { count: 0, sum: 0 };
        while taken.count < addrs.len() as u32
            && let Some(addr) = self.pool.pop()
        {
            taken = Taken { count: taken.count + 1, sum: taken.sum.wrapping_add(addr) };
        }
        taken
    }

    #[inline(always)]
    fn in_bulk(&mut self, addrs: &[u64]) -> Taken {
        self.pool.extend_from_slice(addrs);
        self.forget(addrs.len() as u32)
    }

    #[inline(always)]
    fn push_each(&mut self, addrs: &[u64]) {
        addrs.iter().for_each(|addr| self.returns.push(*addr));
    }

    #[inline(always)]
    fn push_all(&mut self, addrs: &[u64]) {
        self.returns.push_all(addrs);
    }

    #[inline(always)]
    fn take_all(&mut self) -> u32 {
        self.returns.take_all(&mut self.pool)
    }

    #[inline(always)]
    fn forget(&mut self, n: u32) -> Taken {
        let left = self.pool.len().saturating_sub(n as usize);
        let last = &self.pool[left..];
        let taken = Taken { count: last.len() as u32, sum: last.iter().sum() };
        self.pool.truncate(left);
        taken
    }
}

/// Free chunks as a stack that any thread may push to; links lie in an array of their own. Taken all at once, so
/// that no chunk can be pushed again under a pusher's feet.
#[derive(Debug)]
pub struct Stack {
    head: AtomicU32,
    links: Box<[AtomicU32; CHUNKS as usize]>,
}

/// No chunk.
const NONE: u32 = u32::MAX;

/// The number of the chunk that holds an address.
#[inline(always)]
fn number(addr: u64) -> u32 {
    (addr >> 12) as u32 % CHUNKS
}

impl Stack {
    /// An empty one.
    pub fn new() -> Self {
        let links: Box<[AtomicU32]> = (0..CHUNKS).map(|_| AtomicU32::new(NONE)).collect();
        Self { head: AtomicU32::new(NONE), links: links.try_into().expect("as many links as were made") }
    }

    /// Adds a chunk.
    #[inline(always)]
    pub fn push(&self, addr: u64) {
        self.push_linked(number(addr), number(addr));
    }

    /// Adds chunks.
    #[inline(always)]
    pub fn push_all(&self, addrs: &[u64]) {
        let Some((first, rest)) = addrs.split_first() else { return };
        let (bottom, mut top) = (number(*first), number(*first));
        for addr in rest {
            self.links[number(*addr) as usize].store(top, Ordering::Relaxed);
            top = number(*addr);
        }
        self.push_linked(top, bottom);
    }

    /// Moves all chunks into `pool`; returns how many.
    #[inline(always)]
    pub fn take_all(&self, pool: &mut Vec<u64>) -> u32 {
        let mut next = self.head.swap(NONE, Ordering::Acquire);
        let mut count = 0;
        while let Some(link) = self.links.get(next as usize) {
            pool.push(chunk(next));
            next = link.load(Ordering::Relaxed);
            count += 1;
        }
        count
    }

    #[inline(always)]
    fn push_linked(&self, top: u32, bottom: u32) {
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            self.links[bottom as usize].store(head, Ordering::Relaxed);
            match self.head.compare_exchange_weak(head, top, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(seen) => head = seen,
            }
        }
    }
}

impl Default for Stack {
    fn default() -> Self {
        Self::new()
    }
}
