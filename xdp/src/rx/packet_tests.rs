//! Packets of several frames over a fake kernel, one that keeps the protocol and one that does not.

use std::collections::VecDeque;

use proptest::prelude::*;
use xdp_core::desc::{Addr, Desc, Options};
use xdp_core::frames::Holder;

use crate::fake::{self, FakeNic};
use crate::packet::Packet;
use crate::socket::Socket;
use crate::umem::Umem;
use crate::{ChunkSize, Disbelief};

fn socket(chunks: u32, entries: u32, start: u32) -> (Umem, Socket, FakeNic) {
    socket_of(ChunkSize::K2, chunks, entries, start)
}

fn socket_of(size: ChunkSize, chunks: u32, entries: u32, start: u32) -> (Umem, Socket, FakeNic) {
    let umem = Umem::builder().chunks(chunks).chunk_size(size).build().unwrap();
    let (socket, nic) = fake::socket_for_packets(&umem, entries, start, 18).unwrap();
    (umem, socket, nic)
}

fn assert_nothing_is_lost(umem: &Umem) {
    let account = umem.accounting();
    assert!(account.is_balanced() && account.hands == 0, "{account}");
}

/// The address of a chunk that the kernel has to receive into, as the kernel would name it.
fn chunk_of_the_kernel(umem: &Umem, nth: usize) -> Addr {
    let chunk = umem.home().custody.held_by(Holder::receiving(0)).nth(nth).unwrap();
    Addr(umem.layout().addr(chunk) + 256)
}

#[test]
fn half_a_packet_waits_for_its_end() {
    let (umem, mut socket, mut nic) = socket(64, 16, u32::MAX - 2);
    assert!(nic.deliver(b"whole") && nic.deliver_part(b"one ", Options::CONTINUES));
    assert!(nic.deliver_part(b"two ", Options::CONTINUES));
    let batch = socket.rx().seek_packets(64);
    assert_eq!((batch.len(), batch.frame_count()), (1, 1));
    batch.commit();
    assert!(socket.rx().seek_packets(64).is_empty());
    assert_eq!(socket.rx().recv_packets(64).count(), 0);
    assert_eq!(socket.rx().recv(64).count(), 0);
    assert_eq!((socket.rx().available(), socket.rx().passed_over()), (2, 0));
    assert!(nic.deliver_part(b"three", Options::NONE));
    let packets: Vec<Packet> = socket.rx().recv_packets(64).collect();
    assert_eq!((packets[0].frame_count(), packets[0].to_vec()), (3, b"one two three".to_vec()));
    socket.rx().recycle(packets.into_iter().flatten());
    assert_nothing_is_lost(&umem);
}

#[test]
fn a_packet_is_changed_in_place() {
    let (_umem, mut socket, mut nic) = socket(64, 16, 0);
    assert!(nic.deliver(b"first") && nic.deliver_frames(&[b"second", b"third"]));
    let mut batch = socket.rx().seek_packets(2);
    batch.peek_mut(1, 1).unwrap().reverse();
    assert!(
        batch.peek_mut(1, 2).is_none() && batch.peek_mut(0, 1).is_none() && batch.peek_mut(2, 0).is_none()
    );
    let packets: Vec<Vec<u8>> = batch.iter().map(|packet| packet.to_vec()).collect();
    assert_eq!(packets, [&b"first"[..], b"seconddriht"]);
    batch.commit_first(1);
    assert_eq!((batch.len(), batch.iter().next().unwrap().frame_count()), (1, 2));
}

/// An iterator that is forgotten has taken what it yielded, and nothing else.
#[test]
fn a_forgotten_iterator_loses_no_packet() {
    let (umem, mut socket, mut nic) = socket(64, 16, 0);
    assert!(nic.deliver_frames(&[b"a", b"b"]) && nic.deliver_frames(&[b"c", b"d"]));
    let mut packets = socket.rx().recv_packets(64);
    let first = packets.next().unwrap();
    std::mem::forget(packets);
    let rest: Vec<Packet> = socket.rx().recv_packets(64).collect();
    assert_eq!((first.to_vec(), rest[0].to_vec(), rest.len()), (b"ab".to_vec(), b"cd".to_vec(), 1));
    drop((first, rest));
    assert_nothing_is_lost(&umem);
}

#[test]
fn a_packet_without_end_is_dropped_and_its_chunks_come_back() {
    for borrowed in [true, false] {
        let (umem, mut socket, mut nic) = socket(256, 8, 0);
        let mut dropped = 0;
        for round in 0..40 {
            while nic.deliver_part(&[7], Options::CONTINUES) {}
            let rx = socket.rx();
            if borrowed {
                assert!(rx.seek_packets(64).is_empty());
            } else {
                assert_eq!(rx.recv_packets(64).count(), 0);
            }
            dropped += 8;
            assert_eq!((rx.available(), rx.refused()), (0, 1), "one packet, in round {round}");
            assert_eq!(rx.last_refusal().unwrap().why, Disbelief::EndlessPacket);
            assert_nothing_is_lost(&umem);
        }
        assert!(nic.deliver_part(b"the end", Options::NONE) && nic.deliver(b"another"));
        let packets: Vec<Vec<u8>> = socket.rx().recv_packets(64).map(|packet| packet.to_vec()).collect();
        assert_eq!(packets, [b"another"], "after {dropped} frames");
    }
}

/// Where one frame of a packet makes no sense, all of the packet is dropped, and the chunks of the others come back.
#[test]
fn a_packet_with_one_bad_frame_is_dropped_whole() {
    for bad in 0..3 {
        for borrowed in [true, false] {
            let (umem, mut socket, mut nic) = socket(64, 16, u32::MAX - 1);
            for i in 0..6 {
                let addr = if i == bad { Addr(1 << 40) } else { chunk_of_the_kernel(&umem, i) };
                let options = if i == 2 || i == 5 { Options::NONE } else { Options::CONTINUES };
                assert!(nic.forge_rx(Desc { addr, len: 60, options }));
            }
            let rx = socket.rx();
            let frames = if borrowed {
                let batch = rx.seek_packets(64);
                let frames = batch.frame_count();
                batch.commit();
                frames as usize
            } else {
                rx.recv_packets(64).map(|packet| packet.frame_count()).sum()
            };
            assert_eq!((frames, rx.refused(), rx.available()), (3, 1, 0), "frame {bad}");
            assert_eq!(rx.last_refusal().unwrap().why, Disbelief::Outside);
            assert_nothing_is_lost(&umem);
        }
    }
}

/// A packet behind one that makes no sense is lent first, and the bad one dropped when it is at the front.
#[test]
fn a_chunk_that_is_named_twice_in_a_packet_is_taken_once() {
    let (umem, mut socket, mut nic) = socket(64, 16, 0);
    let addr = chunk_of_the_kernel(&umem, 0);
    for options in [Options::CONTINUES, Options::NONE] {
        assert!(nic.forge_rx(Desc { addr, len: 60, options }));
    }
    assert_eq!(socket.rx().recv_packets(64).count(), 0);
    assert_eq!((socket.rx().refused(), socket.rx().last_refusal().unwrap().why), (1, Disbelief::InHands));
    assert_nothing_is_lost(&umem);
}

#[test]
fn single_frames_are_shown_and_others_counted_by_the_flows_of_frames() {
    let (umem, mut socket, mut nic) = socket(64, 32, u32::MAX - 3);
    let deliver = |nic: &mut FakeNic| {
        assert!(nic.deliver(b"1") && nic.deliver(b"2") && nic.deliver_frames(&[b"3", b"4", b"5"]));
        assert!(nic.deliver_frames(&[b"6", b"7"]) && nic.deliver(b"8"));
        assert!(nic.deliver_part(b"9", Options::CONTINUES));
    };
    deliver(&mut nic);
    let rx = socket.rx();
    let mut shown = Vec::new();
    for _ in 0..3 {
        shown.extend(rx.recv(64).map(|frame| frame[0]));
    }
    assert_eq!((shown, rx.passed_over(), rx.available()), (b"128".to_vec(), 2, 1));
    assert!(nic.deliver_part(b"0", Options::NONE));
    deliver(&mut nic);
    let mut shown = Vec::new();
    for _ in 0..3 {
        let batch = rx.seek(64);
        shown.extend(batch.iter().map(|packet| packet[0]));
        batch.commit();
    }
    assert_eq!((shown, rx.passed_over(), rx.available(), rx.refused()), (b"128".to_vec(), 5, 1, 0));
    assert_nothing_is_lost(&umem);
}

#[derive(Debug, Clone)]
enum Step {
    Deliver(Vec<u8>),
    Lend { seek: u32, commit: u32 },
    Take(u32),
    Frames(u32),
    Forward(u32),
    Build(u32),
    Transmit(u32),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => prop::collection::vec(1u8..60, 1..20).prop_map(Step::Deliver),
        2 => (0u32..8, 0u32..8).prop_map(|(seek, commit)| Step::Lend { seek, commit }),
        2 => (0u32..8).prop_map(Step::Take),
        1 => (0u32..8).prop_map(Step::Frames),
        2 => (0u32..8).prop_map(Step::Forward),
        1 => (1u32..40_000).prop_map(Step::Build),
        3 => (0u32..8).prop_map(Step::Transmit),
    ]
}

/// Packets of any number of frames against a queue of packets: each arrives whole, in order, and leaves whole.
fn journey(
    log2: u32,
    start: u32,
    (size, chunks): (ChunkSize, u32),
    steps: &[Step],
) -> Result<(), TestCaseError> {
    let (umem, mut socket, mut nic) = socket_of(size, chunks, 1 << log2, start);
    let (mut unsent, mut arriving, mut leaving) = (VecDeque::new(), VecDeque::new(), VecDeque::new());
    let (mut number, mut passed_over) = (0u8, 0);
    for step in steps {
        let (rx, tx) = socket.halves();
        match step {
            Step::Deliver(lens) => {
                // Every frame by itself, so that the ring may be full amid a packet.
                number = number.wrapping_add(1);
                let frames = lens.iter().enumerate().map(|(i, len)| {
                    let goes_on = if i + 1 < lens.len() { Options::CONTINUES } else { Options::NONE };
                    (vec![number.wrapping_add(i as u8); usize::from(*len)], goes_on)
                });
                if lens.len() <= 1 << log2 {
                    arriving.push_back(frames.clone().map(|(bytes, _)| bytes).collect::<Vec<_>>());
                    unsent.extend(frames);
                }
                while let Some((bytes, goes_on)) = unsent.front() {
                    if !nic.deliver_part(bytes, *goes_on) {
                        break;
                    }
                    unsent.pop_front();
                }
            }
            Step::Lend { seek, commit } => {
                let mut batch = rx.seek_packets(*seek);
                prop_assert!(batch.len() <= *seek);
                for (packet, expected) in batch.iter().zip(&arriving) {
                    prop_assert_eq!(packet.frame_count() as usize, expected.len());
                    prop_assert!(packet.frames().eq(expected.iter().map(|frame| &frame[..])));
                }
                let before = batch.len();
                batch.commit_first(*commit);
                arriving.drain(..(before - batch.len()) as usize);
                prop_assert_eq!(batch.iter().count(), batch.len() as usize);
            }
            Step::Take(n) => {
                for packet in rx.recv_packets(*n) {
                    let expected = arriving.pop_front().unwrap();
                    prop_assert!(packet.frames().map(|frame| frame.to_vec()).eq(expected));
                }
            }
            Step::Frames(n) => {
                let shown: Vec<Vec<u8>> = rx.recv(*n).map(|frame| frame.to_vec()).collect();
                while passed_over < rx.passed_over() {
                    prop_assert!(arriving.pop_front().unwrap().len() > 1);
                    passed_over += 1;
                }
                for frame in shown {
                    prop_assert_eq!(arriving.pop_front().unwrap(), vec![frame]);
                }
            }
            Step::Forward(n) => {
                for packet in rx.recv_packets(*n) {
                    let expected = arriving.pop_front().unwrap();
                    let fits = expected.len() <= tx.most_frames() as usize;
                    match tx.send_packet(packet) {
                        Ok(()) => leaving.push_back(expected.concat()),
                        Err(refused) => {
                            prop_assert!(refused.to_string().contains("no room") || !fits, "{refused}")
                        }
                    }
                }
            }
            Step::Build(len) => {
                let bytes: Vec<u8> = (0..*len).map(|i| i as u8).collect();
                if let Ok(packet) = Packet::build(tx, &bytes) {
                    prop_assert_eq!(
                        packet.frame_count(),
                        bytes.len().div_ceil(umem.layout().chunk_bytes() as usize)
                    );
                    if tx.send_packet(packet).is_ok() {
                        leaving.push_back(bytes);
                    }
                }
            }
            Step::Transmit(n) => {
                tx.kick().unwrap();
                for _ in 0..*n {
                    let Some(frames) = nic.transmit_packet() else { break };
                    prop_assert_eq!(Some(frames.concat()), leaving.pop_front());
                }
            }
        }
        let account = umem.accounting();
        prop_assert!(account.is_balanced() && account.hands == 0, "{} after {:?}", account, step);
    }
    prop_assert_eq!((socket.rx().refused(), socket.tx().refused()), (0, 0));
    drop((socket, nic));
    prop_assert_eq!(umem.accounting().pool, chunks);
    Ok(())
}

proptest! {
    #[test]
    fn packets_arrive_and_leave_whole_on_any_journey(
        log2 in 0u32..=6,
        back in 0u32..100,
        size in prop_oneof![Just(ChunkSize::K2), (2048u32..=4096).prop_map(ChunkSize::Unaligned)],
        chunks in 2u32..300,
        steps in prop::collection::vec(any_step(), 0..80),
    ) {
        journey(log2, u32::MAX - back, (size, chunks), &steps)?;
    }
}
