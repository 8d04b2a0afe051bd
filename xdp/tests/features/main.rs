//! Every feature of AF_XDP that this library has beside plain packets, on the running kernel, on veth pairs in
//! private namespaces: a file for each, with packets that show it at work and every misuse refused before the kernel
//! sees it.
#![cfg(all(feature = "fake-kernel", feature = "lab"))]

mod busy_poll;
mod metrics;
mod rx_metadata;
#[cfg(feature = "tracing")]
mod tracing;
mod tx_budget;
mod tx_metadata;

use std::time::{Duration, Instant};

use xdp::lab::{Entered, Lab};
use xdp::{ChunkSize, Frame, Mode, QueueId, Receive, Rx, Socket, Tx, Umem, UmemBuilder};

/// Longer than anything takes on a busy machine; only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(30);

const QUEUE: QueueId = QueueId(0);

/// The lab of a test, or none if it cannot run here.
fn lab(test: &str) -> Option<Lab> {
    xdp::lab::require(test).then(|| Lab::new().unwrap())
}

/// Moves the thread into the lab; the names of the pair's ends.
fn enter(lab: &Lab) -> (Entered<'_>, String, String) {
    let pair = lab.pair(0);
    (lab.enter().unwrap(), pair.a().name().to_owned(), pair.b().name().to_owned())
}

fn small_umem() -> UmemBuilder {
    Umem::builder().chunks(64).chunk_size(ChunkSize::K2)
}

/// Everything that arrives at an interface, in the driver.
fn receiver(umem: &Umem, interface: &str) -> Rx {
    Socket::builder(umem).receive(Receive::Everything).mode(Mode::Copy).bind_rx(interface, QUEUE).unwrap()
}

fn sender(umem: &Umem, interface: &str) -> Tx {
    Socket::builder(umem).mode(Mode::Copy).bind_tx(interface, QUEUE).unwrap()
}

fn frame(tx: &mut Tx, bytes: &[u8]) -> Frame {
    let mut frame = tx.alloc().expect("a free chunk");
    frame.extend_from_slice(bytes).unwrap();
    frame
}

/// The next packet.
fn next(rx: &mut Rx) -> Frame {
    let deadline = Instant::now() + PATIENCE;
    loop {
        assert!(rx.wait(PATIENCE).unwrap(), "nothing arrives; {}", rx.statistics().unwrap());
        if let Some(frame) = rx.recv(1).next() {
            return frame;
        }
        assert!(Instant::now() < deadline, "only what cannot be believed arrives");
    }
}
