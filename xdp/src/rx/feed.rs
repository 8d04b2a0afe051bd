//! The fill ring is kept full: from the pool, from what the sending half has left over, from the UMEM.

use std::sync::atomic::Ordering;

use xdp_core::ring::pair_runs;

use super::Rx;

impl Rx {
    /// Fills the fill ring from the pool, the pool from what the sending half has left over, and if need be from the
    /// UMEM.
    #[inline]
    pub(crate) fn refill(&mut self) {
        // With all of the share either with the kernel, as far as its ring goes, or in the pool, there is nothing to do.
        // A member of a shared queue finds out there, so that nothing more stands here.
        let is_settled =
            || self.receiving >= self.most() && self.receiving + self.pool.len() == self.pool.share();
        if self.tally.is_some() || !is_settled() || self.taken > 0 || self.has_lane_chunks() {
            self.refill_now();
        }
    }

    /// Chunks that the kernel gets at most: our share, and no more than the fill ring holds, so that what is received
    /// finds its slot free again.
    #[inline]
    fn most(&self) -> u32 {
        self.pool.share().min(self.fill.entries())
    }

    #[inline]
    pub(super) fn has_lane_chunks(&self) -> bool {
        self.lane.as_ref().is_some_and(|lane| lane.waiting() > 0)
    }

    #[inline(never)]
    pub(super) fn refill_now(&mut self) {
        if self.tally.is_some() {
            return self.hand_on();
        }
        self.release_taken();
        self.fill_from_lane();
        if self.pool.len() == 0 && self.pool.deficit(self.receiving) > 0 {
            self.pool.restock(self.receiving);
        }
        self.pool.give_surplus_home(self.receiving);
        if self.pool.len() > 0 {
            let (custody, holder) = (self.pool.home_ref().custody.view(), self.holder);
            // No more than the share, however long the ring: others of the UMEM wait for the rest.
            let missing = self.most().saturating_sub(self.receiving);
            let mut slots = self.fill.reserve(self.pool.len().min(missing));
            let n = slots.len();
            pair_runs((self.pool.last(n), &[]), slots.runs(), |chunks, slots| {
                custody.give_all(chunks, holder, slots);
                chunks.len()
            });
            if n > 0 {
                slots.submit(n);
                self.receiving += n;
                self.pool.chunks().forget_last(n);
            }
        }
        self.port.rx_wants().store(self.pool.deficit(self.receiving), Ordering::Relaxed);
        self.pool.publish(self.port.rx_pool());
    }

    /// Takes what the sending half has handed over: for the fill ring at once, as far as it goes, the rest for the
    /// pool.
    pub(super) fn fill_from_lane(&mut self) {
        // Of a member of a shared queue its owner takes everything.
        let missing =
            if self.tally.is_some() { u32::MAX } else { self.most().saturating_sub(self.receiving) };
        let Some(lane) = &mut self.lane else { return };
        let mut chunks = lane.peek(u32::MAX);
        if chunks.is_empty() {
            return;
        }
        let (custody, holder) = (self.pool.home_ref().custody.view(), self.holder);
        let mut slots = self.fill.reserve(missing.min(chunks.len()));
        let filled = pair_runs(chunks.runs(), slots.runs(), |chunks, slots| {
            custody.give_all(chunks, holder, slots);
            chunks.len()
        }) as u32;
        if filled > 0 {
            self.receiving = self.receiving.wrapping_add(filled);
            if let Some(tally) = &self.tally {
                tally.tell(self.receiving); // before it can be seen: S4 in `shared_queue`
            }
            slots.submit(filled);
        }
        let (first, second) = chunks.runs();
        self.pool.chunks().extend(first.iter().chain(second).skip(filled as usize).copied());
        chunks.release(u32::MAX);
    }

    #[inline]
    pub(super) fn release_taken(&mut self) {
        // The word that this stores to is one that the kernel reads: left alone while there is nothing to tell.
        if self.taken > 0 {
            self.ring.release(self.taken);
            self.receiving = self.receiving.wrapping_sub(self.taken);
            self.taken = 0;
        }
    }
}
