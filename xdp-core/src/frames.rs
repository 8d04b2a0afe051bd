//! Where free chunks live and how they come home: the pool, the return path, and the custody table.
//!
//! The conservation rule: at every moment each chunk is in exactly one place: a pool, the return path, the user's
//! hands, or the kernel's on behalf of one end of one socket. [`Custody`] is the proof of it at run time.
//!
//! - F1 a chunk is pushed to the return path only by whoever has it in hand, so it is never there twice.
//! - F2 a chunk that the kernel names is believed only if the custody table says that the kernel has it, from that
//!   very end.
//!
//! | # | access | order | pairs with |
//! |---|--------|-------|------------|
//! | 7 | CAS of the head that pushes | Release | row 8: the link and the packet bytes are seen by whoever takes the chunk |
//! | 8 | CAS of the head that takes all | Acquire | row 7 |
//! | 9 | load/store of a link | Relaxed | ordered by rows 7 and 8: a link is written before its push, read after its take |
//! | 10 | load/store of a custody byte | Relaxed | none: only who has the chunk touches it, and chunks change hands in order |
//! | 11 | count what was taken | Release / Acquire | itself: who sees the count sees the pushes that it counts |

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crossbeam_utils::{Backoff, CachePadded};

use crate::desc::Desc;
use crate::layout::{Chunk, UmemLayout};
use crate::sync::{AtomicU8, AtomicU32, AtomicU64, Ordering};

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
        // What was taken is read first (row 11), so that it cannot exceed what was pushed.
        let taken = self.taken.load(Ordering::Acquire);
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
            match self.head.compare_exchange_weak(head, new, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return, // row 7
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
            match self.head.compare_exchange_weak(head, emptied, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => break, // row 8
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
        self.taken.fetch_add(count, Ordering::Release); // row 11
        count
    }
}

/// Who has a chunk, as one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder(u8);

impl Holder {
    /// Nobody: the chunk is in a pool or on the return path.
    pub const FREE: Self = Self(0);

    /// The user, as a frame.
    pub const HANDS: Self = Self(u8::MAX);

    /// Sockets that one UMEM can tell apart.
    pub const SOCKETS: u8 = 127;

    /// The byte that stands for it in the table.
    pub const fn byte(self) -> u8 {
        self.0
    }

    /// The kernel, to receive into, by the fill ring of socket `socket` (below [`Holder::SOCKETS`]).
    pub const fn receiving(socket: u8) -> Self {
        Self(socket % Self::SOCKETS * 2 + 1)
    }

    /// The kernel, to send from, by the tx ring of socket `socket` (below [`Holder::SOCKETS`]).
    pub const fn sending(socket: u8) -> Self {
        Self(socket % Self::SOCKETS * 2 + 2)
    }
}

/// Who has each chunk: one byte a chunk, so that what the kernel names is checked before it is believed (F2).
#[derive(Debug)]
pub struct Custody {
    holders: Box<[AtomicU8]>,
    layout: UmemLayout,
}

impl Custody {
    /// Every chunk free.
    pub fn new(layout: UmemLayout) -> Self {
        Self { holders: (0..layout.chunks()).map(|_| AtomicU8::new(Holder::FREE.0)).collect(), layout }
    }

    /// The table for a loop: everything in registers, nothing to be loaded again for each packet.
    #[inline]
    pub fn view(&self) -> CustodyView<'_> {
        CustodyView { holders: &self.holders, layout: self.layout }
    }

    /// How many chunks each holder has, by [`Holder::byte`].
    pub fn counts(&self) -> [u32; 256] {
        let mut counts = [0; 256];
        for byte in self.holders.iter() {
            counts[usize::from(byte.load(Ordering::Relaxed))] += 1; // row 10; a snapshot for people
        }
        counts
    }

    /// The chunks that `holder` has.
    pub fn held_by(&self, holder: Holder) -> impl Iterator<Item = Chunk> + '_ {
        let has = move |byte: &AtomicU8| byte.load(Ordering::Relaxed) == holder.0;
        self.holders.iter().enumerate().filter(move |(_, byte)| has(byte)).map(|(i, _)| Chunk(i as u32))
    }
}

/// A [`Custody`] as a loop wants it.
#[derive(Debug, Clone, Copy)]
pub struct CustodyView<'a> {
    holders: &'a [AtomicU8],
    layout: UmemLayout,
}

impl<'a> CustodyView<'a> {
    /// Notes that `holder` has the chunk of this address now. An address beyond the UMEM is ignored.
    #[inline]
    pub fn set(self, addr: u64, holder: Holder) {
        if let Some(byte) = self.holder(addr) {
            byte.store(holder.0, Ordering::Relaxed); // row 10
        }
    }

    /// Whether `holder` has the chunk of this address.
    #[inline]
    pub fn is(self, addr: u64, holder: Holder) -> bool {
        self.holder(addr).is_some_and(|byte| byte.load(Ordering::Relaxed) == holder.0) // row 10
    }

    /// Passes the chunk of this address on if `from` has it; false, and nothing changes, if it does not, or the
    /// address is beyond the UMEM.
    #[inline]
    pub fn pass(self, addr: u64, from: Holder, to: Holder) -> bool {
        match self.holder(addr) {
            Some(byte) if byte.load(Ordering::Relaxed) == from.0 => {
                byte.store(to.0, Ordering::Relaxed); // row 10
                true
            }
            _ => false,
        }
    }

    /// Whether a descriptor can be believed: its bytes lie inside one chunk of the UMEM, and `holder` has that chunk.
    #[inline]
    pub fn vouches_for(self, desc: Desc, holder: Holder) -> bool {
        self.is(desc.addr.0, holder) && self.layout.fits(desc)
    }

    #[inline]
    fn holder(self, addr: u64) -> Option<&'a AtomicU8> {
        // There is a byte for each chunk, so this is the check of the address, too.
        self.holders.get(self.layout.chunk_number(addr) as usize)
    }
}

#[cfg(test)]
mod tests;
