//! From rings and chunks to the halves of a socket, whoever made the rings.

use std::sync::Arc;
use std::time::{Duration, Instant};

use xdp_core::Entries;
use xdp_core::frames::Pool;
use xdp_core::ring::{self, ProducerRing};

use crate::pool::HalfPool;
use crate::rx::Rx;
use crate::socket::builder::Direction;
use crate::socket::error::BindError;
use crate::socket::port::{BoundTo, Port};
use crate::socket::rings::Rings;
use crate::socket::waiter::Waiter;
use crate::tx::Tx;
use crate::umem::Umem;

/// How long chunks of closed sockets are waited for: the kernel releases them late, 20 ms on a quiet machine.
const RELEASE_PATIENCE: Duration = Duration::from_millis(500);

/// The halves that were asked for.
#[derive(Debug)]
pub(crate) struct Halves {
    pub(crate) rx: Option<Rx>,
    pub(crate) tx: Option<Tx>,
}

/// The chunks that each half starts with.
#[derive(Debug)]
pub(crate) struct Shares {
    rx: HalfPool,
    tx: HalfPool,
}

impl Shares {
    /// Takes chunks from the UMEM, `wanted` or all that are free, and divides them by direction.
    ///
    /// Chunks that sockets closed just now have left with the kernel are waited for. Where the kernel does not tell when it has released them,
    /// those of a socket on the same queue (`place`) come home with the bind, and the halves find them then.
    pub(crate) fn of(
        umem: &Umem,
        wanted: Option<u32>,
        direction: Direction,
        place: Option<BoundTo>,
    ) -> Result<Self, BindError> {
        let home = umem.home_ref();
        let mut free = Pool::with_capacity(umem.chunks());
        let deadline = Instant::now() + RELEASE_PATIENCE;
        let stranded = loop {
            umem.reclaim();
            let stranded = umem.stranded(place);
            home.returns.take_all(&mut free);
            if stranded.told == 0
                || wanted.is_some_and(|wanted| wanted <= free.len())
                || Instant::now() >= deadline
            {
                break stranded;
            }
            // The kernel has no event for it.
            std::thread::sleep(Duration::from_millis(1));
        };
        let wanted = wanted.unwrap_or(free.len() + stranded.here);
        if wanted == 0 || wanted > free.len() + stranded.here {
            home.returns.push_all(free.last(u32::MAX));
            return Err(BindError::Chunks { free: free.len(), wanted: wanted.max(1) });
        }
        let rx_share = match direction {
            Direction::Rx => wanted,
            Direction::Tx => 0,
            Direction::Both => wanted / 2,
        };
        let mut take = |n: u32| {
            let mut half = HalfPool::new(home, n);
            half.chunks().extend(free.last(n).iter().copied());
            free.forget_last(n); // fewer than `n` if some come home with the bind
            half
        };
        let (rx, tx) = (take(rx_share), take(wanted - rx_share));
        home.returns.push_all(free.last(u32::MAX));
        Ok(Self { rx, tx })
    }
}

/// Puts the halves together, and fills the fill ring.
pub(crate) fn make(port: &Arc<Port>, rings: Rings, shares: Shares, waiter: impl Fn() -> Waiter) -> Halves {
    let Rings { rx, tx, mut watches, has_flags: _ } = rings;
    // Long enough for a few batches, and short against the UMEM: what is in it while nobody receives is out of everybody's reach.
    let lane = Entries::new((port.umem().chunks() / 8).clamp(1, 256).next_power_of_two())
        .filter(|_| rx.is_some() && tx.is_some())
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
