use std::string::ToString;
use std::vec::Vec;

use super::*;

const GOES_ON: Options = Options::CONTINUES;
const ENDS: Options = Options::NONE;

fn frame(len: u32, options: Options) -> Desc {
    Desc { len, options, ..Desc::default() }
}

#[test]
fn a_packet_is_whole_across_the_wrap() {
    let (before, after) = ([frame(10, ENDS), frame(1, GOES_ON)], [frame(2, GOES_ON), frame(3, ENDS)]);
    let mut reader = PacketReader::new(18, 8);
    let mut packets = reader.read((&before, &after));
    assert_eq!(packets.next().unwrap().unwrap().bytes(), 10);
    let packet = packets.next().unwrap().unwrap();
    assert_eq!(packet.frames().map(|desc| desc.len).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(packet.bytes(), 6);
    assert_eq!(packets.next(), None);
    assert_eq!(packets.take(), 4);
}

#[test]
fn half_a_packet_waits_for_the_rest() {
    let ring = [frame(1, GOES_ON), frame(2, GOES_ON), frame(3, ENDS)];
    let mut reader = PacketReader::new(18, 8);
    let mut packets = reader.read((&ring[..2], &[]));
    assert_eq!(packets.next(), None);
    assert_eq!(packets.take(), 0);
    assert_eq!(reader.read((&ring[..2], &ring[2..])).next().unwrap().unwrap().bytes(), 6);
}

/// Skipping only what is there would show the end of the packet as a packet of its own.
#[test]
fn a_packet_that_is_too_long_is_dropped_to_its_very_end() {
    let mut reader = PacketReader::new(2, 8);
    let ring = [frame(1, GOES_ON), frame(1, GOES_ON)];
    let mut packets = reader.read((&ring, &[]));
    assert_eq!(packets.next(), Some(Err(Refused::Frames { descs: 2, most: 2 })));
    assert_eq!(packets.take(), 2);
    let ring = [frame(1, GOES_ON), frame(1, ENDS), frame(7, ENDS)];
    let mut packets = reader.read((&ring, &[]));
    assert_eq!(packets.next(), Some(Err(Refused::Rest { descs: 2 })));
    assert_eq!(packets.next().unwrap().unwrap().bytes(), 7);
    assert_eq!(packets.take(), 3);
}

#[test]
fn a_ring_full_of_one_endless_packet_does_not_block() {
    let ring = [frame(1, GOES_ON); 4];
    let mut reader = PacketReader::new(18, 4);
    let mut packets = reader.read((&ring, &[]));
    assert_eq!(packets.next(), Some(Err(Refused::Frames { descs: 4, most: 4 })));
    assert_eq!(packets.take(), 4);
}

#[test]
fn a_reading_that_is_dropped_yields_the_same_again() {
    let ring = [frame(1, GOES_ON), frame(1, GOES_ON)];
    let mut reader = PacketReader::new(1, 8);
    assert!(reader.read((&ring, &[])).next().unwrap().is_err());
    let again = reader.read((&ring, &[])).next().unwrap().unwrap_err();
    assert_eq!((again, again.descs()), (Refused::Frames { descs: 2, most: 1 }, 2));
}

#[test]
fn a_length_beyond_counting_is_refused() {
    let ring = [frame(u32::MAX, GOES_ON), frame(1, ENDS), frame(5, ENDS)];
    let mut reader = PacketReader::new(18, 8);
    let mut packets = reader.read((&ring, &[]));
    assert_eq!(packets.next(), Some(Err(Refused::Bytes { descs: 2 })));
    assert_eq!(packets.next().unwrap().unwrap().bytes(), 5);
}

#[test]
fn a_packet_to_be_sent_has_to_be_one_that_the_kernel_takes() {
    let (last, metadata) = (frame(3, ENDS), Options::METADATA);
    for (packet, expected) in [
        (&[][..], Err(PacketError::NoFrames)),
        (&[last], Ok(3)),
        (&[frame(3, metadata)], Ok(3)),
        (&[frame(4096, GOES_ON | metadata), frame(1, GOES_ON), last], Ok(4100)),
        (&[frame(1, GOES_ON); 4], Err(PacketError::Frames { most: 3 })),
        (&[frame(1, GOES_ON), frame(0, ENDS)], Err(PacketError::Empty { index: 1 })),
        (&[frame(u32::MAX, GOES_ON), last], Err(PacketError::Bytes)),
        (&[frame(3, Options::from_bits(4))], Err(PacketError::Options { index: 0, bits: 4 })),
        (&[last, last], Err(PacketError::EndsEarly { index: 0 })),
        (&[frame(1, GOES_ON)], Err(PacketError::GoesOn)),
        (&[frame(1, GOES_ON), frame(1, metadata)], Err(PacketError::Metadata { index: 1 })),
    ] {
        assert_eq!(check(packet, 3), expected, "{packet:?}");
    }
}

#[test]
fn the_messages_say_what_to_do() {
    assert_eq!(
        check(&[frame(1, ENDS), frame(1, ENDS)], 18).unwrap_err().to_string(),
        "frame 0 of the packet ends it before its last: set `Options::CONTINUES`, see `join`"
    );
    assert_eq!(
        Refused::Frames { descs: 19, most: 18 }.to_string(),
        "a packet of more than 18 frames is dropped: 19 descriptors of it so far"
    );
}

#[test]
fn joining_makes_one_packet_and_keeps_other_bits() {
    let mut frames = [frame(1, Options::METADATA), frame(2, GOES_ON), frame(3, GOES_ON)];
    join(&mut frames);
    assert_eq!(frames.map(|desc| desc.options.bits()), [3, 1, 0]);
    assert_eq!(check(&frames, 18), Ok(6));
    join(&mut []);
}
