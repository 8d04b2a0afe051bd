//! What the owner of a shared queue does while its members work.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_utils::Backoff;
use xdp_core::frames::Holder;
use xdp_core::ring::pair_runs;
use xdp_core::wake::NEED_WAKEUP;

use super::{NO_DESK, SharedQueue};
use crate::error::KickError;
use crate::socket::error::RingKind;

/// How long an owner that has nothing to do sleeps: the kernel and the members have no event for it.
const NAP: Duration = Duration::from_micros(100);

impl SharedQueue {
    /// Gives members what they have sent, the kernel what members have given back, and wakes it if it asks for that;
    /// returns how many chunks have moved. Never blocks.
    ///
    /// # Errors
    ///
    /// The interface is gone or down, or the kernel refuses for another reason. What was to be moved has moved.
    pub fn tend(&mut self) -> Result<u32, KickError> {
        let moved = self.take_left() + self.sort_completions() + self.feed();
        let asks = self.port.is_zero_copy() && self.fill.flags_after_submit() & NEED_WAKEUP != 0;
        if asks {
            self.system_calls += 1;
            self.port.kick_receiving()?;
        }
        Ok(moved)
    }

    /// Tends until `stop` is true: for a thread of its own. With nothing to do it sleeps 100 µs at a time.
    ///
    /// # Errors
    ///
    /// As [`SharedQueue::tend`]; but an interface that is down is waited for.
    pub fn run(&mut self, stop: &AtomicBool) -> Result<(), KickError> {
        let backoff = Backoff::new();
        while !stop.load(Ordering::Relaxed) {
            let moved = match self.tend() {
                Err(KickError::InterfaceDown { .. }) => 0,
                other => other?,
            };
            if moved > 0 {
                backoff.reset();
            } else if backoff.is_completed() {
                thread::sleep(NAP);
            } else {
                backoff.snooze();
            }
        }
        Ok(())
    }

    /// Takes what sending halves have left behind when they went.
    fn take_left(&mut self) -> u32 {
        let (custody, layout) = (self.pool.home_ref().custody.view(), self.pool.home().layout);
        let mut free = Vec::new();
        for desk in self.desks.iter_mut().filter(|desk| !desk.is_sender_gone) {
            let Some(mut left) = desk.tally.take_left() else { continue };
            desk.is_sender_gone = true;
            while let Some(addr) = left.pop() {
                let addr = layout.chunk_start(addr);
                if custody.pass(addr, desk.holder, Holder::FREE) {
                    free.push(addr);
                }
            }
        }
        self.pool.chunks().extend(free.iter().copied());
        free.len() as u32
    }

    /// Gives each completion to the member that has sent it (S2).
    fn sort_completions(&mut self) -> u32 {
        let home = self.pool.home();
        let custody = home.custody.view();
        let n = self.completion.peek(u32::MAX).len();
        let (first, second) = self.completion.seen(n);
        let mut done = 0;
        for addr in first.iter().chain(second) {
            let holder = home.custody.holder_at(*addr).unwrap_or(Holder::FREE);
            let start = home.layout.chunk_start(*addr);
            let desk = match self.desk_of[usize::from(holder.byte())] {
                NO_DESK => None,
                i => self.desks.get_mut(usize::from(i)),
            };
            match desk {
                // All chunks fit; only a kernel that completes one twice gets here with none free, and waits.
                Some(desk) if !desk.is_sender_gone => {
                    if !desk.completed.write_ahead(desk.staged, *addr) {
                        break;
                    }
                    desk.staged += 1;
                }
                Some(_) if custody.pass(start, holder, Holder::FREE) => {
                    self.pool.chunks().push(start);
                }
                _ => self.refused.note(RingKind::Completion, *addr, 0, &home),
            }
            done += 1;
        }
        if done > 0 {
            for desk in self.desks.iter_mut().filter(|desk| desk.staged > 0) {
                desk.completed.submit(std::mem::take(&mut desk.staged));
            }
            self.completion.release(done);
        }
        done
    }

    /// Puts what members have given back into the fill ring, keeps as much in circulation as is our share, and takes
    /// from the circulation what is more.
    pub(super) fn feed(&mut self) -> u32 {
        let (holder, home) = (self.holder(), self.pool.home());
        let custody = home.custody.view();
        // First what has come back, then what was told: so the sum counts all of it (S4).
        for desk in &mut self.desks {
            desk.returned.peek(u32::MAX);
        }
        let most = self.pool.share().min(self.fill.entries());
        let mut circulating = self.circulating();
        let mut moved = 0;
        for desk in &mut self.desks {
            let mut surplus = circulating.saturating_sub(most);
            while surplus > 0 {
                let Some(addr) = desk.returned.seen_at(0) else { break };
                if custody.pass(addr, holder, Holder::FREE) {
                    self.pool.chunks().push(addr);
                    self.fed = self.fed.wrapping_sub(1);
                    (circulating, surplus) = (circulating - 1, surplus - 1);
                }
                desk.returned.release(1);
                moved += 1;
            }
            let back = desk.returned.seen(u32::MAX);
            let mut slots = self.fill.reserve((back.0.len() + back.1.len()) as u32);
            let n = pair_runs(back, slots.runs(), |back, slots| {
                slots.copy_from_slice(back);
                back.len()
            }) as u32;
            if n > 0 {
                slots.submit(n);
                desk.returned.release(n);
                moved += n;
            }
        }
        if self.pool.len() == 0 && self.pool.deficit(circulating) > 0 {
            self.pool.restock(circulating);
        }
        self.pool.give_surplus_home(circulating);
        let mut slots = self.fill.reserve(self.pool.len().min(most.saturating_sub(circulating)));
        let n = slots.len();
        if n > 0 {
            pair_runs((self.pool.last(n), &[]), slots.runs(), |chunks, slots| {
                custody.give_all(chunks, holder, slots);
                chunks.len()
            });
            slots.submit(n);
            self.pool.chunks().forget_last(n);
            self.fed = self.fed.wrapping_add(n);
            moved += n;
        }
        self.pool.publish(self.port.rx_pool());
        moved
    }

    /// Chunks in circulation for receiving (S4).
    fn circulating(&self) -> u32 {
        let told = self.desks.iter().map(|desk| desk.tally.told());
        told.fold(self.fed, u32::wrapping_add).min(self.pool.home().layout.chunks())
    }
}
