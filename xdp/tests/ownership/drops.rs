//! Lives that end in the middle: of a channel, an iterator, a batch, a half, a thread.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;

use xdp::fake::{self, FakeNic};
use xdp::{ChunkSize, Frame, Rx, Tx, Umem};

use crate::packet;

fn umem(chunks: u32) -> Umem {
    Umem::builder().chunks(chunks).chunk_size(ChunkSize::K2).build().unwrap()
}

/// A socket whose rx ring holds `packets` packets.
fn busy(umem: &Umem, packets: u64) -> (Rx, Tx, FakeNic) {
    let (socket, mut nic) = fake::socket_starting_at(umem, 32, u32::MAX - 9).unwrap();
    for number in 0..packets {
        let mut bytes = [0; 100];
        packet::write(&mut bytes, number, 0);
        assert!(nic.deliver(&bytes));
    }
    let (rx, tx) = socket.split();
    (rx, tx, nic)
}

/// Somebody who looks at the accounts all the time must not make a closed socket stay, nor its share.
#[test]
fn watching_a_umem_does_not_keep_its_sockets_open() {
    let umem = umem(32);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                assert_eq!(umem.accounting().sum(), 32);
            }
        });
        let renewed = scope.spawn(|| {
            for _ in 0..2000 {
                let (socket, nic) =
                    fake::socket_with(&umem, 16, 0, Some(32)).expect("the share is free again");
                drop((socket, nic));
                let account = umem.accounting();
                assert_eq!(account.pool, 32, "{account}");
            }
        });
        let renewed = renewed.join();
        is_over.store(true, Ordering::Relaxed);
        renewed.unwrap();
    });
}

#[test]
fn frames_in_a_channel_come_home_with_it() {
    let umem = umem(64);
    let (mut rx, mut tx, nic) = busy(&umem, 20);
    let (put, take) = mpsc::channel::<Frame>();
    rx.recv(20).for_each(|frame| put.send(frame).unwrap());
    assert_eq!(umem.accounting().hands, 20);
    thread::spawn(move || {
        assert_eq!(packet::read(&take.recv().unwrap()), 0);
        drop(take);
    })
    .join()
    .unwrap();
    let account = umem.accounting();
    assert_eq!((account.hands, account.is_balanced()), (0, true), "{account}");
    let (rx_frame, tx_frame) = (rx.recv(1).next(), tx.alloc().unwrap());
    assert!(rx_frame.is_none() && put.send(tx_frame).is_err(), "the frame in the error is dropped, too");
    drop((rx, tx, nic, put));
    assert_eq!(umem.accounting().pool, 64, "{}", umem.accounting());
}

/// Where a thread that owns everything of a socket fails.
const STEPS: u32 = 8;

/// A thread with both halves does what it does until step `last`, with frames, iterators and batches in the middle of
/// their lives, and ends as `end` says.
fn live_until(last: u32, rx: &mut Rx, tx: &mut Tx, end: impl Fn()) {
    let die = |step: u32| {
        if step == last {
            end();
        }
    };
    let mut kept: Vec<Frame> = Vec::new();
    let mut received = rx.recv(16);
    kept.extend(received.by_ref().take(4));
    die(0);
    for frame in received.by_ref().take(2) {
        tx.send(frame).unwrap(); // and not kicked
    }
    die(1);
    drop(received);
    let mut batch = rx.seek(8);
    batch.peek_mut(0).unwrap().fill(0);
    die(2);
    batch.commit_first(2);
    die(3);
    drop(batch);
    kept.extend(tx.alloc());
    let mut batch = tx.seek(4);
    batch.peek(0, 60).unwrap().fill(1);
    batch.peek(2, 60).unwrap().fill(2); // a hole before it
    die(4);
    batch.commit_first(1);
    die(5);
    batch.commit();
    tx.kick().unwrap();
    rx.recycle(kept.drain(..2));
    die(6);
    let mut received = rx.recv(2);
    kept.extend(received.next());
    mem::forget(received);
    die(7);
}

#[test]
fn a_thread_that_panics_in_the_middle_of_everything_loses_nothing() {
    for last in 0..STEPS {
        let umem = umem(64);
        let (mut rx, mut tx, nic) = busy(&umem, 16);
        let failed = thread::spawn(move || {
            live_until(last, &mut rx, &mut tx, || std::panic::resume_unwind(Box::new("on purpose")));
        });
        assert!(failed.join().is_err(), "step {last}");
        let account = umem.accounting();
        assert_eq!((account.hands, account.is_balanced()), (0, true), "step {last}: {account}");
        drop(nic);
        assert_eq!(umem.accounting().pool, 64, "step {last}: {}", umem.accounting());
    }
}

/// One half goes, at any moment, and the other works on with what it has.
#[test]
fn a_half_that_goes_takes_nothing_from_the_other() {
    for last in 0..STEPS {
        for goes_first in ["rx", "tx"] {
            let umem = umem(64);
            let (mut rx, mut tx, mut nic) = busy(&umem, 16);
            let mut frame = tx.alloc().unwrap();
            frame.set_len(60).unwrap();
            let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                live_until(last, &mut rx, &mut tx, || std::panic::resume_unwind(Box::new("on purpose")));
            }));
            assert!(unwound.is_err());
            if goes_first == "rx" {
                drop(rx);
                tx.send(frame).unwrap();
                tx.kick().unwrap();
                while nic.transmit().is_some() {}
                tx.reap();
                assert_eq!(tx.outstanding(), 0);
                assert!(tx.alloc().is_some());
            } else {
                drop(tx);
                while nic.deliver(&[7; 60]) {}
                let left = rx.recv(64).filter(|frame| frame[..] == [7; 60]).count();
                assert!(left > 0, "step {last}");
                rx.recycle([frame]);
            }
            let account = umem.accounting();
            assert!(account.is_balanced() && account.hands == 0, "step {last}: {account}");
        }
    }
}

#[test]
fn iterators_and_batches_that_are_forgotten_lose_nothing() {
    let umem = umem(64);
    let (mut rx, mut tx, mut nic) = busy(&umem, 16);
    for round in 0..200u64 {
        let mut received = rx.recv(8);
        let frame = received.next().unwrap();
        mem::forget(received);
        mem::forget(rx.seek(8));
        assert_eq!(packet::read(&frame), round);
        match round % 3 {
            0 => tx.send(frame).unwrap(),
            1 => drop(frame),
            _ => rx.recycle([frame]),
        }
        let mut batch = tx.seek(4);
        batch.peek(1, 60).unwrap().fill(0xbb);
        mem::forget(batch);
        tx.kick().unwrap();
        while nic.transmit().is_some_and(|bytes| packet::read(&bytes) == round) {}
        let mut bytes = [0; 100];
        packet::write(&mut bytes, round + 16, 0);
        assert!(nic.deliver(&bytes), "round {round}: {}", umem.accounting());
        let account = umem.accounting();
        assert_eq!((account.hands, account.is_balanced()), (0, true), "round {round}: {account}");
    }
    assert_eq!(rx.refused() + tx.refused(), 0);
    drop((rx, tx, nic));
    assert_eq!(umem.accounting().pool, 64, "{}", umem.accounting());
}

/// An iterator of the caller's fails in the middle: what was taken from it until then is not lost.
#[test]
fn frames_recycled_before_a_panic_are_in_the_pool() {
    let umem = umem(64);
    let (mut rx, mut tx, _nic) = busy(&umem, 16);
    let mut frames: Vec<Frame> = rx.recv(16).collect();
    for half in ["rx", "tx"] {
        let some: Vec<Frame> = frames.drain(..8).collect();
        let failing = some.into_iter().enumerate().map(|(i, frame)| match i {
            5 => std::panic::resume_unwind(Box::new("on purpose")),
            _ => frame,
        });
        let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| match half {
            "rx" => rx.recycle(failing),
            _ => tx.recycle(failing),
        }));
        assert!(unwound.is_err());
    }
    // What the pools say of themselves is told by the next call.
    assert!(rx.seek(1).is_empty() && tx.reap() == 0);
    let account = umem.accounting();
    assert_eq!((account.hands, account.is_balanced()), (0, true), "{account}");
}

/// Both halves, the NIC, and frames of both go at once, each on its own thread, while chunks are on their way between
/// all of them.
#[test]
fn everything_may_be_dropped_at_the_same_moment() {
    let umem = umem(64);
    for round in 0..400 {
        let (mut rx, mut tx, mut nic) = busy(&umem, 16);
        let mut frames: Vec<Frame> = rx.recv(8).chain(std::iter::from_fn(|| tx.alloc()).take(8)).collect();
        for frame in frames.drain(..4) {
            tx.send(frame).unwrap();
        }
        tx.kick().unwrap();
        while nic.transmit().is_some() {}
        let at_once = std::sync::Barrier::new(4);
        let meet = || at_once.wait();
        thread::scope(|scope| {
            scope.spawn(|| {
                meet();
                drop(rx);
            });
            scope.spawn(|| {
                meet();
                tx.reap(); // to the other half, if it is still there
                drop(tx);
            });
            scope.spawn(|| {
                meet();
                drop(nic);
            });
            meet();
            drop(frames);
        });
        let account = umem.accounting();
        assert_eq!((account.pool, account.hands), (64, 0), "round {round}: {account}");
    }
}

/// Each of many threads has a frame; socket, NIC and UMEM go first.
#[test]
fn frames_that_outlive_everything_keep_their_bytes_on_every_thread() {
    let umem = umem(64);
    let (mut rx, tx, nic) = busy(&umem, 16);
    let (go, gone) = (mpsc::channel::<Frame>(), std::sync::Barrier::new(5));
    let mut frames: Vec<Frame> = rx.recv(16).collect();
    thread::scope(|scope| {
        for worker in 0..4 {
            let rest = frames.split_off(4);
            let mine = mem::replace(&mut frames, rest);
            let (gone, put) = (&gone, go.0.clone());
            scope.spawn(move || {
                gone.wait();
                for (i, mut frame) in mine.into_iter().enumerate() {
                    let number = packet::read(&frame);
                    assert_eq!(number, worker * 4 + i as u64);
                    packet::write(&mut frame, number, 9);
                    put.send(frame).unwrap();
                }
            });
        }
        drop((rx, tx, nic, umem));
        gone.wait();
        let mut numbers: Vec<u64> = go.1.iter().take(16).map(|frame| packet::read(&frame)).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..16).collect::<Vec<u64>>());
    });
}
