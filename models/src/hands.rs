//! The frames that a model holds, and what must be true of them: one owner a chunk, and bytes that nobody else changes.

use std::mem;

use xdp::{Frame, Umem};

use crate::Word;

/// A frame that is full of its stamp.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) frame: Frame,
    stamp: u64,
}

/// All frames that the model holds.
#[derive(Debug)]
pub(crate) struct Hands {
    pub(crate) held: Vec<Held>,
    /// By chunk: whether a frame of ours lives there.
    is_held: Vec<bool>,
    /// Frames that nobody will ever drop.
    pub(crate) forgotten: u32,
    stamps: u64,
    next_check: usize,
    chunk_bytes: usize,
}

impl Hands {
    pub(crate) fn new(umem: &Umem) -> Self {
        let layout = umem.layout();
        Self {
            held: Vec::new(),
            is_held: vec![false; layout.chunks() as usize],
            forgotten: 0,
            stamps: 0,
            next_check: 0,
            chunk_bytes: layout.chunk_bytes() as usize,
        }
    }

    /// A stamp that no other bytes have.
    pub(crate) fn stamp(&mut self) -> u64 {
        self.stamps += 1;
        // Far from the stamps before it, so that no part of one looks like a part of another.
        self.stamps.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    /// A frame that has just become ours.
    pub(crate) fn check_new(&mut self, frame: &Frame) {
        let bytes = (frame.headroom() + frame.tailroom()) as usize + frame.len();
        assert_eq!(bytes, self.chunk_bytes, "the frame lies in its chunk");
        let is_held = mem::replace(&mut self.is_held[frame.chunk().0 as usize], true);
        assert!(!is_held, "two frames in chunk {}", frame.chunk().0);
    }

    /// A frame that is just being given away.
    pub(crate) fn check_gone(&mut self, frame: &Frame) {
        let is_held = mem::replace(&mut self.is_held[frame.chunk().0 as usize], false);
        assert!(is_held, "a frame that was not ours, in chunk {}", frame.chunk().0);
    }

    /// Keeps a frame that passed [`Hands::check_new`]: writes all of it, and sometimes all of its chunk.
    pub(crate) fn keep(&mut self, mut frame: Frame, word: &mut Word) {
        if word.once_in(4) || frame.is_empty() {
            frame.push_front(frame.headroom() as usize).expect("all headroom");
            frame.set_len(self.chunk_bytes).expect("and all tailroom");
        }
        let stamp = self.stamp();
        fill(&mut frame, stamp);
        self.held.push(Held { frame, stamp });
    }

    /// Takes one of the frames out, with its stamp.
    pub(crate) fn remove(&mut self, i: usize) -> (Frame, u64) {
        let held = self.held.swap_remove(i);
        assert!(is_full_of(&held.frame, held.stamp), "somebody wrote to {:?}, which we hold", held.frame);
        self.check_gone(&held.frame);
        (held.frame, held.stamp)
    }

    /// Takes up to `n` frames out.
    pub(crate) fn remove_some(&mut self, n: u32) -> Vec<(Frame, u64)> {
        (0..n).map_while(|_| self.held.len().checked_sub(1).map(|last| self.remove(last))).collect()
    }

    /// A frame that came back.
    pub(crate) fn put_back(&mut self, frame: Frame, stamp: u64) {
        self.check_new(&frame);
        assert!(is_full_of(&frame, stamp), "{frame:?} came back with other bytes");
        self.held.push(Held { frame, stamp });
    }

    /// Forgets a frame, so that its chunk is lost for good.
    pub(crate) fn forget_one(&mut self) {
        if let Some(held) = self.held.pop() {
            mem::forget(held.frame);
            self.forgotten += 1;
        }
    }

    /// Looks at the bytes of one frame, another one each time.
    pub(crate) fn check_one(&mut self) {
        self.next_check += 1;
        if let Some(held) = self.held.get(self.next_check % self.held.len().max(1)) {
            assert!(is_full_of(&held.frame, held.stamp), "somebody wrote to {:?}, which we hold", held.frame);
        }
    }

    pub(crate) fn check_all(&mut self) {
        (0..self.held.len()).for_each(|_| self.check_one());
    }

    /// Whether we hold a frame in a chunk.
    pub(crate) fn has(&self, chunk: u32) -> bool {
        self.is_held[chunk as usize]
    }

    /// Chunks that are in hands.
    pub(crate) fn count(&self) -> u32 {
        self.held.len() as u32 + self.forgotten
    }
}

/// Fills bytes with a stamp.
pub(crate) fn fill(bytes: &mut [u8], stamp: u64) {
    let stamp = stamp.to_le_bytes();
    for piece in bytes.chunks_mut(8) {
        piece.copy_from_slice(&stamp[..piece.len()]);
    }
}

/// Whether bytes are full of a stamp.
pub(crate) fn is_full_of(bytes: &[u8], stamp: u64) -> bool {
    let stamp = stamp.to_le_bytes();
    bytes.chunks(8).all(|piece| piece == &stamp[..piece.len()])
}
