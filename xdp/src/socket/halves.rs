//! From rings and chunks to the halves of a socket, whoever made the rings.

use std::sync::Arc;
use std::time::{Duration, Instant};

use xdp_core::Entries;
use xdp_core::UmemLayout;
use xdp_core::frames::Pool;
use xdp_core::packets::COPY_MODE_FRAMES;
use xdp_core::ring::{self, ProducerRing};

use crate::pool::HalfPool;
use crate::rx::Rx;
use crate::socket::builder::Direction;
use crate::socket::error::BindError;
use crate::socket::port::{BoundTo, Port};
use crate::socket::rings::Rings;
use crate::socket::waiter::Waiter;
use crate::tx::Tx;
use crate::umem::{Umem, Unclaimed};

/// How long chunks of closed sockets are waited for: the kernel releases them late, 20 ms on a quiet machine.
const RELEASE_PATIENCE: Duration = Duration::from_millis(500);

/// The halves that were asked for.
#[derive(Debug)]
pub(crate) struct Halves {
    pub(crate) rx: Option<Rx>,
    pub(crate) tx: Option<Tx>,
}

impl Halves {
    /// Lets packets have several frames: up to `most_frames` of those that are sent, as many as the longest takes of
    /// those that are received.
    pub(crate) fn allow_packets(&mut self, most_frames: u32, layout: UmemLayout) {
        if let Some(rx) = &mut self.rx {
            rx.expect_packets(most_received(layout));
        }
        if let Some(tx) = &mut self.tx {
            tx.allow_packets(most_frames);
        }
    }
}

/// Frames of the longest packet that can be received: the kernel puts what comes in up to 18 buffers of up to 64 KiB into
/// chunks of this size, each filled up.
pub(crate) fn most_received(layout: UmemLayout) -> u32 {
    const LONGEST: u32 = COPY_MODE_FRAMES << 16;
    LONGEST.div_ceil(layout.rx_capacity()).max(2)
}

/// The chunks that each half starts with.
#[derive(Debug)]
pub(crate) struct Shares {
    rx: HalfPool,
    tx: HalfPool,
}

impl Shares {
    /// Sets chunks of the UMEM aside, `wanted` or all that are not set aside, and divides them by direction.
    ///
    /// Chunks that sockets closed just now have left with the kernel are waited for. Of those that are set aside, as
    /// many as are home are taken now; the halves find the rest as they come.
    pub(crate) fn of(
        port: &Port,
        wanted: Option<u32>,
        direction: Direction,
        place: Option<BoundTo>,
    ) -> Result<Self, BindError> {
        let umem = port.umem();
        let deadline = Instant::now() + RELEASE_PATIENCE;
        let share = loop {
            umem.reclaim();
            match umem.claim(port.number(), wanted, place) {
                Ok(share) => break share,
                // The kernel has no event for it.
                Err(unclaimed) if unclaimed.awaited > 0 && Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(Unclaimed { free, .. }) => {
                    // Another process may have the queue now, so that the kernel never says it free: do with what
                    // there is.
                    let less = Some(free).filter(|free| wanted.is_none() && *free > 0);
                    let share = less.and_then(|free| umem.claim(port.number(), Some(free), place).ok());
                    break share.ok_or(BindError::Chunks { free, wanted: wanted.unwrap_or(1) })?;
                }
            }
        };
        if direction == Direction::Both && share < 2 {
            return Err(BindError::Chunks { free: share, wanted: 2 });
        }
        let home = umem.home_ref();
        let mut free = Pool::with_capacity(umem.chunks());
        home.returns.take_all(&mut free);
        let rx_share = match direction {
            Direction::Rx => share,
            Direction::Tx => 0,
            Direction::Both => share / 2,
        };
        let mut take = |n: u32| {
            let mut half = HalfPool::new(home, n);
            half.chunks().extend(free.last(n).iter().copied());
            free.forget_last(n);
            half
        };
        let (rx, tx) = (take(rx_share), take(share - rx_share));
        home.returns.push_all(free.last(u32::MAX));
        Ok(Self { rx, tx })
    }
}

impl Shares {
    /// None, for a socket that is given its chunks by others.
    pub(crate) fn none(umem: &Umem) -> Self {
        let half = || HalfPool::new(umem.home_ref(), 0);
        Self { rx: half(), tx: half() }
    }

    /// The receiving half's.
    pub(crate) fn into_rx(self) -> HalfPool {
        self.rx
    }
}

/// Puts the halves together, and fills the fill ring.
pub(crate) fn make(port: &Arc<Port>, rings: Rings, shares: Shares, waiter: impl Fn() -> Waiter) -> Halves {
    let Rings { rx, tx, mut watches, .. } = rings;
    // Long enough for a few batches, and short against the UMEM: what is in it while nobody receives is out of
    // everybody's reach.
    let lane = Entries::new((port.umem().chunks() / 8).clamp(1, 256).next_power_of_two())
        // Completions that may bring a timestamp are looked at one by one, and go through the pool.
        .filter(|_| rx.is_some() && tx.is_some() && !port.umem().has_tx_metadata())
        .map(ring::channel::<u64>);
    let (put, take) = lane.unzip();
    watches.lane = put.as_ref().map(ProducerRing::watch);
    port.watch(watches);
    shares.rx.publish(port.rx_pool());
    shares.tx.publish(port.tx_pool());
    let tx = tx.map(|rings| Tx::new(Arc::clone(port), rings, put, shares.tx, waiter()));
    let mut rx = rx.map(|rings| Rx::new(Arc::clone(port), rings, take, shares.rx, waiter()));
    if let Some(rx) = &mut rx {
        rx.refill();
    }
    Halves { rx, tx }
}
