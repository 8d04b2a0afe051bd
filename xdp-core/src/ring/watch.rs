//! A look at a ring from outside. The invariant R1 stands in `ring`.

#![allow(unsafe_code, reason = "reads the two words of a mapped ring, proven against R1")]

use core::fmt;
use core::ptr::NonNull;

use super::Owner;
use crate::cursor::{self, Entries};
use crate::sync::AtomicU32;

/// A look at a ring's two indices from outside its end, for statistics while another thread uses the ring.
pub struct RingWatch {
    pub(super) producer: NonNull<AtomicU32>,
    pub(super) consumer: NonNull<AtomicU32>,
    pub(super) entries: Entries,
    pub(super) _owner: Owner,
}

// SAFETY: R1 holds on every thread as long as the owner lives, and the words are reached only as atomics.
unsafe impl Send for RingWatch {}

// SAFETY: as above.
unsafe impl Sync for RingWatch {}

impl fmt::Debug for RingWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RingWatch")
            .field("entries", &self.entries.get())
            .field("pending", &self.pending())
            .finish()
    }
}

impl RingWatch {
    /// Entries that are published and not yet consumed, at most the ring's length. Exact while neither side moves.
    pub fn pending(&self) -> u32 {
        let (producer, consumer) = self.words();
        cursor::pending(self.entries, producer, consumer)
    }

    /// The index that the consumer has come to, which counts the entries that it has taken, modulo 2^32; and at that
    /// moment [`RingWatch::pending`].
    pub fn consumed_and_pending(&self) -> (u32, u32) {
        let (producer, consumer) = self.words();
        cursor::consumed_and_pending(self.entries, producer, consumer)
    }

    fn words(&self) -> (&AtomicU32, &AtomicU32) {
        // SAFETY: R1, upheld by the owner that `self` holds.
        let producer = unsafe { self.producer.as_ref() };
        // SAFETY: as above.
        let consumer = unsafe { self.consumer.as_ref() };
        (producer, consumer)
    }

    /// The ring's length.
    pub const fn entries(&self) -> u32 {
        self.entries.get()
    }
}
