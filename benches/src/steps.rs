//! The four steps of the borrowed flows, each by itself: seek, peek, commit, kick.
//!
//! Every batch goes through all of its steps, and only the one in question is counted.

use std::hint::black_box;

use crate::case::{ROUND, Subject};
use crate::journeys::{BYTE, Flow, Journey};
use crate::measured;
use crate::rings::Taken;

mod by_hand;
mod ours;

pub use by_hand::Loan;

/// A queue whose packets can be had on loan.
pub trait Steps: Journey {
    /// Received packets on loan.
    type RxBatch<'q>
    where
        Self: 'q;

    /// Free chunks on loan.
    type TxBatch<'q>
    where
        Self: 'q;

    /// See [`measured::rx_seek`].
    fn rx_seek(&mut self, n: u32) -> Self::RxBatch<'_>;

    /// See [`measured::rx_peek`].
    fn rx_peek(batch: &Self::RxBatch<'_>) -> Taken;

    /// See [`measured::rx_commit`].
    fn rx_commit(batch: Self::RxBatch<'_>);

    /// See [`measured::tx_seek`].
    fn tx_seek(&mut self, n: u32) -> Self::TxBatch<'_>;

    /// See [`measured::tx_peek`].
    fn tx_peek(batch: &mut Self::TxBatch<'_>) -> u32;

    /// See [`measured::tx_commit`].
    fn tx_commit(batch: Self::TxBatch<'_>) -> u32;

    /// See [`measured::tx_kick`].
    fn tx_kick(&mut self) -> bool;
}

/// One of the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Look for received packets.
    RxSeek,
    /// Look at them.
    RxPeek,
    /// Give their chunks back.
    RxCommit,
    /// Look for free chunks.
    TxSeek,
    /// Write them.
    TxPeek,
    /// Hand them over.
    TxCommit,
    /// Wake the kernel.
    TxKick,
}

/// All of them.
pub(crate) const STEPS: [Step; 7] =
    [Step::RxSeek, Step::RxPeek, Step::RxCommit, Step::TxSeek, Step::TxPeek, Step::TxCommit, Step::TxKick];

impl Step {
    /// The name of its group.
    pub fn group(self) -> &'static str {
        match self {
            Self::RxSeek => "xdp/rx-seek",
            Self::RxPeek => "xdp/rx-peek",
            Self::RxCommit => "xdp/rx-commit",
            Self::TxSeek => "xdp/tx-seek",
            Self::TxPeek => "xdp/tx-peek",
            Self::TxCommit => "xdp/tx-commit",
            Self::TxKick => "xdp/tx-kick",
        }
    }

    /// The flow that it is a step of.
    fn flow(self) -> Flow {
        match self {
            Self::RxSeek | Self::RxPeek | Self::RxCommit => Flow::Borrowed,
            Self::TxSeek | Self::TxPeek | Self::TxCommit | Self::TxKick => Flow::Sent,
        }
    }
}

/// A queue, and the step that is counted.
#[derive(Debug)]
pub struct Bed<S> {
    queue: S,
    step: Step,
}

impl<S: Steps> Bed<S> {
    /// A fresh queue; if it sends, a round of packets is with the kernel already.
    pub fn new(step: Step) -> Self {
        let mut queue = S::new();
        assert!(step.flow() != Flow::Sent || queue.sent(ROUND) == ROUND);
        Self { queue, step }
    }

    fn receive(&mut self, n: u32) {
        self.queue.kernel_receives(n);
        let batch = if self.step == Step::RxSeek {
            measured::rx_seek(&mut self.queue, n)
        } else {
            self.queue.rx_seek(n)
        };
        let taken =
            if self.step == Step::RxPeek { measured::rx_peek::<S>(&batch) } else { S::rx_peek(&batch) };
        assert_eq!(taken, Taken { count: n, sum: u64::from(n) * u64::from(BYTE) });
        if self.step == Step::RxCommit { measured::rx_commit::<S>(batch) } else { S::rx_commit(batch) }
    }

    fn send(&mut self, n: u32) {
        let mut batch = if self.step == Step::TxSeek {
            measured::tx_seek(&mut self.queue, n)
        } else {
            self.queue.tx_seek(n)
        };
        let ready = if self.step == Step::TxPeek {
            measured::tx_peek::<S>(&mut batch)
        } else {
            S::tx_peek(&mut batch)
        };
        assert_eq!(ready, n);
        let sent =
            if self.step == Step::TxCommit { measured::tx_commit::<S>(batch) } else { S::tx_commit(batch) };
        assert_eq!(sent, n);
        let went_well =
            if self.step == Step::TxKick { measured::tx_kick(&mut self.queue) } else { self.queue.tx_kick() };
        assert!(went_well);
        self.queue.kernel_sends(n);
    }
}

impl<S: Steps> Subject for Bed<S> {
    fn prepare(&mut self) {
        self.queue.prepare(ROUND, self.step.flow());
    }

    fn step(&mut self, n: u32) {
        let n = black_box(n);
        match self.step.flow() {
            Flow::Sent => self.send(n),
            _ => self.receive(n),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journeys::{ByHand, Ours};

    fn loses_nothing<S: Steps>() {
        for step in STEPS {
            let mut bed = Bed::<S>::new(step);
            for batch in crate::BATCHES {
                for _ in 0..16 {
                    bed.prepare();
                    bed.round(batch);
                    assert!(bed.queue.is_whole(), "{step:?} at batch {batch}");
                }
            }
        }
    }

    #[test]
    fn steps_of_the_library_lose_nothing() {
        loses_nothing::<Ours>();
    }

    #[test]
    fn steps_by_hand_lose_nothing() {
        loses_nothing::<ByHand>();
    }
}
