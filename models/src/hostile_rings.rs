//! A small runtime on `xdp-core` against kernels that break the protocol.
//!
//! Two sockets share one custody table. The other side's words and descriptors are arbitrary: stuck, jumping, beyond
//! the ring; outside the UMEM, overlapping, twice, of the other socket. No chunk ever has two owners, no range is longer
//! than its ring, and what is refused is exactly what has to be.

use xdp_core::fake::{FakeKernel, FakeRings, Wakeup};
use xdp_core::frames::{Custody, Holder};
use xdp_core::layout::{Chunk, ChunkSize, UmemLayout};
use xdp_core::ring::RingWatch;
use xdp_core::{Addr, Desc, Options};

use crate::Word;

/// Runs the runtime, and lets the kernels do what they like.
pub fn model(words: &[u64]) {
    let Some((first, steps)) = words.split_first() else { return };
    let mut rig = Rig::new(&mut Word::new(*first));
    for word in steps {
        rig.step(&mut Word::new(*word));
        rig.check();
    }
    rig.check_table();
}

struct End {
    kernel: FakeKernel,
    rings: FakeRings,
    watches: [RingWatch; 4],
    entries: u32,
    start: u32,
    /// How far the rings are in truth: fill, tx, rx, completion.
    moved: [u32; 4],
    /// Chunks that the kernel took from the fill and the tx ring, as an honest one would.
    receiving: Vec<u64>,
    sending: Vec<u64>,
    faults: u64,
}

struct Rig {
    layout: UmemLayout,
    custody: Custody,
    /// Who must have each chunk.
    owners: Vec<Holder>,
    pool: Vec<u64>,
    hands: Vec<u64>,
    ends: [End; 2],
    /// How often a step breaks the indices: one time in so many, or never.
    violence: Option<u32>,
}

impl Rig {
    fn new(word: &mut Word) -> Self {
        let violence = [None, Some(64), Some(4)][word.below(3) as usize];
        let size = if word.once_in(2) { ChunkSize::K4 } else { ChunkSize::K2 };
        let chunks = 1 + word.amount(63);
        let layout = UmemLayout::new(size, chunks, 0).expect("a geometry that works");
        let ends = [0, 1].map(|_| End::new(word));
        let pool = (0..chunks).map(|n| layout.addr(Chunk(n))).collect();
        let owners = vec![Holder::FREE; chunks as usize];
        Self { layout, custody: Custody::new(layout), owners, pool, hands: Vec::new(), ends, violence }
    }

    fn step(&mut self, word: &mut Word) {
        let e = word.below(2) as usize;
        match word.below(12) {
            _ if word.clone().once_in(500) => self.renew(e, word),
            0 | 1 => self.fill(e, word),
            2 | 3 => self.receive(e, word),
            4 => self.send(e, word),
            5 => self.complete(e, word),
            6 => {
                let n = word.amount(16) as usize;
                for addr in self.hands.drain(..n.min(self.hands.len())) {
                    self.custody.view().set(addr, Holder::FREE);
                    self.owners[self.layout.chunk_number(addr) as usize] = Holder::FREE;
                    self.pool.push(self.layout.chunk_start(addr));
                }
            }
            7 | 8 => self.ends[e].be_honest(word),
            9 => self.forge(e, word),
            10 => self.lay_out(e, word),
            _ => {
                if let Some(rarity) = self.violence {
                    if word.once_in(rarity) {
                        self.ends[e].force(word);
                    } else {
                        self.ends[e].skip(word);
                    }
                }
            }
        }
    }

    fn fill(&mut self, e: usize, word: &mut Word) {
        let end = &mut self.ends[e];
        let want = word.greedy(end.entries * 2);
        let mut batch = end.rings.fill.reserve(want);
        assert!(batch.len() <= want.min(end.entries));
        let (before, after) = batch.runs();
        let mut n = 0;
        for slot in before.iter_mut().chain(after) {
            let Some(addr) = self.pool.pop() else { break };
            self.custody.view().set(addr, Holder::receiving(e as u8));
            self.owners[self.layout.chunk_number(addr) as usize] = Holder::receiving(e as u8);
            *slot = addr;
            n += 1;
        }
        batch.submit(n);
        end.moved[0] = end.moved[0].wrapping_add(n);
    }

    fn receive(&mut self, e: usize, word: &mut Word) {
        let (layout, custody, holder) = (self.layout, self.custody.view(), Holder::receiving(e as u8));
        let end = &mut self.ends[e];
        let want = word.greedy(end.entries * 2);
        let mut batch = end.rings.rx.peek(want);
        assert!(batch.len() <= want.min(end.entries));
        let n = word.greedy(batch.len()).min(batch.len());
        let (before, after) = batch.runs();
        assert_eq!((before.len() + after.len()) as u32, batch.len());
        for desc in before.iter().chain(after).take(n as usize) {
            let place = layout.place(*desc);
            let owner = place.map(|place| &mut self.owners[place.chunk.0 as usize]);
            let is_good = owner.as_deref() == Some(&holder);
            assert_eq!(custody.vouches_for(*desc, holder), is_good, "{desc:?}");
            let is_taken = layout.fits(*desc) && custody.pass(desc.addr.0, holder, Holder::HANDS);
            assert_eq!(is_taken, is_good, "{desc:?} of {owner:?}");
            if let Some(owner) = owner.filter(|_| is_good) {
                *owner = Holder::HANDS;
                self.hands.push(desc.addr.0);
            }
        }
        batch.release(n);
    }

    fn send(&mut self, e: usize, word: &mut Word) {
        let end = &mut self.ends[e];
        for _ in 0..word.amount(16) {
            let Some(addr) = self.hands.pop() else { break };
            let desc = Desc { addr: Addr(addr), len: 1, options: Options::NONE };
            if end.rings.tx.push(desc) {
                self.custody.view().set(addr, Holder::sending(e as u8));
                self.owners[self.layout.chunk_number(addr) as usize] = Holder::sending(e as u8);
                end.moved[1] = end.moved[1].wrapping_add(1);
            } else {
                self.hands.push(addr);
                break;
            }
        }
    }

    fn complete(&mut self, e: usize, word: &mut Word) {
        let (layout, custody, holder) = (self.layout, self.custody.view(), Holder::sending(e as u8));
        let end = &mut self.ends[e];
        let want = word.greedy(end.entries * 2);
        let mut addrs = vec![0; want.min(end.entries) as usize];
        let n = end.rings.completion.release_into(&mut addrs);
        for addr in &addrs[..n] {
            let owner = layout.chunk(*addr).map(|chunk| &mut self.owners[chunk.0 as usize]);
            let is_good = owner.as_deref() == Some(&holder);
            assert_eq!(custody.pass(*addr, holder, Holder::FREE), is_good, "{addr:#x} of {owner:?}");
            if let Some(owner) = owner.filter(|_| is_good) {
                *owner = Holder::FREE;
                self.pool.push(layout.chunk_start(*addr));
            }
        }
    }

    /// A socket is closed, and what its kernel had comes home; another takes its place.
    fn renew(&mut self, e: usize, word: &mut Word) {
        self.ends[e] = End::new(word);
        for holder in [Holder::receiving(e as u8), Holder::sending(e as u8)] {
            let chunks: Vec<Chunk> = self.custody.held_by(holder).collect();
            for chunk in chunks {
                let addr = self.layout.addr(chunk);
                assert!(self.custody.view().pass(addr, holder, Holder::FREE));
                self.owners[chunk.0 as usize] = Holder::FREE;
                self.pool.push(addr);
            }
        }
    }

    /// A descriptor that may be good, nearly good, or anything.
    fn any_desc(&self, word: &mut Word) -> Desc {
        let size = self.layout.chunk_bytes();
        let (options, shape) = (Options::from_bits(word.below(5)), word.below(8));
        let chunk = word.below(self.layout.chunks() + 1);
        let offset = word.below(size);
        let len = match shape {
            0 => word.rest() as u32,
            1 => size - offset + 1,
            2 => 0,
            _ => word.below(size - offset + 1),
        };
        let addr = match shape {
            3 => word.rest(),
            4 => u64::MAX - u64::from(offset),
            _ => u64::from(chunk) * u64::from(size) + u64::from(offset),
        };
        Desc { addr: Addr(addr), len, options }
    }

    /// Descriptors and completions that no kernel was asked for.
    fn forge(&mut self, e: usize, word: &mut Word) {
        for _ in 0..1 + word.below(3) {
            let desc = self.any_desc(word);
            let end = &mut self.ends[e];
            if word.once_in(2) {
                end.moved[2] = end.moved[2].wrapping_add(end.kernel.put_rx(desc).into());
            } else {
                end.moved[3] = end.moved[3].wrapping_add(end.kernel.complete(desc.addr).into());
            }
        }
    }

    /// Free slots filled with anything, to be published by an index that jumps.
    fn lay_out(&mut self, e: usize, word: &mut Word) {
        let n = word.amount(self.ends[e].entries.min(64));
        let desc = self.any_desc(word);
        for ahead in 0..n {
            let addr = desc.addr.0.wrapping_add(u64::from(ahead / 2) * u64::from(self.layout.chunk_bytes()));
            self.ends[e].kernel.lay_out_rx(ahead, Desc { addr: Addr(addr), ..desc });
            self.ends[e].kernel.lay_out_completion(ahead, Addr(addr));
        }
    }

    fn check(&mut self) {
        for end in &mut self.ends {
            let FakeRings { fill, completion, rx, tx } = &end.rings;
            let waiting = [fill.outstanding(), tx.outstanding(), rx.waiting(), completion.waiting()];
            assert!(waiting.iter().all(|waiting| *waiting <= end.entries));
            assert!(end.watches.iter().all(|watch| watch.pending() <= end.entries));
            let faults = [fill.faults(), tx.faults(), rx.faults(), completion.faults()];
            let faults = faults.into_iter().map(u64::from).sum();
            assert!(faults >= end.faults, "what was counted stays counted");
            assert!(faults == 0 || self.violence.is_some(), "words that keep the protocol are no faults");
            end.faults = faults;
        }
    }

    /// The table and the owners agree, and pool and hands hold what they own, once.
    fn check_table(&self) {
        let mut counts = [0u32; 256];
        self.owners.iter().for_each(|owner| counts[usize::from(owner.byte())] += 1);
        assert_eq!(self.custody.counts(), counts);
        for (addrs, holder) in [(&self.pool, Holder::FREE), (&self.hands, Holder::HANDS)] {
            let mut chunks: Vec<u64> = addrs.iter().map(|addr| self.layout.chunk_number(*addr)).collect();
            chunks.sort_unstable();
            chunks.dedup();
            assert_eq!(chunks.len(), addrs.len(), "a chunk is there twice");
            assert!(chunks.iter().all(|chunk| self.owners[*chunk as usize] == holder));
            assert_eq!(chunks.len() as u32, counts[usize::from(holder.byte())], "and all of them");
        }
    }
}

impl End {
    fn new(word: &mut Word) -> Self {
        let (entries, start) = (word.entries(), word.start());
        let (kernel, rings) = FakeKernel::starting_at(entries, start).expect("a power of two");
        let watches = [rings.fill.watch(), rings.tx.watch(), rings.rx.watch(), rings.completion.watch()];
        let (receiving, sending) = (Vec::new(), Vec::new());
        Self { kernel, rings, watches, entries, start, moved: [0; 4], receiving, sending, faults: 0 }
    }

    /// Receives and sends as a kernel should, if the rings allow.
    fn be_honest(&mut self, word: &mut Word) {
        for _ in 0..word.amount(32) {
            self.receiving.extend(self.kernel.take_fill());
            self.sending.extend(self.kernel.transmit().map(|desc| desc.addr.0));
        }
        for _ in 0..word.amount(32) {
            if let Some(addr) = self.receiving.pop() {
                let len = word.below(1000);
                let desc = Desc { addr: Addr(addr.wrapping_add(256)), len, options: Options::NONE };
                self.moved[2] = self.moved[2].wrapping_add(self.kernel.put_rx(desc).into());
            }
            if let Some(addr) = self.sending.pop() {
                self.moved[3] = self.moved[3].wrapping_add(self.kernel.complete(Addr(addr)).into());
            }
        }
        let flag = |is_set| if is_set { Wakeup::Needed } else { Wakeup::NotNeeded };
        self.kernel.ask_for_wakeup(flag(word.once_in(2)), flag(word.once_in(2)));
    }

    /// Moves an index on without looking at the entries.
    fn skip(&mut self, word: &mut Word) {
        let (ring, n) = (word.below(4), word.amount(self.entries));
        match ring {
            0 => self.kernel.skip_fill(n),
            1 => self.kernel.skip_tx(n),
            2 => self.kernel.skip_rx(n),
            _ => self.kernel.skip_completion(n),
        }
        if ring >= 2 {
            self.moved[ring as usize] = self.moved[ring as usize].wrapping_add(n);
        }
    }

    /// Writes anything into the four words, near to where they are in truth or not.
    fn force(&mut self, word: &mut Word) {
        let (near, far) = (word.below(16), word.rest() as u32);
        let [fill, tx, rx, completion] = self.moved.map(|moved| {
            let honest = self.start.wrapping_add(moved);
            match near {
                0..4 => honest.wrapping_sub(far % (2 * self.entries)),
                4..8 => honest.wrapping_add(far % (2 * self.entries)),
                8 => honest.wrapping_add(self.entries),
                9 => honest.wrapping_add(self.entries).wrapping_add(1),
                10 => honest,
                _ => far,
            }
        });
        self.kernel.force_indices(fill, tx, rx, completion);
    }
}
