//! The four rings against queues: what comes out is what went in, in order, once, whole.

use std::collections::VecDeque;

use xdp_core::fake::FakeKernel;
use xdp_core::ring::{Entry, RingWatch};
use xdp_core::{Addr, ConsumerRing, Desc, Options, ProducerRing};

use crate::Word;

/// Puts the four rings of a socket through any mixture of batches, portions, single and bulk calls.
pub fn model(words: &[u64]) {
    let Some((first, steps)) = words.split_first() else { return };
    let mut word = Word::new(*first);
    let (entries, start) = (word.entries(), word.start());
    let (mut kernel, mut rings) = FakeKernel::starting_at(entries, start).expect("a power of two");
    let mut fill = Filled::new(entries, rings.fill.watch(), |n| n);
    let mut tx = Filled::new(entries, rings.tx.watch(), desc);
    let mut completion = Emptied::new(entries, rings.completion.watch(), |n| n);
    let mut rx = Emptied::new(entries, rings.rx.watch(), desc);
    for word in steps {
        let mut word = Word::new(*word);
        match word.below(4) {
            0 => fill.step(&mut rings.fill, || kernel.take_fill(), &mut word),
            1 => tx.step(&mut rings.tx, || kernel.transmit(), &mut word),
            2 => {
                completion.step(&mut rings.completion, &mut word);
                completion.kernel(&mut word, |put| match put {
                    Put::Next(addr) => kernel.complete(Addr(addr)),
                    Put::Ahead(ahead, addr) => kernel.lay_out_completion(ahead, Addr(addr)),
                    Put::Publish(n) => {
                        kernel.skip_completion(n);
                        true
                    }
                });
                completion.check(&rings.completion);
            }
            _ => {
                rx.step(&mut rings.rx, &mut word);
                rx.kernel(&mut word, |put| match put {
                    Put::Next(desc) => kernel.put_rx(desc),
                    Put::Ahead(ahead, desc) => kernel.lay_out_rx(ahead, desc),
                    Put::Publish(n) => {
                        kernel.skip_rx(n);
                        true
                    }
                });
                rx.check(&rings.rx);
            }
        }
    }
}

/// A descriptor of which every field tells the number.
fn desc(n: u64) -> Desc {
    Desc { addr: Addr(n), len: !n as u32, options: Options::from_bits((n >> 3) as u32) }
}

/// What a ring holds that we fill.
struct Filled<T> {
    entries: u32,
    queue: VecDeque<T>,
    next: u64,
    make: fn(u64) -> T,
    watch: RingWatch,
}

impl<T: Entry + PartialEq> Filled<T> {
    fn new(entries: u32, watch: RingWatch, make: fn(u64) -> T) -> Self {
        Self { entries, queue: VecDeque::new(), next: 0, make, watch }
    }

    fn room(&self) -> u32 {
        self.entries - self.queue.len() as u32
    }

    /// The entry that would be the `i`-th from now.
    fn entry(&self, i: u32) -> T {
        (self.make)(self.next + u64::from(i))
    }

    /// The next `n` entries are in the ring.
    fn submitted(&mut self, n: u32) {
        for _ in 0..n {
            self.queue.push_back(self.entry(0));
            self.next += 1;
        }
    }

    fn step(&mut self, ring: &mut ProducerRing<T>, mut take: impl FnMut() -> Option<T>, word: &mut Word) {
        let most = self.entries * 2;
        match word.below(6) {
            0 => {
                let source: Vec<T> = (0..word.amount(most)).map(|i| self.entry(i)).collect();
                let done = ring.submit_from(&source);
                assert_eq!(done, source.len().min(self.room() as usize), "as many as there is room for");
                self.submitted(done as u32);
            }
            1 => {
                let done = ring.push(self.entry(0));
                assert_eq!(done, self.room() > 0);
                self.submitted(done.into());
            }
            2 => {
                // Written in one go, handed over in two portions, and the rest never.
                let (want, first, second) = (word.greedy(most), word.greedy(most), word.greedy(most));
                let mut batch = ring.reserve(want);
                assert_eq!(batch.len(), self.room().min(want), "no more than is free, and all of it");
                assert_eq!(batch.is_empty(), self.room().min(want) == 0);
                let (before, after) = batch.runs();
                for (i, slot) in before.iter_mut().chain(after).enumerate() {
                    *slot = self.entry(i as u32);
                }
                for portion in [first, second] {
                    let n = portion.min(batch.len());
                    batch.submit(portion);
                    self.submitted(n);
                }
            }
            3 => {
                // Written and handed over in turns, each slot by its number.
                let mut batch = ring.reserve(word.greedy(most));
                for _ in 0..3 {
                    let n = word.amount(batch.len());
                    for i in 0..n {
                        assert!(batch.write(i, self.entry(i)));
                    }
                    assert!(!batch.write(batch.len(), self.entry(0)), "nothing is written beyond the range");
                    batch.submit(n);
                    self.submitted(n);
                }
            }
            4 => {
                let ahead = word.amount(most);
                let n = (0..ahead).take_while(|&i| ring.write_ahead(i, self.entry(i))).count() as u32;
                assert_eq!(n, ahead.min(self.room()));
                let n = word.amount(n);
                ring.submit(n);
                self.submitted(n);
            }
            _ => {
                for _ in 0..word.amount(most) {
                    let taken = take();
                    assert_eq!(taken, self.queue.pop_front(), "in order, once, whole");
                    if taken.is_none() {
                        break;
                    }
                }
            }
        }
        assert_eq!(ring.outstanding() as usize, self.queue.len());
        assert_eq!(self.watch.pending() as usize, self.queue.len());
        assert_eq!((ring.entries(), ring.faults()), (self.entries, 0));
    }
}

/// What the kernel does to a ring that we empty.
enum Put<T> {
    /// Writes and publishes one.
    Next(T),
    /// Writes one so far ahead.
    Ahead(u32, T),
    /// Publishes what was written ahead.
    Publish(u32),
}

/// What a ring holds that we empty.
struct Emptied<T> {
    entries: u32,
    queue: VecDeque<T>,
    next: u64,
    make: fn(u64) -> T,
    watch: RingWatch,
}

impl<T: Entry + PartialEq> Emptied<T> {
    fn new(entries: u32, watch: RingWatch, make: fn(u64) -> T) -> Self {
        Self { entries, queue: VecDeque::new(), next: 0, make, watch }
    }

    fn step(&mut self, ring: &mut ConsumerRing<T>, word: &mut Word) {
        let most = self.entries * 2;
        let waiting = self.queue.len() as u32;
        match word.below(6) {
            0 => {
                let mut target = vec![T::default(); word.amount(most) as usize];
                let done = ring.release_into(&mut target);
                assert_eq!(done, target.len().min(self.queue.len()), "as many as there are");
                assert!(self.queue.drain(..done).eq(target[..done].iter().copied()));
            }
            1 => assert_eq!(ring.pop(), self.queue.pop_front()),
            2 => {
                let want = word.greedy(most);
                let mut batch = ring.peek(want);
                assert_eq!((batch.len(), batch.is_empty()), (waiting.min(want), waiting.min(want) == 0));
                assert_eq!(batch.get(batch.len()), None, "nothing is read beyond the range");
                for portion in [word.greedy(most), word.greedy(most)] {
                    let n = portion.min(batch.len());
                    let (before, after) = batch.runs();
                    assert!(before.iter().chain(after).eq(self.queue.iter().take(batch.len() as usize)));
                    assert_eq!(
                        batch.get(n / 2),
                        self.queue.get((n / 2) as usize).filter(|_| n / 2 < batch.len()).copied()
                    );
                    batch.release(portion);
                    self.queue.drain(..n as usize);
                }
            }
            3 => {
                // Seen in one call, read and released in others.
                let (want, n) = (word.greedy(most), word.greedy(most));
                let peeked = ring.peek(want).len();
                let (before, after) = ring.seen(n);
                let seen = before.len() + after.len();
                assert!(seen >= peeked.min(n) as usize && seen <= self.queue.len().min(n as usize));
                assert!(before.iter().chain(after).eq(self.queue.iter().take(seen)));
                assert_eq!(
                    ring.seen_at(peeked / 2).filter(|_| peeked > 0),
                    self.queue.get(peeked as usize / 2).filter(|_| peeked > 0).copied()
                );
                assert_eq!(ring.seen_at(self.entries), None);
                let released = word.amount(seen as u32);
                ring.release(released);
                self.queue.drain(..released as usize);
            }
            4 => {
                // One by one; the iterator ends early, or is forgotten and everything is offered again.
                let (want, n) = (word.greedy(most), word.greedy(most));
                let mut drain = ring.peek(want).drain();
                let yielded = drain.by_ref().take(n as usize);
                let expected = self.queue.iter().take(want.min(n) as usize).copied();
                assert!(yielded.eq(expected));
                assert_eq!(drain.taken(), waiting.min(want).min(n));
                let taken = drain.taken();
                if word.once_in(4) {
                    std::mem::forget(drain);
                } else {
                    drop(drain);
                    self.queue.drain(..taken as usize);
                }
            }
            _ => drop(ring.peek(word.greedy(most))),
        }
    }

    fn kernel(&mut self, word: &mut Word, mut put: impl FnMut(Put<T>) -> bool) {
        let room = self.entries - self.queue.len() as u32;
        let n = word.amount(self.entries * 2);
        if word.once_in(2) {
            // Written in any order, published at once.
            for ahead in (0..n).rev() {
                assert_eq!(put(Put::Ahead(ahead, (self.make)(self.next + u64::from(ahead)))), ahead < room);
            }
            put(Put::Publish(n.min(room)));
        } else {
            for i in 0..n {
                let done = put(Put::Next((self.make)(self.next + u64::from(i))));
                assert_eq!(done, i < room);
                if !done {
                    break;
                }
            }
        }
        for _ in 0..n.min(room) {
            self.queue.push_back((self.make)(self.next));
            self.next += 1;
        }
    }

    fn check(&self, ring: &ConsumerRing<T>) {
        assert_eq!(ring.waiting() as usize, self.queue.len());
        assert_eq!(self.watch.pending() as usize, self.queue.len());
        assert_eq!((ring.entries(), ring.faults()), (self.entries, 0));
    }
}
