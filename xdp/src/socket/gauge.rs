//! What the accounting reads of a socket.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use crossbeam_utils::CachePadded;
use xdp_core::ring::RingWatch;

/// What the accounting reads of a socket: apart from the socket, so that whoever reads it does not keep the socket open.
/// At most, a close waits for one look.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    watches: Mutex<Watches>,
    /// Chunks in the pool of each half, told by the half itself.
    pub(super) rx_pool: CachePadded<AtomicU32>,
    pub(super) tx_pool: CachePadded<AtomicU32>,
}

/// Rings that can be looked at while the halves use them.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    pub(crate) rx: Option<RingWatch>,
    pub(crate) completion: Option<RingWatch>,
    pub(crate) lane: Option<RingWatch>,
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
        *self.watches.lock().unwrap_or_else(PoisonError::into_inner) = watches;
    }

    /// One look.
    pub(crate) fn pending(&self) -> Pending {
        let watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
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
