//! Packets go from one interface to another without a copy: they leave from the chunk that they arrived in.

use xdp::{Frame, Mode, Registration, Socket, Umem};

use crate::{PATIENCE, QUEUE, enter, expect, lab, number_of, open, send, small_umem};

/// Packets to forward: some seconds.
const PACKETS: u64 = 1_000_000;

/// Bytes of a packet as it arrives.
const LEN: usize = 60;

/// Writes into each chunk its number, right behind where a packet of [`LEN`] bytes will end.
fn stamp_all(umem: &Umem, interface: &str) {
    let mut tx = Socket::builder(umem).mode(Mode::Copy).bind_tx(interface, QUEUE).unwrap();
    let mut frames: Vec<Frame> = std::iter::from_fn(|| tx.alloc()).collect();
    assert_eq!(frames.len(), umem.chunks() as usize);
    for frame in &mut frames {
        let (chunk, at) = (frame.chunk().0, (umem.layout().rx_offset() - frame.headroom()) as usize + LEN);
        frame.set_len(at + 8).unwrap();
        frame[at..].copy_from_slice(&u64::from(chunk).to_le_bytes());
    }
}

#[test]
fn a_packet_leaves_by_another_interface_from_the_chunk_that_it_arrived_in() {
    let Some(lab) = lab("a_packet_leaves_by_another_interface_from_the_chunk_that_it_arrived_in", 2, 1)
    else {
        return;
    };
    let _inside = enter(&lab);
    let (umem, peers) = (small_umem(1024), small_umem(1024));
    stamp_all(&umem, "veth0a");
    let mut near = open(&umem, "veth0a", QUEUE, 512);
    let mut far = open(&umem, "veth1a", QUEUE, 512);
    assert_eq!(far.report().registration, Registration::OtherDevice);
    let mut source = open(&peers, "veth0b", QUEUE, 512);
    let mut sink = open(&peers, "veth1b", QUEUE, 512);

    let (mut sent, mut received) = (0, 0);
    let mut chunks = std::collections::VecDeque::new();
    while received < PACKETS {
        let burst = (PACKETS - sent).min(128);
        send(source.tx(), sent..sent + burst);
        sent += burst;
        let mut forwarded = 0;
        while forwarded < burst {
            assert!(near.wait(PATIENCE).unwrap(), "{}", near.statistics().unwrap());
            let frames = near.rx().recv(64).map(|mut frame| {
                assert_eq!(frame.len(), LEN);
                chunks.push_back(frame.chunk());
                // What lies behind the packet in its chunk goes along: the number of that chunk.
                frame.extend(8).unwrap();
                frame
            });
            forwarded += u64::from(far.tx().send_from(frames).unwrap());
            far.tx().kick().unwrap();
        }
        while received < sent {
            assert!(sink.wait(PATIENCE).unwrap(), "{}", sink.statistics().unwrap());
            let batch = sink.rx().seek(64);
            for packet in batch.iter() {
                assert_eq!((packet.len(), number_of(packet)), (LEN + 8, received));
                let arrived_in = chunks.pop_front().unwrap();
                let left_from = u64::from_le_bytes(packet[LEN..].try_into().unwrap());
                assert_eq!(left_from, u64::from(arrived_in.0), "packet {received} was copied");
                received += 1;
            }
            batch.commit();
        }
    }
    far.flush(PATIENCE).unwrap();
    let account = umem.accounting();
    assert!(account.is_balanced() && account.hands == 0, "{account}");
    // And back.
    send(far.tx(), 0..10);
    expect(sink.rx(), 0..10);
}
