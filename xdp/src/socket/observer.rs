//! A look at a socket from any thread.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::rx::Rx;
use crate::socket::Socket;
use crate::socket::gauge::Gauge;
use crate::socket::metrics::Metrics;
use crate::socket::port::Port;
use crate::tx::Tx;
use crate::umem::Umem;

/// A look at a socket from any thread, while its halves move packets on theirs.
///
/// It does not keep the socket open; a socket that is closed while somebody looks waits for that one look. The packet
/// memory lives as long as an observer does.
///
/// ```
/// # let umem = xdp::Umem::builder().chunks(64).build()?;
/// # let (mut socket, mut nic) = xdp::fake::socket(&umem, 32)?;
/// let observer = socket.observer();
/// let watching = std::thread::spawn(move || observer.metrics());
/// println!("{}", watching.join().unwrap());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Observer {
    gauge: Arc<Gauge>,
    umem: Umem,
}

const _: () = {
    const fn from_any_thread<T: Send + Sync>() {}
    from_any_thread::<Observer>();
};

impl Observer {
    fn of(port: &Port) -> Self {
        port.lend_descriptor();
        Self { gauge: Arc::clone(port.gauge()), umem: port.umem().clone() }
    }

    /// What the socket has done so far. One system call, and a pass over a table with a byte for each chunk.
    pub fn metrics(&self) -> Metrics {
        let (rings, statistics) = self.gauge.look();
        let told = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
        let Gauge { rx_counts, tx_counts, .. } = &*self.gauge;
        Metrics {
            taken: Instant::now(),
            statistics,
            rings,
            rx_system_calls: told(&rx_counts.system_calls),
            tx_system_calls: told(&tx_counts.system_calls),
            refused: told(&rx_counts.refused) + told(&tx_counts.refused),
            accounting: self.umem.account(),
        }
    }
}

impl Rx {
    /// A look at the socket, of both halves, from any thread.
    pub fn observer(&self) -> Observer {
        Observer::of(self.port())
    }

    /// What the socket has done so far, both halves of it.
    pub fn metrics(&self) -> Metrics {
        self.observer().metrics()
    }
}

impl Tx {
    /// A look at the socket, of both halves, from any thread.
    pub fn observer(&self) -> Observer {
        Observer::of(self.port())
    }

    /// What the socket has done so far, both halves of it.
    pub fn metrics(&self) -> Metrics {
        self.observer().metrics()
    }
}

impl Socket {
    /// A look at the socket from any thread.
    pub fn observer(&self) -> Observer {
        self.rx.observer()
    }

    /// What the socket has done so far.
    pub fn metrics(&self) -> Metrics {
        self.rx.metrics()
    }
}
