//! Counting a ring's entries from outside both ends, while they move.

use std::sync::Arc;

use loom::thread;

use super::ring::{Putter, Ring, Taker};
use super::swapped::AtomicU64;
use super::weaken::Weaker;
use super::{fails, holds};
use crate::cursor::{self, Entries};
use crate::sync::Ordering::{Acquire, Relaxed};

/// One entry goes through a ring of two while a third thread counts: there is one or none, and never two.
///
/// All executions: 3,180, 0.2 s.
fn counting_from_outside() {
    let ring = Ring::new(2);
    // Two threads load each word, so the ends take turns, as `swapped` says why.
    let turn = Arc::new(AtomicU64::new(0));
    let putter = thread::spawn({
        let (mut end, turn) = (Putter::new(&ring), Arc::clone(&turn));
        move || {
            turn.load(Relaxed);
            end.put_one(7u64)
        }
    });
    let taker = thread::spawn({
        let (mut end, turn) = (Taker::new(&ring), Arc::clone(&turn));
        move || {
            turn.load(Relaxed);
            end.take_one()
        }
    });
    turn.load(Relaxed);
    let pending = cursor::pending(Entries::new(2).unwrap(), &ring.producer, &ring.consumer);
    assert!(pending <= 1, "one entry was put, not {pending}");
    assert!(putter.join().unwrap());
    let taken = taker.join().unwrap().into_iter().count() as u32;
    assert_eq!(cursor::pending(Entries::new(2).unwrap(), &ring.producer, &ring.consumer), 1 - taken);
}

#[test]
fn no_more_entries_are_seen_from_outside_than_there_are() {
    holds(None, counting_from_outside);
}

#[test]
fn without_row_12_an_empty_ring_looks_full() {
    fails(Weaker::relaxed(12, Acquire), "one entry was put, not 2", None, counting_from_outside);
}
