//! How many chunks are where.

use std::fmt;
use std::sync::Arc;

use xdp_core::frames::Holder;

use crate::socket::port::Port;
use crate::umem::Home;

/// How many chunks of a UMEM are where; the numbers sum to the chunk count.
///
/// `pool` is counted by those who keep the pools, everything else chunk by chunk from the custody table, and the
/// split between the two sides of the kernel by the rings: so the sum is a check. It is exact while nobody moves
/// packets; while traffic runs, each number may be off by what was on its way when it was read (a batch an end).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Accounting {
    /// Free: in the pools of the sockets, or of the UMEM itself.
    pub pool: u32,
    /// In your hands, as frames.
    pub hands: u32,
    /// On the fill side: submitted for receiving, nothing received yet.
    pub fill: u32,
    /// On the rx side: received, not taken yet.
    pub rx: u32,
    /// On the tx side: submitted for sending, not sent yet.
    pub tx: u32,
    /// On the completion side: sent, not taken back yet.
    pub completion: u32,
    /// Left with the kernel by closed sockets that it has not released yet.
    pub stranded: u32,
    /// Chunks that the UMEM has.
    pub chunks: u32,
}

impl Accounting {
    pub(crate) fn take(home: &Home, open: &[Arc<Port>]) -> Self {
        let mut counts = home.custody.counts();
        let mut account = Self {
            pool: home.returns.len(),
            hands: counts[usize::from(Holder::HANDS.byte())],
            chunks: home.layout.chunks(),
            ..Self::default()
        };
        for port in open {
            let receiving = std::mem::take(&mut counts[usize::from(Holder::receiving(port.number()).byte())]);
            let sending = std::mem::take(&mut counts[usize::from(Holder::sending(port.number()).byte())]);
            let pending = port.pending();
            account.pool += pending.pools;
            account.rx += pending.rx.min(receiving);
            account.fill += receiving.saturating_sub(pending.rx);
            account.completion += pending.completion.min(sending);
            account.tx += sending.saturating_sub(pending.completion);
        }
        counts[usize::from(Holder::FREE.byte())] = 0;
        counts[usize::from(Holder::HANDS.byte())] = 0;
        account.stranded = counts.iter().sum();
        account
    }

    /// The sum of all places: the chunk count, if nothing is lost.
    pub fn sum(&self) -> u32 {
        self.pool + self.hands + self.fill + self.rx + self.tx + self.completion + self.stranded
    }

    /// Whether every chunk is in exactly one place.
    pub fn is_balanced(&self) -> bool {
        self.sum() == self.chunks
    }
}

impl fmt::Display for Accounting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "pool {} + hands {} + fill {} + rx {} + tx {} + completion {} + stranded {} = {} of {} chunks",
            self.pool,
            self.hands,
            self.fill,
            self.rx,
            self.tx,
            self.completion,
            self.stranded,
            self.sum(),
            self.chunks
        )
    }
}
