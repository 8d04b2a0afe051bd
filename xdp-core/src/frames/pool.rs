//! Free chunks of one owner.

use alloc::vec::Vec;

/// A stack of free chunks with one owner; what it holds are the chunks' start addresses, ready for the fill ring.
///
/// Last in, first out, since the chunk used last is the one whose bytes are still in the cache.
#[derive(Debug, Default)]
pub struct Pool {
    free: Vec<u64>,
}

impl Pool {
    /// An empty pool that takes `chunks` chunks without allocating.
    pub fn with_capacity(chunks: u32) -> Self {
        Self { free: Vec::with_capacity(chunks as usize) }
    }

    /// Chunks in the pool.
    #[inline]
    pub fn len(&self) -> u32 {
        self.free.len() as u32
    }

    /// Whether the pool is empty.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.free.is_empty()
    }

    /// Adds one chunk by its start address.
    #[inline]
    pub fn push(&mut self, addr: u64) {
        self.free.push(addr);
    }

    /// Takes one chunk.
    #[inline]
    pub fn pop(&mut self) -> Option<u64> {
        self.free.pop()
    }

    /// Adds many chunks.
    #[inline]
    pub fn extend(&mut self, addrs: impl IntoIterator<Item = u64>) {
        self.free.extend(addrs);
    }

    /// Adds up to `n` chunks that `f` writes to the slice that it is given; it says how many it has.
    #[inline]
    pub fn extend_by(&mut self, n: u32, f: impl FnOnce(&mut [u64]) -> usize) -> usize {
        let len = self.free.len();
        self.free.resize(len + n as usize, 0);
        let added = f(&mut self.free[len..]).min(n as usize);
        self.free.truncate(len + added);
        added
    }

    /// The `n` chunks that would be popped next, or all if there are fewer; they stay until [`Pool::forget_last`].
    #[inline]
    pub fn last(&self, n: u32) -> &[u64] {
        &self.free[self.free.len().saturating_sub(n as usize)..]
    }

    /// Takes the `n` chunks that [`Pool::last`] showed.
    #[inline]
    pub fn forget_last(&mut self, n: u32) {
        self.free.truncate(self.free.len().saturating_sub(n as usize));
    }
}
