//! Requests that go with frames: a checksum, the time of transmission, a launch time; and what is wrong with them.

#![allow(unsafe_code, reason = "asks the C library for the time")]

use xdp::metadata::{RequestError, TxRequest};
use xdp::{BindError, ChunkSize, Mode, SendError, Socket, Umem, UmemError, fake};
use xdp_core::metadata::RequestError as Invalid;

use crate::{PATIENCE, QUEUE, enter, frame, lab, next, receiver, sender, small_umem};

const ETHERNET: usize = 14;
/// Where the UDP header begins, and its checksum in it.
const UDP: u16 = 34;
const UDP_CHECKSUM: u16 = 6;

/// A UDP packet over IPv4 whose checksum is still to be computed: the sum of the pseudo header stands in its place.
fn udp_packet(payload: &[u8]) -> Vec<u8> {
    let len = (8 + payload.len()) as u16;
    let mut packet = vec![0; ETHERNET + 20 + 8 + payload.len()];
    packet[..12].copy_from_slice(&[2, b'x', b'd', b'p', 0, 1, 2, b'x', b'd', b'p', 0, 0]);
    packet[12..14].copy_from_slice(&[0x08, 0x00]);
    packet[14..16].copy_from_slice(&[0x45, 0]);
    packet[16..18].copy_from_slice(&(20 + len).to_be_bytes());
    packet[22..24].copy_from_slice(&[64, 17]);
    packet[26..34].copy_from_slice(&[10, 118, 0, 1, 10, 118, 0, 2]);
    let header = !sum(&packet[14..34]);
    packet[24..26].copy_from_slice(&header.to_be_bytes());
    packet[34..38].copy_from_slice(&[0x11, 0x51, 0x11, 0x51]);
    packet[38..40].copy_from_slice(&len.to_be_bytes());
    packet[42..].copy_from_slice(payload);
    let pseudo = sum(&pseudo_header(&packet));
    packet[40..42].copy_from_slice(&pseudo.to_be_bytes());
    packet
}

/// Source, destination, protocol and length: what the UDP checksum covers beside the datagram.
fn pseudo_header(packet: &[u8]) -> Vec<u8> {
    [&packet[26..34], &[0, 17], &packet[38..40]].concat()
}

/// The one's-complement sum of 16-bit words.
fn sum(bytes: &[u8]) -> u16 {
    let words =
        bytes.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)])));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// Whether receivers take the packet for intact: datagram and pseudo header sum up to all ones.
fn is_intact(packet: &[u8]) -> bool {
    sum(&[&pseudo_header(packet), &packet[34..]].concat()) == 0xffff
}

fn tai() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call fills the struct that it is given, a local.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_TAI, &raw mut now) }, 0);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Whether this kernel can do it at all: then a bind that fails is a fault.
fn metadata_sender(umem: &Umem, interface: &str) -> Option<xdp::Tx> {
    match Socket::builder(umem).mode(Mode::Copy).bind_tx(interface, QUEUE) {
        Err(error @ BindError::NoTxMetadata) => {
            eprintln!("{error}");
            None
        }
        other => Some(other.unwrap()),
    }
}

#[test]
fn the_kernel_fills_in_the_checksum_that_was_asked_for() {
    checksums_are_filled_in("the_kernel_fills_in_the_checksum_that_was_asked_for", ChunkSize::K2);
}

#[test]
fn the_kernel_fills_in_checksums_from_unaligned_chunks_too() {
    checksums_are_filled_in(
        "the_kernel_fills_in_checksums_from_unaligned_chunks_too",
        ChunkSize::Unaligned(2500),
    );
}

fn checksums_are_filled_in(test: &str, size: ChunkSize) {
    let Some(lab) = lab(test) else { return };
    let (_inside, a, b) = enter(&lab);
    let umem = small_umem().chunk_size(size).software_checksum().build().unwrap();
    let theirs = small_umem().build().unwrap();
    let mut rx = receiver(&theirs, &b);
    let Some(mut tx) = metadata_sender(&umem, &a) else { return };
    assert!(tx.report().requestable.checksum);
    for payload in [&b""[..], b"x", b"odd and even", &[0xff; 1400]] {
        let packet = udp_packet(payload);
        assert!(!is_intact(&packet), "something is left to be computed");
        let with = frame(&mut tx, &packet);
        tx.send_with(with, TxRequest::new().checksum(UDP, UDP_CHECKSUM).timestamp(9)).unwrap();
        let without = frame(&mut tx, &packet);
        tx.send(without).unwrap();
        tx.flush(PATIENCE).unwrap();
        assert!(tx.timestamps().all(|stamp| stamp.time.is_some()) && tx.timestamps().count() == 0);
        let received = next(&mut rx);
        assert!(is_intact(&received), "{} bytes", payload.len());
        assert_eq!(
            (&received[..40], &received[42..]),
            (&packet[..40], &packet[42..]),
            "and nothing else changed"
        );
        assert_eq!(next(&mut rx)[..], packet[..], "a packet without a request goes as it is");
    }
    assert_eq!(tx.statistics().unwrap().tx_invalid, 0);
    drop(tx);
    assert!(umem.accounting().is_balanced(), "{}", umem.accounting());
}

/// The same by the borrowed flow, many at once.
#[test]
fn packets_of_a_batch_go_with_requests_of_their_own() {
    let Some(lab) = lab("packets_of_a_batch_go_with_requests_of_their_own") else { return };
    let (_inside, a, b) = enter(&lab);
    let (umem, theirs) = (small_umem().software_checksum().build().unwrap(), small_umem().build().unwrap());
    let mut rx = receiver(&theirs, &b);
    let Some(mut tx) = metadata_sender(&umem, &a) else { return };
    let packets: Vec<_> = (0..16u8).map(|i| udp_packet(&[i; 33])).collect();
    let mut batch = tx.seek(16);
    for (i, packet) in (0..).zip(&packets) {
        batch.peek(i, packet.len()).unwrap().copy_from_slice(packet);
        match i % 4 {
            0 => batch.request(i, TxRequest::new().checksum(UDP, UDP_CHECKSUM)).unwrap(),
            1 => batch
                .request(i, TxRequest::new().checksum(UDP, UDP_CHECKSUM).timestamp(u64::from(i)))
                .unwrap(),
            2 => batch.request(i, TxRequest::new().timestamp(u64::from(i))).unwrap(),
            _ => {}
        }
    }
    assert_eq!(batch.commit(), 16);
    tx.flush(PATIENCE).unwrap();
    for (i, packet) in packets.iter().enumerate() {
        let received = next(&mut rx);
        assert_eq!((received[..40] == packet[..40], is_intact(&received)), (true, i % 4 < 2), "packet {i}");
    }
    let stamps: Vec<_> = tx.timestamps().collect();
    assert_eq!(stamps.iter().map(|stamp| stamp.token).collect::<Vec<_>>(), [1, 2, 5, 6, 9, 10, 13, 14]);
    assert!(stamps.iter().all(|stamp| stamp.time.is_some()), "{stamps:?}");
}

#[test]
fn the_time_of_a_completed_frame_lies_between_before_and_after() {
    let Some(lab) = lab("the_time_of_a_completed_frame_lies_between_before_and_after") else { return };
    let (_inside, a, b) = enter(&lab);
    let (umem, theirs) = (small_umem().tx_metadata().build().unwrap(), small_umem().build().unwrap());
    let mut rx = receiver(&theirs, &b);
    let Some(mut tx) = metadata_sender(&umem, &a) else { return };
    assert!(tx.report().requestable.timestamp);
    let mut last = 0;
    for token in 0..200 {
        let packet = udp_packet(&[token as u8; 60]);
        let (with, without) = (frame(&mut tx, &packet), frame(&mut tx, &packet));
        let before = tai();
        // The numbers of the checksum stand where the time is written: they are not taken for one.
        tx.send_with(with, TxRequest::new().timestamp(token).checksum(UDP, UDP_CHECKSUM)).unwrap();
        tx.send(without).unwrap();
        tx.flush(PATIENCE).unwrap();
        let after = tai();
        let stamps: Vec<_> = tx.timestamps().collect();
        let [stamp] = stamps[..] else { panic!("one of two asked for it: {stamps:?}") };
        let time = stamp.time.expect("the kernel has told");
        assert_eq!(stamp.token, token);
        assert!(before <= time && time <= after && last < time, "{last}, {before} <= {time} <= {after}");
        last = time;
        drop((next(&mut rx), next(&mut rx)));
        assert_eq!(tx.timestamps().count(), 0, "once");
    }
    assert_eq!((tx.lost_timestamps(), tx.refused()), (0, 0));
}

/// Both halves, so that chunks which bring a time go on to the receiving half as all others do.
#[test]
fn a_socket_for_both_ways_echoes_with_times_until_every_chunk_was_everywhere() {
    let Some(lab) = lab("a_socket_for_both_ways_echoes_with_times_until_every_chunk_was_everywhere") else {
        return;
    };
    let (_inside, a, b) = enter(&lab);
    let (umem, theirs) = (small_umem().tx_metadata().build().unwrap(), small_umem().build().unwrap());
    let echo = Socket::builder(&umem).receive(xdp::Receive::Everything).mode(Mode::Copy);
    let mut echo = match echo.bind(&b, QUEUE) {
        Err(BindError::NoTxMetadata) => return,
        other => other.unwrap(),
    };
    let mut far =
        Socket::builder(&theirs).receive(xdp::Receive::Everything).mode(Mode::Copy).bind(&a, QUEUE).unwrap();
    let mut stamped = 0;
    for round in 0..500u64 {
        let payload = round.to_le_bytes();
        let ping = frame(far.tx(), &udp_packet(&payload));
        far.tx().send(ping).unwrap();
        far.flush(PATIENCE).unwrap();
        let ping = next(echo.rx());
        assert_eq!(ping[42..50], payload);
        let (_, tx) = echo.halves();
        tx.send_with(ping, TxRequest::new().timestamp(round)).unwrap();
        tx.flush(PATIENCE).unwrap();
        assert_eq!(tx.timestamps().map(|stamp| stamp.token).collect::<Vec<_>>(), [round]);
        stamped += 1;
        assert_eq!(next(far.rx())[42..50], payload);
    }
    assert_eq!(stamped, 500);
    drop((echo, far));
    assert!(umem.accounting().is_balanced(), "{}", umem.accounting());
}

/// Everything that the kernel would refuse (and then send nothing more), or silently not do.
#[test]
fn what_cannot_be_is_refused_before_the_system_call_and_the_ring_goes_on() {
    let Some(lab) = lab("what_cannot_be_is_refused_before_the_system_call_and_the_ring_goes_on") else {
        return;
    };
    let (_inside, a, b) = enter(&lab);
    let (umem, theirs) = (small_umem().tx_metadata().build().unwrap(), small_umem().build().unwrap());
    let mut rx = receiver(&theirs, &b);
    let Some(mut tx) = metadata_sender(&umem, &a) else { return };
    assert!(!tx.report().requestable.launch_time, "veth has none");
    let packet = udp_packet(&[7; 18]);
    let len = packet.len() as u16;
    let sum = |start, offset| TxRequest::new().checksum(start, offset);
    let beyond = |at| RequestError::Invalid(Invalid::Checksum { at, len: u32::from(len) });
    let launch_time = RequestError::Unsupported { what: "launch time", interface: a.clone() };
    for (request, why) in [
        (sum(len - 2, 1), beyond(u32::from(len) - 1)),
        (sum(0, len), beyond(u32::from(len))),
        (sum(u16::MAX, u16::MAX), beyond(131_070)),
        (sum(len, 0).timestamp(1), beyond(u32::from(len))),
        (TxRequest::new().launch_time(tai() + 1_000_000), launch_time.clone()),
        (sum(UDP, UDP_CHECKSUM).timestamp(1).launch_time(0), launch_time),
    ] {
        let calls = tx.system_calls();
        let Err(SendError::Request(back, said)) = ({
            let frame = frame(&mut tx, &packet);
            tx.send_with(frame, request)
        }) else {
            panic!("{request:?} was taken")
        };
        assert_eq!((&back[..], &said), (&packet[..], &why));
        let mut batch = tx.seek(2);
        assert_eq!(batch.request(0, request), Err(RequestError::NotWritten { index: 0 }));
        batch.peek(0, packet.len()).unwrap().copy_from_slice(&packet);
        assert_eq!(batch.request(0, request), Err(why));
        assert_eq!(batch.request(1, request), Err(RequestError::NotWritten { index: 1 }));
        assert_eq!(batch.request(2, request), Err(RequestError::NotWritten { index: 2 }));
        assert_eq!(tx.system_calls(), calls);
        // The ring still works, also for requests.
        tx.send_with(back, TxRequest::new().timestamp(3)).unwrap();
        tx.flush(PATIENCE).unwrap();
        assert_eq!(tx.timestamps().count(), 1);
        assert_eq!(next(&mut rx)[..], packet[..]);
    }
    assert_eq!((tx.refused(), tx.statistics().unwrap().tx_invalid), (0, 0));
}

/// The kernel sends no frame of such a UMEM without room for metadata in front, with or without a request.
#[test]
fn a_frame_cannot_grow_into_the_room_for_requests() {
    let Some(lab) = lab("a_frame_cannot_grow_into_the_room_for_requests") else { return };
    let (_inside, a, b) = enter(&lab);
    let umem = small_umem().headroom(8).tx_metadata().build().unwrap();
    assert_eq!((umem.layout().headroom(), umem.has_tx_metadata()), (32, true));
    let theirs = small_umem().build().unwrap();
    let mut rx = receiver(&theirs, &b);
    let Some(mut tx) = metadata_sender(&umem, &a) else { return };
    let mut full = frame(&mut tx, &[1; 60]);
    assert_eq!(full.headroom(), 8);
    assert!(full.push_front(9).is_err());
    full.push_front(8).unwrap().fill(2);
    assert_eq!((full.headroom(), full.tailroom()), (0, 2048 - 24 - 68));
    let expected = full.to_vec();
    tx.send_with(full, TxRequest::new().timestamp(1)).unwrap();
    let mut plain = frame(&mut tx, &[1; 60]);
    plain.push_front(8).unwrap().fill(2);
    tx.send(plain).unwrap();
    tx.flush(PATIENCE).unwrap();
    assert_eq!(next(&mut rx)[..], expected[..]);
    assert_eq!(next(&mut rx)[..], expected[..]);
    assert_eq!(tx.statistics().unwrap().tx_invalid, 0);
}

#[test]
fn a_umem_without_room_takes_no_requests() {
    let umem = small_umem().build().unwrap();
    assert!(!umem.has_tx_metadata());
    let (mut socket, _nic) = fake::socket(&umem, 8).unwrap();
    let tx = socket.tx();
    let plain = frame(tx, &[0; 60]);
    let refused = tx.send_with(plain, TxRequest::new().timestamp(1)).unwrap_err();
    assert!(matches!(&refused, SendError::Request(_, RequestError::NoMetadata)), "{refused}");
    assert_eq!(refused.to_string(), "the umem has no room for TX metadata: build it with `tx_metadata`");
    // A request for nothing is none.
    tx.send_with(refused.into_frame(), TxRequest::new()).unwrap();
    assert_eq!((tx.outstanding(), tx.timestamps().count(), tx.lost_timestamps()), (1, 0, 0));
}

#[test]
fn headroom_that_leaves_no_room_for_requests_is_refused() {
    let most = 2048 - 256 - 128 - 320;
    assert!(small_umem().headroom(most - 24).tx_metadata().build().is_ok());
    let refused = small_umem().headroom(most - 23).tx_metadata().build().unwrap_err();
    assert!(matches!(refused, UmemError::Layout(_)), "{refused}");
    assert!(small_umem().headroom(u32::MAX).tx_metadata().build().is_err());
}

#[test]
fn checksums_in_software_are_of_copy_mode() {
    let Some(lab) = lab("checksums_in_software_are_of_copy_mode") else { return };
    let (_inside, a, _b) = enter(&lab);
    let umem = small_umem().software_checksum().build().unwrap();
    let refused = Socket::builder(&umem).mode(Mode::ZeroCopy).bind_tx(&a, QUEUE).unwrap_err();
    assert!(matches!(refused, BindError::SoftwareChecksum), "{refused}");
    match Socket::builder(&umem).mode(Mode::PreferZeroCopy).bind_tx(&a, QUEUE) {
        Err(BindError::NoTxMetadata) => {}
        other => assert_eq!(other.unwrap().report().mode, xdp::ObtainedMode::Copy),
    }
}

/// Nobody fetches the times: the newest are kept, as many as there are chunks.
#[test]
fn times_that_nobody_fetches_are_dropped_and_counted() {
    let umem = small_umem().tx_metadata().build().unwrap();
    let (mut socket, mut nic) = fake::socket_starting_at(&umem, 32, u32::MAX - 7).unwrap();
    for token in 0..100 {
        let tx = socket.tx();
        let packet = frame(tx, &[0; 60]);
        tx.send_with(packet, TxRequest::new().timestamp(token)).unwrap();
        tx.kick().unwrap();
        assert!(nic.transmit().is_some());
    }
    let tx = socket.tx();
    tx.reap();
    assert_eq!(tx.lost_timestamps(), 36);
    let stamps: Vec<_> = tx.timestamps().collect();
    assert_eq!(stamps.iter().map(|stamp| stamp.token).collect::<Vec<_>>(), (36..100).collect::<Vec<_>>());
    assert!(stamps.iter().all(|stamp| stamp.time.is_none()), "a fake NIC tells no time");
}

/// What was asked for in a batch that is not committed, or of a packet that was written again, is not awaited.
#[test]
fn a_request_counts_only_if_its_packet_is_sent() {
    let umem = small_umem().tx_metadata().build().unwrap();
    let (mut socket, mut nic) = fake::socket(&umem, 32).unwrap();
    let tx = socket.tx();
    let mut batch = tx.seek(3);
    batch.peek(0, 60).unwrap();
    batch.peek(1, 60).unwrap();
    batch.peek(2, 60).unwrap();
    batch.request(0, TxRequest::new().timestamp(1)).unwrap();
    batch.request(1, TxRequest::new().timestamp(2)).unwrap();
    batch.request(2, TxRequest::new().timestamp(3)).unwrap();
    batch.peek(1, 60).unwrap(); // forgets
    batch.request(2, TxRequest::new()).unwrap(); // takes it back
    for _ in 0..2 {
        let mut batch = tx.seek(3);
        for i in 0..3 {
            batch.peek(i, 60).unwrap();
        }
        batch.request(2, TxRequest::new().timestamp(9)).unwrap();
        batch.request(2, TxRequest::new().timestamp(4)).unwrap();
        assert_eq!(batch.commit_first(2), 2);
        assert_eq!(batch.commit(), 1);
        tx.kick().unwrap();
        while nic.transmit().is_some() {}
        tx.reap();
        assert_eq!(tx.timestamps().map(|stamp| stamp.token).collect::<Vec<_>>(), [4]);
    }
    assert!(umem.accounting().is_balanced());
}

#[test]
fn a_completion_that_cannot_be_believed_brings_no_time() {
    let umem = small_umem().tx_metadata().build().unwrap();
    let (mut socket, mut nic) = fake::socket(&umem, 32).unwrap();
    let tx = socket.tx();
    let packet = frame(tx, &[0; 60]);
    let chunk = packet.chunk();
    tx.send_with(packet, TxRequest::new().timestamp(1)).unwrap();
    tx.kick().unwrap();
    let addr = umem.layout().addr(chunk);
    for forged in [addr + 24, addr, addr + 2047, u64::MAX, 64 * 2048] {
        assert!(nic.forge_completion(forged));
    }
    tx.reap();
    assert_eq!(tx.timestamps().count(), 1, "once, from whichever address in its chunk came first");
    assert_eq!(tx.refused(), 4);
    assert!(umem.accounting().is_balanced());
    // A chunk that never asked does not answer for one that did.
    let plain = frame(socket.tx(), &[0; 60]);
    socket.tx().send(plain).unwrap();
    socket.tx().kick().unwrap();
    assert!(nic.forge_completion(addr));
    socket.tx().reap();
    assert_eq!(socket.tx().timestamps().count(), 0);
}

#[test]
fn packets_that_go_with_a_request_by_a_plain_socket_too_are_sent_by_it_as_always() {
    let Some(lab) = lab("packets_that_go_with_a_request_by_a_plain_socket_too_are_sent_by_it_as_always")
    else {
        return;
    };
    let (_inside, a, b) = enter(&lab);
    let (umem, theirs) = (small_umem().build().unwrap(), small_umem().build().unwrap());
    let mut rx = receiver(&theirs, &b);
    let mut tx = sender(&umem, &a);
    assert_eq!(tx.report().requestable, xdp::metadata::Requestable::default());
    let packet = udp_packet(b"plain");
    let plain = frame(&mut tx, &packet);
    let Err(SendError::Request(plain, _)) = tx.send_with(plain, TxRequest::new().checksum(UDP, UDP_CHECKSUM))
    else {
        panic!("taken")
    };
    tx.send(plain).unwrap();
    tx.flush(PATIENCE).unwrap();
    assert_eq!(next(&mut rx)[..], packet[..]);
}
