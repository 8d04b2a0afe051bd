//! Packets of several frames: jumbo round trips, every number of frames, and a socket and a program that agree.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use xdp::lab::Lab;
use xdp::{
    AttachMode, BuildError, ChunkSize, Mode, MultiBuffer, Packet, Program, Receive, RegisterError, Rx,
    SendPacketError, Socket, Tx, Umem,
};

use crate::{PATIENCE, QUEUE, enter, number_of, write_numbered};

/// The lab of a test on jumbo packets, or none if it cannot run here.
fn jumbo_lab(test: &str) -> Option<Lab> {
    xdp::lab::require(test).then(|| Lab::builder().mtu(9000).build().unwrap())
}

fn umem(chunks: u32, chunk_size: ChunkSize) -> Umem {
    Umem::builder().chunks(chunks).chunk_size(chunk_size).build().unwrap()
}

fn bind(umem: &Umem, interface: &str) -> Socket {
    let builder = Socket::builder(umem).receive(Receive::Everything).attach(AttachMode::Driver);
    builder.mode(Mode::Copy).multi_buffer(MultiBuffer::Require).bind(interface, QUEUE).unwrap()
}

/// A packet of `len` bytes that can be told from all others, and whose frames cannot change places unnoticed.
fn numbered(bytes: &mut Vec<u8>, number: u64, len: usize) {
    bytes.clear();
    bytes.extend((0..len).map(|i| (number as usize + i / 8) as u8));
    bytes[..8].copy_from_slice(&number.to_le_bytes());
}

/// Sends packets `from..to` of `len` bytes.
fn send(tx: &mut Tx, from: u64, to: u64, len: usize) {
    let deadline = Instant::now() + PATIENCE;
    let mut bytes = Vec::new();
    let mut next = from;
    while next < to {
        numbered(&mut bytes, next, len);
        match Packet::build(tx, &bytes) {
            Ok(packet) => match tx.send_packet(packet) {
                Ok(()) => next += 1,
                Err(SendPacketError::Full(packet)) => {
                    tx.recycle(packet);
                    tx.kick().unwrap();
                }
                Err(other) => panic!("{other}"),
            },
            Err(BuildError::Chunks { .. }) => tx.kick().unwrap(),
            Err(other) => panic!("{other}"),
        }
        assert!(Instant::now() < deadline, "stuck at {next} of {to}");
    }
    tx.kick().unwrap();
}

/// Sends back whatever comes, `packets` in all, each in the chunks that it came in.
fn bounce(socket: &mut Socket, packets: u64) {
    let mut bounced = 0;
    let mut waiting: Option<Packet> = None;
    while bounced < packets {
        assert!(waiting.is_some() || socket.wait(PATIENCE).unwrap(), "{bounced} of {packets} bounced");
        let (rx, tx) = socket.halves();
        let mut packets = waiting.take().into_iter().chain(rx.recv_packets(64));
        for packet in packets.by_ref() {
            assert_eq!(packet.frame_count(), 3);
            match tx.send_packet(packet) {
                Ok(()) => bounced += 1,
                Err(SendPacketError::Full(packet)) => {
                    waiting = Some(packet);
                    break;
                }
                Err(other) => panic!("{other}"),
            }
        }
        drop(packets);
        tx.kick().unwrap();
    }
    socket.flush(PATIENCE).unwrap();
}

#[test]
fn a_hundred_thousand_jumbo_packets_go_there_and_back() {
    const PACKETS: u64 = 100_000;
    const WINDOW: u64 = 96;
    const LEN: usize = 9000;
    let Some(lab) = jumbo_lab("a_hundred_thousand_jumbo_packets_go_there_and_back") else { return };
    let (_inside, a, b) = enter(&lab);
    let (near, far) = (umem(2048, ChunkSize::K4), umem(2048, ChunkSize::K4));
    let (mut socket, mut mirror) = (bind(&near, &a), bind(&far, &b));
    assert_eq!((socket.report().multi_buffer, socket.report().most_frames), (true, 18));
    let start = Instant::now();
    let mirror = thread::scope(|scope| {
        let mirror = scope.spawn(move || {
            bounce(&mut mirror, PACKETS);
            mirror
        });
        let (mut sent, mut received, mut expected) = (0, 0, Vec::new());
        while received < PACKETS {
            // No more at a time than the rings hold: what is lost is lost by the library.
            let to = (received + WINDOW).min(PACKETS);
            send(socket.tx(), sent, to, LEN);
            sent = to;
            assert!(socket.wait(PATIENCE).unwrap(), "{received} of {sent} came back");
            let batch = socket.rx().seek_packets(64);
            for packet in batch.iter() {
                numbered(&mut expected, received, LEN);
                assert_eq!((packet.len(), packet.frame_count()), (LEN, 3));
                let mut rest = &expected[..];
                for frame in packet.frames() {
                    let (this, behind) = rest.split_at(frame.len());
                    assert!(frame == this, "packet {received} came back changed");
                    rest = behind;
                }
                received += 1;
            }
            batch.commit();
        }
        mirror.join().unwrap()
    });
    let took = start.elapsed();
    eprintln!("{PACKETS} packets of {LEN} bytes there and back in {took:?}");
    assert!(took < Duration::from_secs(120), "{took:?}");
    socket.flush(PATIENCE).unwrap();
    let mut mirror = mirror;
    for (socket, umem) in [(&mut socket, &near), (&mut mirror, &far)] {
        let kernel = socket.statistics().unwrap();
        assert_eq!((kernel.rx_dropped, kernel.tx_invalid, kernel.rings.unwrap().rx_ring_full), (0, 0, 0));
        let (rx, tx) = socket.halves();
        assert_eq!((rx.refused(), tx.refused(), rx.passed_over(), tx.outstanding()), (0, 0, 0, 0));
        let account = umem.accounting();
        assert!(account.is_balanced() && account.hands + account.tx + account.completion == 0, "{account}");
    }
}

/// Gives the kernel a packet of as many frames as it takes, with a different number of bytes in each.
fn in_frames(tx: &mut Tx, bytes: &[u8], count: usize) -> Packet {
    let step = bytes.len() / count;
    let mut packet: Option<Packet> = None;
    for i in 0..count {
        let to = if i + 1 < count { (i + 1) * step } else { bytes.len() };
        let mut frame = tx.alloc().unwrap();
        frame.extend_from_slice(&bytes[i * step..to]).unwrap();
        match &mut packet {
            Some(packet) => packet.push(frame),
            None => packet = Some(frame.into()),
        }
    }
    packet.unwrap()
}

#[test]
fn every_number_of_frames_up_to_eighteen_is_sent_and_the_nineteenth_is_refused() {
    let test = "every_number_of_frames_up_to_eighteen_is_sent_and_the_nineteenth_is_refused";
    let Some(lab) = jumbo_lab(test) else { return };
    let (_inside, a, b) = enter(&lab);
    let (near, far) = (umem(256, ChunkSize::K2), umem(256, ChunkSize::K2));
    let (mut socket, mut peer) = (bind(&near, &a), bind(&far, &b));
    let mut expected = Vec::new();
    let mut number = 0;
    for count in 1..=18 {
        // Short enough for one chunk of the receiver, and long enough for as many of it as can be.
        for len in [64 * count, (1700 * count).min(9014)] {
            numbered(&mut expected, number, len);
            let packet = in_frames(socket.tx(), &expected, count);
            assert_eq!((packet.frame_count(), packet.len()), (count, len));
            socket.tx().send_packet(packet).unwrap();
            assert_eq!(socket.tx().outstanding() as usize, count);
            socket.flush(PATIENCE).unwrap();
            assert!(
                peer.wait(PATIENCE).unwrap(),
                "{count} frames, {len} bytes; {}",
                peer.statistics().unwrap()
            );
            let received: Vec<Packet> = peer.rx().recv_packets(8).collect();
            let [received] = &received[..] else { panic!("{} packets instead of one", received.len()) };
            assert!(received.to_vec() == expected, "{count} frames, {len} bytes");
            assert_eq!(received.frame_count(), len.div_ceil(2048 - 256));
            number += 1;
        }
    }
    numbered(&mut expected, number, 19 * 64);
    let packet = in_frames(socket.tx(), &expected, 19);
    let Err(SendPacketError::Frames { packet, most: 18 }) = socket.tx().send_packet(packet) else {
        panic!("taken")
    };
    assert_eq!((packet.frame_count(), packet.to_vec() == expected), (19, true));
    socket.tx().recycle(packet);
    socket.flush(PATIENCE).unwrap();
    assert_eq!(socket.statistics().unwrap().tx_invalid, 0, "the kernel has not seen it");
    for umem in [&near, &far] {
        let account = umem.accounting();
        assert!(account.is_balanced() && account.hands + account.tx + account.completion == 0, "{account}");
    }
}

/// Small rings, so that packets lie across the wrap, and batches end amid them all the time.
#[test]
fn a_short_packet_and_a_long_one_share_the_rings() {
    let Some(lab) = jumbo_lab("a_short_packet_and_a_long_one_share_the_rings") else { return };
    let (_inside, a, b) = enter(&lab);
    let (near, far) = (umem(512, ChunkSize::K2), umem(512, ChunkSize::K2));
    let builder = Socket::builder(&far).receive(Receive::Everything).mode(Mode::Copy);
    // Rings that wrap all the time, amid packets.
    let mut rx = builder.multi_buffer(MultiBuffer::Require).rx_entries(64).bind_rx(&b, QUEUE).unwrap();
    let mut tx = Socket::builder(&near).mode(Mode::Copy).multi_buffer(MultiBuffer::Prefer).tx_entries(32);
    tx = tx.completion_entries(32);
    let mut tx = tx.bind_tx(&a, QUEUE).unwrap();
    let mut expected = Vec::new();
    let mut received = 0;
    for round in 0..2000u64 {
        let lens = [60 + round as usize % 1000, 9014 - round as usize % 7000, 1792, 1793];
        for (i, len) in lens.into_iter().enumerate() {
            send(&mut tx, 4 * round + i as u64, 4 * round + i as u64 + 1, len);
        }
        tx.flush(PATIENCE).unwrap();
        while received < 4 * (round + 1) {
            assert!(rx.wait(PATIENCE).unwrap(), "{received}: {}", rx.statistics().unwrap());
            let number = |received: u64| (received, lens[(received % 4) as usize]);
            if round % 2 == 0 {
                for packet in rx.recv_packets(1 + round as u32 % 5) {
                    let (at, len) = number(received);
                    numbered(&mut expected, at, len);
                    assert!(packet.to_vec() == expected, "packet {at} of {len} bytes");
                    received += 1;
                }
            } else {
                let mut batch = rx.seek_packets(1 + round as u32 % 5);
                let packets: Vec<Vec<u8>> = batch.iter().map(|packet| packet.to_vec()).collect();
                // Only a part of what is lent is taken; the rest is lent again.
                let most = batch.len().div_ceil(2);
                for packet in &packets[..most as usize] {
                    let (at, len) = number(received);
                    numbered(&mut expected, at, len);
                    assert!(*packet == expected, "packet {at} of {len} bytes");
                    received += 1;
                }
                batch.commit_first(most);
            }
        }
    }
    assert_eq!((rx.available(), rx.refused(), tx.refused()), (0, 0, 0));
    assert_eq!(rx.statistics().unwrap().rx_dropped, 0);
    for umem in [&near, &far] {
        let account = umem.accounting();
        assert!(account.is_balanced() && account.hands + account.tx + account.completion == 0, "{account}");
    }
}

/// Chunks of 4 KiB hold a short packet in one frame; the flows of single frames take that, and leave out the others.
#[test]
fn a_fragment_is_never_shown_as_a_packet() {
    let Some(lab) = jumbo_lab("a_fragment_is_never_shown_as_a_packet") else { return };
    let (_inside, a, b) = enter(&lab);
    let (near, far) = (umem(256, ChunkSize::K4), umem(256, ChunkSize::K4));
    let (mut socket, mut peer) = (bind(&near, &a), bind(&far, &b));
    let tx = socket.tx();
    let lens = [100, 9000, 9000, 200, 300, 5000, 400, 4000];
    for (number, len) in (0..).zip(lens) {
        let mut bytes = vec![0; len];
        write_numbered(&mut bytes, number);
        let packet = Packet::build(tx, &bytes).unwrap();
        tx.send_packet(packet).unwrap();
    }
    socket.flush(PATIENCE).unwrap();
    let descs = lens.iter().map(|len| len.div_ceil(4096 - 256) as u32).sum::<u32>();
    while peer.rx().available() < descs {
        assert!(peer.wait(PATIENCE).unwrap());
        thread::yield_now();
    }
    let mut shown = Vec::new();
    for round in 0..8 {
        if round % 2 == 0 {
            shown.extend(peer.rx().recv(64).map(|frame| (number_of(&frame), frame.len())));
        } else {
            let batch = peer.rx().seek(64);
            shown.extend(batch.iter().map(|packet| (number_of(packet), packet.len())));
            batch.commit();
        }
    }
    assert_eq!(shown, [(0, 100), (3, 200), (4, 300), (6, 400)]);
    assert_eq!((peer.rx().passed_over(), peer.rx().refused(), peer.rx().available()), (4, 0, 0));
    assert!(far.accounting().is_balanced() && far.accounting().hands == 0, "{}", far.accounting());
}

#[test]
fn a_socket_and_a_program_that_disagree_are_refused() {
    let Some(lab) = jumbo_lab("a_socket_and_a_program_that_disagree_are_refused") else { return };
    let (_inside, a, b) = enter(&lab);
    let umem = || umem(64, ChunkSize::K4);
    let bind = |name: &str, multi_buffer| -> Rx {
        let umem = umem();
        Socket::builder(&umem).mode(Mode::Copy).multi_buffer(multi_buffer).bind_rx(name, QUEUE).unwrap()
    };
    let several = Program::redirect_all().multi_buffer().load().unwrap();
    let several = Arc::new(several.attach(&*b, AttachMode::Driver).unwrap());
    let rx = bind(&b, MultiBuffer::Never);
    let error = rx.register(&several).unwrap_err();
    assert!(matches!(error, RegisterError::SingleBufferSocket { frame: 9014, fits: 3840, .. }), "{error}");
    drop(rx);
    let rx = bind(&b, MultiBuffer::Prefer);
    assert!(rx.is_multi_buffer() && rx.report().why_single_buffer.is_none());
    rx.register(&several).unwrap();
    drop((rx, several));

    // The kernel lets a program of one buffer onto the driver only where the peer's packets fit it.
    let (pair, one) = (lab.pair(0), Program::redirect_all().load().unwrap());
    let error = one.attach(&*a, AttachMode::Driver).unwrap_err();
    eprintln!("{error}");
    lab.set_mtu(pair.a(), 1500).unwrap();
    lab.set_mtu(pair.b(), 1500).unwrap();
    let one = Arc::new(one.attach(&*a, AttachMode::Driver).unwrap());
    let rx = bind(&a, MultiBuffer::Require);
    let error = rx.register(&one).unwrap_err();
    assert!(matches!(error, RegisterError::SingleBufferProgram { .. }), "{error}");
    drop(rx);
    bind(&a, MultiBuffer::Never).register(&one).unwrap();
    // With an MTU that fits a chunk there is nothing to disagree on.
    let several = Program::redirect_all().multi_buffer().load().unwrap();
    let several = Arc::new(several.attach(&*b, AttachMode::Driver).unwrap());
    bind(&b, MultiBuffer::Never).register(&several).unwrap();
}
