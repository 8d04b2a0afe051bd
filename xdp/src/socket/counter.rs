//! A number that one thread counts and any may read.

use std::ops::AddAssign;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that its owner counts and others read, a little later: no locked instruction, as there is one owner.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    value: u64,
    told: Arc<AtomicU64>,
}

impl Counter {
    /// Counts from 0, for those who read `told`.
    pub(crate) fn new(told: &Arc<AtomicU64>) -> Self {
        Self { value: 0, told: Arc::clone(told) }
    }

    /// As the owner knows it.
    pub(crate) fn get(&self) -> u64 {
        self.value
    }
}

impl AddAssign<u64> for Counter {
    fn add_assign(&mut self, more: u64) {
        self.value += more;
        self.told.store(self.value, Ordering::Relaxed); // one writer: the owner
    }
}
