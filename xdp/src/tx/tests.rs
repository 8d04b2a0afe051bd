use std::collections::{BTreeSet, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::{ChunkSize, PeekError, fake};

fn umem(chunks: u32) -> Umem {
    Umem::builder().chunks(chunks).chunk_size(ChunkSize::K2).build().unwrap()
}

#[test]
fn a_frame_of_another_umem_comes_back() {
    let (ours, theirs) = (umem(16), umem(16));
    let (mut socket, mut nic) = fake::socket(&ours, 8).unwrap();
    let (mut other, _nic) = fake::socket(&theirs, 8).unwrap();
    let mut frame = other.tx().alloc().unwrap();
    frame.extend_from_slice(b"stranger").unwrap();
    let Err(SendError::Foreign(frame)) = socket.tx().send(frame) else { panic!("taken") };
    assert_eq!(&frame[..], b"stranger");
    assert!(frame.belongs_to(&theirs) && !frame.belongs_to(&ours));
    socket.tx().kick().unwrap();
    assert_eq!(nic.transmit(), None);
    socket.rx().recycle([frame]); // into the wrong pool: it goes home to its own
    for umem in [&ours, &theirs] {
        assert_eq!((umem.accounting().hands, umem.accounting().is_balanced()), (0, true));
    }
}

#[test]
fn what_is_beyond_the_free_space_stays_with_the_caller() {
    let umem = umem(64);
    let (mut socket, mut nic) = fake::socket(&umem, 8).unwrap();
    let tx = socket.tx();
    let mut queue: VecDeque<Frame> = (0..20u8)
        .map(|n| {
            let mut frame = tx.alloc().unwrap();
            frame.extend_from_slice(&[n]).unwrap();
            frame
        })
        .collect();
    assert_eq!(tx.send_all(&mut queue).unwrap(), 8);
    assert_eq!((queue.len(), queue[0][0]), (12, 8));
    let Err(SendError::Full(frame)) = tx.send(queue.pop_front().unwrap()) else { panic!("taken") };
    queue.push_front(frame);
    let mut sent = Vec::new();
    while !queue.is_empty() || tx.outstanding() > 0 {
        tx.kick().unwrap();
        sent.extend(std::iter::from_fn(|| nic.transmit()).map(|bytes| bytes[0]));
        tx.kick().unwrap();
        tx.send_all(&mut queue).unwrap();
    }
    assert_eq!(sent, (0..20).collect::<Vec<u8>>());
}

#[test]
fn an_empty_frame_is_never_published() {
    let umem = umem(16);
    let (mut socket, mut nic) = fake::socket(&umem, 8).unwrap();
    let frame = socket.tx().alloc().unwrap();
    assert!(matches!(socket.tx().send(frame), Err(SendError::Empty(_))));
    socket.tx().kick().unwrap();
    assert_eq!(nic.take_sent(), None);
}

#[test]
fn only_what_was_written_is_committed_and_in_order() {
    let umem = umem(64);
    let (mut socket, mut nic) = fake::socket(&umem, 16).unwrap();
    let mut batch = socket.tx().seek(6);
    for i in [1, 0, 4] {
        batch.peek(i, 1).unwrap().fill(i as u8);
    }
    assert_eq!(batch.peek(6, 1).unwrap_err(), PeekError::NoSuchPacket { index: 6, packets: 6 });
    assert_eq!(batch.peek(2, 0).unwrap_err(), PeekError::Length { len: 0, most: 2048 });
    assert_eq!(batch.peek(2, 2049).unwrap_err(), PeekError::Length { len: 2049, most: 2048 });
    assert_eq!(batch.commit_first(1), 1);
    assert_eq!(batch.commit_first(5), 1, "number 2 was never written, so 4 does not go either");
    assert_eq!(batch.commit(), 0);
    socket.tx().kick().unwrap();
    let sent: Vec<Vec<u8>> = std::iter::from_fn(|| nic.transmit()).collect();
    assert_eq!(sent, [[0], [1]]);
}

/// A kernel that completes one chunk twice would make two owners of it.
#[test]
fn a_chunk_that_completes_twice_is_taken_back_once() {
    let umem = umem(16);
    let (mut socket, mut nic) = fake::socket(&umem, 8).unwrap();
    let mut batch = socket.tx().seek(1);
    batch.peek(0, 60).unwrap();
    batch.commit();
    let addr = umem.layout().addr(umem.home().custody.held_by(Holder::sending(0)).next().unwrap());
    for forged in [addr, addr, addr + 5, u64::MAX] {
        assert!(nic.forge_completion(forged));
    }
    assert_eq!(socket.tx().reap(), 1);
    assert_eq!((socket.tx().refused(), socket.tx().outstanding()), (3, 0));
    assert!(umem.accounting().is_balanced(), "{}", umem.accounting());
}

#[test]
fn flush_says_how_many_are_still_out() {
    let umem = umem(16);
    let (mut socket, mut nic) = fake::socket(&umem, 8).unwrap();
    let mut batch = socket.tx().seek(3);
    (0..3).for_each(|i| batch.peek(i, 60).unwrap().fill(0));
    batch.commit();
    assert!(matches!(socket.flush(Duration::from_millis(1)), Err(FlushError::TimedOut { outstanding: 3 })));
    while nic.transmit().is_some() {}
    socket.flush(Duration::MAX).unwrap();
}

/// One way only, from one socket to another of the same UMEM: the chunks that gather at the second find their way
/// back to the first.
#[test]
fn forwarding_one_way_never_dries_up() {
    for (chunks, entries) in [(4096, 2048), (256, 64), (64, 16), (16, 4)] {
        let umem = umem(chunks);
        let (one, mut near) = fake::socket_with(&umem, entries, 0, Some(chunks / 2)).unwrap();
        let (other, mut far) = fake::socket_with(&umem, entries, 0, None).unwrap();
        let ((mut rx, _tx), (mut other_rx, mut tx)) = (one.split(), other.split());
        let mut idle = 0;
        for round in 0..2 * chunks.max(100) {
            for _ in 0..4 {
                near.deliver(&[1; 60]);
            }
            idle += 1;
            for frame in rx.recv(64) {
                tx.send(frame).unwrap();
                idle = 0;
            }
            tx.kick().unwrap();
            while far.transmit().is_some() {}
            tx.reap();
            // The second socket's other half is used now and then only.
            if round % 50 == 0 {
                assert!(other_rx.seek(64).is_empty());
            }
            assert!(idle < 8, "dry in round {round} with {chunks} chunks: {}", umem.accounting());
        }
        assert!(umem.accounting().is_balanced(), "{}", umem.accounting());
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Deliver(u32),
    Borrow { seek: u32, commit: u32 },
    Forward(u32),
    Keep(u32),
    Drop(u32),
    Recycle(u32),
    SendBorrowed { seek: u32, commit: u32 },
    SendAllocated(u32),
    Transmit(u32),
    Complete(u32),
}

fn any_step() -> impl Strategy<Value = Step> {
    (0..10, 0u32..40, 0u32..40).prop_map(|(kind, a, b)| match kind {
        0 => Step::Deliver(a),
        1 => Step::Borrow { seek: a, commit: b },
        2 => Step::Forward(a),
        3 => Step::Keep(a),
        4 => Step::Drop(a),
        5 => Step::Recycle(a),
        6 => Step::SendBorrowed { seek: a, commit: b },
        7 => Step::SendAllocated(a),
        8 => Step::Transmit(a),
        _ => Step::Complete(a),
    })
}

/// A whole life of a socket against queues of numbers: every packet arrives and leaves once, in order, and no chunk
/// is lost.
fn journey(log2: u32, start: u32, chunks: u32, steps: &[Step]) -> Result<(), TestCaseError> {
    let umem = umem(chunks);
    let (mut socket, mut nic) = fake::socket_starting_at(&umem, 1 << log2, start).unwrap();
    let (mut arriving, mut leaving) = (VecDeque::new(), VecDeque::new());
    let (mut kept, mut next) = (Vec::<Frame>::new(), 0u64);
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap());
    for step in steps {
        let (rx, tx) = socket.halves();
        match *step {
            Step::Deliver(n) => {
                for _ in 0..n {
                    if nic.deliver(&next.to_le_bytes()) {
                        arriving.push_back(next);
                        next += 1;
                    }
                }
            }
            Step::Borrow { seek, commit } => {
                let mut batch = rx.seek(seek);
                let commit = commit.min(batch.len());
                for (packet, expected) in batch.iter().zip(&arriving) {
                    prop_assert_eq!(number(packet), *expected);
                }
                batch.commit_first(commit);
                arriving.drain(..commit as usize);
            }
            Step::Forward(n) => {
                for frame in rx.recv(n) {
                    let packet = number(&frame);
                    prop_assert_eq!(Some(packet), arriving.pop_front());
                    match tx.send(frame) {
                        Ok(()) => leaving.push_back(packet),
                        Err(refused) => kept.push(refused.into_frame()),
                    }
                }
            }
            Step::Keep(n) => {
                for frame in rx.recv(n) {
                    prop_assert_eq!(Some(number(&frame)), arriving.pop_front());
                    kept.push(frame);
                }
            }
            Step::Drop(n) => kept.truncate(kept.len().saturating_sub(n as usize)),
            Step::Recycle(n) => {
                let at = kept.len().saturating_sub(n as usize);
                if n % 2 == 0 { rx.recycle(kept.drain(at..)) } else { tx.recycle(kept.drain(at..)) }
            }
            Step::SendBorrowed { seek, commit } => {
                let mut batch = tx.seek(seek);
                for i in 0..batch.len() {
                    batch.peek(i, 8).unwrap().copy_from_slice(&(next + u64::from(i)).to_le_bytes());
                }
                let sent = u64::from(batch.commit_first(commit));
                leaving.extend(next..next + sent);
                next += sent;
            }
            Step::SendAllocated(n) => {
                for _ in 0..n {
                    let Some(mut frame) = tx.alloc() else { break };
                    frame.extend_from_slice(&next.to_le_bytes()).unwrap();
                    if tx.send(frame).is_ok() {
                        leaving.push_back(next);
                        next += 1;
                    }
                }
            }
            Step::Transmit(n) => {
                tx.kick().unwrap();
                for _ in 0..n {
                    let Some(bytes) = nic.take_sent() else { break };
                    prop_assert_eq!(Some(number(&bytes)), leaving.pop_front());
                }
            }
            Step::Complete(n) => {
                (0..n).for_each(|_| {
                    nic.complete();
                });
                tx.reap();
            }
        }
        let account = umem.accounting();
        prop_assert!(account.is_balanced(), "{} after {:?}", account, step);
        prop_assert_eq!(account.hands as usize, kept.len());
        let unique: BTreeSet<u32> = kept.iter().map(|frame| frame.chunk().0).collect();
        prop_assert_eq!(unique.len(), kept.len());
    }
    prop_assert_eq!((socket.rx().refused(), socket.tx().refused()), (0, 0));
    // Everything comes home in the end.
    drop(socket);
    drop(kept);
    drop(nic);
    let account = umem.accounting();
    prop_assert_eq!(account.pool, chunks, "{}", account);
    Ok(())
}

proptest! {
    #[test]
    fn no_packet_and_no_chunk_is_lost_on_any_journey(
        log2 in 0u32..=6,
        back in 0u32..100,
        chunks in 2u32..200,
        steps in prop::collection::vec(any_step(), 0..120),
    ) {
        journey(log2, u32::MAX - back, chunks, &steps)?;
    }
}
