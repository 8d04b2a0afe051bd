use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::{ChunkSize, Disbelief, FlushError, PeekError, fake};

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
fn a_refusal_says_which_chunk_and_why() {
    let umem = umem(16);
    let (mut socket, mut nic) = fake::socket(&umem, 8).unwrap();
    let mut refusal = |addr| {
        assert!(nic.forge_completion(addr));
        let before = socket.tx().refused();
        assert_eq!((socket.tx().reap(), socket.tx().refused()), (0, before + 1));
        socket.tx().last_refusal().unwrap()
    };
    assert_eq!((refusal(u64::MAX).why, refusal(16 * 2048).chunk), (Disbelief::Outside, None));
    let receiving = umem.home().custody.held_by(Holder::receiving(0)).next().unwrap();
    assert_eq!(refusal(umem.layout().addr(receiving) + 9).why, Disbelief::Elsewhere);
    let free = umem.home().custody.held_by(Holder::FREE).next().unwrap();
    let refused = refusal(umem.layout().addr(free) + 256);
    assert_eq!((refused.chunk, refused.why), (Some(free), Disbelief::Free));
    assert_eq!(
        refused.to_string(),
        format!(
            "the completion ring named address {:#x} in chunk {}, which has come back already and is free",
            umem.layout().addr(free) + 256,
            free.0
        )
    );
}

/// A kernel that completes a chunk again, just when it is on its way to be sent once more.
#[test]
fn a_frame_that_was_not_published_yet_cannot_have_completed() {
    let umem = umem(16);
    let (mut socket, mut nic) = fake::socket(&umem, 8).unwrap();
    let tx = socket.tx();
    let mut frame = tx.alloc().unwrap();
    frame.extend_from_slice(b"ping").unwrap();
    let addr = umem.layout().addr(frame.chunk());
    tx.send(frame).unwrap();
    assert!(nic.forge_completion(addr));
    tx.reap();
    let published = nic.kernel().transmit().map(|desc| desc.addr.0);
    assert_eq!(published, Some(addr), "what the kernel may complete it has");
    assert_eq!(tx.outstanding(), 0);
    tx.kick().unwrap();
    assert_eq!(nic.kernel().transmit(), None, "it is not sent again");
}

#[test]
fn no_more_frames_are_taken_than_there_is_room_for() {
    let umem = umem(64);
    let (mut socket, mut nic) = fake::socket_starting_at(&umem, 8, u32::MAX - 4).unwrap();
    let tx = socket.tx();
    let mut frames: Vec<Frame> = std::iter::from_fn(|| tx.alloc()).take(12).collect();
    for (i, frame) in frames.iter_mut().enumerate() {
        frame.extend_from_slice(&[i as u8]).unwrap();
    }
    let mut frames = frames.into_iter();
    tx.send(frames.next().unwrap()).unwrap();
    assert_eq!(tx.send_from(frames.by_ref().take(2)).unwrap(), 2);
    assert_eq!(tx.send_from(&mut frames).unwrap(), 5, "the ring has eight places");
    assert_eq!(frames.len(), 4, "the others were not touched");
    tx.kick().unwrap();
    let sent: Vec<Vec<u8>> = std::iter::from_fn(|| nic.transmit()).collect();
    assert_eq!(sent, (0..8).map(|i| vec![i]).collect::<Vec<_>>());
    assert_eq!(tx.send_from(frames).unwrap(), 4);
}

#[test]
fn a_frame_that_cannot_be_sent_comes_back_and_those_before_it_are_sent() {
    let (ours, theirs) = (umem(64), umem(16));
    let (mut socket, mut nic) = fake::socket(&ours, 8).unwrap();
    let (mut other, _nic) = fake::socket(&theirs, 8).unwrap();
    let tx = socket.tx();
    let mut frame = |byte| {
        let mut frame = tx.alloc().unwrap();
        frame.extend_from_slice(&[byte]).unwrap();
        frame
    };
    let mut foreign = other.tx().alloc().unwrap();
    foreign.extend_from_slice(b"x").unwrap();
    let mut frames = vec![frame(0), frame(1), foreign, frame(3), frame(4)].into_iter();
    frames.as_mut_slice()[3].truncate(0);
    let refused = tx.send_from(&mut frames).unwrap_err();
    assert!(matches!(&refused, SendError::Foreign(frame) if frame.belongs_to(&theirs)));
    assert!(matches!(tx.send_from(&mut frames), Err(SendError::Empty(_))));
    assert_eq!((tx.send_from(&mut frames).unwrap(), frames.len()), (1, 0));
    tx.kick().unwrap();
    let sent: Vec<Vec<u8>> = std::iter::from_fn(|| nic.transmit()).collect();
    assert_eq!(sent, [[0], [1], [4]]);
    tx.kick().unwrap();
    drop(refused);
    assert!(ours.accounting().is_balanced() && theirs.accounting().is_balanced());
}

/// The frames come from the user's own iterator, which may panic.
#[test]
fn what_was_taken_before_a_panic_is_sent() {
    let umem = umem(16);
    let (mut socket, mut nic) = fake::socket(&umem, 8).unwrap();
    let tx = socket.tx();
    let mut frame = tx.alloc().unwrap();
    frame.extend_from_slice(b"first").unwrap();
    let mut first = Some(frame);
    let frames = std::iter::from_fn(|| Some(first.take().expect("nobody asks twice")));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| tx.send_from(frames)));
    assert!(panicked.is_err());
    tx.kick().unwrap();
    assert_eq!(nic.transmit().as_deref(), Some(&b"first"[..]));
    tx.kick().unwrap();
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
fn journey(
    log2: u32,
    start: u32,
    (size, chunks): (ChunkSize, u32),
    steps: &[Step],
) -> Result<(), TestCaseError> {
    let umem = Umem::builder().chunks(chunks).chunk_size(size).build().unwrap();
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
        size in prop_oneof![Just(ChunkSize::K2), (2048u32..=4096).prop_map(ChunkSize::Unaligned)],
        chunks in 2u32..200,
        steps in prop::collection::vec(any_step(), 0..120),
    ) {
        journey(log2, u32::MAX - back, (size, chunks), &steps)?;
    }
}
