//! The atomics of this crate, and the orderings of the numbered rows, in one place, so that a model checker can take
//! the place of both.
//!
//! Only this crate's own models see anything but `core` here: a program that is built with `--cfg loom` for its own
//! sake gets the ordinary crate.

#[cfg(not(all(test, loom)))]
pub(crate) use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering, fence};
#[cfg(all(test, loom))]
pub(crate) use loom::sync::atomic::{AtomicU8, AtomicU32, Ordering, fence};

#[cfg(all(test, loom))]
pub(crate) use crate::models::{swapped::AtomicU64, weaken::row};

/// The ordering of an access, by the number of its row in the modules' tables.
///
/// This says nothing but the ordering; in a model it may say a weaker one, to see the model fail.
#[cfg(not(all(test, loom)))]
#[inline(always)]
pub(crate) const fn row(_number: u8, order: Ordering) -> Ordering {
    order
}
