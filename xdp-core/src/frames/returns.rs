//! The way home for chunks from any thread. The invariant F1 and the rows 7 to 9 and 11 stand in `frames`.

use alloc::boxed::Box;
use core::fmt;

use crossbeam_utils::{Backoff, CachePadded};

use super::Pool;
use crate::layout::{Chunk, UmemLayout};
use crate::sync::{AtomicU32, AtomicU64, Ordering, row};

/// The way home for chunks from any thread: a lock-free stack whose links lie beside the chunks, never in them.
///
/// Pushing touches no packet memory. Chunks are taken all at once, so that a chunk can never be popped under a
/// pusher's feet.
pub struct ReturnPath {
    /// Upper half: chunks ever pushed, wrapping. Lower half: the top chunk's number, or [`NONE`].
    head: CachePadded<AtomicU64>,
    /// Chunks ever taken, wrapping.
    taken: AtomicU32,
    links: Box<[AtomicU32]>,
    layout: UmemLayout,
}

const NONE: u32 = u32::MAX;

impl fmt::Debug for ReturnPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReturnPath").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl ReturnPath {
    /// An empty return path for a UMEM.
    pub fn new(layout: UmemLayout) -> Self {
        Self {
            head: CachePadded::new(AtomicU64::new(u64::from(NONE))),
            taken: AtomicU32::new(0),
            links: (0..layout.chunks()).map(|_| AtomicU32::new(NONE)).collect(),
            layout,
        }
    }

    /// Chunks that are here; exact while nobody pushes or takes.
    pub fn len(&self) -> u32 {
        // What was taken is read first, so that it cannot exceed what was pushed.
        let taken = self.taken.load(row(11, Ordering::Acquire));
        ((self.head.load(Ordering::Relaxed) >> 32) as u32).wrapping_sub(taken).min(self.layout.chunks())
    }

    /// Whether nothing is here.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.head.load(Ordering::Relaxed) as u32 == NONE
    }

    /// Pushes one chunk, named by any address in it. An address outside the UMEM is ignored.
    #[inline]
    pub fn push(&self, addr: u64) {
        if let Some(chunk) = self.layout.chunk(addr) {
            self.push_chain(chunk, chunk, 1);
        }
    }

    /// Pushes many chunks with one compare-and-swap. Addresses outside the UMEM are ignored.
    pub fn push_all(&self, addrs: &[u64]) {
        let mut chunks = addrs.iter().filter_map(|&addr| self.layout.chunk(addr));
        let Some(bottom) = chunks.next() else { return };
        let (mut top, mut count) = (bottom, 1u64);
        for chunk in chunks {
            self.links[chunk.0 as usize].store(top.0, Ordering::Relaxed); // row 9
            (top, count) = (chunk, count + 1);
        }
        self.push_chain(top, bottom, count);
    }

    /// Pushes chunks that are linked from `top` to `bottom`.
    fn push_chain(&self, top: Chunk, bottom: Chunk, count: u64) {
        let backoff = Backoff::new();
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            self.links[bottom.0 as usize].store(head as u32, Ordering::Relaxed); // row 9
            let pushed = (head >> 32).wrapping_add(count) << 32;
            let new = pushed | u64::from(top.0);
            match self.head.compare_exchange_weak(head, new, row(7, Ordering::Release), Ordering::Relaxed) {
                Ok(_) => return,
                Err(seen) => head = seen,
            }
            backoff.spin();
        }
    }

    /// Moves everything that is here into `pool`; returns how many chunks.
    pub fn take_all(&self, pool: &mut Pool) -> u32 {
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            if head as u32 == NONE {
                return 0;
            }
            let emptied = (head & !u64::from(u32::MAX)) | u64::from(NONE);
            match self.head.compare_exchange_weak(head, emptied, row(8, Ordering::Acquire), Ordering::Relaxed)
            {
                Ok(_) => break,
                Err(seen) => head = seen,
            }
        }
        let (mut next, mut count) = (head as u32, 0);
        while let Some(link) = self.links.get(next as usize) {
            pool.push(self.layout.addr(Chunk(next)));
            count += 1;
            debug_assert!(
                count <= self.layout.chunks(),
                "a chunk was pushed twice (F1), and the links go round in a circle"
            );
            next = link.load(Ordering::Relaxed); // row 9
        }
        self.taken.fetch_add(count, row(11, Ordering::Release));
        count
    }

    /// Accesses each word as its only owner, which is what freeing them amounts to.
    #[cfg(all(test, loom))]
    pub(crate) fn own_all_words(&mut self) {
        self.head.with_mut(|_| {});
        self.taken.with_mut(|_| {});
        self.links.iter_mut().for_each(|link| link.with_mut(|_| {}));
    }
}
