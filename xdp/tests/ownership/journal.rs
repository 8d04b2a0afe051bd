//! What became of each packet: it arrives once, and leaves once at most.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

const UNKNOWN: u8 = 0;
const ARRIVING: u8 = 1;
const HELD: u8 = 2;
const GONE: u8 = 3;

/// One state for each packet number.
#[derive(Debug)]
pub(crate) struct Journal {
    states: Vec<AtomicU8>,
    next: AtomicU32,
    arrived: AtomicU32,
    received: AtomicU32,
    sent: AtomicU32,
    left: AtomicU32,
}

/// How many packets came how far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Totals {
    /// Put on an rx ring.
    pub(crate) arrived: u32,
    /// Taken from there.
    pub(crate) received: u32,
    /// Taken by a sending half.
    pub(crate) sent: u32,
    /// Taken from the tx ring.
    pub(crate) left: u32,
}

impl Journal {
    pub(crate) fn new(packets: u32) -> Self {
        Self {
            states: (0..packets).map(|_| AtomicU8::new(UNKNOWN)).collect(),
            next: AtomicU32::new(0),
            arrived: AtomicU32::new(0),
            received: AtomicU32::new(0),
            sent: AtomicU32::new(0),
            left: AtomicU32::new(0),
        }
    }

    /// A packet that is about to arrive; none when the journal is full.
    pub(crate) fn arriving(&self) -> Option<u64> {
        self.number(ARRIVING)
    }

    /// A packet that is written here.
    pub(crate) fn written(&self) -> Option<u64> {
        self.number(HELD)
    }

    fn number(&self, state: u8) -> Option<u64> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.states.get(number as usize)?.store(state, Ordering::Release);
        Some(number.into())
    }

    /// A packet was received.
    pub(crate) fn receive(&self, number: u64) {
        self.pass(number, ARRIVING, HELD);
        self.received.fetch_add(1, Ordering::Relaxed);
    }

    /// A packet is given up: it must not leave.
    pub(crate) fn discard(&self, number: u64) {
        self.pass(number, HELD, GONE);
    }

    /// A packet has left.
    pub(crate) fn leave(&self, number: u64) {
        self.pass(number, HELD, GONE);
        self.left.fetch_add(1, Ordering::Relaxed);
    }

    /// A packet was put on an rx ring.
    pub(crate) fn arrive(&self) {
        self.arrived.fetch_add(1, Ordering::Relaxed);
    }

    /// Packets were taken by a sending half.
    pub(crate) fn send(&self, packets: u32) {
        self.sent.fetch_add(packets, Ordering::Relaxed);
    }

    /// How many packets came how far; exact while all stand still.
    pub(crate) fn totals(&self) -> Totals {
        let [arrived, received, sent, left] = [&self.arrived, &self.received, &self.sent, &self.left]
            .map(|count| count.load(Ordering::Relaxed));
        Totals { arrived, received, sent, left }
    }

    fn pass(&self, number: u64, from: u8, to: u8) {
        let state = usize::try_from(number).ok().and_then(|number| self.states.get(number));
        let state = state.unwrap_or_else(|| panic!("packet {number} was never made"));
        assert_eq!(state.swap(to, Ordering::AcqRel), from, "packet {number} is seen twice, or out of turn");
    }
}
