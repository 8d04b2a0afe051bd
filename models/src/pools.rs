//! Pools, the return path and the custody table against a table of places: no chunk is lost, none is doubled.

use std::collections::BTreeSet;

use xdp_core::frames::{Custody, Holder, Pool, ReturnPath};
use xdp_core::layout::{Chunk, ChunkSize, UmemLayout};
use xdp_core::{Addr, Desc, Options};

use crate::Word;

const POOLS: usize = 3;

/// Moves chunks between pools, hands, the return path and the kernel's side of two sockets.
pub fn model(words: &[u64]) {
    let Some((first, steps)) = words.split_first() else { return };
    let mut word = Word::new(*first);
    let chunks = 1 + word.below(100);
    let size = if word.once_in(2) { ChunkSize::K4 } else { ChunkSize::K2 };
    let layout = UmemLayout::new(size, chunks, 0).expect("a geometry that works");
    let mut rig = Rig::new(layout);
    for word in steps {
        rig.step(&mut Word::new(*word));
        rig.check();
    }
}

fn any_holder(word: &mut Word) -> Holder {
    match word.below(6) {
        0 => Holder::FREE,
        1 => Holder::HANDS,
        n => {
            let socket = [0, Holder::SOCKETS - 1][n as usize % 2];
            if n < 4 { Holder::receiving(socket) } else { Holder::sending(socket) }
        }
    }
}

struct Rig {
    layout: UmemLayout,
    returns: ReturnPath,
    custody: Custody,
    pools: [Pool; POOLS],
    /// What the pools must hold, in order.
    stacks: [Vec<u64>; POOLS],
    /// What must be on the return path.
    home: BTreeSet<u64>,
    /// Chunks taken from a pool, in the order of taking.
    hands: Vec<u64>,
    /// Who must have each chunk by the table.
    holders: Vec<Holder>,
}

impl Rig {
    fn new(layout: UmemLayout) -> Self {
        let returns = ReturnPath::new(layout);
        let all: Vec<u64> = (0..layout.chunks()).map(|n| layout.addr(Chunk(n))).collect();
        returns.push_all(&all);
        Self {
            layout,
            returns,
            custody: Custody::new(layout),
            pools: std::array::from_fn(|_| Pool::with_capacity(layout.chunks())),
            stacks: Default::default(),
            home: all.into_iter().collect(),
            hands: Vec::new(),
            holders: vec![Holder::FREE; layout.chunks() as usize],
        }
    }

    fn step(&mut self, word: &mut Word) {
        let kind = word.below(16);
        let i = word.below(POOLS as u32) as usize;
        let (pool, stack) = (&mut self.pools[i], &mut self.stacks[i]);
        let n = word.amount(self.layout.chunks() * 2);
        let at = stack.len().saturating_sub(n as usize);
        match kind {
            0 => {
                let before = pool.len() as usize;
                assert_eq!(self.returns.take_all(pool) as usize, self.home.len());
                stack.extend(&pool.last(u32::MAX)[before..]);
                let taken: BTreeSet<u64> = stack[before..].iter().copied().collect();
                assert_eq!(taken, std::mem::take(&mut self.home), "all that was home, once");
                assert_eq!(stack.len() - before, taken.len());
            }
            1 => {
                let addr = pool.pop();
                assert_eq!(addr, stack.pop());
                self.hands.extend(addr);
            }
            2 => {
                assert_eq!(pool.last(n), &stack[at..]);
                self.hands.extend(pool.last(n));
                pool.forget_last(n);
                stack.truncate(at);
            }
            3 => {
                if let Some(addr) = self.hands.pop() {
                    // Any address in the chunk names it.
                    self.returns.push(addr + u64::from(word.below(self.layout.chunk_bytes())));
                    self.home.insert(addr);
                }
            }
            4 => {
                let at = self.hands.len().saturating_sub(n as usize);
                let mut addrs = self.hands.split_off(at);
                self.home.extend(&addrs);
                // What is no chunk is left out, wherever it stands.
                addrs
                    .insert(word.below(addrs.len() as u32 + 1) as usize, u64::MAX - u64::from(word.below(5)));
                self.returns.push_all(&addrs);
            }
            5 => {
                if let Some(addr) = self.hands.pop() {
                    pool.push(addr);
                    stack.push(addr);
                }
            }
            6 => {
                let at = self.hands.len().saturating_sub(n as usize);
                let addrs = self.hands.split_off(at);
                pool.extend(addrs.iter().copied());
                stack.extend(addrs);
            }
            7 => {
                let at = self.hands.len().saturating_sub(n as usize);
                let addrs = self.hands.split_off(at);
                // More is written than is added: what is not added is not there.
                let added = pool.extend_by(addrs.len() as u32 + 3, |target| {
                    target.fill(u64::MAX);
                    target[..addrs.len()].copy_from_slice(&addrs);
                    addrs.len()
                });
                assert_eq!(added, addrs.len());
                stack.extend(addrs);
            }
            8..12 => self.custody_step(word),
            _ => self.bulk_step(word),
        }
    }

    /// Many chunks at once: the same as one after the other, up to the first that is refused.
    fn bulk_step(&mut self, word: &mut Word) {
        let chunk_bytes = u64::from(self.layout.chunk_bytes());
        let (from, to) = (any_holder(word), any_holder(word));
        let (base, len, spoilt) = (word.below(self.layout.chunks()), word.amount(70), word.amount(140));
        let descs: Vec<Desc> = (0..len)
            .map(|i| {
                let number = u64::from((base + i) % (self.layout.chunks() + u32::from(spoilt % 7 == 0)));
                let offset = u64::from(word.below(chunk_bytes as u32));
                let over = if i == spoilt { 1 } else { 0 };
                let len = (chunk_bytes - offset) * u64::from(word.below(2)) + over;
                let addr = if i == spoilt + 1 { u64::MAX - offset } else { number * chunk_bytes + offset };
                Desc { addr: Addr(addr), len: len as u32, options: Options::NONE }
            })
            .collect();
        let addrs: Vec<u64> = descs.iter().map(|desc| desc.addr.0).collect();
        let mut targets = vec![0; descs.len()];
        let custody = self.custody.view();
        let layout = self.layout;
        match word.below(4) {
            0 => {
                let good = |desc: &&Desc| {
                    let place = layout.place(**desc);
                    place.is_some_and(|place| self.holders[place.chunk.0 as usize] == from)
                };
                let vouched = custody.vouch(&descs, from, &mut targets);
                assert_eq!(vouched, descs.iter().take_while(good).count(), "{descs:?}");
                let starts = addrs.iter().map(|addr| layout.chunk_start(*addr));
                assert!(
                    targets.iter().copied().zip(starts).take(vouched).all(|(target, start)| target == start)
                );
            }
            1 => {
                let passed = custody.pass_all(&addrs, [from, to], &mut targets);
                let mut expected = 0;
                for addr in &addrs {
                    let holder = layout.chunk(*addr).map(|chunk| &mut self.holders[chunk.0 as usize]);
                    let Some(holder) = holder.filter(|holder| **holder == from) else { break };
                    *holder = to;
                    assert_eq!(targets[expected], layout.chunk_start(*addr));
                    expected += 1;
                }
                assert_eq!(passed, expected, "{addrs:?}");
            }
            2 => {
                custody.give_all(&addrs, to, &mut targets);
                assert_eq!(targets, addrs);
                for chunk in addrs.iter().filter_map(|addr| layout.chunk(*addr)) {
                    self.holders[chunk.0 as usize] = to;
                }
            }
            _ => {
                for desc in &descs {
                    let place = layout.place(*desc);
                    let holder = place.map(|place| &mut self.holders[place.chunk.0 as usize]);
                    let holder = holder.filter(|holder| **holder == from);
                    let seat = custody.pass_frame(*desc, from, to);
                    assert_eq!(
                        seat.map(|seat| seat.addr()),
                        holder.as_ref().map(|_| layout.chunk_start(desc.addr.0))
                    );
                    if let (Some(seat), Some(holder)) = (seat, holder) {
                        *holder = to;
                        if word.once_in(3) {
                            custody.set_seat(seat, from);
                            *holder = from;
                        }
                    }
                }
            }
        }
        let last = Chunk(self.layout.chunks() - 1);
        assert_eq!(custody.holder_of(layout.addr(last)), Some(self.holders[last.0 as usize]));
        assert_eq!(custody.holder_of(layout.bytes() as u64), None);
    }

    fn custody_step(&mut self, word: &mut Word) {
        let (from, to) = (any_holder(word), any_holder(word));
        let len = word.amount(2 * 4096);
        let number = word.below(self.layout.chunks() + 2);
        let addr = self.layout.addr(Chunk(number)) + u64::from(word.below(self.layout.chunk_bytes()));
        let custody = self.custody.view();
        let holder = self.holders.get_mut(number as usize);
        let has = holder.as_ref().is_some_and(|holder| **holder == from);
        assert_eq!(custody.is(addr, from), has);
        let desc = Desc { addr: Addr(addr), len, options: Options::NONE };
        assert_eq!(custody.vouches_for(desc, from), has && self.layout.fits(desc));
        if word.once_in(2) {
            assert_eq!(custody.pass(addr, from, to), has, "believed only if it is so");
            holder.into_iter().filter(|_| has).for_each(|holder| *holder = to);
        } else {
            custody.set(addr, to);
            holder.into_iter().for_each(|holder| *holder = to);
        }
        let expected = self.holders.iter().enumerate().filter(|(_, holder)| **holder == to);
        assert!(self.custody.held_by(to).eq(expected.map(|(i, _)| Chunk(i as u32))));
    }

    fn check(&self) {
        for (pool, stack) in self.pools.iter().zip(&self.stacks) {
            assert_eq!((pool.len() as usize, pool.is_empty()), (stack.len(), stack.is_empty()));
        }
        assert_eq!(
            (self.returns.len() as usize, self.returns.is_empty()),
            (self.home.len(), self.home.is_empty())
        );
        let total = self.home.len() + self.hands.len() + self.stacks.iter().map(Vec::len).sum::<usize>();
        assert_eq!(total, self.layout.chunks() as usize, "every chunk is somewhere");
    }
}
