//! The free chunks of one half of a socket: a local stack, and how it trades with the rest of the UMEM.
//!
//! Each half keeps its share. What it has beyond that goes to where it is needed: from the sending half to the
//! receiving one through a ring that both ends reach without a locked instruction, from the receiving half to the
//! UMEM's return path in bulk.

use std::sync::atomic::{AtomicU32, Ordering};

use xdp_core::frames::{Holder, Pool};

use crate::frame::Frame;
use crate::umem::{Home, HomeRef};

/// Chunks go to the return path in lumps of about this many, so that giving is cheap per chunk.
const LUMP: u32 = 64;

/// The free chunks of one half of a socket.
#[derive(Debug)]
pub(crate) struct HalfPool {
    pool: Pool,
    home: HomeRef,
    /// Chunks that this half keeps for itself.
    share: u32,
}

impl HalfPool {
    pub(crate) fn new(home: HomeRef, share: u32) -> Self {
        Self { pool: Pool::with_capacity(home.layout.chunks()), home, share }
    }

    #[inline]
    pub(crate) fn home(&self) -> HomeRef {
        self.home
    }

    /// The same for as long as the pool is borrowed.
    #[inline]
    pub(crate) fn home_ref(&self) -> &Home {
        &self.home
    }

    #[inline]
    pub(crate) fn len(&self) -> u32 {
        self.pool.len()
    }

    #[inline]
    pub(crate) fn chunks(&mut self) -> &mut Pool {
        &mut self.pool
    }

    /// See [`Pool::last`].
    #[inline]
    pub(crate) fn last(&self, n: u32) -> &[u64] {
        self.pool.last(n)
    }

    /// Chunks that this half keeps for itself.
    #[inline]
    pub(crate) fn share(&self) -> u32 {
        self.share
    }

    /// Chunks that are missing of the share, if `elsewhere` are with the kernel.
    #[inline]
    pub(crate) fn deficit(&self, elsewhere: u32) -> u32 {
        self.share.saturating_sub(self.pool.len() + elsewhere)
    }

    /// Free chunks beyond the share, of which `elsewhere` are with the kernel.
    #[inline]
    pub(crate) fn surplus(&self, elsewhere: u32) -> u32 {
        (self.pool.len() + elsewhere).saturating_sub(self.share).min(self.pool.len())
    }

    /// Gives chunks beyond the share to the UMEM's return path, once there are enough of them to be worth a
    /// compare-and-swap, or somebody has looked there in vain.
    #[inline]
    pub(crate) fn give_surplus_home(&mut self, elsewhere: u32) {
        let surplus = self.surplus(elsewhere);
        if surplus > LUMP || surplus > 0 && self.home.is_hungry.load(Ordering::Relaxed) {
            self.home.is_hungry.store(false, Ordering::Relaxed);
            self.give_home(surplus);
        }
    }

    /// Takes what is missing of the share from the UMEM's return path, or leaves word that there was nothing;
    /// `elsewhere` of the share are with the kernel.
    #[inline]
    pub(crate) fn restock(&mut self, elsewhere: u32) {
        let found = !self.home.returns.is_empty() && self.take_returned(elsewhere) > 0;
        // Relaxed: a hint to those who hold chunks back. It is stored only when it changes, as all halves read it.
        if !found && !self.home.is_hungry.load(Ordering::Relaxed) {
            self.home.is_hungry.store(true, Ordering::Relaxed);
        }
    }

    /// Apart, so that no locked instruction stands in a loop that gets along without.
    #[inline(never)]
    fn take_returned(&mut self, elsewhere: u32) -> u32 {
        let found = self.home.returns.take_all(&mut self.pool);
        // The rest at once: whoever misses it may look there next, and find nobody who would give it back.
        let surplus = self.surplus(elsewhere).min(found);
        if surplus > 0 {
            self.give_home(surplus);
        }
        found - surplus
    }

    /// Gives `n` chunks to the UMEM's return path.
    #[inline(never)]
    fn give_home(&mut self, n: u32) {
        self.home.returns.push_all(self.pool.last(n));
        self.pool.forget_last(n);
    }

    /// Takes a frame of this UMEM back; one of another goes home by itself.
    #[inline]
    pub(crate) fn take_back(&mut self, frame: Frame) {
        if frame.home() == self.home {
            let seat = frame.into_seat();
            self.home.custody.view().set_seat(seat, Holder::FREE);
            self.pool.push(self.home.custody.start(seat));
        }
    }

    /// Says how many chunks are here, for the accounting.
    #[inline]
    pub(crate) fn publish(&self, len: &AtomicU32) {
        len.store(self.pool.len(), Ordering::Relaxed); // one writer: this half
    }
}

impl Drop for HalfPool {
    fn drop(&mut self) {
        self.give_home(self.pool.len());
    }
}
