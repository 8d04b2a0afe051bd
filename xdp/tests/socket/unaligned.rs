//! Chunks of any size: packets arrive, are bounced and come home, whatever pages their chunks lie across.

use std::collections::BTreeSet;

use xdp::lab::Lab;
use xdp::{BindError, Mode, MultiBuffer, Packet, Receive, Socket, Umem};

use crate::{PATIENCE, QUEUE, enter, expect_numbered, lab, number_of, send_numbered};

const SIZES: [u32; 7] = [2048, 2049, 2500, 3000, 3333, 4095, 4096];

fn umem(chunk_bytes: u32, chunks: u32) -> Umem {
    Umem::builder().chunks(chunks).unaligned(chunk_bytes).build().unwrap()
}

fn bind(umem: &Umem, interface: &str) -> Socket {
    Socket::builder(umem).receive(Receive::Everything).mode(Mode::Copy).bind(interface, QUEUE).unwrap()
}

fn assert_all_is_home(umem: &Umem) {
    let account = umem.accounting();
    assert!(account.is_balanced() && account.hands + account.tx + account.completion == 0, "{account}");
}

/// One end sends, the other bounces the very chunks by the owned flow, the first receives by the borrowed one.
#[test]
fn packets_go_there_and_back_in_chunks_of_any_size() {
    let Some(lab) = lab("packets_go_there_and_back_in_chunks_of_any_size") else { return };
    let (_inside, a, b) = enter(&lab);
    for size in SIZES {
        let (near, far) = (umem(size, 256), umem(size, 256));
        let (mut socket, mut mirror) = (bind(&near, &a), bind(&far, &b));
        // Chunks of an odd size get one byte more.
        let size = size.next_multiple_of(2);
        assert_eq!(socket.report().chunks, (256, size));
        // As long as a packet can be in such a chunk, up to what the link takes.
        let len = 1514.min(size as usize - 256);
        let mut chunks = BTreeSet::new();
        for start in (0..2048).step_by(64) {
            send_numbered(socket.tx(), start, start + 64, len);
            let mut bounced = 0;
            while bounced < 64 {
                assert!(mirror.wait(PATIENCE).unwrap(), "{bounced}: {}", mirror.statistics().unwrap());
                let (rx, tx) = mirror.halves();
                for frame in rx.recv(64) {
                    assert_eq!((number_of(&frame), frame.len()), (start + bounced, len));
                    assert_eq!((frame.headroom(), frame.tailroom()), (256, size - 256 - len as u32));
                    chunks.insert(frame.chunk());
                    tx.send(frame).unwrap();
                    bounced += 1;
                }
                tx.kick().unwrap();
            }
            expect_numbered(socket.rx(), start, start + 64, len);
            // What has completed goes round to the fill ring before the next packets come.
            mirror.flush(PATIENCE).unwrap();
            mirror.rx().kick().unwrap();
        }
        assert!(chunks.len() >= 64 && chunks.iter().all(|chunk| chunk.0 < 256), "{} chunks", chunks.len());
        socket.flush(PATIENCE).unwrap();
        mirror.flush(PATIENCE).unwrap();
        for (socket, umem) in [(&mut socket, &near), (&mut mirror, &far)] {
            let (rx, tx) = socket.halves();
            assert_eq!((rx.refused(), tx.refused()), (0, 0), "chunks of {size}");
            let kernel = socket.statistics().unwrap();
            assert_eq!((kernel.rx_dropped, kernel.tx_invalid), (0, 0), "chunks of {size}");
            assert_all_is_home(umem);
        }
    }
}

/// Guard bytes at both ends of every chunk show who writes beyond his own.
#[test]
fn a_packet_touches_no_chunk_but_its_own() {
    let Some(lab) = lab("a_packet_touches_no_chunk_but_its_own") else { return };
    let (_inside, a, b) = enter(&lab);
    let (near, far) = (umem(3002, 64), umem(2501, 64));
    let (mut socket, mut peer) = (bind(&near, &a), bind(&far, &b));
    let tx = socket.tx();
    let mut guards = Vec::new();
    while let Some(mut frame) = tx.alloc() {
        let byte = frame.chunk().0 as u8;
        frame.extend(3002).unwrap().fill(byte);
        assert!(frame.extend(1).is_err() && frame.push_front(1).is_err());
        guards.push(frame);
    }
    assert_eq!(guards.len(), 32);
    // Every second of them is sent, the others are kept.
    let kept: Vec<_> = (0..guards.len() / 2).map(|i| guards.remove(i)).collect();
    for mut frame in guards {
        frame.truncate(1500);
        let byte = frame[0];
        frame.fill(byte ^ 0xff);
        tx.send(frame).unwrap();
    }
    socket.flush(PATIENCE).unwrap();
    let mut received = Vec::new();
    while received.len() < 16 {
        assert!(peer.wait(PATIENCE).unwrap());
        received.extend(peer.rx().recv(64));
    }
    for frame in &received {
        assert!(frame.len() == 1500 && frame.iter().all(|byte| *byte == frame[0]));
    }
    for frame in &kept {
        assert!(frame.len() == 3002 && frame.iter().all(|byte| *byte == frame.chunk().0 as u8));
    }
}

#[test]
fn a_jumbo_packet_goes_over_unaligned_chunks() {
    if !xdp::lab::require("a_jumbo_packet_goes_over_unaligned_chunks") {
        return;
    }
    let lab = Lab::builder().mtu(9000).build().unwrap();
    let (_inside, a, b) = enter(&lab);
    let (near, far) = (umem(3000, 256), umem(2222, 256));
    let bind = |umem: &Umem, name: &str| {
        let builder = Socket::builder(umem).receive(Receive::Everything).mode(Mode::Copy);
        builder.multi_buffer(MultiBuffer::Require).bind(name, QUEUE).unwrap()
    };
    let (mut socket, mut peer) = (bind(&near, &a), bind(&far, &b));
    for round in 0..200usize {
        let bytes: Vec<u8> = (0..9014 - round).map(|i| (i * 7 + round) as u8).collect();
        let packet = Packet::build(socket.tx(), &bytes).unwrap();
        socket.tx().send_packet(packet).unwrap();
        socket.flush(PATIENCE).unwrap();
        assert!(peer.wait(PATIENCE).unwrap());
        let batch = peer.rx().seek_packets(64);
        let packet = batch.iter().next().unwrap();
        assert_eq!((batch.len(), packet.frame_count() as usize), (1, bytes.len().div_ceil(2222 - 256)));
        assert!(packet.to_vec() == bytes, "round {round}");
        batch.commit();
    }
    assert_all_is_home(&near);
    assert_all_is_home(&far);
}

/// The kernel would lose every chunk that lies across pages, without a word.
#[test]
fn zero_copy_with_chunks_across_pages_is_refused_or_left_out() {
    let Some(lab) = lab("zero_copy_with_chunks_across_pages_is_refused_or_left_out") else { return };
    let (_inside, a, _b) = enter(&lab);
    let error = Socket::builder(&umem(3000, 64)).mode(Mode::ZeroCopy).bind(&a, QUEUE).unwrap_err();
    assert!(matches!(error, BindError::UnalignedZeroCopy), "{error}");
    let socket = Socket::builder(&umem(3000, 64)).mode(Mode::PreferZeroCopy).bind(&a, QUEUE).unwrap();
    assert_eq!(socket.report().why_copy.as_deref(), Some("unaligned chunks that lie across pages"));
}
