use std::collections::VecDeque;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone, Copy)]
enum Step {
    /// We look for this many entries and submit or release that many of them.
    Ours { want: u32, hand_over: u32 },
    /// The other side consumes or produces up to this many.
    Theirs(u32),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0u32..80, 0u32..80).prop_map(|(want, hand_over)| Step::Ours { want, hand_over }),
        (0u32..80).prop_map(Step::Theirs),
    ]
}

fn near_wrap() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0u32), (0u32..200).prop_map(|back| u32::MAX - back), any::<u32>()]
}

/// A producer is one end of a bounded queue: the model is the queue's length.
fn producer_model(log2: u32, start: u32, steps: &[Step]) -> Result<(), TestCaseError> {
    let entries = Entries::new(1 << log2).unwrap();
    let (own, kernel) = (AtomicU32::new(start), AtomicU32::new(start));
    let mut producer = Producer::new(entries, start);
    let mut queued = 0u32;
    for step in steps {
        match *step {
            Step::Ours { want, hand_over } => {
                let span = producer.reserve(want, &kernel);
                prop_assert_eq!(span.first, own.load(Ordering::Relaxed));
                prop_assert!(
                    span.len <= want && span.len <= entries.get() - queued,
                    "never more than is free"
                );
                prop_assert_eq!(span.len, want.min(entries.get() - queued), "and all of it");
                let n = hand_over.min(span.len);
                producer.submit(n, &own);
                queued += n;
            }
            Step::Theirs(n) => {
                let n = n.min(queued);
                queued -= n;
                kernel.store(kernel.load(Ordering::Relaxed).wrapping_add(n), Ordering::Release);
            }
        }
        let published = own.load(Ordering::Relaxed).wrapping_sub(kernel.load(Ordering::Relaxed));
        prop_assert_eq!(published, queued);
        prop_assert_eq!(producer.outstanding(&kernel), queued);
        prop_assert_eq!(producer.faults(), 0);
    }
    Ok(())
}

/// A consumer is the other end: the model is a queue of the very indices.
fn consumer_model(log2: u32, start: u32, steps: &[Step]) -> Result<(), TestCaseError> {
    let entries = Entries::new(1 << log2).unwrap();
    let (own, kernel) = (AtomicU32::new(start), AtomicU32::new(start));
    let mut consumer = Consumer::new(entries, start);
    let mut queue = VecDeque::new();
    for step in steps {
        match *step {
            Step::Ours { want, hand_over } => {
                let span = consumer.peek(want, &kernel);
                prop_assert_eq!(span.len as usize, queue.len().min(want as usize));
                for i in 0..hand_over.min(span.len) {
                    prop_assert_eq!(queue.pop_front(), Some(span.first.wrapping_add(i)));
                }
                consumer.release(hand_over.min(span.len), &own);
            }
            Step::Theirs(n) => {
                for _ in 0..n.min(entries.get() - queue.len() as u32) {
                    let index = kernel.load(Ordering::Relaxed);
                    queue.push_back(index);
                    kernel.store(index.wrapping_add(1), Ordering::Release);
                }
            }
        }
        prop_assert_eq!(consumer.waiting(&kernel) as usize, queue.len());
        prop_assert_eq!(consumer.faults(), 0);
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_producer_never_exceeds_the_ring_and_never_moves_backwards(log2 in 0u32..=15, start in near_wrap(), steps in prop::collection::vec(any_step(), 0..300)) {
        producer_model(log2, start, &steps)?;
    }

    #[test]
    fn a_consumer_never_passes_the_producer(log2 in 0u32..=15, start in near_wrap(), steps in prop::collection::vec(any_step(), 0..300)) {
        consumer_model(log2, start, &steps)?;
    }

    /// Whatever the other side writes, no more than the ring is ever offered, and submitting moves by what was offered.
    #[test]
    fn a_hostile_word_is_clamped(log2 in 0u32..=15, start in near_wrap(), words in prop::collection::vec((any::<u32>(), any::<u32>(), any::<u32>()), 0..100)) {
        let entries = Entries::new(1 << log2).unwrap();
        let (own, kernel) = (AtomicU32::new(start), AtomicU32::new(start));
        let mut producer = Producer::new(entries, start);
        let mut consumer = Consumer::new(entries, start);
        for (word, want, hand_over) in words {
            kernel.store(word, Ordering::Relaxed);
            let before = producer.next();
            let span = producer.reserve(want, &kernel);
            prop_assert!(span.len <= entries.get());
            producer.submit(hand_over, &own);
            prop_assert!(producer.next().wrapping_sub(before) <= entries.get());
            let before = consumer.next();
            let span = consumer.peek(want, &kernel);
            prop_assert!(span.len <= entries.get());
            consumer.release(hand_over, &own);
            prop_assert!(consumer.next().wrapping_sub(before) <= entries.get());
            prop_assert!(consumer.waiting(&kernel) <= entries.get());
        }
    }
}

#[test]
fn an_impossible_word_is_counted_and_the_last_good_view_stays() {
    let entries = Entries::new(8).unwrap();
    let kernel = AtomicU32::new(5);
    let mut consumer = Consumer::new(entries, 0);
    assert_eq!(consumer.peek(8, &kernel).len, 5);
    kernel.store(9, Ordering::Relaxed); // 9 entries in a ring of 8
    assert_eq!(consumer.peek(8, &kernel).len, 5);
    kernel.store(u32::MAX, Ordering::Relaxed); // behind what we released
    assert_eq!(consumer.peek(8, &kernel).len, 5);
    assert_eq!(consumer.faults(), 2);
}

#[test]
fn the_kernels_word_is_read_only_when_the_last_view_is_too_short() {
    let entries = Entries::new(8).unwrap();
    let (own, kernel) = (AtomicU32::new(0), AtomicU32::new(0));
    let mut producer = Producer::new(entries, 0);
    assert_eq!(producer.reserve(4, &kernel).len, 4);
    kernel.store(77, Ordering::Relaxed); // impossible: a look would be counted
    assert_eq!(producer.reserve(4, &kernel).len, 4);
    producer.submit(4, &own);
    assert_eq!(producer.reserve(4, &kernel).len, 4);
    assert_eq!(producer.faults(), 0);
    assert_eq!(producer.reserve(5, &kernel).len, 4);
    assert_eq!(producer.faults(), 1);
}

#[test]
fn entries_are_powers_of_two() {
    let good: Vec<u32> = (0..=40).filter(|&n| Entries::new(n).is_some()).collect();
    assert_eq!(good, [1, 2, 4, 8, 16, 32]);
    assert!(Entries::new(1 << 31).is_some() && Entries::new(u32::MAX).is_none());
}
