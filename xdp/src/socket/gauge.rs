//! What the accounting and the metrics read of a socket.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_utils::CachePadded;
use xdp_core::ring::RingWatch;

use crate::socket::metrics::{Occupancy, RingMetrics};
use crate::socket::statistics::Statistics;

/// What the accounting and the metrics read of a socket: apart from the socket, so that whoever reads it does not
/// keep the socket open. At most, a close waits for one look.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    watches: Mutex<Watches>,
    /// Chunks in the pool of each half, told by the half itself.
    pub(super) rx_pool: CachePadded<AtomicU32>,
    pub(super) tx_pool: CachePadded<AtomicU32>,
    /// What each half has counted, told by the half itself.
    pub(crate) rx_counts: Counts,
    pub(crate) tx_counts: Counts,
}

/// What a half counts.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) system_calls: Arc<AtomicU64>,
    pub(crate) refused: Arc<AtomicU64>,
}

/// Rings that can be looked at while the halves use them.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    pub(crate) rx: Option<RingWatch>,
    pub(crate) completion: Option<RingWatch>,
    pub(crate) fill: Option<RingWatch>,
    pub(crate) tx: Option<RingWatch>,
    pub(crate) lane: Option<RingWatch>,
    /// To ask the kernel for its counters, once somebody wants them.
    pub(crate) descriptor: Option<OwnedFd>,
}

/// Entries that wait in the rings, and chunks in the pools.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pending {
    pub(crate) rx: u32,
    pub(crate) completion: u32,
    pub(crate) pools: u32,
}

impl Gauge {
    /// Replaces what is looked at; watches keep their rings mapped.
    pub(super) fn watch(&self, watches: Watches) {
        *self.watches() = watches;
    }

    /// Keeps a descriptor of the socket to ask for its counters, unless there is one.
    pub(super) fn lend(&self, descriptor: impl FnOnce() -> Option<OwnedFd>) {
        let mut watches = self.watches();
        if watches.descriptor.is_none() {
            watches.descriptor = descriptor();
        }
    }

    /// The rings and the kernel's counters, in one look.
    pub(super) fn look(&self) -> (RingMetrics, Option<Statistics>) {
        let watches = self.watches();
        let occupancy = |watch: &Option<RingWatch>| {
            let watch = watch.as_ref()?;
            let (consumed, pending) = watch.consumed_and_pending();
            Some(Occupancy { pending, entries: watch.entries(), consumed })
        };
        let rings = RingMetrics {
            rx: occupancy(&watches.rx),
            tx: occupancy(&watches.tx),
            fill: occupancy(&watches.fill),
            completion: occupancy(&watches.completion),
        };
        let asked = watches.descriptor.as_ref().and_then(|socket| Statistics::of(socket.as_fd()).ok());
        (rings, asked)
    }

    fn watches(&self) -> MutexGuard<'_, Watches> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One look.
    pub(crate) fn pending(&self) -> Pending {
        let watches = self.watches();
        let pending = |watch: &Option<RingWatch>| watch.as_ref().map_or(0, RingWatch::pending);
        Pending {
            rx: pending(&watches.rx),
            completion: pending(&watches.completion),
            pools: pending(&watches.lane)
                + self.rx_pool.load(Ordering::Relaxed)
                + self.tx_pool.load(Ordering::Relaxed),
        }
    }
}
