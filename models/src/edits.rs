//! A frame against a vector of its chunk's bytes: every edit ends where the chunk ends, and shows what was there.

use std::io::Write;

use xdp::fake::{self, FakeNic};
use xdp::{Frame, Rx, Socket, Tx, Umem};

use crate::Word;

/// What the neighbours are full of.
const GUARD: u8 = 0xee;

/// Edits one frame after another in every way, between neighbours that must not change.
pub fn model(words: &[u64]) {
    let Some((first, steps)) = words.split_first() else { return };
    let mut word = Word::new(*first);
    let size = word.chunk_size();
    let headroom = word.below(1345);
    let umem = Umem::builder().chunks(6).chunk_size(size).headroom(headroom).build().expect("a small umem");
    let (socket, nic) = fake::socket_starting_at(&umem, 2, word.start()).expect("a small socket");
    let mut rig = Rig::new(socket, nic, umem.layout().chunk_bytes() as usize, headroom as usize);
    for (i, word) in steps.iter().enumerate() {
        let mut word = Word::new(*word);
        rig.step(&mut word, i as u8);
        rig.edited.check();
        if i % 64 == 0 {
            rig.check_neighbours();
        }
    }
    rig.check_neighbours();
}

/// A frame and what it must be.
struct Edited {
    frame: Frame,
    /// All bytes of its chunk.
    chunk: Vec<u8>,
    first: usize,
    end: usize,
}

struct Rig {
    rx: Rx,
    tx: Tx,
    nic: FakeNic,
    size: usize,
    edited: Edited,
    neighbours: Vec<Frame>,
}

impl Rig {
    fn new(socket: Socket, nic: FakeNic, size: usize, headroom: usize) -> Self {
        let (rx, mut tx) = socket.split();
        let frame = tx.alloc().expect("a fresh socket has chunks");
        assert_eq!((frame.headroom() as usize, frame.len()), (headroom, 0));
        let edited = Edited::take(frame, size);
        let mut neighbours: Vec<Frame> = std::iter::from_fn(|| tx.alloc()).collect();
        // One goes back, to be sent and received.
        neighbours.pop();
        for frame in &mut neighbours {
            frame.push_front(headroom).expect("there is that much");
            frame.set_len(size).expect("the whole chunk");
            frame.fill(GUARD);
        }
        Self { rx, tx, nic, size, edited, neighbours }
    }

    fn step(&mut self, word: &mut Word, stamp: u8) {
        let kind = word.below(12);
        let Edited { frame, chunk, first, end } = &mut self.edited;
        let (start, len, tail) = (*first, *end - *first, self.size - *end);
        // Lengths on both sides of what fits, and any.
        let n = |word: &mut Word, room: usize| match word.below(4) {
            0 => (room + word.below(3) as usize).saturating_sub(1),
            1 if word.once_in(8) => usize::MAX - word.below(4100) as usize,
            1 => word.below(4100) as usize,
            _ => word.amount(room as u32) as usize,
        };
        match kind {
            0 => {
                let n = n(word, start);
                let pushed = frame.push_front(n);
                assert_eq!(pushed.is_ok(), n <= start, "{n} of {start}");
                if let Ok(new) = pushed {
                    *first -= n;
                    assert_eq!(*new, chunk[*first..*first + n], "what was there");
                    new.fill(stamp);
                    chunk[*first..*first + n].fill(stamp);
                }
            }
            1 => {
                let n = n(word, len);
                assert_eq!(frame.pop_front(n).is_ok(), n <= len, "{n} of {len}");
                *first += if n <= len { n } else { 0 };
            }
            2 => {
                let n = n(word, tail);
                let grown = frame.extend(n);
                assert_eq!(grown.is_ok(), n <= tail, "{n} of {tail}");
                if let Ok(new) = grown {
                    assert_eq!(*new, chunk[*end..*end + n], "what was there");
                    new.fill(stamp);
                    chunk[*end..*end + n].fill(stamp);
                    *end += n;
                }
            }
            3 => {
                let bytes = vec![stamp; n(word, tail).min(5000)];
                let done = frame.extend_from_slice(&bytes).is_ok();
                assert_eq!(done, bytes.len() <= tail);
                if done {
                    chunk[*end..*end + bytes.len()].fill(stamp);
                    *end += bytes.len();
                }
            }
            4 => {
                let n = n(word, len);
                frame.truncate(n);
                *end = start + n.min(len);
            }
            5 => {
                let n = n(word, len + tail);
                assert_eq!(frame.set_len(n).is_ok(), n <= len + tail, "{n} of {}", len + tail);
                *end = if n <= len + tail { start + n } else { *end };
            }
            6 => {
                let bytes = vec![stamp; n(word, tail).min(5000)];
                let written = frame.write(&bytes).expect("writing never fails");
                assert_eq!(written, bytes.len().min(tail));
                frame.flush().expect("nothing is held back");
                chunk[*end..*end + written].fill(stamp);
                *end += written;
            }
            7 => {
                if len > 0 {
                    let i = word.below(len as u32) as usize;
                    frame[i] = stamp;
                    frame.as_mut()[len - 1] = !stamp;
                    chunk[start + i] = stamp;
                    chunk[*end - 1] = !stamp;
                    assert_eq!(frame.as_ref().len(), len);
                }
            }
            8 => drop(self.send_and_deliver(word)),
            // The frame starts over somewhere in its chunk, so that the edits do not all happen at one end.
            _ => {
                frame.truncate(0);
                frame.push_front(start).expect("all of it");
                let offset = word.below(self.size as u32 + 1) as usize;
                frame.set_len(offset).expect("the chunk is as long");
                frame.pop_front(offset).expect("the frame is as long");
                (*first, *end) = (offset, offset);
            }
        }
    }

    /// Sends what the frame holds, and goes on with one that is received at any place of its chunk.
    fn send_and_deliver(&mut self, word: &mut Word) -> Option<()> {
        let offset = word.below(self.size as u32);
        let len = word.below(self.size as u32 - offset + 1);
        let packet: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
        self.rx.recycle([]); // fills the ring
        let received = if self.nic.deliver_at(&packet, offset) { self.rx.recv(1).next() } else { None };
        let frame = received?;
        assert_eq!(
            (&frame[..], frame.headroom(), frame.tailroom()),
            (&packet[..], offset, self.size as u32 - offset - len)
        );
        let before = std::mem::replace(&mut self.edited, Edited::take(frame, self.size));
        let bytes = before.frame.to_vec();
        match self.tx.send(before.frame) {
            Ok(()) => {
                self.tx.kick().expect("a fake kernel is always there");
                assert_eq!(
                    self.nic.transmit().as_deref(),
                    Some(&bytes[..]),
                    "what was edited is what leaves"
                );
            }
            Err(refused) => {
                let frame = refused.into_frame();
                assert!(bytes.is_empty() && frame.is_empty(), "only an empty frame is refused");
                self.rx.recycle([frame]);
            }
        }
        self.tx.reap();
        Some(())
    }

    fn check_neighbours(&self) {
        for frame in &self.neighbours {
            assert_eq!(frame.len(), self.size);
            assert!(
                frame.iter().all(|byte| *byte == GUARD),
                "a neighbour of {:?} was touched",
                self.edited.frame
            );
        }
    }
}

impl Edited {
    /// Learns all bytes of the chunk, and leaves the frame as it was.
    fn take(mut frame: Frame, size: usize) -> Self {
        let (first, len) = (frame.headroom() as usize, frame.len());
        frame.push_front(first).expect("all headroom");
        frame.set_len(size).expect("and all tailroom");
        let chunk = frame.to_vec();
        frame.pop_front(first).expect("it is longer");
        frame.truncate(len);
        Self { frame, chunk, first, end: first + len }
    }

    fn check(&self) {
        let (room, len) = (self.chunk.len() - self.end, self.end - self.first);
        assert_eq!(
            (self.frame.headroom() as usize, self.frame.len(), self.frame.tailroom() as usize),
            (self.first, len, room)
        );
        assert!(self.frame[..] == self.chunk[self.first..self.end], "{:?}", self.frame);
    }
}
