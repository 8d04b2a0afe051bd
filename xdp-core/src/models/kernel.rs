//! The kernel's ends of a ring, by hand, with the orderings of `net/xdp/xsk_queue.h`.
//!
//! One differs: a kernel's producer reads our consumer with `READ_ONCE` and a branch (`xskq_prod_nb_free`), and what
//! it writes then is ordered behind that load by the control dependency. The model checker knows no such thing, and
//! the nearest that it knows is Acquire.

use std::sync::Arc;
use std::vec::Vec;

use super::ring::{Ring, START};
use crate::sync::Ordering;

/// The end that empties: of the fill and the tx ring.
#[derive(Debug)]
pub(super) struct KernelTaker<T> {
    next: u32,
    ring: Arc<Ring<T>>,
}

impl<T: Copy + Default> KernelTaker<T> {
    pub(super) fn new(ring: &Arc<Ring<T>>) -> Self {
        Self { next: START, ring: Arc::clone(ring) }
    }

    /// Reads and releases what is there.
    pub(super) fn take(&mut self) -> Vec<T> {
        let produced = self.ring.producer.load(Ordering::Acquire); // smp_load_acquire in __xskq_cons_peek
        let n = produced.wrapping_sub(self.next);
        let entries: Vec<T> = (0..n).map(|i| self.ring.slot(self.next.wrapping_add(i)).get()).collect();
        if n > 0 {
            self.next = produced;
            self.ring.consumer.store(self.next, Ordering::Release); // smp_store_release in __xskq_cons_release
        }
        entries
    }
}

/// The end that fills: of the rx and the completion ring.
#[derive(Debug)]
pub(super) struct KernelPutter<T> {
    next: u32,
    ring: Arc<Ring<T>>,
}

impl<T: Copy + Default> KernelPutter<T> {
    pub(super) fn new(ring: &Arc<Ring<T>>) -> Self {
        Self { next: START, ring: Arc::clone(ring) }
    }

    /// Writes and submits as many as there is room for; returns how many.
    pub(super) fn put(&mut self, source: &[T]) -> usize {
        let consumed = self.ring.consumer.load(Ordering::Acquire); // READ_ONCE and a branch in xskq_prod_nb_free
        let room = self.ring.entries() - self.next.wrapping_sub(consumed);
        let n = source.len().min(room as usize);
        for entry in &source[..n] {
            self.ring.slot(self.next).set(*entry);
            self.next = self.next.wrapping_add(1);
        }
        if n > 0 {
            self.ring.producer.store(self.next, Ordering::Release); // smp_store_release in __xskq_prod_submit
        }
        n
    }
}
