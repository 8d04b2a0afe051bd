//! Whole journeys of packets, by the library and by hand, and the bed that runs them.
//!
//! The kernel's part is prepared a round at a time, outside of what is timed or counted: it looks at the chunks of a
//! whole round in the fill ring, and lays out what will stand in the rx ring and (for a flow that sends: a packet
//! leaves in the order it came) in the completion ring. In the round it then only moves its indices, a batch at a
//! time, so that the user sees no more than a batch.

use std::hint::black_box;

use crate::case::ROUND;
use crate::measured;
use crate::rings::Taken;

mod by_hand;
mod ours;

pub use by_hand::ByHand;
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

    /// The kernel gets the next `n` packets ready, and if they will be sent, their completions.
    fn prepare(&mut self, n: u32, flow: Flow);

    /// The kernel receives `n` of the packets that are ready.
    fn kernel_receives(&mut self, n: u32);

    /// The kernel sends `n` packets and completes them.
    fn kernel_sends(&mut self, n: u32);

    /// See [`measured::borrowed`].
    fn borrowed(&mut self, n: u32) -> Taken;

    /// See [`measured::owned`].
    fn owned(&mut self, n: u32) -> u32;

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
    /// Own them, change them, send them back.
    Owned,
    /// Own them, drop them.
    Drop,
}

/// All of them.
pub(crate) const FLOWS: [Flow; 3] = [Flow::Borrowed, Flow::Owned, Flow::Drop];

impl Flow {
    /// The name of its group.
    pub fn group(self) -> &'static str {
        match self {
            Self::Borrowed => "xdp/borrowed",
            Self::Owned => "xdp/owned",
            Self::Drop => "xdp/drop",
        }
    }
}

/// Makes an answer of a packet: the addresses of the Ethernet header change places.
#[inline(always)]
pub(crate) fn swap_macs(packet: &mut [u8]) {
    if let Some(macs) = packet.first_chunk_mut::<12>() {
        let (to, from) = macs.split_at_mut(6);
        to.swap_with_slice(from);
    }
}

/// A journey, and how it goes.
#[derive(Debug)]
pub struct Bed<J> {
    journey: J,
    flow: Flow,
    batch: u32,
}

impl<J: Journey> Bed<J> {
    /// A fresh queue.
    pub fn new(flow: Flow, batch: u32) -> Self {
        Self { journey: J::new(), flow, batch }
    }

    /// The kernel's part of a round; to be called once before the steps of each.
    pub fn prepare(&mut self) {
        self.journey.prepare(ROUND, self.flow);
    }

    /// One batch, and the kernel's moves for it.
    #[inline]
    pub fn step(&mut self) {
        let Self { journey, flow, batch } = self;
        let n = black_box(*batch);
        journey.kernel_receives(n);
        match flow {
            Flow::Borrowed => {
                let taken = measured::borrowed(journey, n);
                assert_eq!(taken, Taken { count: n, sum: u64::from(n) * u64::from(BYTE) });
            }
            Flow::Owned => {
                assert_eq!(measured::owned(journey, n), n);
                journey.kernel_sends(n);
            }
            Flow::Drop => assert_eq!(measured::dropped(journey, n), n),
        }
    }
}

#[cfg(test)]
mod tests;
