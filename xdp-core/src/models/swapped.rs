//! The atomic of the return path's head, so that the model checker explores what it would skip.
//!
//! loom remembers one last access of an atomic, not one a thread: a thread that loads a word and then swaps it hides
//! that another thread has loaded it before, and the order in which the other comes second is never run
//! (<https://github.com/tokio-rs/loom/issues/392>, <https://github.com/tokio-rs/loom/issues/166>). Here every access
//! comes after a swap of a second word, which stands for a turn: of those, all orders are run. It is relaxed, and the
//! models that use it have no fence, so it orders no memory.
//!
//! The ring's words need none of this: each has one thread that stores and never loads, and one that loads.

use crate::sync::Ordering;

#[derive(Debug)]
pub(crate) struct AtomicU64 {
    turn: loom::sync::atomic::AtomicU8,
    word: loom::sync::atomic::AtomicU64,
}

impl AtomicU64 {
    pub(crate) fn new(value: u64) -> Self {
        Self { turn: loom::sync::atomic::AtomicU8::new(0), word: loom::sync::atomic::AtomicU64::new(value) }
    }

    pub(crate) fn load(&self, order: Ordering) -> u64 {
        self.take_turn();
        self.word.load(order)
    }

    pub(crate) fn compare_exchange_weak(
        &self,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.take_turn();
        self.word.compare_exchange_weak(current, new, success, failure)
    }

    pub(crate) fn with_mut<R>(&mut self, f: impl FnOnce(&mut u64) -> R) -> R {
        self.word.with_mut(f)
    }

    fn take_turn(&self) {
        self.turn.swap(0, Ordering::Relaxed);
    }
}
