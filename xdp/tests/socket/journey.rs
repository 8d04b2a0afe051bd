//! Packets arrive, intact and in order, by both flows and in both modes of the program.

use std::collections::BTreeSet;
use std::thread;

use xdp::{AttachMode, AttachedMode, ChunkSize, Frame, Mode, ObtainedMode, Receive, Socket, Umem};

use crate::{PATIENCE, QUEUE, enter, expect_numbered, lab, receiver_in, send_numbered, sender, small_umem};

fn packets_arrive(test: &str, chunk_size: ChunkSize, attach: AttachMode, len: usize) {
    let Some(lab) = lab(test) else { return };
    let (_inside, a, b) = enter(&lab);
    let umem = || Umem::builder().chunks(1024).chunk_size(chunk_size).build().unwrap();
    let (sending, receiving) = (umem(), umem());
    let mut tx = sender(&sending, &a);
    let mut rx = receiver_in(&receiving, &b, attach);
    for start in (0..4096).step_by(256) {
        send_numbered(&mut tx, start, start + 256, len);
        expect_numbered(&mut rx, start, start + 256, len);
    }
    tx.flush(PATIENCE).unwrap();
    assert!(rx.seek(64).is_empty());
    let kernel = rx.statistics().unwrap();
    assert_eq!((kernel.rx_dropped, kernel.rings.unwrap().rx_ring_full), (0, 0));
    for umem in [&sending, &receiving] {
        let account = umem.accounting();
        assert!(account.is_balanced() && account.hands == 0, "{account}");
    }
    assert_eq!(sending.accounting().pool, 1024);
    assert_eq!(receiving.accounting().fill + receiving.accounting().pool, 1024);
}

#[test]
fn packets_arrive_in_order_in_driver_mode() {
    packets_arrive("packets_arrive_in_order_in_driver_mode", ChunkSize::K4, AttachMode::Driver, 64);
}

#[test]
fn packets_arrive_in_order_in_generic_mode() {
    packets_arrive("packets_arrive_in_order_in_generic_mode", ChunkSize::K4, AttachMode::Generic, 64);
}

#[test]
fn packets_arrive_in_order_in_chunks_of_2_kib() {
    packets_arrive("packets_arrive_in_order_in_chunks_of_2_kib", ChunkSize::K2, AttachMode::Driver, 1514);
}

#[test]
fn the_first_byte_lies_behind_the_headroom() {
    let Some(lab) = lab("the_first_byte_lies_behind_the_headroom") else { return };
    let (_inside, a, b) = enter(&lab);
    let receiving = Umem::builder().chunks(256).headroom(128).build().unwrap();
    let mut tx = sender(&small_umem(64), &a);
    let mut rx = receiver_in(&receiving, &b, AttachMode::Driver);
    send_numbered(&mut tx, 0, 1, 64);
    assert!(rx.wait(PATIENCE).unwrap());
    let mut frame = rx.recv(1).next().unwrap();
    assert_eq!((frame.headroom(), frame.tailroom()), (256 + 128, 4096 - 256 - 128 - 64));
    frame.push_front(256 + 128).unwrap();
    assert_eq!(receiving.accounting().hands, 1);
}

/// One end bounces what it gets, by the owned flow; the other counts what comes back.
#[test]
fn frames_are_bounced_in_their_own_chunks() {
    let Some(lab) = lab("frames_are_bounced_in_their_own_chunks") else { return };
    let (_inside, a, b) = enter(&lab);
    let (near, far) = (small_umem(512), small_umem(512));
    let bind = |umem: &Umem, name: &str| {
        Socket::builder(umem).receive(Receive::Everything).bind(name, QUEUE).unwrap()
    };
    let (mut rx, mut tx) = bind(&near, &a).split();
    let mut bouncer = bind(&far, &b);
    assert_eq!(bouncer.report().mode, ObtainedMode::Copy);
    assert_eq!(bouncer.report().why_copy.as_deref(), Some("driver veth has no zero-copy on this queue"));
    assert_eq!(bouncer.report().program.as_ref().unwrap().mode, AttachedMode::Driver);
    const ROUNDS: u64 = 200;
    thread::scope(|scope| {
        let bounce = scope.spawn(move || {
            let (mut bounced, mut chunks) = (0, BTreeSet::new());
            while bounced < ROUNDS * 64 {
                assert!(bouncer.wait(PATIENCE).unwrap(), "{bounced} bounced");
                let (rx, tx) = bouncer.halves();
                for frame in rx.recv(64) {
                    chunks.insert(frame.chunk().0);
                    tx.send(frame).unwrap();
                    bounced += 1;
                }
                tx.kick().unwrap();
            }
            bouncer.flush(PATIENCE).unwrap();
            // All went through the receiving half's chunks: none was copied into a chunk of the sending half's.
            assert!(chunks.len() <= 256, "{} chunks", chunks.len());
            bouncer
        });
        for round in 0..ROUNDS {
            send_numbered(&mut tx, round * 64, (round + 1) * 64, 128);
            expect_numbered(&mut rx, round * 64, (round + 1) * 64, 128);
        }
        let bouncer = bounce.join().unwrap();
        let account = far.accounting();
        assert!(account.is_balanced() && account.hands + account.tx + account.completion == 0, "{account}");
        drop(bouncer);
    });
}

/// Frames are kept beyond the life of everything else, and still hold their bytes.
#[test]
fn a_frame_outlives_its_socket_and_its_umem() {
    let Some(lab) = lab("a_frame_outlives_its_socket_and_its_umem") else { return };
    let (_inside, a, b) = enter(&lab);
    let mut tx = sender(&small_umem(64), &a);
    let receiving = small_umem(64);
    let mut rx = receiver_in(&receiving, &b, AttachMode::Driver);
    send_numbered(&mut tx, 7, 8, 64);
    assert!(rx.wait(PATIENCE).unwrap());
    let frame: Frame = rx.recv(1).next().unwrap();
    drop(rx);
    drop(receiving);
    let there = thread::spawn(move || crate::number_of(&frame));
    assert_eq!(there.join().unwrap(), 7);
}

#[test]
fn no_need_wakeup_moves_packets_too() {
    let Some(lab) = lab("no_need_wakeup_moves_packets_too") else { return };
    let (_inside, a, b) = enter(&lab);
    let (sending, receiving) = (small_umem(256), small_umem(256));
    let always = |umem: &Umem| Socket::builder(umem).need_wakeup(xdp::NeedWakeup::Always).mode(Mode::Copy);
    let mut tx = always(&sending).bind_tx(&a, QUEUE).unwrap();
    let mut rx = always(&receiving).receive(Receive::Everything).bind_rx(&b, QUEUE).unwrap();
    send_numbered(&mut tx, 0, 128, 64);
    rx.kick().unwrap();
    expect_numbered(&mut rx, 0, 128, 64);
}
