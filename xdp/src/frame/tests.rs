use std::io::Write;

use proptest::prelude::*;

use super::*;
use crate::fake;
use crate::{ChunkSize, Umem};

fn umem() -> Umem {
    Umem::builder().chunks(8).chunk_size(ChunkSize::K2).headroom(64).build().unwrap()
}

#[test]
fn a_length_beyond_the_tailroom_is_an_error_and_changes_nothing() {
    let umem = umem();
    let (mut socket, _nic) = fake::socket(&umem, 4).unwrap();
    let mut frame = socket.tx().alloc().unwrap();
    let room = frame.tailroom();
    assert_eq!(room, 2048 - 64);
    assert_eq!(frame.set_len(room as usize + 1), Err(RoomError::Back { wanted: room as usize + 1, room }));
    assert_eq!(frame.set_len(usize::MAX), Err(RoomError::Back { wanted: usize::MAX, room }));
    assert!(frame.is_empty());
    frame.set_len(room as usize).unwrap();
    assert_eq!((frame.len(), frame.tailroom()), (1984, 0));
    assert_eq!(frame.push_front(65).unwrap_err(), RoomError::Front { wanted: 65, room: 64 });
    assert_eq!(frame.pop_front(1985).unwrap_err(), RoomError::Short { wanted: 1985, len: 1984 });
}

/// A program that calls `bpf_xdp_adjust_head` moves the first byte either way: the tailroom still ends with the
/// chunk, and what it has freed in front can be claimed.
#[test]
fn a_frame_that_the_program_moved_keeps_the_ends_of_its_chunk() {
    let umem = umem();
    let (mut socket, mut nic) = fake::socket(&umem, 4).unwrap();
    for offset in [256 + 64 - 50, 256 + 64 + 50] {
        assert!(nic.deliver_at(&[7; 100], offset));
        let mut frame = socket.rx().recv(1).next().unwrap();
        assert_eq!((frame.headroom(), frame.tailroom()), (offset, 2048 - offset - 100));
        frame.push_front(offset as usize).unwrap().fill(1);
        frame.extend(2048 - offset as usize - 100).unwrap().fill(2);
        assert_eq!((frame.headroom(), frame.tailroom(), frame.len()), (0, 0, 2048));
        socket.rx().recycle([frame]);
    }
}

#[test]
fn writing_stops_at_the_end_of_the_chunk() {
    let umem = umem();
    let (mut socket, _nic) = fake::socket(&umem, 4).unwrap();
    let mut frame = socket.tx().alloc().unwrap();
    assert_eq!(frame.write(&[1; 3000]).unwrap(), 1984);
    assert!(frame.write_all(&[1]).is_err());
}

#[derive(Debug, Clone, Copy)]
enum Edit {
    PushFront(usize),
    PopFront(usize),
    Extend(usize),
    Truncate(usize),
    SetLen(usize),
}

fn any_edit() -> impl Strategy<Value = Edit> {
    let n = prop_oneof![0usize..80, 0usize..2200, Just(usize::MAX)];
    (0..5, n).prop_map(|(kind, n)| match kind {
        0 => Edit::PushFront(n),
        1 => Edit::PopFront(n),
        2 => Edit::Extend(n),
        3 => Edit::Truncate(n),
        _ => Edit::SetLen(n),
    })
}

proptest! {
    /// Against a plain vector of the chunk's bytes and two indices; the neighbours hold a guard pattern.
    #[test]
    fn edits_stay_inside_the_chunk(offset in 0u32..2048, len in 0u32..2048, edits in prop::collection::vec(any_edit(), 0..60)) {
        let umem = umem();
        let (mut socket, mut nic) = fake::socket(&umem, 4).unwrap();
        let tx = socket.tx();
        let mut neighbours: Vec<Frame> = core::iter::from_fn(|| tx.alloc()).collect();
        for frame in &mut neighbours {
            frame.push_front(64).unwrap();
            frame.set_len(2048).unwrap();
            frame.fill(0xee);
        }
        let len = len.min(2048 - offset);
        let packet: Vec<u8> = (0..len).map(|i| i as u8).collect();
        prop_assert!(nic.deliver_at(&packet, offset));
        let mut frame = socket.rx().recv(1).next().unwrap();
        let (mut first, mut end) = (offset as usize, (offset + len) as usize);
        for (stamp, edit) in edits.into_iter().enumerate() {
            let stamp = stamp as u8;
            let expected = match edit {
                Edit::PushFront(n) => { let ok = n <= first; if ok { first -= n } ok }
                Edit::PopFront(n) => { let ok = n <= end - first; if ok { first += n } ok }
                Edit::Extend(n) => { let ok = n <= 2048 - end; if ok { end += n } ok }
                Edit::Truncate(n) => { end = end.min(first.saturating_add(n)); true }
                Edit::SetLen(n) => { let ok = n <= 2048 - first; if ok { end = first + n } ok }
            };
            let done = match edit {
                Edit::PushFront(n) => frame.push_front(n).map(|new| new.fill(stamp)).is_ok(),
                Edit::PopFront(n) => frame.pop_front(n).is_ok(),
                Edit::Extend(n) => frame.extend(n).map(|new| new.fill(stamp)).is_ok(),
                Edit::Truncate(n) => { frame.truncate(n); true }
                Edit::SetLen(n) => frame.set_len(n).is_ok(),
            };
            prop_assert_eq!(done, expected, "{:?}", edit);
            prop_assert_eq!((frame.headroom() as usize, frame.len(), frame.tailroom() as usize), (first, end - first, 2048 - end));
        }
        frame.fill(0xdd);
        for neighbour in &neighbours {
            prop_assert!(neighbour.iter().all(|byte| *byte == 0xee), "a neighbour was touched");
        }
    }
}
