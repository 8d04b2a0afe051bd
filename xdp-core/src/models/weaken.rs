//! Which ordering of ours a model runs without.

use std::cell::Cell;

use crate::sync::Ordering;

/// An ordering of the modules' tables, and the weaker one that is to take its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weaker {
    pub(super) row: u8,
    pub(super) from: Ordering,
    pub(super) to: Ordering,
}

impl Weaker {
    /// Without the ordering of this row.
    pub(super) const fn relaxed(row: u8, from: Ordering) -> Self {
        Self { row, from, to: Ordering::Relaxed }
    }
}

std::thread_local! {
    /// A model's threads are coroutines of the thread that checks it, so tests that run side by side do not meet
    /// here.
    static WEAKER: Cell<Option<Weaker>> = const { Cell::new(None) };
}

/// The ordering of the access with this number: its own, unless it is the one to do without.
pub(crate) fn row(number: u8, order: Ordering) -> Ordering {
    match WEAKER.get() {
        Some(weaker) if (weaker.row, weaker.from) == (number, order) => weaker.to,
        _ => order,
    }
}

/// Runs `model` without an ordering.
pub(super) fn run<T>(weaker: Option<Weaker>, model: impl FnOnce() -> T) -> T {
    let _restore = Restore(WEAKER.replace(weaker));
    model()
}

struct Restore(Option<Weaker>);

impl Drop for Restore {
    fn drop(&mut self) {
        WEAKER.set(self.0);
    }
}
