//! Two whole sockets on one UMEM against kernels that break the protocol.
//!
//! Whatever the kernels write: no panic, no chunk lent or owned twice, no frame whose bytes another part of the library
//! changes, no chunk lost from the books; and what is dropped is counted.

mod end;

use std::mem;
use std::time::Duration;

use xdp::{Addr, Chunk, Desc, Options, SendError, Umem};

use crate::Word;
use crate::hands::{Hands, fill};
use end::End;

/// Uses both flows of both sockets while the kernels do what they like.
pub fn model(words: &[u64]) {
    let Some((first, steps)) = words.split_first() else { return };
    let mut rig = Rig::new(&mut Word::new(*first));
    for word in steps {
        rig.step(&mut Word::new(*word));
        rig.check();
    }
    rig.finish();
}

struct Rig {
    umem: Umem,
    hands: Hands,
    ends: Vec<End>,
    /// The address in memory of the first byte of the UMEM.
    base: usize,
    violence: Option<u32>,
    /// Chunks that a kernel has given back without having them, so that nobody can tell any more who has them.
    is_disputed: Vec<bool>,
}

impl Rig {
    fn new(word: &mut Word) -> Self {
        let violence = [None, Some(64), Some(4)][word.below(3) as usize];
        let chunks = 4 + word.amount(60);
        let size = word.chunk_size();
        let headroom = if word.once_in(2) { word.below(1345) } else { 0 };
        let umem = Umem::builder().chunks(chunks).chunk_size(size).headroom(headroom).build();
        let umem = umem.expect("a small umem");
        let share = 2 + word.below(chunks - 3);
        let mut ends: Vec<End> =
            [share, chunks - share].into_iter().map(|share| End::open(&umem, share, word)).collect();
        let frame = ends[0].tx.alloc().expect("a fresh socket has chunks");
        let offset =
            frame.headroom() as usize + frame.chunk().0 as usize * umem.layout().chunk_bytes() as usize;
        let base = frame.as_ptr().addr() - offset;
        ends[0].tx.recycle([frame]);
        let is_disputed = vec![false; chunks as usize];
        Self { hands: Hands::new(&umem), umem, ends, base, violence, is_disputed }
    }

    fn step(&mut self, word: &mut Word) {
        let e = word.below(2) as usize;
        match word.below(16) {
            _ if word.clone().once_in(200) => {
                // A socket is closed, and what its kernel had comes home; another takes its place.
                let share = self.ends.remove(e).share;
                self.ends.insert(e, End::open(&self.umem, share, word));
            }
            0 => self.borrow_received(e, word),
            1 | 2 => self.receive(e, word),
            3 => self.allocate(e, word),
            4 => self.borrow_to_send(e, word),
            5 => self.send(e, word),
            6 => drop(self.hands.remove_some(word.amount(100))),
            7 => {
                let frames = self.hands.remove_some(word.amount(100)).into_iter().map(|(frame, _)| frame);
                if word.once_in(2) {
                    self.ends[e].rx.recycle(frames)
                } else {
                    self.ends[e].tx.recycle(frames)
                }
            }
            8 => {
                let end = &mut self.ends[e];
                end.tx.kick().expect("a fake kernel is always there");
                end.rx.kick().expect("a fake kernel is always there");
            }
            9 => self.reap(e),
            10 => {
                let end = &mut self.ends[e];
                end.rx.wait(Duration::ZERO).expect("nothing to fail");
                end.tx.wait(Duration::ZERO).expect("nothing to fail");
            }
            11 | 12 => self.be_honest(e, word),
            13 | 14 => self.forge(e, word),
            _ => {
                if let Some(rarity) = self.violence {
                    (self.ends[e].is_forged, self.ends[e].is_forced) = (true, true);
                    self.break_indices(e, rarity, word);
                }
            }
        }
    }

    /// The chunk that lent bytes lie in: not one that we hold a frame of.
    fn check_lent(base: usize, umem: &Umem, hands: &Hands, bytes: &[u8]) {
        let size = umem.layout().chunk_bytes() as usize;
        let offset = bytes.as_ptr().addr() - base;
        let chunk = offset / size;
        assert!(offset % size + bytes.len() <= size && chunk < umem.chunks() as usize, "inside one chunk");
        assert!(!hands.has(chunk as u32), "chunk {chunk} is lent, and there is a frame in it");
    }

    fn borrow_received(&mut self, e: usize, word: &mut Word) {
        let end = &mut self.ends[e];
        let n = word.greedy(64);
        let mut batch = end.rx.seek(n);
        assert!(batch.len() <= n.min(end.entries));
        for bytes in batch.iter() {
            Self::check_lent(self.base, &self.umem, &self.hands, bytes);
        }
        for i in 0..batch.len() {
            let stamp = self.hands.stamp();
            fill(batch.peek_mut(i).expect("it is one of them"), stamp);
        }
        for portion in [word.greedy(64), word.amount(64)] {
            end.taken += u64::from(portion.min(batch.len()));
            batch.commit_first(portion);
        }
    }

    fn receive(&mut self, e: usize, word: &mut Word) {
        let end = &mut self.ends[e];
        let (n, keeps) = (word.greedy(64), word.below(3) > 0);
        let mut frames = end.rx.recv(n);
        for frame in frames.by_ref().take(word.amount(64) as usize) {
            end.taken += 1;
            self.hands.check_new(&frame);
            if keeps {
                self.hands.keep(frame, word);
            } else {
                self.hands.check_gone(&frame);
            }
        }
        if word.once_in(4) {
            mem::forget(frames);
        }
    }

    fn allocate(&mut self, e: usize, word: &mut Word) {
        for _ in 0..word.amount(16) {
            let Some(frame) = self.ends[e].tx.alloc() else { break };
            self.hands.check_new(&frame);
            self.hands.keep(frame, word);
        }
    }

    fn borrow_to_send(&mut self, e: usize, word: &mut Word) {
        let end = &mut self.ends[e];
        let mut batch = end.tx.seek(word.greedy(64));
        assert!(batch.len() <= end.entries);
        for i in 0..batch.len() {
            let stamp = self.hands.stamp();
            let bytes = batch.peek(i, 60).expect("it is one of them");
            fill(bytes, stamp);
            Self::check_lent(self.base, &self.umem, &self.hands, bytes);
        }
        end.sent += u64::from(batch.commit_first(word.greedy(64)));
    }

    fn send(&mut self, e: usize, word: &mut Word) {
        for (frame, stamp) in self.hands.remove_some(word.amount(20)) {
            match self.ends[e].tx.send(frame) {
                Ok(()) => self.ends[e].sent += 1,
                Err(SendError::Full(frame)) => self.hands.put_back(frame, stamp),
                Err(other) => panic!("{other}"),
            }
        }
    }

    fn reap(&mut self, e: usize) {
        let end = &mut self.ends[e];
        end.tx.reap();
        if !end.is_forced {
            // Each completion has ended one packet, or was counted.
            let ended = end.sent - u64::from(end.tx.outstanding());
            assert_eq!(end.completed, ended + end.tx.refused(), "completions that nobody has counted");
        }
    }

    /// Receives, sends and completes as a kernel should, if the rings allow. Bytes are copied until something is
    /// forged.
    fn be_honest(&mut self, e: usize, word: &mut Word) {
        let end = &mut self.ends[e];
        if !end.is_forged {
            for _ in 0..word.amount(20) {
                end.published += u64::from(end.nic.deliver(&[7; 60]));
            }
            for _ in 0..word.amount(20) {
                if end.nic.take_sent().is_none() {
                    break;
                }
            }
            for _ in 0..word.amount(20) {
                end.completed += u64::from(end.nic.complete());
            }
            return;
        }
        let kernel = end.nic.kernel();
        for _ in 0..word.amount(20) {
            end.to_receive.extend(kernel.take_fill());
            end.to_complete.extend(kernel.transmit().map(|desc| desc.addr.0));
        }
        for _ in 0..word.amount(20) {
            if let Some(addr) = end.to_receive.pop() {
                let desc = Desc { addr: Addr(addr + 256), len: 60, options: Options::NONE };
                end.published += u64::from(kernel.put_rx(desc));
            }
            if let Some(addr) = end.to_complete.pop() {
                end.completed += u64::from(kernel.complete(Addr(addr)));
            }
        }
    }

    /// An address that may be good, nearly good, or anything.
    fn any_addr(&self, word: &mut Word) -> u64 {
        let layout = self.umem.layout();
        match word.below(8) {
            0 => word.rest(),
            1 => u64::MAX - u64::from(word.below(5000)),
            2 => (layout.bytes() as u64).wrapping_add(u64::from(word.below(3))).wrapping_sub(1),
            3 => 1 << word.below(64),
            _ => {
                layout.addr(Chunk(word.below(layout.chunks()))) + u64::from(word.below(layout.chunk_bytes()))
            }
        }
    }

    fn any_desc(&self, word: &mut Word) -> Desc {
        let len = match word.below(8) {
            0 => u32::MAX - word.below(3),
            1 => self.umem.layout().chunk_bytes() + word.below(3) - 1,
            2 => 0,
            _ => word.below(600),
        };
        let options = Options::from_bits(if word.once_in(4) { 1 << word.below(32) } else { 0 });
        Desc { addr: Addr(self.any_addr(word)), len, options }
    }

    fn forge(&mut self, e: usize, word: &mut Word) {
        let (times, kind) = (1 + word.below(3), word.below(4));
        let mut desc = self.any_desc(word);
        let end = &mut self.ends[e];
        end.is_forged = true;
        // Sometimes what the kernel has in truth: the second time it is one too many.
        let (received, sent) = (end.to_receive.last(), end.to_complete.last());
        match (kind, received, sent) {
            (1, Some(addr), _) => desc = Desc { addr: Addr(addr + 256), len: 60, options: Options::NONE },
            (3, _, Some(addr)) => desc.addr = Addr(*addr),
            _ => {}
        }
        if let Some(chunk) = self.umem.layout().chunk(desc.addr.0) {
            self.is_disputed[chunk.0 as usize] = true;
        }
        for _ in 0..times {
            match kind {
                0 | 1 => end.published += u64::from(end.nic.forge_rx(desc)),
                _ => end.completed += u64::from(end.nic.forge_completion(desc.addr.0)),
            }
        }
    }

    fn break_indices(&mut self, e: usize, rarity: u32, word: &mut Word) {
        let (is_forced, ring, shape) = (word.once_in(rarity), word.below(4), word.below(4));
        let desc = self.any_desc(word);
        let end = &mut self.ends[e];
        let n = word.amount(end.entries);
        let (entries, start) = (end.entries, end.start);
        let kernel = end.nic.kernel();
        if !is_forced {
            match ring {
                0 => kernel.skip_fill(n),
                1 => kernel.skip_tx(n),
                2 => {
                    for ahead in 0..n.min(64) {
                        kernel.lay_out_rx(ahead, desc);
                    }
                    kernel.skip_rx(n);
                }
                _ => {
                    for ahead in 0..n.min(64) {
                        kernel.lay_out_completion(ahead, desc.addr);
                    }
                    kernel.skip_completion(n);
                }
            }
            return;
        }
        let mut any = || match shape {
            0 => start.wrapping_add(word.below(2 * entries)),
            1 => start.wrapping_sub(word.below(2 * entries)),
            _ => word.rest() as u32,
        };
        kernel.force_indices(any(), any(), any(), any());
    }

    fn check(&mut self) {
        let account = self.umem.accounting();
        assert!(account.is_balanced(), "{account}");
        assert_eq!(account.hands, self.hands.count(), "{account}");
        for end in &mut self.ends {
            let refused = (end.rx.refused(), end.tx.refused());
            assert!(
                refused.0 >= end.refused.0 && refused.1 >= end.refused.1,
                "what was counted stays counted"
            );
            end.refused = refused;
            assert!(end.rx.available() <= end.entries);
            if !end.is_forced {
                let known = end.taken + refused.0 + u64::from(end.rx.available());
                assert!(end.published <= known, "descriptors that nobody has counted");
            }
        }
        self.hands.check_one();
        self.check_rings();
    }

    /// What waits for the kernels is theirs alone: in no other ring, and no frame in it.
    fn check_rings(&mut self) {
        let layout = self.umem.layout();
        let mut is_waiting = self.is_disputed.clone();
        if self.violence.is_some() {
            return; // anything may have been given back
        }
        for end in self.ends.iter_mut().filter(|end| end.is_forged) {
            let kernel = end.nic.kernel();
            let filled = (0..).map_while(|i| kernel.peek_fill(i));
            let sent = (0..).map_while(|i| kernel.peek_tx(i)).map(|desc| desc.addr.0);
            for addr in filled
                .chain(sent)
                .chain(end.to_receive.iter().copied())
                .chain(end.to_complete.iter().copied())
            {
                let chunk = layout.chunk(addr).expect("what we put into a ring lies in the umem").0;
                let (is_disputed, is_twice) = (self.is_disputed[chunk as usize], is_waiting[chunk as usize]);
                assert!(is_disputed || !is_twice, "chunk {chunk} is with the kernels twice");
                assert!(
                    is_disputed || !self.hands.has(chunk),
                    "chunk {chunk} is with a kernel, and a frame is in it"
                );
                is_waiting[chunk as usize] = true;
            }
        }
    }

    /// When the kernels are gone, all that is not in hands is home.
    fn finish(mut self) {
        self.hands.check_all();
        let (umem, hands) = (self.umem.clone(), self.hands.count());
        drop(self.ends);
        let account = umem.accounting();
        assert_eq!((account.pool, account.hands), (umem.chunks() - hands, hands), "{account}");
        drop(self.hands);
        let account = umem.accounting();
        assert_eq!(account.pool, umem.chunks(), "{account}");
    }
}
