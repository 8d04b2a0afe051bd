use std::collections::VecDeque;
use std::vec::Vec;

use proptest::prelude::*;

use crate::desc::{Addr, Desc, Options};
use crate::fake::{FakeKernel, FakeRings, Wakeup};
use crate::wake::WakePolicy;

/// What a test does to a ring that is filled by us and emptied by the kernel, or the other way round.
#[derive(Debug, Clone)]
enum Step {
    /// One call that copies a batch of this size.
    Bulk(u32),
    /// One entry through the fast path.
    Single,
    /// Look for some, then hand over in two portions and drop the rest.
    Batch { want: u32, first: u32, second: u32 },
    /// The kernel moves this many.
    Kernel(u32),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0u32..70).prop_map(Step::Bulk),
        Just(Step::Single),
        (0u32..70, 0u32..40, 0u32..40).prop_map(|(want, first, second)| Step::Batch { want, first, second }),
        (0u32..70).prop_map(Step::Kernel),
    ]
}

fn near_wrap() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0u32), (0u32..200).prop_map(|back| u32::MAX - back), any::<u32>()]
}

fn rig(log2: u32, start: u32) -> (FakeKernel, FakeRings) {
    FakeKernel::starting_at(1 << log2, start).unwrap()
}

fn desc(n: u64) -> Desc {
    Desc { addr: Addr(n), len: n as u32, options: Options::NONE }
}

/// The fill ring against a queue: what the kernel takes is what was submitted, in order, once.
fn fill_model(log2: u32, start: u32, steps: &[Step]) -> Result<(), TestCaseError> {
    let (mut kernel, mut rings) = rig(log2, start);
    let room = |model: &VecDeque<u64>| (1usize << log2) - model.len();
    let (mut model, mut next) = (VecDeque::new(), 0u64);
    for step in steps {
        match *step {
            Step::Bulk(n) => {
                let source: Vec<u64> = (next..next + u64::from(n)).collect();
                let done = rings.fill.submit_from(&source);
                prop_assert_eq!(done, source.len().min(room(&model)));
                model.extend(&source[..done]);
                next += done as u64;
            }
            Step::Single => {
                let done = rings.fill.push(next);
                prop_assert_eq!(done, room(&model) > 0);
                if done {
                    model.push_back(next);
                    next += 1;
                }
            }
            Step::Batch { want, first, second } => {
                let mut batch = rings.fill.reserve(want);
                prop_assert_eq!(batch.len() as usize, room(&model).min(want as usize));
                prop_assert!(!batch.write(batch.len(), 0), "nothing can be written beyond the range");
                for i in 0..batch.len() {
                    batch.write(i, next + u64::from(i));
                }
                for portion in [first, second] {
                    let n = portion.min(batch.len());
                    batch.submit(portion);
                    model.extend(next..next + u64::from(n));
                    next += u64::from(n);
                }
            }
            Step::Kernel(n) => {
                for _ in 0..n {
                    prop_assert_eq!(kernel.take_fill(), model.pop_front());
                }
            }
        }
        prop_assert_eq!(rings.fill.outstanding() as usize, model.len());
    }
    Ok(())
}

/// The completion ring against a queue: what we take is what the kernel put, in order, once.
fn completion_model(log2: u32, start: u32, steps: &[Step]) -> Result<(), TestCaseError> {
    let (mut kernel, mut rings) = rig(log2, start);
    let (mut model, mut next) = (VecDeque::new(), 0u64);
    for step in steps {
        match *step {
            Step::Bulk(n) => {
                let mut target = std::vec![u64::MAX; n as usize];
                let done = rings.completion.release_into(&mut target);
                prop_assert_eq!(done, model.len().min(n as usize));
                for addr in &target[..done] {
                    prop_assert_eq!(Some(*addr), model.pop_front());
                }
            }
            Step::Single => prop_assert_eq!(rings.completion.pop(), model.pop_front()),
            Step::Batch { want, first, second } => {
                let mut batch = rings.completion.peek(want);
                prop_assert_eq!(batch.len() as usize, model.len().min(want as usize));
                prop_assert_eq!(batch.get(batch.len()), None);
                for portion in [first, second] {
                    let n = portion.min(batch.len());
                    let (before, after) = batch.runs();
                    for (i, addr) in before.iter().chain(after).take(n as usize).enumerate() {
                        prop_assert_eq!(batch.get(i as u32), Some(*addr));
                        prop_assert_eq!(Some(*addr), model.pop_front());
                    }
                    batch.release(portion);
                }
            }
            Step::Kernel(n) => {
                for _ in 0..n {
                    let done = kernel.complete(Addr(next));
                    prop_assert_eq!(done, model.len() < 1 << log2);
                    if done {
                        model.push_back(next);
                        next += 1;
                    }
                }
            }
        }
        prop_assert_eq!(rings.completion.waiting() as usize, model.len());
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_filled_ring_is_a_bounded_queue(log2 in 0u32..=15, start in near_wrap(), steps in prop::collection::vec(any_step(), 0..200)) {
        fill_model(log2, start, &steps)?;
    }

    #[test]
    fn an_emptied_ring_is_a_bounded_queue(log2 in 0u32..=15, start in near_wrap(), steps in prop::collection::vec(any_step(), 0..200)) {
        completion_model(log2, start, &steps)?;
    }

    /// Batches of every size over many laps: each chunk that was sent completes once.
    #[test]
    fn every_chunk_comes_back_once(log2 in 1u32..=8, start in near_wrap(), sizes in prop::collection::vec(2u32..=256, 1..60)) {
        let (mut kernel, mut rings) = rig(log2, start);
        let entries = 1u64 << log2;
        let mut free: Vec<u64> = (0..entries).collect();
        for size in sizes {
            let mut batch = rings.tx.reserve(size.min(entries as u32));
            let n = batch.len().min(free.len() as u32);
            for i in 0..n {
                batch.write(i, desc(free.pop().unwrap()));
            }
            batch.submit(n);
            while let Some(sent) = kernel.transmit() {
                prop_assert!(kernel.complete(sent.addr));
            }
            while let Some(addr) = rings.completion.pop() {
                prop_assert!(!free.contains(&addr), "chunk {} came back twice", addr);
                free.push(addr);
            }
            prop_assert_eq!(free.len() as u64, entries);
        }
    }

    /// Whatever the kernel's indices say, nothing panics and no range is longer than the ring.
    #[test]
    fn hostile_indices_stay_inside_the_ring(log2 in 0u32..=10, start in near_wrap(), words in prop::collection::vec(any::<[u32; 4]>(), 0..60), want: u32) {
        let (mut kernel, mut rings) = rig(log2, start);
        for [fill, tx, rx, completion] in words {
            kernel.force_indices(fill, tx, rx, completion);
            let mut batch = rings.fill.reserve(want);
            let (first, second) = batch.runs();
            prop_assert!(first.len() + second.len() <= 1 << log2);
            first.fill(7);
            second.fill(7);
            batch.submit(want);
            let mut batch = rings.rx.peek(want);
            let (first, second) = batch.runs();
            prop_assert!(first.len() + second.len() <= 1 << log2);
            batch.release(want);
            prop_assert!(rings.tx.outstanding() <= 1 << log2);
            prop_assert!(rings.completion.waiting() <= 1 << log2);
        }
    }
}

#[test]
fn a_fresh_rx_ring_yields_nothing_at_every_size() {
    for log2 in 0..=15 {
        let (_kernel, mut rings) = rig(log2, u32::MAX - 3);
        assert!(rings.rx.peek(u32::MAX).is_empty());
        assert_eq!(rings.rx.pop(), None);
        assert!(rings.completion.peek(u32::MAX).is_empty());
    }
}

/// Push, submit, push, submit in one batch publishes the slots in order, and what was written but not submitted stays
/// ours.
#[test]
fn portions_of_a_batch_are_published_in_order_and_the_rest_is_cancelled() {
    let (mut kernel, mut rings) = rig(3, u32::MAX - 2);
    let mut batch = rings.tx.reserve(6);
    batch.write(0, desc(1));
    batch.submit(1);
    batch.write(0, desc(2));
    batch.write(1, desc(3));
    batch.submit(2);
    batch.write(0, desc(99)); // and never submitted
    assert!(rings.tx.push(desc(4)));
    let sent: Vec<u64> = core::iter::from_fn(|| kernel.transmit()).map(|d| d.addr.0).collect();
    assert_eq!(sent, [1, 2, 3, 4]);
}

#[test]
fn the_range_wraps_into_two_runs() {
    let (_kernel, mut rings) = rig(3, u32::MAX - 2); // slots 5, 6, 7, then 0..
    let mut batch = rings.fill.reserve(8);
    let (first, second) = batch.runs();
    assert_eq!((first.len(), second.len()), (3, 5));
}

#[test]
fn a_full_ring_still_asks_for_its_kick() {
    let (kernel, mut rings) = rig(2, 0);
    assert_eq!(rings.tx.submit_from(&[desc(1); 9]), 4);
    kernel.ask_for_wakeup(Wakeup::NotNeeded, Wakeup::Needed);
    assert_eq!(rings.tx.submit_from(&[desc(1)]), 0);
    assert!(WakePolicy::WhenAsked.needs_kick(rings.tx.flags_after_submit(), rings.tx.outstanding()));
    kernel.ask_for_wakeup(Wakeup::Needed, Wakeup::NotNeeded);
    assert!(!WakePolicy::WhenAsked.needs_kick(rings.tx.flags(), rings.tx.outstanding()));
}

#[test]
fn a_loop_on_the_wakeup_flag_ends() {
    let (kernel, mut rings) = rig(2, 0);
    rings.tx.push(desc(1));
    kernel.ask_for_wakeup(Wakeup::NotNeeded, Wakeup::NotNeeded);
    let setter = std::thread::spawn(move || {
        kernel.ask_for_wakeup(Wakeup::Needed, Wakeup::Needed);
        kernel
    });
    // A plain load would be hoisted out of this loop under optimisation, and it would never end.
    while rings.tx.flags() == 0 {
        core::hint::spin_loop();
    }
    setter.join().unwrap();
}

proptest! {
    #[test]
    fn pairing_runs_is_pairing_the_concatenations(a in prop::collection::vec(any::<u64>(), 0..9), b in prop::collection::vec(any::<u64>(), 0..9), c in 0usize..9, d in 0usize..9) {
        let (mut first, mut second) = (std::vec![0u64; c], std::vec![0u64; d]);
        let n = super::pair_runs((&a, &b), (&mut first, &mut second), |from, to| {
            to.copy_from_slice(from);
            from.len()
        });
        let source: Vec<u64> = a.iter().chain(&b).copied().collect();
        let target: Vec<u64> = first.into_iter().chain(second).collect();
        // An empty first run with a second one behind it does not come from a ring; whatever is copied is a prefix.
        prop_assert_eq!(&target[..n], &source[..n]);
        if (!a.is_empty() || b.is_empty()) && (c > 0 || d == 0) {
            prop_assert_eq!(n, source.len().min(target.len()));
        }
    }
}

#[test]
fn what_was_drained_is_released_around_the_wrap_and_the_rest_is_offered_again() {
    let (mut kernel, mut rings) = rig(2, u32::MAX - 2); // slots 1, 2, 3, then 0
    for n in 0..4 {
        assert!(kernel.complete(Addr(n)));
    }
    let mut drained = rings.completion.peek(u32::MAX).drain();
    assert_eq!(drained.len(), 4);
    assert_eq!(drained.by_ref().take(3).collect::<Vec<_>>(), [0, 1, 2]);
    drop(drained);
    assert!(kernel.complete(Addr(4)));
    let forgotten = rings.completion.peek(1).drain();
    core::mem::forget(forgotten);
    assert_eq!(rings.completion.peek(u32::MAX).drain().collect::<Vec<_>>(), [3, 4]);
    assert_eq!(rings.completion.waiting(), 0);
}
