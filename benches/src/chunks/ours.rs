//! `xdp-core`'s pool and return path.

use xdp_core::frames::{Pool, ReturnPath};
use xdp_core::{ChunkSize, UmemLayout};

use super::{CHUNKS, FreeChunks};
use crate::rings::Taken;

/// Free chunks of `xdp-core`.
#[derive(Debug)]
pub struct Ours {
    pool: Pool,
    returns: ReturnPath,
}

impl FreeChunks for Ours {
    fn new() -> Self {
        let layout = UmemLayout::new(ChunkSize::K4, CHUNKS, 0).expect("the geometry works");
        Self { pool: Pool::with_capacity(CHUNKS), returns: ReturnPath::new(layout) }
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
        self.pool.extend(addrs.iter().copied());
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
        let last = self.pool.last(n);
        let taken = Taken { count: last.len() as u32, sum: last.iter().sum() };
        self.pool.forget_last(taken.count);
        taken
    }
}
