//! A shared queue over a kernel that keeps the protocol: members come, work and go, in any order and with any of them
//! lagging behind, and at every moment each chunk is in one place.

use std::collections::VecDeque;

use xdp::fake::{self, FakeQueue};
use xdp::{ChunkSize, Frame, Rx, SharedQueue, Tx, Umem};

use crate::Word;
use crate::hands::{fill, is_full_of};

/// Bytes of every packet.
const LEN: usize = 24;

/// Delivers, receives, sends, completes in any order, tends now and then, and has members join and leave.
pub fn model(words: &[u64]) {
    let Some((first, steps)) = words.split_first() else { return };
    let mut rig = Rig::new(&mut Word::new(*first));
    for word in steps {
        rig.step(&mut Word::new(*word));
        rig.check();
    }
    rig.finish(steps.len());
}

/// A member, and what must be in its rings.
#[derive(Debug)]
struct Member {
    /// Its number with the NIC.
    number: usize,
    rx: Option<Rx>,
    tx: Option<Tx>,
    arriving: VecDeque<u64>,
    staged: VecDeque<u64>,
    leaving: VecDeque<u64>,
}

#[derive(Debug)]
struct Rig {
    umem: Umem,
    owner: Option<SharedQueue>,
    nic: FakeQueue,
    members: Vec<Member>,
    joined: usize,
    held: Vec<(Frame, u64)>,
    flying: usize,
    stamps: u64,
    share: u32,
}

impl Rig {
    fn new(word: &mut Word) -> Self {
        let chunks = 16 + word.amount(120);
        let umem = Umem::builder().chunks(chunks).chunk_size(ChunkSize::K2).build().expect("a small umem");
        let share = 1 + word.below(chunks / 2);
        let (owner, nic) =
            fake::shared_queue(&umem, word.entries(), word.start(), share).expect("free chunks");
        Self {
            umem,
            owner: Some(owner),
            nic,
            members: Vec::new(),
            joined: 0,
            held: Vec::new(),
            flying: 0,
            stamps: 0,
            share,
        }
    }

    fn step(&mut self, word: &mut Word) {
        let kind = word.below(16);
        match kind {
            0 if self.members.len() < 4 => self.join(word),
            1 if word.once_in(4) => self.leave(word),
            2 => {
                let n = word.amount(8) as usize;
                self.held.truncate(self.held.len().saturating_sub(n));
            }
            3..6 => {
                if let Some(owner) = &mut self.owner {
                    owner.tend().expect("a fake kernel is always there");
                    assert_eq!(owner.refused(), 0, "nothing is wrong with this kernel");
                }
            }
            6 => {
                for _ in 0..word.amount(16) {
                    let i = word.below(self.flying as u32) as usize;
                    self.flying -= usize::from(self.nic.complete(i));
                }
            }
            7 if word.once_in(64) => drop(self.owner.take()),
            _ => self.work(kind, word),
        }
    }

    fn join(&mut self, word: &mut Word) {
        let Some(owner) = &mut self.owner else { return };
        let chunks = 1 + word.below(self.umem.chunks() / 16);
        // Too few chunks may be free, of which the books say so.
        let Ok(socket) = self.nic.join(owner, [word.entries(), word.start()], chunks) else { return };
        let (rx, tx) = socket.split();
        self.members.push(Member {
            number: self.joined,
            rx: Some(rx),
            tx: Some(tx),
            arriving: VecDeque::new(),
            staged: VecDeque::new(),
            leaving: VecDeque::new(),
        });
        self.joined += 1;
    }

    /// A half goes, or the rest of a member. What is in its tx ring the NIC has sent before.
    fn leave(&mut self, word: &mut Word) {
        if self.members.is_empty() {
            return;
        }
        let i = word.below(self.members.len() as u32) as usize;
        let member = &mut self.members[i];
        if word.once_in(2) {
            drop(member.rx.take());
            member.arriving.clear();
        } else {
            drop(member.tx.take());
            member.staged.clear(); // taken back: never published
        }
        if member.rx.is_none() && member.tx.is_none() {
            let member = self.members.remove(i);
            for stamp in member.leaving {
                let sent = self.nic.take_sent(member.number).expect("it was published");
                assert!(is_full_of(&sent, stamp));
                self.flying += 1;
            }
        }
    }

    fn work(&mut self, kind: u32, word: &mut Word) {
        if self.members.is_empty() {
            return;
        }
        let i = word.below(self.members.len() as u32) as usize;
        let member = &mut self.members[i];
        match (kind, &mut member.rx, &mut member.tx) {
            (7..10, Some(_), _) => {
                for _ in 0..word.amount(24) {
                    self.stamps += 1;
                    let stamp = self.stamps.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    let mut packet = [0; LEN];
                    fill(&mut packet, stamp);
                    if !self.nic.deliver(member.number, &packet) {
                        break;
                    }
                    member.arriving.push_back(stamp);
                }
            }
            (10, Some(rx), _) => {
                let batch = rx.seek(word.greedy(32));
                for (packet, stamp) in batch.iter().zip(&member.arriving) {
                    assert!(is_full_of(packet, *stamp) && packet.len() == LEN, "in order and unchanged");
                }
                member.arriving.drain(..batch.len() as usize);
                batch.commit();
            }
            (11, Some(rx), _) => {
                for frame in rx.recv(word.greedy(32)) {
                    let stamp = member.arriving.pop_front().expect("it has arrived");
                    assert!(is_full_of(&frame, stamp), "in order and unchanged");
                    self.held.push((frame, stamp));
                }
            }
            (12, _, Some(tx)) => {
                while let Some((frame, stamp)) = self.held.pop() {
                    assert!(is_full_of(&frame, stamp), "what is held is not touched");
                    if tx.send(frame).is_err() {
                        break;
                    }
                    member.staged.push_back(stamp);
                    if word.once_in(8) {
                        break;
                    }
                }
            }
            (13, _, Some(tx)) => {
                // Publishes what was sent, as looking for a chunk may.
                tx.reap();
                member.leaving.append(&mut member.staged);
                if let Some(mut frame) = tx.alloc() {
                    self.stamps += 1;
                    frame.extend(LEN).expect("a chunk has more");
                    fill(&mut frame, self.stamps);
                    self.held.push((frame, self.stamps));
                }
            }
            (14, _, Some(tx)) => {
                tx.kick().expect("a fake kernel is always there");
                member.leaving.append(&mut member.staged);
            }
            (15, _, _) => {
                for _ in 0..word.amount(16) {
                    let Some(sent) = self.nic.take_sent(member.number) else { break };
                    let stamp = member.leaving.pop_front().expect("it was sent");
                    assert!(is_full_of(&sent, stamp), "in order and unchanged");
                    self.flying += 1;
                }
            }
            _ => {}
        }
    }

    fn check(&mut self) {
        let account = self.umem.accounting();
        assert!(account.is_balanced(), "{account}");
        assert_eq!(account.hands as usize, self.held.len(), "{account}");
        let arriving: usize = self.members.iter().map(|member| member.arriving.len()).sum();
        let is_closed = self.owner.is_none() && self.members.is_empty();
        assert!(account.rx as usize == arriving && (account.stranded == 0 || is_closed), "{account}");
        for member in &self.members {
            assert!(member.rx.as_ref().is_none_or(|rx| rx.refused() == 0));
            assert!(member.tx.as_ref().is_none_or(|tx| tx.refused() == 0));
        }
    }

    /// Everything goes, in any order, and every chunk comes home.
    fn finish(mut self, order: usize) {
        if let Some(owner) = &mut self.owner {
            // With everything given back and completed, the owner has what is its share in circulation.
            self.held.clear();
            for member in &mut self.members {
                while member.rx.as_mut().is_some_and(|rx| rx.available() > 0) {
                    member.rx.as_mut().expect("just seen").seek(64).commit();
                }
                if let Some(rx) = &mut member.rx {
                    rx.kick().expect("a fake kernel is always there");
                }
            }
            for _ in 0..3 {
                owner.tend().expect("a fake kernel is always there");
            }
            let account = self.umem.accounting();
            assert!(account.fill <= self.share, "no more than its share: {account}");
        }
        let Self { umem, owner, nic, members, held, .. } = self;
        match order % 4 {
            0 => drop((owner, members, held, nic)),
            1 => drop((held, members, owner, nic)),
            2 => drop((members, nic, owner, held)),
            _ => drop((nic, held, owner, members)),
        }
        assert_eq!(umem.accounting().pool, umem.chunks(), "{}", umem.accounting());
    }
}
