//! Descriptors that make no sense: kernels count them, and complete them or lose their chunks for good, by version. So
//! none is ever published, whatever is tried.

use std::collections::BTreeSet;

use xdp::{Addr, ChunkSize, Desc, Frame, Mode, Options, PeekError, SendError, Socket, Tx, Umem, fake};
use xdp_core::Chunk;

use crate::raw::RawSocket;
use crate::{PATIENCE, QUEUE, chance, enter, lab, umem};

/// What the running kernel does, for the record; that it notices is required, but of a descriptor without bytes: kernels
/// of 2022 (5.10 and 6.1 were seen to) try to send it.
#[test]
fn the_kernel_counts_descriptors_that_make_no_sense() {
    let Some(lab) = lab("the_kernel_counts_descriptors_that_make_no_sense") else { return };
    let (_inside, a, _b) = enter(&lab);
    for (what, addr, len, options) in [
        ("empty", 2 * 2048, 0, Options::NONE),
        ("longer than the chunk", 2 * 2048 + 100, 2048, Options::NONE),
        ("outside the umem", 16 * 2048, 60, Options::NONE),
        ("of an unknown option", 2 * 2048, 60, Options::from_bits(1 << 9)),
    ] {
        let mut socket = RawSocket::bind(&a, 16);
        let good =
            |chunk| Desc { addr: Addr(socket.layout.addr(Chunk(chunk))), len: 60, options: Options::NONE };
        let descs = [good(1), Desc { addr: Addr(addr), len, options }, good(3)];
        for desc in descs {
            assert!(socket.tx.push(desc));
        }
        let first = socket.kick();
        let left = socket.tx.outstanding();
        for _ in 0..10 {
            let _ = socket.kick(); // what it answers differs, too
        }
        let invalid = socket.statistics().tx_invalid_descs;
        let completed: Vec<u64> = std::iter::from_fn(|| socket.completion.pop()).collect();
        eprintln!(
            "{what}: {first:?}, {left} left, counted {invalid} times, completed {} times",
            completed.iter().filter(|back| **back == addr).count()
        );
        assert!(invalid == 1 || invalid == 0 && what == "empty", "{what} counts as {invalid}");
        for desc in [descs[0], descs[2]] {
            assert_eq!(
                completed.iter().filter(|back| **back == desc.addr.0).count(),
                1,
                "{what}: {completed:?}"
            );
        }
    }
}

/// Frames without a byte, each emptied in another way.
fn empty_frames(tx: &mut Tx) -> Vec<Frame> {
    let mut frames: Vec<Frame> = std::iter::from_fn(|| tx.alloc()).take(4).collect();
    frames[1].extend(60).unwrap();
    frames[1].truncate(0);
    frames[2].extend(60).unwrap();
    frames[2].pop_front(60).unwrap();
    frames[3].push_front(64).unwrap();
    frames[3].set_len(0).unwrap();
    frames
}

#[test]
fn every_attempt_at_a_senseless_descriptor_is_refused_and_gives_the_frame_back() {
    let build = || Umem::builder().chunks(32).chunk_size(ChunkSize::K2).headroom(64).build().unwrap();
    let (ours, theirs) = (build(), build());
    let (mut socket, mut nic) = fake::socket(&ours, 8).unwrap();
    let (mut stranger, _nic) = fake::socket(&theirs, 8).unwrap();
    // No bytes, or the bytes of somebody else.
    for frame in empty_frames(socket.tx()) {
        let chunk = frame.chunk();
        let Err(SendError::Empty(frame)) = socket.tx().send(frame) else { panic!("taken") };
        assert_eq!((frame.chunk(), frame.len()), (chunk, 0));
    }
    let mut queue = empty_frames(socket.tx()).into();
    assert!(matches!(socket.tx().send_all(&mut queue), Err(SendError::Empty(_))));
    assert_eq!(queue.len(), 3);
    let mut foreign = stranger.tx().alloc().unwrap();
    foreign.extend(60).unwrap();
    let Err(SendError::Foreign(foreign)) = socket.tx().send(foreign) else { panic!("taken") };
    assert!(foreign.belongs_to(&theirs));
    // A length that there is no room for never becomes a frame's.
    let mut frame = socket.tx().alloc().unwrap();
    for len in [2048 - 64 + 1, 2048, 4096, u32::MAX as usize, usize::MAX] {
        assert!(frame.set_len(len).is_err() && frame.extend(len).is_err() && frame.is_empty());
        assert!(frame.push_front(len).is_err() && frame.pop_front(len).is_err() && frame.is_empty());
    }
    drop((queue, foreign, frame));
    // The same by the borrowed flow: nothing that was refused is committed, nor what comes after it.
    let mut batch = socket.tx().seek(4);
    for len in [0, 2048 - 64 + 1, u32::MAX as usize + 1, usize::MAX] {
        assert_eq!(batch.peek(0, len).unwrap_err(), PeekError::Length { len, most: 2048 - 64 });
    }
    assert!(batch.peek(4, 60).is_err() && batch.peek(u32::MAX, 60).is_err());
    assert!(batch.peek(1, 60).is_ok(), "a good one behind one that is missing");
    assert_eq!(batch.commit(), 0);
    socket.tx().kick().unwrap();
    assert_eq!((nic.kernel().peek_tx(0), socket.tx().outstanding()), (None, 0), "nothing was published");
    for umem in [&ours, &theirs] {
        let account = umem.accounting();
        assert_eq!((account.hands, account.tx, account.is_balanced()), (0, 0, true), "{account}");
    }
}

/// Edits a frame at random, within its room.
fn edit(frame: &mut Frame, state: &mut u64) {
    for _ in 0..chance(state, 5) {
        let n = chance(state, 2100) as usize;
        match chance(state, 5) {
            0 => drop(frame.push_front(n % 100)),
            1 => drop(frame.pop_front(n)),
            2 => drop(frame.extend(n)),
            3 => drop(frame.set_len(n)),
            _ => frame.truncate(n),
        }
    }
}

/// Sends at random, by both flows; what is refused is dropped.
fn send_anything(tx: &mut Tx, state: &mut u64) {
    if chance(state, 2) == 0 {
        let Some(mut frame) = tx.alloc() else { return };
        edit(&mut frame, state);
        drop(tx.send(frame));
    } else {
        let mut batch = tx.seek(chance(state, 9));
        for _ in 0..chance(state, 9) {
            let (i, len) = (chance(state, 9), chance(state, 2100) as usize);
            if let Ok(bytes) = batch.peek(i, len) {
                bytes.fill(i as u8);
            }
        }
        for _ in 0..chance(state, 3) {
            batch.commit_first(chance(state, 9));
        }
    }
}

/// Every descriptor of a long random life, as the kernel finds it.
#[test]
fn whatever_is_sent_the_ring_holds_only_descriptors_that_make_sense() {
    for seed in 1..=20 {
        let state = &mut { seed };
        let umem = Umem::builder().chunks(64).chunk_size(ChunkSize::K2).headroom(64).build().unwrap();
        let (mut socket, mut nic) = fake::socket_starting_at(&umem, 8, u32::MAX - 50).unwrap();
        let mut with_kernel = BTreeSet::new();
        for _ in 0..2000 {
            send_anything(socket.tx(), state);
            socket.tx().kick().unwrap();
            while chance(state, 3) != 0 {
                let Some(desc) = nic.kernel().transmit() else { break };
                let place = umem.layout().place(desc).unwrap_or_else(|| panic!("seed {seed}: {desc:?}"));
                assert!(desc.len > 0 && desc.options == Options::NONE, "seed {seed}: {desc:?}");
                assert!(with_kernel.insert(place.chunk), "seed {seed}: {desc:?} twice");
            }
            while chance(state, 3) != 0 {
                let Some(chunk) = with_kernel.pop_first() else { break };
                assert!(nic.forge_completion(umem.layout().addr(chunk) + 64));
            }
        }
        assert_eq!(socket.tx().refused(), 0);
        assert!(umem.accounting().is_balanced(), "seed {seed}: {}", umem.accounting());
    }
}

/// The kernel's own judgement: frames of every length and place, and not one that it calls invalid.
#[test]
fn the_kernel_finds_no_descriptor_of_ours_invalid() {
    let Some(lab) = lab("the_kernel_finds_no_descriptor_of_ours_invalid") else { return };
    let (_inside, a, _b) = enter(&lab);
    let umem = Umem::builder().chunks(128).chunk_size(ChunkSize::K2).headroom(64).build().unwrap();
    let mut tx = Socket::builder(&umem).tx_entries(32).mode(Mode::Copy).bind_tx(&a, QUEUE).unwrap();
    let state = &mut 7;
    for round in 0..4000 {
        send_anything(&mut tx, state);
        if round % 4 == 0 {
            tx.kick().unwrap();
        }
    }
    tx.flush(PATIENCE).unwrap();
    assert_eq!((tx.statistics().unwrap().tx_invalid, tx.refused()), (0, 0));
    assert_eq!(umem.accounting().pool, 128, "{}", umem.accounting());
}

/// A ring that is full refuses, and what it refuses comes back.
#[test]
fn a_frame_refused_by_a_full_ring_is_whole() {
    let umem = umem(32);
    let (mut socket, _nic) = fake::socket(&umem, 4).unwrap();
    let tx = socket.tx();
    for n in 0..12u8 {
        let mut frame = tx.alloc().unwrap();
        frame.extend_from_slice(&[n; 100]).unwrap();
        match tx.send(frame) {
            Ok(()) => assert!(n < 4),
            Err(refused) => {
                assert!(n >= 4 && matches!(refused, SendError::Full(_)));
                assert_eq!(refused.into_frame()[..], [n; 100]);
            }
        }
    }
    assert!(umem.accounting().is_balanced(), "{}", umem.accounting());
}
