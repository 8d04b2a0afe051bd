//! A ring in plain memory, for what is written by hand.
//!
//! It is laid out as the kernel's: both indices on cache lines of their own, then the entries. Where a real ring has
//! a pointer, a mask and offsets that are known only at run time, this one has constants, so no bounds check is left
//! when an index is masked, and the code by hand has less to load than any library can have: a floor that is a little
//! too low, never too high.

use std::sync::atomic::{AtomicU32, Ordering};

use xdp_core::wake::NEED_WAKEUP;

/// Entries of every ring.
pub(crate) const ENTRIES: u32 = 2048;

/// What an index is masked with to become a slot.
pub(crate) const MASK: u32 = ENTRIES - 1;

/// Where indices start: they pass `u32::MAX` in the first lap, and once a lap a batch of more than one wraps around
/// the end of the ring.
pub(crate) const START: u32 = u32::MAX - 770;

/// An index that both sides see, alone on its cache lines.
#[repr(align(128))]
#[derive(Debug)]
pub(crate) struct Index(AtomicU32);

impl Index {
    /// An index at [`START`].
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(START))
    }

    /// The word itself.
    #[inline(always)]
    pub(crate) fn word(&self) -> &AtomicU32 {
        &self.0
    }

    /// The other side's index.
    #[inline(always)]
    pub(crate) fn load(&self) -> u32 {
        self.0.load(Ordering::Acquire)
    }

    /// Publishes our own index.
    #[inline(always)]
    pub(crate) fn store(&self, index: u32) {
        self.0.store(index, Ordering::Release);
    }

    /// The kernel moves its index by `n`. Only it writes the word, so no read-modify-write is needed.
    #[inline(always)]
    pub(crate) fn skip(&self, n: u32) {
        self.store(self.0.load(Ordering::Relaxed).wrapping_add(n));
    }
}

/// A ring. The slots stand first, so that finding one takes no addition.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct PlainRing<T> {
    pub(crate) slots: [T; ENTRIES as usize],
    pub(crate) producer: Index,
    pub(crate) consumer: Index,
    /// What the kernel asks for.
    flags: AtomicU32,
    kernel: Kernel,
}

/// What the kernel knows of a ring: as much as the fake kernel of `xdp-core` does, so that both take the same time.
#[repr(align(128))]
#[derive(Debug)]
struct Kernel {
    /// Its own index.
    next: u32,
    /// Whether it has moved further than the protocol lets it.
    is_broken: bool,
}

impl<T: Copy + Default> PlainRing<T> {
    pub(crate) fn new() -> Self {
        Self {
            producer: Index::new(),
            consumer: Index::new(),
            flags: AtomicU32::new(0),
            slots: [T::default(); ENTRIES as usize],
            kernel: Kernel { next: START, is_broken: false },
        }
    }

    /// The kernel takes `n` entries, of a ring that we fill.
    pub(crate) fn kernel_takes(&mut self, n: u32) {
        let Kernel { next, is_broken } = &mut self.kernel;
        *is_broken |= n > self.producer.load().wrapping_sub(*next);
        *next = next.wrapping_add(n);
        self.consumer.store(*next);
    }

    /// The kernel publishes `n` entries, of a ring that we empty.
    pub(crate) fn kernel_puts(&mut self, n: u32) {
        let Kernel { next, is_broken } = &mut self.kernel;
        *is_broken |= n > ENTRIES.saturating_sub(next.wrapping_sub(self.consumer.load()));
        *next = next.wrapping_add(n);
        self.producer.store(*next);
    }

    /// Whether the kernel has kept the protocol, for tests.
    #[cfg(test)]
    pub(crate) fn is_sane(&self) -> bool {
        !self.kernel.is_broken
    }

    /// Whether the kernel asks to be woken.
    #[inline(always)]
    pub(crate) fn wants_wakeup(&self) -> bool {
        self.flags.load(Ordering::Relaxed) & NEED_WAKEUP != 0
    }
}

/// The slot of an index.
#[inline(always)]
pub(crate) fn slot(index: u32) -> usize {
    (index & MASK) as usize
}
