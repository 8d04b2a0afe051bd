//! Which received descriptors are believed, and what becomes of the others (X1 in `rx`).

use xdp_core::frames::Holder;
use xdp_core::ring::pair_runs;

use super::Rx;
use crate::socket::error::RingKind;

impl Rx {
    /// How many of the first `n` descriptors can be believed (X1), and for how many of those the chunk is written to
    /// the fill ring already, not yet submitted.
    #[inline]
    pub(super) fn check(&mut self, n: u32) -> (u32, u32) {
        if self.pool.home_ref().layout.is_unaligned() {
            return self.check_runs(n);
        }
        let mut slots = self.fill.reserve(n);
        if let ((descs, []), (starts, [])) = (self.ring.seen(n), slots.runs()) {
            if descs.len() == starts.len() {
                let good = self.pool.home_ref().custody.view().vouch(descs, self.holder, starts) as u32;
                return (good, good);
            }
        }
        self.check_runs(n)
    }

    /// As [`Rx::check`], where one of the rings wraps, or the fill ring has too little room.
    #[inline(never)]
    fn check_runs(&mut self, n: u32) -> (u32, u32) {
        let (home, holder) = (self.pool.home_ref(), self.holder);
        let (custody, is_unaligned) = (&home.custody, home.layout.is_unaligned());
        let mut slots = self.fill.reserve(n);
        let (first, second) = self.ring.seen(n);
        let room = slots.len().min(n);
        let good = pair_runs((first, second), slots.runs(), |descs, starts| match is_unaligned {
            false => custody.view().vouch(descs, holder, starts),
            true => custody.vouch(descs, holder, starts),
        });
        let mut more = 0;
        if good as u32 == room {
            // The fill ring has no room for these.
            let unfilled = first.iter().chain(second).skip(good);
            more = unfilled.take_while(|desc| custody.vouches_for(**desc, holder)).count();
        }
        ((good + more) as u32, good as u32)
    }

    /// Drops and counts the descriptors at the very front that cannot be believed.
    #[cold]
    pub(super) fn drop_front(&mut self, mut n: u32) -> (u32, u32) {
        while n > 0 {
            let good = self.check(n);
            if good.0 > 0 {
                return good;
            }
            let bad = self.ring.seen_at(0).unwrap_or_default();
            self.refused.note(RingKind::Rx, bad.addr.0, bad.len, &self.pool.home());
            self.ring.release(1);
            n -= 1;
        }
        (0, 0)
    }

    /// Puts the chunks of descriptors `from..to` into the pool: the kernel publishes a batch on the rx ring before it
    /// gives the slots of the fill ring free (`xsk_flush`), so for a moment there may be no room for what was just
    /// received.
    #[cold]
    pub(super) fn keep(&mut self, from: u32, to: u32) {
        for i in from..to {
            if let Some(desc) = self.ring.seen_at(i) {
                let addr = self.pool.home().layout.chunk_start(desc.addr.0);
                // A chunk that is named twice in a batch is taken once.
                if self.pool.home().custody.view().pass(addr, self.holder, Holder::FREE) {
                    self.pool.chunks().push(addr);
                    self.receiving = self.receiving.wrapping_sub(1);
                } else {
                    self.refused.note(RingKind::Rx, desc.addr.0, desc.len, &self.pool.home());
                }
            }
        }
        self.pool.publish(self.port.rx_pool());
    }
}
