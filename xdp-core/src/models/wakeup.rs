//! The need-wakeup handshake: the kernel may sleep on an outstanding entry only if we know that we must wake it.

use std::sync::Arc;

use loom::thread;

use super::kernel::KernelTaker;
use super::ring::{Putter, Ring};
use super::weaken::Weaker;
use super::{fails, holds};
use crate::sync::{Ordering, fence};
use crate::wake::{NEED_WAKEUP, WakePolicy, flags_after_publish};

/// What happens when both wait for the other.
const BOTH_SLEEP: &str = "both sleep";

/// A driver that goes to sleep: it raises the flag, then looks at the ring again; whether it sleeps now.
///
/// `barrier` is what stands between the two; the drivers have no explicit one (see [`crate::wake`]).
fn fall_asleep(ring: &Ring<u64>, end: &mut KernelTaker<u64>, barrier: fn()) -> bool {
    ring.flags.store(NEED_WAKEUP, Ordering::Relaxed); // xsk_set_tx_need_wakeup
    barrier();
    let is_empty = end.take().is_empty();
    if !is_empty {
        ring.flags.store(0, Ordering::Relaxed); // xsk_clear_tx_need_wakeup
    }
    is_empty
}

/// Publishes an entry if there is room; whether the kernel has to be woken.
fn publish(ring: &Ring<u64>, ours: &mut Putter<u64>) -> bool {
    ours.put_one(7);
    let flags = flags_after_publish(&ring.flags);
    WakePolicy::WhenAsked.needs_kick(flags, ours.cursor.outstanding(&ring.consumer))
}

/// The kernel falls asleep up to `naps` times while we publish `entries`, one by one.
fn handshake(entries: u32, naps: u32, barrier: fn()) {
    let ring = Ring::new(entries);
    let mut ours = Putter::new(&ring);
    let kernel = thread::spawn({
        let (ring, mut end) = (Arc::clone(&ring), KernelTaker::new(&ring));
        move || (0..naps).any(|_| fall_asleep(&ring, &mut end, barrier))
    });
    let mut is_kicked = false;
    for _ in 0..entries {
        is_kicked = publish(&ring, &mut ours);
    }
    let sleeps = kernel.join().unwrap();
    let outstanding = ours.cursor.outstanding(&ring.consumer);
    assert!(!sleeps || outstanding == 0 || is_kicked, "both sleep on {outstanding} entries");
}

fn full() {
    fence(Ordering::SeqCst);
}

/// All executions: 98, 2 ms.
fn asking_after_publishing() {
    handshake(1, 1, full);
}

/// All executions: 20,011, 0.6 s.
fn asking_after_each() {
    handshake(2, 2, full);
}

fn asking_a_driver_without_a_barrier() {
    handshake(1, 1, || {});
}

/// Whoever looks again and again sees the flag, whatever barriers are missing: that is what waiting does.
///
/// All executions: 645, 17 ms.
fn looking_again() {
    let ring = Ring::new(1);
    let mut ours = Putter::new(&ring);
    let kernel = thread::spawn({
        let (ring, mut end) = (Arc::clone(&ring), KernelTaker::new(&ring));
        move || fall_asleep(&ring, &mut end, || {})
    });
    let mut is_kicked = publish(&ring, &mut ours);
    while !is_kicked && ours.cursor.outstanding(&ring.consumer) > 0 {
        thread::yield_now();
        is_kicked = WakePolicy::WhenAsked
            .needs_kick(flags_after_publish(&ring.flags), ours.cursor.outstanding(&ring.consumer));
    }
    let sleeps = kernel.join().unwrap();
    assert!(!sleeps || is_kicked);
}

fn fence_weaker() -> Weaker {
    // No fence is relaxed; this one orders everything but the store before the load, which is the whole matter.
    Weaker { row: 5, from: Ordering::SeqCst, to: Ordering::AcqRel }
}

#[test]
fn nobody_sleeps_on_a_published_entry() {
    holds(None, asking_after_publishing);
    holds(None, asking_after_each);
}

#[test]
fn without_row_5_both_sleep() {
    fails(fence_weaker(), BOTH_SLEEP, None, asking_after_publishing);
    fails(fence_weaker(), BOTH_SLEEP, None, asking_after_each);
}

#[test]
fn a_driver_without_a_barrier_can_sleep_on_an_entry_and_waiting_finds_out() {
    fails(None, BOTH_SLEEP, None, asking_a_driver_without_a_barrier);
    holds(None, looking_again);
}
