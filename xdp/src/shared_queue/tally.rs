//! What a member of a shared queue and the queue's owner tell each other, without a locked instruction on any path.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_utils::CachePadded;
use xdp_core::ring::ConsumerRing;

use crate::socket::port::Port;

/// What a member has of its queue.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) tally: Arc<Tally>,
    /// Keeps the queue's socket open (S3).
    pub(crate) queue: Arc<Port>,
}

/// What a member tells the owner.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Chunks that the receiving half has put into circulation, less those that it took out, wrapping (S4).
    circulating: CachePadded<AtomicU32>,
    /// The ring of completed chunks, when nobody takes them from it any more.
    left: Mutex<Option<ConsumerRing<u64>>>,
    has_left: AtomicBool,
}

impl Tally {
    /// Says what the receiving half, the one writer, has put in and taken out so far. Whoever sees what is published
    /// after this sees it, too.
    #[inline]
    pub(crate) fn tell(&self, circulating: u32) {
        self.circulating.store(circulating, Ordering::Relaxed);
    }

    /// What was told last.
    #[inline]
    pub(crate) fn told(&self) -> u32 {
        self.circulating.load(Ordering::Relaxed)
    }

    /// The sending half is gone; what has completed is the owner's to take.
    pub(crate) fn leave(&self, completed: ConsumerRing<u64>) {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = Some(completed);
        // Release: who sees it finds the ring.
        self.has_left.store(true, Ordering::Release);
    }

    /// What a sending half has left, once.
    pub(super) fn take_left(&self) -> Option<ConsumerRing<u64>> {
        if !self.has_left.load(Ordering::Acquire) {
            return None;
        }
        self.left.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
