//! Completions: chunks come back from the kernel, and go on to where they are needed.

use std::sync::atomic::Ordering;

use xdp_core::frames::Holder;
use xdp_core::ring::pair_runs;

use super::Tx;
use crate::frame::Frame;
use crate::socket::error::RingKind;

impl Tx {
    /// Takes completed chunks back into the pool; returns how many. [`kick`](Tx::kick) does it too.
    pub fn reap(&mut self) -> u32 {
        // The table says "sending" of a frame that is only staged, too: it must not be believed to have completed.
        self.publish();
        let n = self.completion.peek(u32::MAX).len();
        let mut completed = 0;
        if n > 0 {
            completed = self.hand_over(n);
            if completed < n {
                completed += self.retrieve(n - completed);
            }
            self.outstanding = self.outstanding.saturating_sub(completed);
        }
        // What is held back may be wanted meanwhile.
        self.give_surplus();
        self.pool.publish(self.port.tx_pool());
        completed
    }

    /// Hands the chunks of up to `n` completions straight to the receiving half, as far as we have our share and it
    /// misses some; returns how many. Stops at a completion that cannot be believed (T2).
    fn hand_over(&mut self, n: u32) -> u32 {
        let Some(lane) = &mut self.lane else {
            self.collect_stamps(n);
            return 0;
        };
        if self.pool.deficit(0) > 0 {
            return 0;
        }
        // What is in the lane is out of everybody else's reach: no more than the other half misses, nothing if it is
        // gone.
        let wanted = self.port.rx_wants().load(Ordering::Relaxed).saturating_sub(lane.outstanding());
        if wanted == 0 {
            return 0;
        }
        let mut slots = lane.reserve(n.min(wanted));
        let (home, pass) = (self.pool.home_ref(), [self.holder, Holder::FREE]);
        let done = pair_runs(self.completion.seen(n), slots.runs(), |addrs, starts| {
            home.pass_all(addrs, pass, starts)
        }) as u32;
        slots.submit(done);
        self.completion.release(done);
        done
    }

    /// Takes the chunks of `n` completions into the pool; returns how many could be believed.
    fn retrieve(&mut self, n: u32) -> u32 {
        let home = self.pool.home();
        let pass = [self.holder, Holder::FREE];
        let (mut completed, mut left) = (0, n);
        while left > 0 {
            // T2: a duplicate would make two owners of one chunk. What is good is taken in bulk, up to the first that
            // is not.
            let (run, _) = self.completion.seen(left);
            let good =
                self.pool.chunks().extend_by(run.len() as u32, |starts| home.pass_all(run, pass, starts));
            if let Some(bad) = run.get(good) {
                self.refused.note(RingKind::Completion, *bad, 0, &home);
            }
            let done = (good + 1).min(run.len()) as u32;
            self.completion.release(done);
            (completed, left) = (completed + good as u32, left - done);
        }
        completed
    }

    /// Takes the chunks of frames that were sent and never kicked, when nobody is left to kick them.
    pub(super) fn take_staged_back(&mut self) {
        let home = self.pool.home();
        let custody = home.custody.view();
        let mut slots = self.ring.reserve(std::mem::take(&mut self.staged));
        let (first, second) = slots.runs();
        for desc in first.iter().chain(&*second) {
            let addr = home.layout.chunk_start(desc.addr.0);
            if custody.pass(addr, self.holder, Holder::FREE) {
                self.pool.chunks().push(addr);
            }
        }
    }

    /// Takes frames back into this half's pool: the cheap way to give many back. Frames of another UMEM go home to
    /// theirs.
    pub fn recycle(&mut self, frames: impl IntoIterator<Item = Frame>) {
        frames.into_iter().for_each(|frame| self.pool.take_back(frame));
        self.give_surplus();
        self.pool.publish(self.port.tx_pool());
    }

    /// Hands chunks beyond our share on: to the receiving half as far as it takes them, else home.
    #[inline]
    fn give_surplus(&mut self) {
        if self.pool.surplus(0) > 0 {
            self.give_surplus_now();
        }
    }

    #[inline(never)]
    fn give_surplus_now(&mut self) {
        let surplus = self.pool.surplus(0);
        if let Some(lane) = &mut self.lane {
            // What is in the lane is out of everybody else's reach: no more than the other half misses, nothing if it
            // is gone.
            let wanted = self.port.rx_wants().load(Ordering::Relaxed).saturating_sub(lane.outstanding());
            let n = lane.reserve(surplus.min(wanted)).len();
            lane.submit_from(self.pool.chunks().last(n));
            self.pool.chunks().forget_last(n);
        }
        self.pool.give_surplus_home(0);
    }
}
