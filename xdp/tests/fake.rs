//! Sockets over the fake kernel: sharing a UMEM, hostile kernels, and lives that end in the wrong order. Needs no
//! privileges.
#![cfg(feature = "fake-kernel")]

use std::collections::BTreeSet;
use std::thread;

use xdp::{Addr, BindError, ChunkSize, Desc, Frame, Options, PeekError, Umem, fake};

fn umem(chunks: u32) -> Umem {
    Umem::builder().chunks(chunks).chunk_size(ChunkSize::K2).build().unwrap()
}

fn desc(addr: u64, len: u32) -> Desc {
    Desc { addr: Addr(addr), len, options: Options::NONE }
}

/// The NIC goes on using what a dropped socket has left with it, as a real one does until the kernel has released the
/// socket.
#[test]
fn what_a_dropped_socket_left_with_the_nic_is_nobody_elses() {
    let umem = umem(16);
    let (socket, mut nic) = fake::socket(&umem, 16).unwrap();
    drop(socket);
    assert_eq!(umem.accounting().stranded, 8);
    let (mut second, second_nic) = fake::socket_with(&umem, 16, 0, Some(8)).unwrap();
    let mut frames: Vec<Frame> = std::iter::from_fn(|| second.tx().alloc()).collect();
    for frame in &mut frames {
        frame.set_len(2048).unwrap();
        frame.fill(0);
    }
    while nic.deliver(&[0xff; 64]) {}
    assert!(frames.iter().all(|frame| frame.iter().all(|byte| *byte == 0)));
    drop((frames, second, second_nic, nic));
    assert_eq!(umem.accounting().pool, 16);
}

/// A kernel that names one chunk many times in a batch, while the fill ring has no room to give it back to.
#[test]
fn a_chunk_that_is_named_twice_in_a_batch_has_one_owner() {
    let umem = umem(32);
    let (mut socket, mut nic) = fake::socket(&umem, 8).unwrap();
    let taken = nic.kernel().take_fill().unwrap();
    for _ in 0..6 {
        while nic.forge_rx(desc(taken + 256, 8)) {}
        socket.rx().seek(64).commit();
    }
    assert!(socket.rx().refused() > 0);
    let mut frames: Vec<Frame> = std::iter::from_fn(|| socket.tx().alloc()).collect();
    for _ in 0..20 {
        while let Some(chunk) = nic.kernel().take_fill() {
            nic.forge_rx(desc(chunk + 256, 8));
        }
        frames.extend(socket.rx().recv(64));
    }
    let owned: BTreeSet<u32> = frames.iter().map(|frame| frame.chunk().0).collect();
    assert_eq!(owned.len(), frames.len(), "no two frames own one chunk");
}

/// A socket closes on one thread while another binds: the second must not inherit the number of the first before it
/// is closed for good.
#[test]
fn closing_and_binding_at_once_never_mix_two_sockets_up() {
    let umem = umem(32);
    let (mut first, mut first_nic) = fake::socket_with(&umem, 16, 0, Some(16)).unwrap();
    for _ in 0..2000 {
        let closing = thread::spawn(move || drop((first, first_nic)));
        let (mut second, second_nic) = fake::socket_with(&umem, 16, 0, Some(16)).unwrap();
        closing.join().unwrap();
        assert!(second.rx().seek(1).is_empty());
        let account = umem.accounting();
        assert!(account.is_balanced() && account.fill == 8, "{account}");
        (first, first_nic) = (second, second_nic);
    }
}

#[test]
fn frames_that_the_sender_drops_come_back_to_the_sender() {
    let umem = umem(64);
    let (mut socket, _nic) = fake::socket(&umem, 64).unwrap();
    for round in 0..1000 {
        let (rx, tx) = socket.halves();
        drop(tx.alloc().unwrap_or_else(|| panic!("dry in round {round}: {}", umem.accounting())));
        assert!(rx.seek(1).is_empty());
    }
    assert_eq!(umem.accounting().fill, 32, "the receiving half keeps to its share");
}

/// Frames of the sending half that are given to the receiving one do not make its share larger.
#[test]
fn the_receiving_half_fills_no_more_than_its_share() {
    let umem = umem(64);
    let (mut socket, _nic) = fake::socket(&umem, 64).unwrap();
    let (rx, tx) = socket.halves();
    let frames: Vec<Frame> = std::iter::from_fn(|| tx.alloc()).take(20).collect();
    assert_eq!(frames.len(), 20);
    rx.recycle(frames);
    let account = umem.accounting();
    assert_eq!((account.fill, account.pool), (32, 32), "{account}");
}

/// One way, from a small share to a large one whose receiving half nobody looks at.
#[test]
fn forwarding_to_a_socket_that_never_receives_goes_on() {
    for (chunks, share) in [(2048, 64), (2048, 32), (544, 32), (64, 4)] {
        let umem = umem(chunks);
        let (one, mut near) = fake::socket_with(&umem, 64, 0, Some(share)).unwrap();
        let (other, mut far) = fake::socket_with(&umem, 64, 0, None).unwrap();
        let ((mut rx, _), (_idle, mut tx)) = (one.split(), other.split());
        let mut forwarded = 0;
        for round in 0..20_000 {
            near.deliver(&[1; 60]);
            for frame in rx.recv(64) {
                tx.send(frame).unwrap();
                forwarded += 1;
            }
            tx.kick().unwrap();
            while far.transmit().is_some() {}
            tx.reap();
            assert!(
                forwarded * 4 > round,
                "dry in round {round} with {share} of {chunks}: {}",
                umem.accounting()
            );
        }
    }
}

#[test]
fn a_bind_takes_no_chunk_that_another_socket_has_in_transit() {
    let umem = umem(16);
    let (mut one, mut nic) = fake::socket(&umem, 16).unwrap();
    for _ in 0..8 {
        assert!(nic.deliver(b"x"));
    }
    drop(one.rx().recv(8).collect::<Vec<Frame>>()); // on their way home
    let refused = fake::socket(&umem, 16).map(drop).unwrap_err();
    assert!(matches!(refused, BindError::Chunks { free: 0, .. }), "{refused}");
    assert!(one.rx().seek(8).is_empty());
    assert!(nic.deliver(b"x"), "the first can still receive: {}", umem.accounting());
}

#[test]
fn a_socket_for_both_ways_needs_two_chunks() {
    let refused = fake::socket(&umem(1), 8).map(drop).unwrap_err();
    assert!(matches!(refused, BindError::Chunks { free: 1, wanted: 2 }), "{refused}");
    let umem = umem(2);
    let (mut socket, mut nic) = fake::socket(&umem, 8).unwrap();
    assert!(nic.deliver(b"x") && socket.rx().recv(1).count() == 1);
}

#[test]
fn a_quarter_million_bad_descriptors_are_only_counted() {
    let umem = umem(16);
    let (mut socket, mut nic) = fake::socket(&umem, 1 << 18).unwrap();
    while nic.forge_rx(desc(u64::MAX, 1)) {}
    assert_eq!((socket.rx().seek(u32::MAX).len(), socket.rx().refused()), (0, 1 << 18));
}

#[test]
fn a_packet_cannot_be_delivered_outside_its_chunk() {
    let umem = umem(16);
    let (_socket, mut nic) = fake::socket(&umem, 16).unwrap();
    for (len, offset) in [(0, 2048), (0, 1 << 30), (1, u32::MAX), (2049, 0), (1, 2048)] {
        assert!(!nic.deliver_at(&vec![0; len], offset), "{len} at {offset}");
    }
    assert!(nic.deliver_at(&[0; 2048], 0));
}

#[test]
fn a_packet_to_be_sent_may_fill_its_chunk_behind_the_headroom_and_no_more() {
    let umem = Umem::builder().chunks(4).chunk_size(ChunkSize::K2).headroom(256).build().unwrap();
    let (mut socket, mut nic) = fake::socket(&umem, 4).unwrap();
    let mut batch = socket.tx().seek(1);
    let refused = batch.peek(0, 2048 - 256 + 1).unwrap_err();
    assert!(matches!(refused, PeekError::Length { len: 1793, most: 1792 }), "{refused}");
    batch.peek(0, 2048 - 256).unwrap().fill(7);
    assert_eq!(batch.commit(), 1);
    socket.tx().kick().unwrap();
    assert_eq!(nic.transmit().unwrap(), [7; 1792]);
}
