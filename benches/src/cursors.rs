//! The index arithmetic of a ring alone, over two shared words, and the bed that runs it.

use std::hint::black_box;

use crate::case::{ENDLESS, Subject};
use crate::measured;

mod floor;
mod ours;

pub use floor::Floor;
pub use ours::Ours;

/// Our end of a ring that we fill and of one that we empty, and the kernel that moves the other indices.
pub trait Cursors {
    /// Two empty rings.
    fn new() -> Self;

    /// See [`measured::reserve_and_submit`].
    fn reserve_and_submit(&mut self, n: u32) -> u32;

    /// See [`measured::peek_and_release`].
    fn peek_and_release(&mut self, n: u32) -> u32;

    /// The kernel takes `n` entries from the ring that we fill.
    fn kernel_takes(&mut self, n: u32);

    /// The kernel publishes `n` entries on the ring that we empty.
    fn kernel_publishes(&mut self, n: u32);

    /// What we have published, to be filled and emptied, for tests.
    #[cfg(test)]
    fn published(&self) -> [u32; 2];
}

/// What is done with the indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Reserve and submit.
    Produce,
    /// Peek and release.
    Consume,
}

/// All of them.
pub(crate) const OPERATIONS: [Operation; 2] = [Operation::Produce, Operation::Consume];

impl Operation {
    /// The name of its group.
    pub fn group(self) -> &'static str {
        match self {
            Self::Produce => "xdp-core/reserve+submit",
            Self::Consume => "xdp-core/peek+release",
        }
    }
}

/// Two rings without entries.
#[derive(Debug)]
pub struct Bed<C> {
    cursors: C,
    operation: Operation,
}

impl<C: Cursors> Bed<C> {
    /// Fresh rings.
    pub fn new(operation: Operation) -> Self {
        Self { cursors: C::new(), operation }
    }
}

impl<C: Cursors> Subject for Bed<C> {
    fn rounds_at_once(&self) -> u32 {
        ENDLESS
    }

    fn step(&mut self, n: u32) {
        let cursors = &mut self.cursors;
        let n = black_box(n);
        match self.operation {
            Operation::Produce => {
                assert_eq!(measured::reserve_and_submit(cursors, n), n);
                cursors.kernel_takes(n);
            }
            Operation::Consume => {
                cursors.kernel_publishes(n);
                assert_eq!(measured::peek_and_release(cursors, n), n);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain::ENTRIES;

    /// What one implementation does over more than two laps.
    fn deeds<C: Cursors>() -> Vec<(u32, [u32; 2])> {
        let mut cursors = C::new();
        let mut step = |n: u32| {
            cursors.kernel_publishes(n);
            // One more is asked for than is there.
            let taken = cursors.peek_and_release(n + 1);
            let put = cursors.reserve_and_submit(n);
            cursors.kernel_takes(n);
            assert_eq!((taken, put), (n, n));
            (taken, cursors.published())
        };
        [1, 8, 255, 64, 256, 3].into_iter().cycle().take(64).map(&mut step).collect()
    }

    #[test]
    fn both_implementations_do_the_same_work() {
        assert_eq!(deeds::<Ours>(), deeds::<Floor>());
    }

    fn keeps_within_the_ring<C: Cursors>() {
        let mut cursors = C::new();
        assert_eq!(cursors.reserve_and_submit(ENTRIES + 9), ENTRIES);
        assert_eq!(cursors.reserve_and_submit(1), 0);
        assert_eq!(cursors.peek_and_release(1), 0);
    }

    #[test]
    fn both_implementations_keep_within_the_ring() {
        keeps_within_the_ring::<Floor>();
        keeps_within_the_ring::<Ours>();
    }
}
