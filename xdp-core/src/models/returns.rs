//! The return path: what is pushed from any threads is taken once, and the packet bytes with it.

use std::sync::Arc;
use std::vec::Vec;

use loom::thread;

use super::plain::Plain;
use super::weaken::Weaker;
use super::{RACE, fails, holds};
use crate::frames::{Pool, ReturnPath};
use crate::layout::{Chunk, ChunkSize, UmemLayout};
use crate::sync::Ordering::{Acquire, Release};

/// What happens when a chunk does not come home, or comes twice.
const NOT_ONCE: &str = "each chunk once";

/// A return path, and a word for the bytes of each chunk's packet.
#[derive(Debug)]
struct Home {
    returns: ReturnPath,
    layout: UmemLayout,
    packets: Vec<Plain<u32>>,
}

impl Home {
    fn new(chunks: u32) -> Arc<Self> {
        let layout = UmemLayout::new(ChunkSize::K2, chunks, 0).unwrap();
        let packets = (0..chunks).map(|_| Plain::new(0)).collect();
        Arc::new(Self { returns: ReturnPath::new(layout), layout, packets })
    }

    fn addr(&self, chunk: u32) -> u64 {
        self.layout.addr(Chunk(chunk))
    }

    fn packet(&self, addr: u64) -> &Plain<u32> {
        &self.packets[self.layout.chunk(addr).unwrap().0 as usize]
    }

    /// Takes what is there, reads each packet, and writes it: the chunk is the taker's now.
    fn take(&self, pool: &mut Pool) {
        let n = self.returns.take_all(pool);
        for addr in pool.last(n) {
            assert_ne!(self.packet(*addr).get(), 0, "written before the chunk was given back");
            self.packet(*addr).set(1);
        }
    }

    /// What is left comes home, too; then each chunk must be in exactly one of the pools.
    fn settle(&self, mut pool: Pool, others: impl IntoIterator<Item = Pool>) {
        self.take(&mut pool);
        others.into_iter().for_each(|other| pool.extend(other.last(u32::MAX).iter().copied()));
        let mut chunks: Vec<_> = pool.last(u32::MAX).iter().map(|addr| self.layout.chunk(*addr)).collect();
        chunks.sort();
        let expected: Vec<_> = (0..self.layout.chunks()).map(|chunk| Some(Chunk(chunk))).collect();
        assert!(chunks == expected, "{NOT_ONCE}: {chunks:?}");
    }
}

/// Two threads give back a chunk each, a third takes.
///
/// All executions: 85,581, 4.0 s.
fn pushing_from_two_threads() {
    let home = Home::new(2);
    let pushers = [0, 1].map(|chunk| {
        let home = Arc::clone(&home);
        thread::spawn(move || {
            home.packets[chunk].set(7);
            home.returns.push(home.addr(chunk as u32));
        })
    });
    let mut pool = Pool::with_capacity(2);
    home.take(&mut pool);
    pushers.into_iter().for_each(|pusher| pusher.join().unwrap());
    home.settle(pool, []);
}

/// One gives back two chunks, one by one: the links alone, no packet bytes.
///
/// All executions: 147, 3 ms.
fn linking() {
    let home = Home::new(2);
    let pusher = thread::spawn({
        let home = Arc::clone(&home);
        move || (0..2).for_each(|chunk| home.returns.push(home.addr(chunk)))
    });
    let mut pool = Pool::with_capacity(2);
    home.returns.take_all(&mut pool);
    pusher.join().unwrap();
    home.returns.take_all(&mut pool);
    assert_eq!(pool.len(), 2, "{NOT_ONCE}");
}

/// One gives back two chunks at once while another gives back one.
///
/// All executions: 203,314, 12.1 s.
fn pushing_in_bulk() {
    let home = Home::new(3);
    home.packets[0].set(7);
    let bulk = thread::spawn({
        let home = Arc::clone(&home);
        move || {
            (1..3).for_each(|chunk| home.packets[chunk].set(7));
            home.returns.push_all(&[home.addr(1), home.addr(2)]);
        }
    });
    let taker = thread::spawn({
        let home = Arc::clone(&home);
        move || {
            let mut pool = Pool::with_capacity(3);
            home.take(&mut pool);
            pool
        }
    });
    home.returns.push(home.addr(0));
    bulk.join().unwrap();
    let pool = taker.join().unwrap();
    home.settle(pool, []);
}

/// Two threads take what is there and give some of it back: chunks go round while links are written again.
///
/// All executions: 81,835, 3.8 s.
fn going_round() {
    let home = Home::new(2);
    home.packets.iter().for_each(|packet| packet.set(7));
    home.returns.push_all(&[home.addr(0), home.addr(1)]);
    let other = thread::spawn({
        let home = Arc::clone(&home);
        move || {
            let mut pool = Pool::with_capacity(2);
            home.take(&mut pool);
            pool.pop().into_iter().for_each(|addr| home.returns.push(addr));
            pool
        }
    });
    let mut pool = Pool::with_capacity(2);
    home.take(&mut pool);
    home.returns.push_all(pool.last(2));
    pool.forget_last(2);
    home.take(&mut pool);
    let other = other.join().unwrap();
    home.settle(pool, [other]);
}

/// One chunk is given back, one taken, a third thread counts: of four chunks there may be one, and never more.
///
/// All executions: 6,902, 0.4 s.
fn counting() {
    let home = Home::new(4);
    let pusher = thread::spawn({
        let home = Arc::clone(&home);
        move || home.returns.push(home.addr(2))
    });
    let taker = thread::spawn({
        let home = Arc::clone(&home);
        move || {
            let mut pool = Pool::with_capacity(1);
            home.returns.take_all(&mut pool)
        }
    });
    let len = home.returns.len();
    assert!(len <= 1, "one chunk was pushed, not {len}");
    pusher.join().unwrap();
    let taken = taker.join().unwrap();
    assert_eq!(home.returns.len(), 1 - taken);
    assert_eq!(home.returns.is_empty(), taken == 1);
}

/// Two threads take, one of them what it has given back itself: the count of either holds for what both have taken.
///
/// Executions with at most 3 preemptions: 4,719, 0.3 s; all are too many.
fn counting_two_takers() {
    let home = Home::new(4);
    home.returns.push(home.addr(0));
    let takers = [false, true].map(|gives_back| {
        let home = Arc::clone(&home);
        thread::spawn(move || {
            if gives_back {
                home.returns.push(home.addr(1));
            }
            home.returns.take_all(&mut Pool::with_capacity(2))
        })
    });
    let len = home.returns.len();
    assert!(len <= 2, "two chunks were pushed, not {len}");
    let taken: u32 = takers.into_iter().map(|taker| taker.join().unwrap()).sum();
    assert_eq!(home.returns.len(), 2 - taken);
}

#[test]
fn what_two_threads_give_back_is_taken_once_with_its_bytes() {
    holds(None, pushing_from_two_threads);
}

#[test]
fn without_row_7_or_8_bytes_are_written_under_a_pusher() {
    fails(Weaker::relaxed(7, Release), RACE, None, pushing_from_two_threads);
    fails(Weaker::relaxed(8, Acquire), RACE, None, pushing_from_two_threads);
}

#[test]
fn no_link_is_lost() {
    holds(None, linking);
}

#[test]
fn without_row_7_or_8_a_link_is_lost() {
    fails(Weaker::relaxed(7, Release), NOT_ONCE, None, linking);
    fails(Weaker::relaxed(8, Acquire), NOT_ONCE, None, linking);
}

#[test]
fn what_is_given_back_in_bulk_is_taken_once_with_its_bytes() {
    holds(None, pushing_in_bulk);
}

#[test]
fn without_row_7_or_8_bytes_are_written_under_a_bulk_pusher() {
    fails(Weaker::relaxed(7, Release), RACE, None, pushing_in_bulk);
    fails(Weaker::relaxed(8, Acquire), RACE, None, pushing_in_bulk);
}

#[test]
fn what_goes_round_is_neither_lost_nor_doubled() {
    holds(None, going_round);
}

#[test]
fn without_row_7_or_8_what_goes_round_has_two_owners() {
    fails(Weaker::relaxed(7, Release), RACE, None, going_round);
    fails(Weaker::relaxed(8, Acquire), RACE, None, going_round);
}

#[test]
fn no_more_is_counted_than_was_pushed() {
    holds(None, counting);
    holds(Some(3), counting_two_takers);
}

#[test]
fn without_either_half_of_row_11_more_is_counted() {
    let more = "one chunk was pushed, not 4";
    fails(Weaker::relaxed(11, Release), more, None, counting);
    fails(Weaker::relaxed(11, Acquire), more, None, counting);
    let more = "two chunks were pushed, not 4";
    fails(Weaker::relaxed(11, Release), more, Some(3), counting_two_takers);
    fails(Weaker::relaxed(11, Acquire), more, Some(3), counting_two_takers);
}
