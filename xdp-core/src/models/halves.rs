//! Split halves: chunks that the sending half has left over go to the receiving half through the lane, a ring between
//! two of our threads, while a frame that a third thread drops goes there over the return path.
//!
//! The custody bytes are read and written without ordering (row 10); these hand-overs are what orders them.

use std::sync::Arc;
use std::vec::Vec;

use loom::thread;

use super::plain::Plain;
use super::ring::{Putter, Ring, Taker};
use super::weaken::Weaker;
use super::{RACE, fails, holds};
use crate::frames::{Custody, Holder, Pool, ReturnPath};
use crate::layout::{Chunk, ChunkSize, UmemLayout};
use crate::sync::Ordering::{Acquire, Release};

const CHUNKS: u32 = 3;

/// What the halves and the frame share.
#[derive(Debug)]
struct Home {
    returns: ReturnPath,
    custody: Custody,
    layout: UmemLayout,
    packets: Vec<Plain<u32>>,
}

impl Home {
    fn new() -> Arc<Self> {
        let layout = UmemLayout::new(ChunkSize::K2, CHUNKS, 0).unwrap();
        let packets = (0..CHUNKS).map(|_| Plain::new(0)).collect();
        Arc::new(Self { returns: ReturnPath::new(layout), custody: Custody::new(layout), layout, packets })
    }

    fn addr(&self, chunk: u32) -> u64 {
        self.layout.addr(Chunk(chunk))
    }

    /// Refills: hands every chunk of the pool to the kernel, which may write to it from now on.
    fn refill(&self, pool: &mut Pool) {
        while let Some(addr) = pool.pop() {
            assert!(
                self.custody.view().pass(addr, Holder::FREE, Holder::receiving(0)),
                "custody of {addr:#x}"
            );
            self.packets[self.layout.chunk(addr).unwrap().0 as usize].set(1);
        }
    }
}

/// Chunks 0 and 1 were sent and go through a lane of one slot; chunk 2 is a frame that is dropped elsewhere.
///
/// All executions: 1,195, 0.1 s.
fn both_ways_home() {
    let home = Home::new();
    let custody = home.custody.view();
    (0..2).for_each(|chunk| custody.set(home.addr(chunk), Holder::sending(0)));
    custody.set(home.addr(2), Holder::HANDS);

    let lane = Ring::new(1);
    let mut rx = Taker::new(&lane);
    let tx = thread::spawn({
        let (home, mut lane) = (Arc::clone(&home), Putter::new(&lane));
        move || {
            let mut kept = Pool::with_capacity(2);
            for chunk in 0..2 {
                let addr = home.addr(chunk);
                assert_eq!(home.packets[chunk as usize].get(), 0);
                assert!(home.custody.view().pass(addr, Holder::sending(0), Holder::FREE));
                if !lane.put_one(addr) {
                    kept.push(addr);
                }
            }
            kept
        }
    });
    let frame = thread::spawn({
        let home = Arc::clone(&home);
        move || {
            home.packets[2].set(7);
            home.custody.view().set(home.addr(2), Holder::FREE);
            home.returns.push(home.addr(2));
        }
    });

    let mut pool = Pool::with_capacity(CHUNKS);
    for _ in 0..2 {
        pool.extend(rx.take_one());
        home.refill(&mut pool);
    }
    home.returns.take_all(&mut pool);
    home.refill(&mut pool);

    let mut kept = tx.join().unwrap();
    frame.join().unwrap();
    pool.extend(rx.take_one());
    home.returns.take_all(&mut pool);
    home.refill(&mut pool);
    home.refill(&mut kept);
    assert_eq!(home.custody.held_by(Holder::receiving(0)).count(), CHUNKS as usize, "each chunk once");
}

#[test]
fn chunks_come_to_the_receiving_half_by_lane_and_return_path() {
    holds(None, both_ways_home);
}

#[test]
fn without_row_1_2_3_or_4_the_lane_is_torn() {
    fails(Weaker::relaxed(1, Release), RACE, None, both_ways_home);
    fails(Weaker::relaxed(2, Acquire), RACE, None, both_ways_home);
    fails(Weaker::relaxed(3, Acquire), RACE, None, both_ways_home);
    fails(Weaker::relaxed(4, Release), RACE, None, both_ways_home);
}

#[test]
fn without_row_7_or_8_custody_is_out_of_date() {
    fails(Weaker::relaxed(7, Release), "custody of 0x1000", None, both_ways_home);
    fails(Weaker::relaxed(8, Acquire), "custody of 0x1000", None, both_ways_home);
}
