use std::collections::BTreeSet;
use std::thread;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::desc::Desc;
use crate::layout::{Chunk, ChunkSize, UmemLayout};

fn layout(chunks: u32) -> UmemLayout {
    UmemLayout::new(ChunkSize::K2, chunks, 0).unwrap()
}

proptest! {
    #[test]
    fn a_pool_is_a_stack(steps in prop::collection::vec((0u32..5, 0u32..9), 0..200)) {
        let mut pool = Pool::with_capacity(16);
        let (mut model, mut next) = (Vec::new(), 0u64);
        for (kind, n) in steps {
            match kind {
                0 => { pool.push(next); model.push(next); next += 1; }
                1 => prop_assert_eq!(pool.pop(), model.pop()),
                2 => {
                    let many: Vec<u64> = (next..next + u64::from(n)).collect();
                    pool.extend(many.iter().copied());
                    model.extend(&many);
                    next += u64::from(n);
                }
                3 => prop_assert_eq!(pool.last(n), &model[model.len().saturating_sub(n as usize)..]),
                _ => { pool.forget_last(n); model.truncate(model.len().saturating_sub(n as usize)); }
            }
            prop_assert_eq!(pool.len() as usize, model.len());
            prop_assert_eq!(pool.is_empty(), model.is_empty());
        }
    }

    #[test]
    fn what_is_pushed_home_is_taken_once(batches in prop::collection::vec(1usize..9, 0..20)) {
        let layout = layout(256);
        let path = ReturnPath::new(layout);
        let mut addrs = (0..256).map(|n| layout.addr(Chunk(n)));
        let mut pushed = BTreeSet::new();
        for n in batches {
            let batch: Vec<u64> = addrs.by_ref().take(n).collect();
            path.push_all(&batch);
            pushed.extend(batch);
        }
        let mut pool = Pool::with_capacity(256);
        prop_assert_eq!(path.len() as usize, pushed.len());
        prop_assert_eq!(path.is_empty(), pushed.is_empty());
        prop_assert_eq!(path.take_all(&mut pool) as usize, pushed.len());
        prop_assert_eq!(path.len(), 0);
        prop_assert_eq!(pool.last(256).iter().copied().collect::<BTreeSet<_>>(), pushed);
        prop_assert_eq!(path.take_all(&mut pool), 0);
    }
}

#[test]
fn an_address_anywhere_in_a_chunk_brings_the_chunk_home_and_one_outside_is_ignored() {
    let path = ReturnPath::new(layout(4));
    path.push(2048 + 700);
    path.push_all(&[u64::MAX, 4 * 2048]);
    path.push(u64::MAX);
    path.push(4 * 2048);
    let mut pool = Pool::default();
    assert_eq!(path.take_all(&mut pool), 1);
    assert_eq!(pool.pop(), Some(2048));
}

#[test]
fn no_chunk_is_lost_or_doubled_between_threads() {
    const CHUNKS: u32 = 64;
    const ROUNDS: u32 = 2_000;
    let layout = layout(CHUNKS);
    let path = ReturnPath::new(layout);
    path.push_all(&(0..CHUNKS).map(|n| layout.addr(Chunk(n))).collect::<Vec<_>>());
    // Each thread takes all there is, then gives it back one by one and in bulk; in between, chunks are in exactly
    // one pool.
    let left: Vec<Pool> = thread::scope(|scope| {
        let worker = |keep: u32| {
            let path = &path;
            move || {
                let mut pool = Pool::with_capacity(CHUNKS);
                for _ in 0..ROUNDS {
                    path.take_all(&mut pool);
                    assert!(pool.len() <= CHUNKS);
                    let bulk = pool.len().saturating_sub(keep) / 2;
                    path.push_all(pool.last(bulk));
                    pool.forget_last(bulk);
                    while pool.len() > keep {
                        path.push(pool.pop().unwrap());
                    }
                }
                pool
            }
        };
        let threads = [scope.spawn(worker(3)), scope.spawn(worker(5)), scope.spawn(worker(0))];
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut all = Pool::with_capacity(CHUNKS);
    path.take_all(&mut all);
    let mut chunks: Vec<u64> = all.last(CHUNKS).to_vec();
    left.iter().for_each(|pool| chunks.extend_from_slice(pool.last(CHUNKS)));
    assert_eq!(chunks.len(), CHUNKS as usize, "as many as there were");
    assert_eq!(chunks.iter().collect::<BTreeSet<_>>().len(), CHUNKS as usize, "and no two the same");
}

#[test]
fn custody_believes_the_kernel_only_about_what_it_has() {
    let layout = layout(8);
    let table = Custody::new(layout);
    let custody = table.view();
    let third = 3 * 2048 + 700; // anywhere in chunk 3
    custody.set(third, Holder::receiving(0));
    assert!(!custody.pass(third, Holder::sending(0), Holder::FREE), "handed to the fill ring, not to tx");
    assert!(!custody.pass(third, Holder::receiving(1), Holder::FREE), "of this socket, not of that");
    assert!(custody.is(third, Holder::receiving(0)));
    assert_eq!(table.held_by(Holder::receiving(0)).collect::<Vec<_>>(), [Chunk(3)]);
    assert!(custody.pass(third, Holder::receiving(0), Holder::HANDS));
    assert!(!custody.pass(third, Holder::receiving(0), Holder::HANDS), "a second time is refused");
    for beyond in [8 * 2048, u64::MAX] {
        custody.set(beyond, Holder::HANDS);
        assert!(!custody.is(beyond, Holder::HANDS), "no such chunk");
        assert!(!custody.pass(beyond, Holder::FREE, Holder::FREE), "no such chunk");
    }
    let counts = table.counts();
    assert_eq!((counts[usize::from(Holder::HANDS.byte())], counts.iter().sum::<u32>()), (1, 8));
}

proptest! {
    /// The one check on the hot path says the same as the layout and the table asked one by one.
    #[test]
    fn custody_vouches_for_what_lies_in_a_chunk_of_the_holder(addr in prop_oneof![0u64..9 * 2048, any::<u64>()], len in prop_oneof![0u32..4096, any::<u32>()], held in 0u64..8) {
        let layout = layout(8);
        let table = Custody::new(layout);
        let custody = table.view();
        custody.set(held * 2048, Holder::sending(3));
        let desc = Desc { addr: crate::desc::Addr(addr), len, options: crate::desc::Options::NONE };
        let expected = layout.place(desc).is_some_and(|place| u64::from(place.chunk.0) == held);
        prop_assert_eq!(custody.vouches_for(desc, Holder::sending(3)), expected);
    }
}

#[test]
fn holders_of_different_sockets_and_ends_differ() {
    let mut seen = BTreeSet::from([Holder::FREE.byte(), Holder::HANDS.byte()]);
    for socket in 0..Holder::SOCKETS {
        assert!(seen.insert(Holder::receiving(socket).byte()) && seen.insert(Holder::sending(socket).byte()));
    }
}
