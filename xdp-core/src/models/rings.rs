//! Publication on each of the four rings: an entry is seen whole, with the packet it names, and its slot is written
//! again only when the reader is done with it. The indices wrap on the way.

use std::sync::Arc;
use std::vec::Vec;

use loom::thread;

use super::kernel::{KernelPutter, KernelTaker};
use super::plain::Plain;
use super::ring::{Putter, Ring, Taker};
use super::weaken::Weaker;
use super::{RACE, fails, holds};
use crate::desc::{Addr, Desc, Options};
use crate::sync::Ordering::{Acquire, Release};

/// One word for the bytes of each of two packets.
fn packets() -> Arc<[Plain<u32>; 2]> {
    Arc::new([Plain::new(0), Plain::new(0)])
}

fn desc(chunk: usize) -> Desc {
    Desc { addr: Addr(chunk as u64), len: 1, options: Options::NONE }
}

/// We write packets and send them; the kernel reads them.
///
/// All executions: 51, 1 ms.
fn sending() {
    let (ring, packets) = (Ring::new(1), packets());
    let mut tx = Putter::new(&ring);
    let kernel = thread::spawn({
        let (mut end, packets) = (KernelTaker::new(&ring), Arc::clone(&packets));
        move || {
            let mut seen = Vec::new();
            for _ in 0..2 {
                seen.extend(end.take().iter().map(|desc: &Desc| packets[desc.addr.0 as usize].get()));
            }
            seen
        }
    });
    let mut sent = Vec::new();
    for (chunk, bytes) in [7, 8].into_iter().enumerate() {
        packets[chunk].set(bytes);
        if tx.put_one(desc(chunk)) {
            sent.push(bytes);
        }
    }
    let seen = kernel.join().unwrap();
    assert!(sent.starts_with(&seen), "sent {sent:?}, seen {seen:?}");
}

/// We read packets and give their chunks back; the kernel writes the next packets there.
///
/// All executions: 51, 1 ms.
fn filling() {
    let (ring, packets) = (Ring::new(1), packets());
    let mut fill = Putter::new(&ring);
    let kernel = thread::spawn({
        let (mut end, packets) = (KernelTaker::new(&ring), Arc::clone(&packets));
        move || {
            for _ in 0..2 {
                end.take().iter().for_each(|addr: &u64| packets[*addr as usize].set(7));
            }
        }
    });
    for chunk in 0..2 {
        assert_eq!(packets[chunk].get(), 0, "not written before it was given back");
        fill.put_one(chunk as u64);
    }
    kernel.join().unwrap();
}

/// The kernel writes packets and hands them up; we read them.
///
/// All executions: 43, 1 ms.
fn receiving() {
    let (ring, packets) = (Ring::new(1), packets());
    let mut rx = Taker::new(&ring);
    let kernel = thread::spawn({
        let (mut end, packets) = (KernelPutter::new(&ring), Arc::clone(&packets));
        move || {
            let mut delivered = Vec::new();
            for (chunk, bytes) in [7, 8].into_iter().enumerate() {
                packets[chunk].set(bytes);
                if end.put(&[desc(chunk)]) == 1 {
                    delivered.push(bytes);
                }
            }
            delivered
        }
    });
    let mut seen = Vec::new();
    for _ in 0..2 {
        seen.extend(rx.take_one().map(|desc: Desc| packets[desc.addr.0 as usize].get()));
    }
    let delivered = kernel.join().unwrap();
    assert!(delivered.starts_with(&seen), "delivered {delivered:?}, seen {seen:?}");
}

/// The kernel reads packets and says that they are sent; we write the next packets there.
///
/// All executions: 43, 1 ms.
fn completing() {
    let (ring, packets) = (Ring::new(1), packets());
    let mut completion = Taker::new(&ring);
    let kernel = thread::spawn({
        let (mut end, packets) = (KernelPutter::new(&ring), Arc::clone(&packets));
        move || {
            for chunk in 0..2 {
                assert_eq!(packets[chunk].get(), 0, "not written before it was sent");
                end.put(&[chunk as u64]);
            }
        }
    });
    for _ in 0..2 {
        completion.take_one().into_iter().for_each(|addr: u64| packets[addr as usize].set(7));
    }
    kernel.join().unwrap();
}

/// Two entries at once, before and after the wrap, then as many as there is room for; nothing is lost in between.
///
/// All executions: 40, 1 ms.
fn producing_in_batches() {
    let ring = Ring::new(2);
    let mut ours = Putter::new(&ring);
    let kernel = thread::spawn({
        let mut end = KernelTaker::new(&ring);
        move || (end.take(), end)
    });
    let sent = ours.put(&[1u64, 2]) + ours.put(&[3, 4]);
    let (mut seen, mut end) = kernel.join().unwrap();
    seen.extend(end.take());
    assert_eq!(seen, [1, 2, 3, 4][..sent]);
}

/// The same the other way.
///
/// All executions: 35, 1 ms.
fn consuming_in_batches() {
    let ring = Ring::new(2);
    let mut ours = Taker::new(&ring);
    let kernel = thread::spawn({
        let mut end = KernelPutter::new(&ring);
        move || end.put(&[1u64, 2]) + end.put(&[3, 4])
    });
    let mut seen = ours.take(2);
    let sent = kernel.join().unwrap();
    seen.extend(ours.take(4));
    assert_eq!(seen, [1, 2, 3, 4][..sent]);
}

#[test]
fn what_is_sent_is_seen_whole() {
    holds(None, sending);
}

#[test]
fn without_row_1_what_is_sent_is_torn() {
    fails(Weaker::relaxed(1, Release), RACE, None, sending);
}

#[test]
fn without_row_2_a_slot_is_written_under_a_kernel_that_sends() {
    fails(Weaker::relaxed(2, Acquire), RACE, None, sending);
}

#[test]
fn what_is_filled_is_free_of_us() {
    holds(None, filling);
}

#[test]
fn without_row_1_the_kernel_writes_where_we_still_read() {
    fails(Weaker::relaxed(1, Release), RACE, None, filling);
}

#[test]
fn without_row_2_a_slot_is_written_under_a_kernel_that_fills() {
    fails(Weaker::relaxed(2, Acquire), RACE, None, filling);
}

#[test]
fn what_is_received_is_seen_whole() {
    holds(None, receiving);
}

#[test]
fn without_row_3_what_is_received_is_torn() {
    fails(Weaker::relaxed(3, Acquire), RACE, None, receiving);
}

#[test]
fn without_row_4_the_kernel_writes_a_descriptor_that_we_still_read() {
    fails(Weaker::relaxed(4, Release), RACE, None, receiving);
}

#[test]
fn what_is_completed_is_free_of_the_kernel() {
    holds(None, completing);
}

#[test]
fn without_row_3_we_write_where_the_kernel_still_reads() {
    fails(Weaker::relaxed(3, Acquire), RACE, None, completing);
}

#[test]
fn without_row_4_the_kernel_writes_an_address_that_we_still_read() {
    fails(Weaker::relaxed(4, Release), RACE, None, completing);
}

#[test]
fn a_batch_across_the_wrap_arrives_whole() {
    holds(None, producing_in_batches);
    holds(None, consuming_in_batches);
}

#[test]
fn without_row_1_2_3_or_4_a_batch_does_not() {
    fails(Weaker::relaxed(1, Release), RACE, None, producing_in_batches);
    fails(Weaker::relaxed(2, Acquire), RACE, None, producing_in_batches);
    fails(Weaker::relaxed(3, Acquire), RACE, None, consuming_in_batches);
    fails(Weaker::relaxed(4, Release), RACE, None, consuming_in_batches);
}
