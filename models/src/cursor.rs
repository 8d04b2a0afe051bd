//! One end of a ring against counters that never wrap.

use std::sync::atomic::{AtomicU32, Ordering};

use xdp_core::Entries;
use xdp_core::cursor::{Consumer, Producer, Span};

use crate::Word;

/// What happens to one end of a ring.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// We look for this many entries, and hand over that many of what was seen.
    Ours { want: u32, hand_over: u32 },
    /// We hand over without looking: what was seen before.
    Unseen(u32),
    /// The other side moves this many, as far as the protocol lets it.
    Theirs(u32),
}

impl Step {
    fn from(word: u64, entries: u32) -> Self {
        let mut word = Word::new(word);
        let most = entries.saturating_mul(2);
        match word.below(8) {
            0..4 => Self::Ours { want: word.greedy(most), hand_over: word.greedy(most) },
            4 => Self::Unseen(word.greedy(most)),
            _ => Self::Theirs(word.greedy(most)),
        }
    }
}

/// The two words of a ring, and what has happened to it in numbers that do not wrap.
struct Counters {
    start: u32,
    entries: u32,
    own: AtomicU32,
    kernel: AtomicU32,
    /// Entries that we have handed over since the start.
    ours: u64,
    /// Entries that the other side has moved by since the start.
    theirs: u64,
    /// The latter as our end has last seen it.
    seen: u64,
}

impl Counters {
    fn new(start: u32, entries: u32) -> Self {
        let (own, kernel) = (AtomicU32::new(start), AtomicU32::new(start));
        Self { start, entries, own, kernel, ours: 0, theirs: 0, seen: 0 }
    }

    /// The word that stands for a number of entries.
    fn word(&self, moved: u64) -> u32 {
        (u64::from(self.start) + moved) as u32
    }

    fn move_theirs(&mut self, n: u64) {
        self.theirs += n;
        self.kernel.store(self.word(self.theirs), Ordering::Release);
    }

    fn check_own_word(&self, step: Step) {
        assert_eq!(self.own.load(Ordering::Relaxed), self.word(self.ours), "{step:?}");
    }
}

/// A ring of a length, with indices near the wrap.
fn rig(words: &[u64]) -> Option<(Entries, Counters, &[u64])> {
    let (first, steps) = words.split_first()?;
    let mut word = Word::new(*first);
    let entries = Entries::new(word.entries())?;
    Some((entries, Counters::new(word.start(), entries.get()), steps))
}

/// A producer never exceeds the ring, never moves backwards, and reads the other word only when its view is too short.
pub fn producer(words: &[u64]) {
    let Some((entries, mut model, steps)) = rig(words) else { return };
    let mut producer = Producer::new(entries, model.start);
    // What a fresh end may write is what it has seen consumed, and it has seen nothing.
    let mut limit = 0u64;
    for word in steps {
        let step = Step::from(*word, model.entries);
        match step {
            Step::Ours { want, hand_over } => {
                if limit - model.ours < u64::from(want) {
                    limit = model.theirs + u64::from(model.entries);
                }
                let len = (limit - model.ours).min(want.into()) as u32;
                let span = producer.reserve(want, &model.kernel);
                assert_eq!(span, Span { first: model.word(model.ours), len }, "{step:?}");
                producer.submit(hand_over.min(span.len), &model.own);
                model.ours += u64::from(hand_over.min(span.len));
            }
            Step::Unseen(n) => {
                producer.submit(n, &model.own);
                model.ours += u64::from(n).min(limit - model.ours);
            }
            Step::Theirs(n) => model.move_theirs(u64::from(n).min(model.ours - model.theirs)),
        }
        model.check_own_word(step);
        assert_eq!(u64::from(producer.room()), limit - model.ours, "{step:?}");
        assert_eq!(u64::from(producer.outstanding(&model.kernel)), model.ours - model.theirs, "{step:?}");
        assert_eq!((producer.next(), producer.faults()), (model.word(model.ours), 0), "{step:?}");
    }
}

/// A consumer never passes the producer, and reads the other word only when its view is too short.
pub fn consumer(words: &[u64]) {
    let Some((entries, mut model, steps)) = rig(words) else { return };
    let mut consumer = Consumer::new(entries, model.start);
    for word in steps {
        let step = Step::from(*word, model.entries);
        match step {
            Step::Ours { want, hand_over } => {
                if model.seen - model.ours < u64::from(want) {
                    model.seen = model.theirs;
                }
                let len = (model.seen - model.ours).min(want.into()) as u32;
                let span = consumer.peek(want, &model.kernel);
                assert_eq!(span, Span { first: model.word(model.ours), len }, "{step:?}");
                consumer.release(hand_over.min(span.len), &model.own);
                model.ours += u64::from(hand_over.min(span.len));
            }
            Step::Unseen(n) => {
                consumer.release(n, &model.own);
                model.ours += u64::from(n).min(model.seen - model.ours);
            }
            Step::Theirs(n) => {
                let room = u64::from(model.entries) - (model.theirs - model.ours);
                model.move_theirs(u64::from(n).min(room));
            }
        }
        model.check_own_word(step);
        assert_eq!(u64::from(consumer.available()), model.seen - model.ours, "{step:?}");
        assert_eq!(u64::from(consumer.waiting(&model.kernel)), model.theirs - model.ours, "{step:?}");
        assert_eq!((consumer.next(), consumer.faults()), (model.word(model.ours), 0), "{step:?}");
    }
}

/// How far `word` is ahead of `base`, as the ring means it: by division, not by wrapping.
fn ahead(word: u32, base: u32) -> u64 {
    ((1u64 << 32) + u64::from(word) - u64::from(base)) % (1 << 32)
}

/// A word of the other side.
fn hostile_word(word: &mut Word, honest: u32, entries: u32) -> u32 {
    match word.below(6) {
        0 => honest,
        1 => honest.wrapping_add(word.amount(entries)),
        2 => honest.wrapping_sub(word.amount(entries.saturating_mul(2))),
        3 => honest.wrapping_add(entries).wrapping_add(word.below(3)).wrapping_sub(1),
        4 => honest.wrapping_add(1 << 31).wrapping_add(word.below(3)).wrapping_sub(1),
        _ => word.rest() as u32,
    }
}

/// Whatever the other side's word says: no more than the ring is offered, nothing that was offered is taken back, and
/// what cannot be is ignored and counted.
pub fn hostile_words(words: &[u64]) {
    let Some((entries, model, steps)) = rig(words) else { return };
    let (mut producer, mut consumer) =
        (Producer::new(entries, model.start), Consumer::new(entries, model.start));
    let (mut room, mut available, mut faults) = (0u64, 0u64, [0u32; 2]);
    let size = u64::from(model.entries);
    for word in steps {
        let mut word = Word::new(*word);
        let (want, hand_over) = (word.greedy(model.entries), word.greedy(model.entries));
        // Of the producer's end.
        let their = hostile_word(&mut word.clone(), producer.next(), model.entries);
        model.kernel.store(their, Ordering::Relaxed);
        if room < u64::from(want) {
            let offered = ahead(their.wrapping_add(model.entries), producer.next());
            if (room..=size).contains(&offered) { room = offered } else { faults[0] += 1 }
        }
        assert_eq!(u64::from(producer.reserve(want, &model.kernel).len), room.min(want.into()));
        assert!(producer.outstanding(&model.kernel) <= model.entries);
        producer.submit(hand_over, &model.own);
        room -= u64::from(hand_over).min(room);
        assert_eq!((u64::from(producer.room()), producer.faults()), (room, faults[0]));
        // And of the consumer's.
        let their = hostile_word(&mut word, consumer.next(), model.entries);
        model.kernel.store(their, Ordering::Relaxed);
        if available < u64::from(want) {
            let offered = ahead(their, consumer.next());
            if (available..=size).contains(&offered) { available = offered } else { faults[1] += 1 }
        }
        assert_eq!(u64::from(consumer.peek(want, &model.kernel).len), available.min(want.into()));
        assert!(consumer.waiting(&model.kernel) <= model.entries);
        consumer.release(hand_over, &model.own);
        available -= u64::from(hand_over).min(available);
        assert_eq!((u64::from(consumer.available()), consumer.faults()), (available, faults[1]));
    }
}
