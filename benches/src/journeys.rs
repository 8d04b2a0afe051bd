//! Whole journeys of packets, by the library and by hand, and the bed that runs them.
//!
//! The kernel's part is prepared a round at a time, outside of what is timed or counted: it looks at the chunks of a
//! whole round in the fill ring, and lays out what will stand in the rx ring and, for a flow that sends, in the
//! completion ring: what was received leaves in the order it came, and what was made completes a round later. In the
//! round it then only moves its indices, a batch at a time, so that the user sees no more than a batch.

use std::hint::black_box;

use crate::case::{ROUND, Subject};
use crate::measured;
use crate::rings::Taken;

mod by_hand;
mod ledger;
mod ours;

pub use by_hand::ByHand;
pub(crate) use by_hand::{chunk, desc, offset, room, start};
pub use ledger::{Believe, Check, Ledger, Owner};
pub use ours::Ours;

/// Every byte of every packet.
pub(crate) const BYTE: u8 = 3;

/// Every packet.
pub(crate) const PACKET: [u8; 60] = [BYTE; 60];

/// Bytes in a chunk.
pub(crate) const CHUNK: usize = 4096;

/// Chunks of the UMEM: half of them go round between the fill and the rx ring, as many are there to be sent.
pub(crate) const CHUNKS: u32 = 4096;

/// Bytes from the start of a chunk to the packet, as the kernel puts it.
pub(crate) const OFFSET: u64 = 256;

/// A queue with a UMEM, and the kernel on the other side of it.
pub trait Journey {
    /// A queue whose fill ring is full.
    fn new() -> Self;

    /// The kernel gets the next `n` packets ready, and if they will be sent, their completions; or the completions of
    /// the next `n` packets in the tx ring, where nothing is received.
    fn prepare(&mut self, n: u32, flow: Flow);

    /// The kernel receives `n` of the packets that are ready.
    fn kernel_receives(&mut self, n: u32);

    /// The kernel sends `n` packets and completes them.
    fn kernel_sends(&mut self, n: u32);

    /// See [`measured::borrowed`].
    fn borrowed(&mut self, n: u32) -> Taken;

    /// See [`measured::sent`].
    fn sent(&mut self, n: u32) -> u32;

    /// See [`measured::owned`].
    fn owned(&mut self, n: u32) -> u32;

    /// See [`measured::owned_each`].
    fn owned_each(&mut self, n: u32) -> u32;

    /// See [`measured::recycled`].
    fn recycled(&mut self, n: u32) -> u32;

    /// See [`measured::dropped`].
    fn dropped(&mut self, n: u32) -> u32;

    /// Whether no chunk was lost, for tests.
    #[cfg(test)]
    fn is_whole(&mut self) -> bool;
}

/// What is done with the packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Look at them, on loan.
    Borrowed,
    /// Make them in free chunks on loan, and send them.
    Sent,
    /// Own them, change them, send them back.
    Owned,
    /// The same, sent one by one.
    OwnedEach,
    /// Own them, change them, give them back in bulk.
    Recycled,
    /// Own them, drop them.
    Drop,
}

/// All of them.
pub(crate) const FLOWS: [Flow; 6] =
    [Flow::Borrowed, Flow::Sent, Flow::Owned, Flow::OwnedEach, Flow::Recycled, Flow::Drop];

impl Flow {
    /// The name of its group.
    pub fn group(self) -> &'static str {
        match self {
            Self::Borrowed => "xdp/borrowed",
            Self::Sent => "xdp/sent",
            Self::Owned => "xdp/owned",
            Self::OwnedEach => "xdp/owned-each",
            Self::Recycled => "xdp/recycled",
            Self::Drop => "xdp/drop",
        }
    }

    /// Whether what was received is sent.
    pub(crate) fn answers(self) -> bool {
        matches!(self, Self::Owned | Self::OwnedEach)
    }
}

/// The addresses of an Ethernet header.
pub(crate) const MACS: usize = 12;

/// Makes an answer of a packet: the addresses of the Ethernet header change places.
#[inline(always)]
pub(crate) fn swap_macs(packet: &mut [u8]) {
    if let Some(macs) = packet.first_chunk_mut::<MACS>() {
        let (to, from) = macs.split_at_mut(MACS / 2);
        to.swap_with_slice(from);
    }
}

/// A journey, and how it goes.
#[derive(Debug)]
pub struct Bed<J> {
    journey: J,
    flow: Flow,
}

impl<J: Journey> Bed<J> {
    /// A fresh queue; if it makes packets, a round of them is with the kernel already.
    pub fn new(flow: Flow) -> Self {
        let mut journey = J::new();
        assert!(flow != Flow::Sent || journey.sent(ROUND) == ROUND);
        Self { journey, flow }
    }
}

impl<J: Journey> Subject for Bed<J> {
    fn prepare(&mut self) {
        self.journey.prepare(ROUND, self.flow);
    }

    fn step(&mut self, n: u32) {
        let Self { journey, flow } = self;
        let n = black_box(n);
        if *flow != Flow::Sent {
            journey.kernel_receives(n);
        }
        match flow {
            Flow::Borrowed => {
                let taken = measured::borrowed(journey, n);
                assert_eq!(taken, Taken { count: n, sum: u64::from(n) * u64::from(BYTE) });
            }
            Flow::Sent => {
                assert_eq!(measured::sent(journey, n), n);
                journey.kernel_sends(n);
            }
            Flow::Owned => {
                assert_eq!(measured::owned(journey, n), n);
                journey.kernel_sends(n);
            }
            Flow::OwnedEach => {
                assert_eq!(measured::owned_each(journey, n), n);
                journey.kernel_sends(n);
            }
            Flow::Recycled => assert_eq!(measured::recycled(journey, n), n),
            Flow::Drop => assert_eq!(measured::dropped(journey, n), n),
        }
    }
}

#[cfg(test)]
mod tests;
