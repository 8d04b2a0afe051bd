//! Memory that is not atomic: the slots of a ring, the bytes of a packet.
//!
//! - P1 the threads of a model are coroutines of one thread, which change over at atomic accesses only: so no two
//!   accesses here overlap, and the model checker can say which two would.

#![allow(unsafe_code, reason = "reads and writes a cell that the model checker watches (P1)")]

use loom::cell::UnsafeCell;

/// A value that any thread may touch; a model fails if two do so and nothing orders them.
#[derive(Debug)]
pub(super) struct Plain<T>(UnsafeCell<T>);

// SAFETY: P1: no two accesses overlap, whatever the threads of the model do.
unsafe impl<T: Copy + Send> Sync for Plain<T> {}

impl<T: Copy> Plain<T> {
    pub(super) fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    pub(super) fn get(&self) -> T {
        // SAFETY: the pointer is to the cell that `self` borrows; nothing writes meanwhile (P1).
        self.0.with(|value| unsafe { value.read() })
    }

    pub(super) fn set(&self, value: T) {
        // SAFETY: the pointer is to the cell that `self` borrows; nothing reads or writes meanwhile (P1).
        self.0.with_mut(|target| unsafe { target.write(value) });
    }
}
