//! How many chunks are where.

use std::fmt;

use xdp_core::frames::Holder;

use crate::socket::gauge::Gauge;
use crate::umem::Home;

/// How many chunks of a UMEM are where; the places sum to the chunk count at every moment, also while traffic runs,
/// since each chunk has one byte in the custody table and is counted once.
///
/// The pools count for themselves, too: `pooled` is the sum of what they say, and differs from `pool` only while chunks
/// are on their way from one book to the other (any number of them: an observer may be interrupted between looking
/// here and there) or if chunks were lost. So [`Accounting::is_balanced`] is a check for moments in which nobody moves
/// packets. The split of the kernel's chunks between fill and rx, and between tx and completion, is what the rings
/// say: while traffic runs it may be off by what has moved since the table was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Accounting {
    /// Free: in the pools of the sockets, or of the UMEM itself.
    pub pool: u32,
    /// Chunks that the pools say they have; as many as `pool` while nobody moves packets.
    pub pooled: u32,
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

/// The two sides of a queue, whose sockets may share its chunks: what the table says, and what waits in the rings.
#[derive(Debug, Clone, Copy, Default)]
struct Sides {
    receiving: u32,
    sending: u32,
    rx: u32,
    completion: u32,
}

impl Accounting {
    /// Of each open socket its number, the number of the queue that it shares or else its own, and what it says.
    pub(crate) fn take<'a>(home: &Home, open: impl Iterator<Item = (u8, u8, &'a Gauge)>) -> Self {
        let mut counts = home.custody.counts();
        let mut account = Self {
            pool: counts[usize::from(Holder::FREE.byte())],
            pooled: home.returns.len(),
            hands: counts[usize::from(Holder::HANDS.byte())],
            chunks: home.layout.chunks(),
            ..Self::default()
        };
        let mut queues = [Sides::default(); 256];
        for (number, queue, gauge) in open {
            let (pending, sides) = (gauge.pending(), &mut queues[usize::from(queue)]);
            sides.receiving += std::mem::take(&mut counts[usize::from(Holder::receiving(number).byte())]);
            sides.sending += std::mem::take(&mut counts[usize::from(Holder::sending(number).byte())]);
            sides.rx = sides.rx.saturating_add(pending.rx);
            sides.completion = sides.completion.saturating_add(pending.completion);
            account.pooled = account.pooled.saturating_add(pending.pools);
        }
        for Sides { receiving, sending, rx, completion } in queues {
            account.rx += rx.min(receiving);
            account.fill += receiving.saturating_sub(rx);
            account.completion += completion.min(sending);
            account.tx += sending.saturating_sub(completion);
        }
        counts[usize::from(Holder::FREE.byte())] = 0;
        counts[usize::from(Holder::HANDS.byte())] = 0;
        account.stranded = counts.iter().sum();
        account
    }

    /// The sum of all places: the chunk count, always.
    pub fn sum(&self) -> u32 {
        self.pool + self.hands + self.fill + self.rx + self.tx + self.completion + self.stranded
    }

    /// Whether every chunk is in exactly one place, by the table and by the pools: in moments in which nobody moves
    /// packets.
    pub fn is_balanced(&self) -> bool {
        self.sum() == self.chunks && self.pooled == self.pool
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
        )?;
        if self.pooled != self.pool {
            write!(f, " (the pools say {})", self.pooled)?;
        }
        Ok(())
    }
}
