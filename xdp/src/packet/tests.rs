use super::*;
use crate::error::SendPacketError;
use crate::fake::{self, FakeNic};
use crate::socket::Socket;
use crate::umem::Umem;

fn socket(chunks: u32, headroom: u32) -> (Umem, Socket, FakeNic) {
    let umem = Umem::builder().chunks(chunks).headroom(headroom).build().unwrap();
    let (socket, nic) = fake::socket_for_packets(&umem, 32, 0, 18).unwrap();
    (umem, socket, nic)
}

fn counted(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i / 3) as u8).collect()
}

#[test]
fn bytes_become_as_many_frames_as_they_need() {
    let (umem, mut socket, mut nic) = socket(64, 96);
    for (len, frames) in [(1, 1), (4000, 1), (4001, 2), (18 * 4000, 18)] {
        let packet = Packet::build(socket.tx(), &counted(len)).unwrap();
        assert_eq!((packet.len(), packet.frame_count(), packet.first().headroom()), (len, frames, 96));
        assert_eq!(packet.to_vec(), counted(len));
        socket.tx().send_packet(packet).unwrap();
        socket.tx().kick().unwrap();
        assert_eq!(nic.transmit_packet().unwrap().concat(), counted(len));
        socket.tx().reap();
    }
    assert_eq!(Packet::build(socket.tx(), &[]).unwrap_err(), BuildError::Empty);
    let error = Packet::build(socket.tx(), &counted(18 * 4000 + 1)).unwrap_err();
    assert_eq!(error, BuildError::TooLong { len: 72_001, most: 72_000 });
    assert!(umem.accounting().is_balanced() && umem.accounting().hands == 0, "{}", umem.accounting());
}

#[test]
fn a_packet_that_cannot_be_built_takes_no_chunk() {
    let (umem, mut socket, _nic) = socket(8, 0);
    assert_eq!(Packet::build(socket.tx(), &[1; 18_000]), Err(BuildError::Chunks { wanted: 5, free: 4 }));
    let packet = Packet::build(socket.tx(), &[1; 16_000]).unwrap();
    assert_eq!((umem.accounting().hands, packet.frame_count()), (4, 4));
    drop(packet);
    assert!(umem.accounting().is_balanced() && umem.accounting().hands == 0, "{}", umem.accounting());
}

/// Compared by what they hold, for tests.
impl PartialEq for Packet {
    fn eq(&self, other: &Self) -> bool {
        self.frames().map(|frame| &**frame).eq(other.frames().map(|frame| &**frame))
    }
}

#[test]
fn short_frames_are_moved_into_the_first_chunk_and_long_ones_stay() {
    let (umem, mut socket, _nic) = socket(64, 100);
    let mut packet = |lens: &[usize]| {
        let mut frames = lens.iter().map(|len| {
            let mut frame = socket.tx().alloc().unwrap();
            frame.extend_from_slice(&counted(*len)).unwrap();
            frame
        });
        let mut packet = Packet::from(frames.next().unwrap());
        frames.for_each(|frame| packet.push(frame));
        packet
    };
    for lens in [&[7][..], &[100, 200, 300], &[3000, 996], &[3000, 1000], &[3000, 1090, 6], &[4, 3996, 96]] {
        let packet = packet(lens);
        let bytes = packet.to_vec();
        let frame = packet.linearize().unwrap();
        assert_eq!(&frame[..], &bytes[..]);
        let headroom = 100usize.saturating_sub(bytes.len().saturating_sub(3996));
        assert_eq!(frame.headroom() as usize, headroom, "{lens:?}");
    }
    let packet = packet(&[3000, 1097]);
    let bytes = packet.to_vec();
    let refused = packet.linearize().unwrap_err();
    assert_eq!((refused.fits, refused.packet.to_vec()), (4096, bytes));
    drop(refused);
    assert!(umem.accounting().is_balanced() && umem.accounting().hands == 0, "{}", umem.accounting());
}

#[test]
fn a_packet_is_cut_between_frames() {
    let (_umem, mut socket, _nic) = socket(64, 0);
    let mut packet = Packet::build(socket.tx(), &counted(4 * 4096)).unwrap();
    assert!(packet.split_off(0).is_none() && packet.split_off(4).is_none());
    let behind = packet.split_off(1).unwrap();
    assert_eq!((packet.frame_count(), behind.frame_count()), (1, 3));
    packet.first_mut().truncate(1);
    assert_eq!([packet.to_vec(), behind.to_vec()].concat().len(), 1 + 3 * 4096);
    let frames: Vec<Frame> = behind.into_iter().collect();
    assert_eq!(frames[2][..], counted(4 * 4096)[3 * 4096..]);
}

#[test]
fn a_packet_that_cannot_be_sent_comes_back_whole() {
    let (umem, mut socket, mut nic) = socket(128, 0);
    let (_theirs, mut other, _other_nic) = self::socket(64, 0);
    let mut build = |frames: usize| Packet::build(socket.tx(), &vec![9; frames * 4096]).unwrap();
    let (fine, full, mut foreign, mut empty) = (build(18), build(15), build(2), build(3));
    foreign.push(other.tx().alloc().unwrap());
    empty.frames_mut().nth(1).unwrap().truncate(0);
    let tx = socket.tx();
    let error_with_foreign = tx.send_packet(foreign).unwrap_err();
    let SendPacketError::Foreign(packet) = &error_with_foreign else { panic!("{error_with_foreign}") };
    assert_eq!(packet.frame_count(), 3);
    let error = tx.send_packet(empty).unwrap_err();
    assert!(matches!(&error, SendPacketError::Empty(packet) if packet.frame_count() == 3), "{error}");
    tx.recycle(error.into_packet());
    tx.send_packet(fine).unwrap();
    // Fourteen places are left in the ring of thirty-two.
    let SendPacketError::Full(full) = tx.send_packet(full).unwrap_err() else { panic!("another reason") };
    let mut long = full;
    for _ in 0..4 {
        long.push(tx.alloc().unwrap());
    }
    let error = tx.send_packet(long).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the packet has 19 frames where the socket sends 18 at most: use larger chunks, or fill them up"
    );
    tx.recycle(error.into_packet());
    tx.kick().unwrap();
    assert_eq!(nic.transmit_packet().unwrap().len(), 18);
    assert_eq!(nic.transmit_packet(), None, "nothing of the others was sent");
    tx.kick().unwrap();
    drop(error_with_foreign);
    assert!(umem.accounting().is_balanced() && umem.accounting().hands == 0, "{}", umem.accounting());
}

#[test]
fn a_socket_for_single_frames_sends_no_packet_of_several() {
    let umem = Umem::builder().chunks(64).build().unwrap();
    let (mut socket, mut nic) = fake::socket(&umem, 32).unwrap();
    let mut packet = Packet::from(socket.tx().alloc().unwrap());
    packet.first_mut().extend_from_slice(b"one").unwrap();
    socket.tx().send_packet(packet).unwrap();
    assert_eq!(Packet::build(socket.tx(), &[0; 4097]), Err(BuildError::TooLong { len: 4097, most: 4096 }));
    let mut packet = Packet::build(socket.tx(), &[1]).unwrap();
    packet.push(socket.tx().alloc().unwrap());
    let error = socket.tx().send_packet(packet).unwrap_err();
    assert!(error.to_string().ends_with("bind the socket for packets of several frames"), "{error}");
    socket.tx().kick().unwrap();
    assert_eq!((nic.transmit().as_deref(), nic.transmit()), (Some(&b"one"[..]), None));
}
