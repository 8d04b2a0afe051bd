//! The receiving half of a member of a shared queue: what is the fill ring to others is the way to the owner here.

use std::sync::atomic::Ordering;

use xdp_core::ring::pair_runs;

use super::Rx;
use crate::sys;

impl Rx {
    /// What [`Rx::refill`] is in a shared queue: chunks that are free go to the owner, who is told how many.
    #[inline(never)]
    pub(super) fn hand_on(&mut self) {
        let is_told = self.tally.as_ref().is_some_and(|tally| tally.told() == self.receiving);
        if !is_told || self.pool.len() > 0 || self.taken > 0 || self.has_lane_chunks() {
            self.hand_on_now();
        }
    }

    fn hand_on_now(&mut self) {
        self.release_taken();
        self.fill_from_lane();
        let (custody, holder) = (self.pool.home_ref().custody.view(), self.holder);
        let mut slots = self.fill.reserve(self.pool.len());
        let n = slots.len();
        pair_runs((self.pool.last(n), &[]), slots.runs(), |chunks, slots| {
            custody.give_all(chunks, holder, slots);
            chunks.len()
        });
        self.receiving = self.receiving.wrapping_add(n);
        if let Some(tally) = &self.tally {
            tally.tell(self.receiving); // before the chunks can be seen: S4 in `shared_queue`
        }
        if n > 0 {
            slots.submit(n);
            self.pool.chunks().forget_last(n);
        }
        // The sending half may give us whatever it has too much of: the owner knows what to do with it.
        self.port.rx_wants().store(u32::MAX, Ordering::Relaxed);
        self.pool.publish(self.port.rx_pool());
    }

    /// Gives the owner of a shared queue what this member has received and nobody will take. To be called when no
    /// program sends packets here any more.
    pub(super) fn give_back_received(&mut self) {
        if self.tally.is_none() {
            return;
        }
        if self.port.has_programs() {
            // A packet may be on its way that was sent here before; what cannot wait for it misses a chunk that comes
            // home when the queue is closed.
            let _is_certain = sys::await_programs().is_ok();
        }
        let mut waiting = u32::MAX;
        // A packet of several frames of which some are missing stays, and there is no end to wait for.
        while (1..waiting).contains(&self.ring.waiting()) {
            waiting = self.ring.waiting();
            self.seek(u32::MAX).commit();
        }
        self.hand_on_now();
    }
}
