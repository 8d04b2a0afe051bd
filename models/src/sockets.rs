//! Two whole sockets on one UMEM, over kernels that keep the protocol, against queues of packets.
//!
//! Every packet arrives and leaves once, in order and unchanged; every chunk is in one place at every moment; what is
//! held is not touched by anybody else; and in the end every chunk is home.

mod end;

use std::collections::VecDeque;
use std::mem;

use xdp::{PeekError, SendError, Umem};

use crate::Word;
use crate::hands::{Hands, fill};
use end::{End, Packet};

/// Receives, sends, keeps, drops, recycles and forgets, in both flows, and closes sockets in between.
pub fn model(words: &[u64]) {
    let Some((first, steps)) = words.split_first() else { return };
    let mut rig = Rig::new(&mut Word::new(*first));
    for word in steps {
        let mut word = Word::new(*word);
        rig.step(&mut word);
        rig.check();
    }
    rig.finish(steps.len());
}

#[derive(Debug)]
struct Rig {
    umem: Umem,
    ends: [End; 2],
    hands: Hands,
    may_forget: bool,
    scratch: Vec<u8>,
}

impl Rig {
    fn new(word: &mut Word) -> Self {
        let chunks = 4 + word.amount(196);
        let size = word.chunk_size();
        let headroom = if word.once_in(2) { word.below(1345) } else { 0 };
        // What is forgotten leaks by design, memory and all: not in every rig.
        let may_forget = word.once_in(32);
        let umem = Umem::builder().chunks(chunks).chunk_size(size).headroom(headroom).build();
        let umem = umem.expect("a small umem");
        let share = 2 + word.below(chunks - 3);
        let ends = [share, chunks - share].map(|share| End::open(&umem, word.entries(), word.start(), share));
        let hands = Hands::new(&umem);
        Self { umem, ends, hands, may_forget, scratch: Vec::new() }
    }

    fn step(&mut self, word: &mut Word) {
        let (kind, e) = (word.below(24), word.below(2) as usize);
        match kind {
            0..4 => self.deliver(e, word),
            4 | 5 => self.borrow_received(e, word),
            6 | 7 => self.receive(e, word),
            8 => self.allocate(e, word),
            9 | 10 => self.borrow_to_send(e, word),
            11 => self.send_some(e, word),
            12 => self.send_all(e, word),
            13 => drop(self.hands.remove_some(word.amount(200))),
            14 => self.recycle(e, word),
            15 | 16 => {
                if let Some(tx) = &mut self.ends[e].tx {
                    tx.kick().expect("a fake kernel is always there");
                    self.ends[e].published();
                }
            }
            17 => {
                if let Some(tx) = &mut self.ends[e].tx {
                    assert_eq!(tx.reap(), self.ends[e].completed, "all that has completed");
                    self.ends[e].completed = 0;
                    self.ends[e].published();
                }
            }
            18 | 19 => self.ends[e].transmit(word),
            20 | 21 => self.ends[e].complete(word),
            22 => self.ends[e].wait(),
            _ => self.seldom(e, word),
        }
    }

    /// Packets arrive, at any place of their chunk.
    fn deliver(&mut self, e: usize, word: &mut Word) {
        let layout = self.umem.layout();
        let most = layout.rx_capacity();
        for _ in 0..word.amount(80) {
            let len = if word.once_in(8) { 1 + word.below(most) } else { 1 + word.below(70) } as usize;
            let stamp = self.hands.stamp();
            self.scratch.resize(len, 0);
            fill(&mut self.scratch, stamp);
            let at = if word.once_in(4) {
                word.below(layout.chunk_bytes() - len as u32 + 1)
            } else {
                layout.rx_offset()
            };
            let at = at.min(layout.chunk_bytes() - len as u32);
            let end = &mut self.ends[e];
            if !end.nic().deliver_at(&self.scratch, at) {
                break;
            }
            end.arriving.push_back(Packet { stamp, len });
        }
    }

    /// Borrowed flow: look, change, take in portions; the rest is offered again.
    fn borrow_received(&mut self, e: usize, word: &mut Word) {
        let end = &mut self.ends[e];
        let Some(rx) = &mut end.rx else { return };
        let n = word.greedy(64);
        let mut batch = rx.seek(n);
        end.is_forgetful = false;
        assert_eq!(batch.len(), n.min(end.arriving.len() as u32), "all that has arrived");
        assert_eq!(batch.peek(batch.len()), None);
        assert_eq!(batch.is_empty(), n == 0 || end.arriving.is_empty());
        for portion in [word.amount(64), word.amount(64)] {
            for (bytes, packet) in batch.iter().zip(&end.arriving) {
                packet.check(bytes);
            }
            if word.once_in(3) && !batch.is_empty() {
                let i = word.below(batch.len());
                let packet = &mut end.arriving[i as usize];
                packet.stamp = self.hands.stamp();
                fill(batch.peek_mut(i).expect("it is one of them"), packet.stamp);
                packet.check(batch.peek(i).expect("it is one of them"));
            }
            end.arriving.drain(..portion.min(batch.len()) as usize);
            batch.commit_first(portion);
        }
        if word.once_in(4) {
            end.arriving.drain(..batch.len() as usize);
            batch.commit();
        }
    }

    /// Owned flow: keep, forward, drop or recycle each frame; the iterator ends early, or is forgotten.
    fn receive(&mut self, e: usize, word: &mut Word) {
        let (one, other) = self.ends.split_at_mut(1);
        let (end, other) = if e == 0 { (&mut one[0], &mut other[0]) } else { (&mut other[0], &mut one[0]) };
        // Taken out while it receives, so that its own sending half can be used.
        let Some(mut rx) = end.rx.take() else { return };
        let (n, stop) = (word.greedy(64), word.amount(64) as usize);
        let expected = n.min(end.arriving.len() as u32) as usize;
        let way = word.below(5);
        let mut back = Vec::new();
        let mut frames = rx.recv(n);
        end.is_forgetful = false;
        assert!(frames.size_hint().1.is_some_and(|most| most >= expected));
        let mut count = 0;
        while count < stop {
            let Some(frame) = frames.next() else { break };
            count += 1;
            let packet = end.arriving.pop_front().expect("it has arrived");
            packet.check(&frame);
            self.hands.check_new(&frame);
            match way {
                0 => self.hands.keep(frame, word),
                1 | 2 => {
                    self.hands.check_gone(&frame);
                    let target = if way == 1 { &mut *end } else { &mut *other };
                    target.send(&mut self.hands, frame, packet.stamp);
                }
                3 => {
                    self.hands.check_gone(&frame);
                    drop(frame);
                }
                _ => {
                    self.hands.check_gone(&frame);
                    back.push(frame);
                }
            }
        }
        assert!(count == expected || count == stop, "all that has arrived, or as many as were asked for");
        if word.once_in(4) {
            mem::forget(frames);
            end.is_forgetful = true;
        } else {
            drop(frames);
        }
        if way == 4 {
            rx.recycle(back);
            end.is_forgetful = false;
        }
        end.rx = Some(rx);
    }

    fn allocate(&mut self, e: usize, word: &mut Word) {
        let end = &mut self.ends[e];
        let Some(tx) = &mut end.tx else { return };
        for _ in 0..word.amount(16) {
            let Some(frame) = tx.alloc() else { break };
            assert_eq!((frame.len(), frame.headroom()), (0, self.umem.layout().headroom()));
            self.hands.check_new(&frame);
            match word.below(4) {
                0 => {
                    self.hands.check_gone(&frame);
                    let Err(SendError::Empty(frame)) = tx.send(frame) else {
                        panic!("an empty frame was taken")
                    };
                    drop(frame);
                }
                _ => {
                    let mut frame = frame;
                    frame.extend(1 + word.below(90) as usize).expect("a chunk has more").fill(0);
                    self.hands.keep(frame, word);
                }
            }
        }
    }

    /// Borrowed flow: write in any order, leave holes, hand over in portions; the rest is never sent.
    fn borrow_to_send(&mut self, e: usize, word: &mut Word) {
        let end = &mut self.ends[e];
        let Some(tx) = &mut end.tx else { return };
        let n = word.greedy(64);
        let mut batch = tx.seek(n);
        end.leaving.append(&mut end.staged);
        assert!(batch.len() <= n && batch.len() + end.leaving.len() as u32 <= end.entries);
        let most = self.umem.layout().chunk_bytes() - self.umem.layout().headroom();
        assert!(batch.peek(0, 0).is_err(), "nothing of no length");
        assert_eq!(
            batch.peek(batch.len(), 1).unwrap_err(),
            PeekError::NoSuchPacket { index: batch.len(), packets: batch.len() }
        );
        let mut written: VecDeque<Option<Packet>> = vec![None; batch.len() as usize].into();
        for _ in 0..2 {
            let (some, step) = (word.amount(batch.len()), 1 + word.below(3));
            for i in 0..some {
                let i = if step == 3 { some - 1 - i } else { i * step };
                if i >= batch.len() {
                    break;
                }
                let len = if word.once_in(8) { most } else { 1 + i % 60 } as usize;
                let packet = Packet { stamp: self.hands.stamp(), len };
                fill(batch.peek(i, len).expect("it is one of them"), packet.stamp);
                written[i as usize] = Some(packet);
            }
            let portion = word.greedy(64);
            let ready = written.iter().take_while(|packet| packet.is_some()).count();
            let sent = ready.min(portion as usize);
            assert_eq!(batch.commit_first(portion) as usize, sent, "up to the first that was not written");
            end.leaving.extend(written.drain(..sent).flatten());
            assert_eq!(batch.len() as usize, written.len());
        }
    }

    fn send_some(&mut self, e: usize, word: &mut Word) {
        for _ in 0..word.amount(40) {
            let len = self.hands.held.len() as u32;
            if len == 0 {
                break;
            }
            let (frame, stamp) = self.hands.remove(word.below(len) as usize);
            self.ends[e].send(&mut self.hands, frame, stamp);
        }
    }

    fn send_all(&mut self, e: usize, word: &mut Word) {
        let end = &mut self.ends[e];
        let Some(tx) = &mut end.tx else { return };
        let (mut frames, stamps): (VecDeque<_>, Vec<_>) =
            self.hands.remove_some(word.amount(40)).into_iter().unzip();
        let packets: Vec<_> = frames
            .iter()
            .zip(&stamps)
            .map(|(frame, stamp)| Packet { stamp: *stamp, len: frame.len() })
            .collect();
        let room = end.entries as usize - end.staged.len() - end.leaving.len();
        let sent = tx.send_all(&mut frames).expect("nothing is wrong with them") as usize;
        assert_eq!(sent, packets.len().min(room), "as many as there was room for");
        assert_eq!(frames.len(), packets.len() - sent, "and the rest stays");
        end.staged.extend(&packets[..sent]);
        for (frame, packet) in frames.into_iter().zip(&packets[sent..]) {
            self.hands.put_back(frame, packet.stamp);
        }
    }

    fn recycle(&mut self, e: usize, word: &mut Word) {
        let frames = self.hands.remove_some(word.amount(200)).into_iter().map(|(frame, _)| frame);
        let end = &mut self.ends[e];
        match (word.below(2), &mut end.rx, &mut end.tx) {
            (0, Some(rx), _) => {
                rx.recycle(frames);
                end.is_forgetful = false;
            }
            (1, _, Some(tx)) => tx.recycle(frames),
            _ => frames.for_each(drop),
        }
    }

    /// Frames are forgotten, halves are closed, and sockets opened anew.
    fn seldom(&mut self, e: usize, word: &mut Word) {
        match word.below(40) {
            0 if self.may_forget && self.hands.forgotten < self.umem.chunks() / 8 => self.hands.forget_one(),
            1 => drop(self.ends[e].rx.take()),
            2 => drop(self.ends[e].tx.take()),
            3..16 => self.reopen(e, word),
            _ => self.hands.check_all(),
        }
    }

    /// Everything of a socket goes, in any order, and another one takes its place.
    fn reopen(&mut self, e: usize, word: &mut Word) {
        // What a closed socket has left with its kernel cannot be set aside for another: then both start anew.
        let is_alone = self.ends[1 - e].rx.is_none() && self.ends[1 - e].tx.is_none();
        let ends: &[usize] = if is_alone { &[1 - e, e] } else { &[e] };
        for e in ends {
            let end = &mut self.ends[*e];
            if word.once_in(2) {
                end.nic = None;
            }
            match word.below(3) {
                0 => drop((end.rx.take(), end.nic.take(), end.tx.take())),
                1 => drop((end.tx.take(), end.rx.take(), end.nic.take())),
                _ => drop((end.rx.take(), end.tx.take(), end.nic.take())),
            }
        }
        for e in ends {
            let share = self.ends[*e].share;
            self.ends[*e] = End::open(&self.umem, word.entries(), word.start(), share);
        }
    }

    fn check(&mut self) {
        let account = self.umem.accounting();
        assert!(account.is_balanced(), "{account}");
        assert_eq!(account.hands, self.hands.count(), "{account}");
        let mut is_exact = true;
        for end in &mut self.ends {
            if let Some(rx) = &end.rx {
                assert_eq!(rx.refused(), 0, "nothing is wrong with this kernel");
                assert_eq!(rx.available() as usize, end.arriving.len());
            }
            if let Some(tx) = &end.tx {
                assert_eq!(tx.refused(), 0, "nothing is wrong with this kernel");
                let before = end.outstanding();
                let reaped = before.checked_sub(tx.outstanding()).filter(|reaped| *reaped <= end.completed);
                end.completed -= reaped.expect("only what has completed comes back");
            }
            is_exact &= end.rx.is_some() && end.tx.is_some() && !end.is_forgetful;
        }
        if is_exact {
            let sum = |part: fn(&End) -> u32| self.ends.iter().map(part).sum::<u32>();
            assert_eq!(account.rx, sum(|end| end.arriving.len() as u32), "{account}");
            assert_eq!(account.tx, sum(|end| end.outstanding() - end.completed), "{account}");
            assert_eq!((account.completion, account.stranded), (sum(|end| end.completed), 0), "{account}");
        }
        self.hands.check_one();
    }

    /// Everything goes, in any order, and every chunk comes home.
    fn finish(mut self, order: usize) {
        self.hands.check_all();
        let (umem, forgotten) = (self.umem.clone(), self.hands.forgotten);
        let [one, other] = self.ends;
        let frames = mem::take(&mut self.hands.held);
        match order % 3 {
            0 => drop((frames, one, other)),
            1 => drop((one, frames, other)),
            _ => drop((other, one, frames)),
        }
        let account = umem.accounting();
        assert_eq!((account.pool, account.hands), (umem.chunks() - forgotten, forgotten), "{account}");
    }
}
