//! What a socket has done so far, in numbers, and what it did between two looks.

use std::fmt;
use std::time::{Duration, Instant};

use crate::accounting::Accounting;
use crate::socket::statistics::Statistics;

/// What a socket has done so far, at one moment.
///
/// Taken from outside while traffic runs, so the parts are a few packets apart from each other. Nothing of it costs
/// the halves anything: packets are counted by the rings' own indices.
///
/// ```
/// # let umem = xdp::Umem::builder().chunks(64).build()?;
/// # let (mut socket, mut nic) = xdp::fake::socket(&umem, 32)?;
/// let before = socket.metrics();
/// # nic.deliver(b"one");
/// socket.rx().seek(64).commit();
/// let delta = socket.metrics().since(&before);
/// println!("{delta}");
/// # assert_eq!(delta.received, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// When.
    pub taken: Instant,
    /// The kernel's counters; none once the socket is closed, or if the kernel does not tell.
    pub statistics: Option<Statistics>,
    /// The rings; none once the socket is closed.
    pub rings: RingMetrics,
    /// System calls of the receiving half; a wait counts once.
    pub rx_system_calls: u64,
    /// System calls of the sending half; a wait counts once.
    pub tx_system_calls: u64,
    /// What the kernel named on rx and completion ring, and was not believed.
    pub refused: u64,
    /// Where the chunks of the UMEM are, those of its other sockets among them.
    pub accounting: Accounting,
}

/// The four rings of a socket, as far as it has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RingMetrics {
    /// Frames received and not taken yet.
    pub rx: Option<Occupancy>,
    /// Frames that the kernel has not taken yet.
    pub tx: Option<Occupancy>,
    /// Chunks that the kernel can receive into.
    pub fill: Option<Occupancy>,
    /// Chunks that were sent and not taken back yet.
    pub completion: Option<Occupancy>,
}

/// How full a ring is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Occupancy {
    /// Entries that wait in it.
    pub pending: u32,
    /// Entries that it holds.
    pub entries: u32,
    /// Entries that its consumer has taken since the ring was made, modulo 2^32.
    pub consumed: u32,
}

/// What a socket did between two looks.
///
/// Packets are exact as long as fewer than 2^32 went by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MetricsDelta {
    /// The time between.
    pub elapsed: Duration,
    /// Frames taken from the rx ring.
    pub received: u32,
    /// Frames that the kernel took from the tx ring.
    pub sent: u32,
    /// Chunks taken back from the completion ring.
    pub completed: u32,
    /// Chunks that the kernel took from the fill ring.
    pub filled: u32,
    /// System calls of the receiving half.
    pub rx_system_calls: u64,
    /// System calls of the sending half.
    pub tx_system_calls: u64,
    /// What the kernel named and was not believed.
    pub refused: u64,
    /// What the kernel has counted between, if it told both times.
    pub statistics: Option<Statistics>,
}

impl Metrics {
    /// What was done since an earlier look at the same socket.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> MetricsDelta {
        let passed =
            |ring: fn(&RingMetrics) -> Option<Occupancy>| match (ring(&self.rings), ring(&earlier.rings)) {
                (Some(now), Some(then)) => now.consumed.wrapping_sub(then.consumed),
                _ => 0,
            };
        let statistics = match (&self.statistics, &earlier.statistics) {
            (Some(now), Some(then)) => Some(now.since(then)),
            _ => None,
        };
        MetricsDelta {
            elapsed: self.taken.saturating_duration_since(earlier.taken),
            received: passed(|rings| rings.rx),
            sent: passed(|rings| rings.tx),
            completed: passed(|rings| rings.completion),
            filled: passed(|rings| rings.fill),
            rx_system_calls: self.rx_system_calls.saturating_sub(earlier.rx_system_calls),
            tx_system_calls: self.tx_system_calls.saturating_sub(earlier.tx_system_calls),
            refused: self.refused.saturating_sub(earlier.refused),
            statistics,
        }
    }
}

impl fmt::Display for Occupancy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.pending, self.entries)
    }
}

impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RingMetrics { rx, tx, fill, completion } = &self.rings;
        for (name, ring) in [("rx", rx), ("tx", tx), ("fill", fill), ("completion", completion)] {
            if let Some(ring) = ring {
                write!(f, "{name} {ring}, ")?;
            }
        }
        write!(f, "system calls rx {} tx {}", self.rx_system_calls, self.tx_system_calls)?;
        if self.refused > 0 {
            write!(f, ", refused {}", self.refused)?;
        }
        if let Some(statistics) = &self.statistics {
            write!(f, ", {statistics}")?;
        }
        write!(f, "; {}", self.accounting)
    }
}

impl fmt::Display for MetricsDelta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { elapsed, received, sent, rx_system_calls, tx_system_calls, refused, .. } = self;
        write!(f, "in {elapsed:.1?}: received {received} with {rx_system_calls} system calls, ")?;
        write!(f, "sent {sent} with {tx_system_calls}")?;
        if *refused > 0 {
            write!(f, ", refused {refused}")?;
        }
        match &self.statistics {
            Some(statistics) => write!(f, "; {statistics}"),
            None => Ok(()),
        }
    }
}
