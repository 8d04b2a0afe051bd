//! What is done with single frames, each by itself: frames are kept between the operations.

use std::hint::black_box;

use crate::case::{ROUND, Subject};
use crate::journeys::{Flow, Journey, PACKET};
use crate::measured;

mod by_hand;
mod ours;

/// A queue whose packets can be kept.
pub trait Frames: Journey {
    /// A packet, or a chunk for one, that can be kept.
    type Frame;

    /// See [`measured::recv`].
    fn recv(&mut self, n: u32, kept: &mut Vec<Self::Frame>) -> u32;

    /// See [`measured::alloc`].
    fn alloc(&mut self, n: u32, kept: &mut Vec<Self::Frame>) -> u32;

    /// Makes a packet of an empty frame.
    fn write(frame: &mut Self::Frame);

    /// Bytes in a frame.
    fn len(frame: &Self::Frame) -> usize;

    /// See [`measured::send`].
    fn send(&mut self, n: u32, kept: &mut Vec<Self::Frame>) -> u32;

    /// See [`measured::send_from`].
    fn send_from(&mut self, n: u32, kept: &mut Vec<Self::Frame>) -> u32;

    /// Publishes what was sent, and takes completions.
    fn kick(&mut self);

    /// See [`measured::drop_each`].
    fn drop_each(&mut self, n: u32, kept: &mut Vec<Self::Frame>);

    /// Puts the chunks of frames that were dropped into the fill ring.
    fn gather(&mut self);

    /// See [`measured::recycle`].
    fn recycle(&mut self, n: u32, kept: &mut Vec<Self::Frame>);

    /// Gives the kept frames back, to be sent from.
    fn unsend(&mut self, kept: &mut Vec<Self::Frame>);
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Receive frames.
    Recv,
    /// Take free chunks as frames.
    Alloc,
    /// Hand frames over one by one.
    Send,
    /// Hand frames over all at once.
    SendFrom,
    /// Drop frames one by one.
    Drop,
    /// Give frames back all at once.
    Recycle,
}

/// All of them.
pub(crate) const OPERATIONS: [Operation; 6] = [
    Operation::Recv,
    Operation::Alloc,
    Operation::Send,
    Operation::SendFrom,
    Operation::Drop,
    Operation::Recycle,
];

impl Operation {
    /// The name of its group.
    pub fn group(self) -> &'static str {
        match self {
            Self::Recv => "xdp/recv",
            Self::Alloc => "xdp/alloc",
            Self::Send => "xdp/send",
            Self::SendFrom => "xdp/send-from",
            Self::Drop => "xdp/frame-drop",
            Self::Recycle => "xdp/frame-recycle",
        }
    }

    fn sends(self) -> bool {
        matches!(self, Self::Send | Self::SendFrom)
    }
}

/// A queue, and frames that were kept.
pub struct Bed<F: Frames> {
    queue: F,
    operation: Operation,
    kept: Vec<F::Frame>,
}

impl<F: Frames> std::fmt::Debug for Bed<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} with {} frames", self.operation, self.kept.len())
    }
}

impl<F: Frames> Bed<F> {
    /// A fresh queue; if it sends, a round of packets is with the kernel already.
    pub fn new(operation: Operation) -> Self {
        let mut queue = F::new();
        assert!(!operation.sends() || queue.sent(ROUND) == ROUND);
        Self { queue, operation, kept: Vec::with_capacity(2 * ROUND as usize) }
    }

    /// A round of received packets is there.
    fn receive(&mut self) {
        self.queue.prepare(ROUND, Flow::Borrowed);
        self.queue.kernel_receives(ROUND);
        assert_eq!(self.queue.recv(ROUND, &mut self.kept), ROUND);
    }
}

impl<F: Frames> Subject for Bed<F> {
    fn prepare(&mut self) {
        match self.operation {
            Operation::Recv => {
                assert!(self.kept.iter().all(|frame| F::len(frame) == PACKET.len()));
                self.queue.recycle(self.kept.len() as u32, &mut self.kept);
                self.queue.prepare(ROUND, Flow::Borrowed);
            }
            Operation::Alloc => self.queue.unsend(&mut self.kept),
            Operation::Send | Operation::SendFrom => {
                self.queue.kick();
                self.queue.prepare(ROUND, Flow::Sent);
                self.queue.kernel_sends(ROUND);
                self.queue.kick();
                assert_eq!(self.queue.alloc(ROUND, &mut self.kept), ROUND);
                self.kept.iter_mut().for_each(F::write);
            }
            Operation::Drop => {
                self.queue.gather();
                self.receive();
            }
            Operation::Recycle => self.receive(),
        }
    }

    fn step(&mut self, n: u32) {
        let Self { queue, operation, kept } = self;
        let n = black_box(n);
        let before = kept.len();
        match operation {
            Operation::Recv => {
                queue.kernel_receives(n);
                assert_eq!(measured::recv(queue, n, kept), n);
            }
            Operation::Alloc => assert_eq!(measured::alloc(queue, n, kept), n),
            Operation::Send => assert_eq!(measured::send(queue, n, kept), n),
            Operation::SendFrom => assert_eq!(measured::send_from(queue, n, kept), n),
            Operation::Drop => measured::drop_each(queue, n, kept),
            Operation::Recycle => measured::recycle(queue, n, kept),
        }
        assert_eq!(kept.len().abs_diff(before), n as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journeys::{ByHand, Ours};

    fn loses_nothing<F: Frames>() {
        for operation in OPERATIONS {
            let mut bed = Bed::<F>::new(operation);
            for batch in crate::BATCHES {
                for _ in 0..16 {
                    bed.prepare();
                    bed.round(batch);
                }
                // What is still kept, sent or dropped comes to rest.
                let Bed { queue, operation, kept } = &mut bed;
                match operation {
                    Operation::Alloc | Operation::Send | Operation::SendFrom => queue.unsend(kept),
                    _ => queue.recycle(kept.len() as u32, kept),
                }
                queue.kick();
                queue.gather();
                assert!(queue.is_whole(), "{operation:?} at batch {batch}");
            }
        }
    }

    #[test]
    fn frames_of_the_library_are_not_lost() {
        loses_nothing::<Ours>();
    }

    #[test]
    fn frames_by_hand_are_not_lost() {
        loses_nothing::<ByHand>();
    }
}
