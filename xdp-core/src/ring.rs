//! The four rings: a cursor over raw shared memory. The only raw access to ring memory is in this folder.
//!
//! A reserved or peeked range is handed out as at most two contiguous runs, before and after the wrap, so that
//! descriptors are copied in bulk. Nothing is claimed until `submit` or `release`: a range that is dropped is simply
//! offered again.
//!
//! - R1 the memory described by a [`RingMemory`] is mapped, aligned and initialised as long as its `owner` lives, and
//!   the ring holds it.
//! - R2 a slot is `index & mask`, so it is below `entries`.
//! - R3 by the protocol (`cursor`, rows 1 to 4) the other side does not touch the slots of a reserved or peeked range
//!   until we submit or release it. A range borrows the ring mutably, so there is one at a time.
//! - R4 an entry ([`Entry`]) is plain old data: any bit pattern is a value.

mod consumer;
mod heap;
mod memory;
mod producer;
mod watch;

use alloc::sync::Arc;
use core::fmt;

use crate::cursor::Entries;
use crate::desc::Desc;

pub use consumer::{ConsumerRing, Drain, Peeked};
pub use memory::RingMemory;
pub use producer::{ProducerRing, Reserved};
pub use watch::RingWatch;

mod sealed {
    #[expect(unnameable_types, reason = "sealing is what this trait is for")]
    pub trait Sealed {}
    impl Sealed for u64 {}
    impl Sealed for crate::desc::Desc {}
}

/// What stands in a ring: `u64` addresses (fill, completion) or [`Desc`] (rx, tx). Both are plain old data (R4).
pub trait Entry: Copy + Default + fmt::Debug + Send + Sync + 'static + sealed::Sealed {}
impl Entry for u64 {}
impl Entry for Desc {}

/// Where the parts of a ring lie in its mapping, in bytes from the mapping's start.
///
/// The kernel tells them (`XDP_MMAP_OFFSETS`); they have changed over time and are never to be assumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RingOffsets {
    /// The producer's index, a `u32`.
    pub producer: usize,
    /// The consumer's index, a `u32`.
    pub consumer: usize,
    /// The flags word, a `u32`.
    pub flags: usize,
    /// The first entry.
    pub entries: usize,
}

/// Whatever keeps a ring's memory mapped; it is dropped with the ring.
pub type Owner = Arc<dyn Send + Sync>;

/// Pairs a range that wraps here with a range that wraps there: calls `f` with at most three pairs of pieces of the same
/// length, in order. `f` says how much of a pair it has done; the first that is not done whole is the last.
///
/// Returns how many entries were done: at most as many as the shorter range has.
#[inline]
pub fn pair_runs<A: Entry, B: Entry>(
    from: (&[A], &[A]),
    to: (&mut [B], &mut [B]),
    mut f: impl FnMut(&[A], &mut [B]) -> usize,
) -> usize {
    let ((mut from, mut from_next), (mut to, mut to_next)) = (from, to);
    let mut paired = 0;
    loop {
        let n = from.len().min(to.len());
        let (from_now, from_left) = from.split_at(n);
        let (to_now, to_left) = to.split_at_mut(n);
        let done = f(from_now, to_now);
        paired += done;
        if done < n {
            return paired;
        }
        (from, to) = (from_left, to_left);
        if from.is_empty() {
            (from, from_next) = (from_next, &[]);
        }
        if to.is_empty() {
            (to, to_next) = (to_next, &mut []);
        }
        if from.is_empty() || to.is_empty() {
            return paired;
        }
    }
}

/// A ring between two of our own threads, in heap memory laid out as the kernel does: one end puts, the other takes.
///
/// No locked instruction and no system call; the same cursors as towards the kernel.
pub fn channel<T: Entry>(entries: Entries) -> (ProducerRing<T>, ConsumerRing<T>) {
    let (put, take) = RingMemory::on_heap(entries, 0);
    (ProducerRing::new(put), ConsumerRing::new(take))
}

#[cfg(all(test, feature = "fake-kernel"))]
mod tests;
