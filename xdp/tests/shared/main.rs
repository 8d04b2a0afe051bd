//! Sockets that share a UMEM: one registration with the kernel for several queues and interfaces, and one pair of
//! fill and completion rings for several sockets of a queue.
#![cfg(feature = "lab")]

mod fake_queue;
mod forward;
mod locked_memory;
mod many_queues;
mod queue;
mod registration;

use std::time::{Duration, Instant};

use xdp::lab::{Entered, Lab};
use xdp::{ChunkSize, Mode, QueueId, Receive, Rx, Socket, Tx, Umem};

/// Longer than anything takes on a busy machine; only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(30);

const QUEUE: QueueId = QueueId(0);

/// A lab of so many pairs and queues, or none if the test cannot run here.
fn lab(test: &str, pairs: usize, queues: u32) -> Option<Lab> {
    xdp::lab::require(test).then(|| Lab::builder().pairs(pairs).queues(queues).build().unwrap())
}

fn enter(lab: &Lab) -> Entered<'_> {
    lab.enter().unwrap()
}

fn small_umem(chunks: u32) -> Umem {
    Umem::builder().chunks(chunks).chunk_size(ChunkSize::K2).build().unwrap()
}

/// A socket for both ways that receives everything, on `chunks` of the UMEM.
fn open(umem: &Umem, interface: &str, queue: QueueId, chunks: u32) -> Socket {
    let builder = Socket::builder(umem).chunks(chunks).mode(Mode::Copy).receive(Receive::Everything);
    builder.bind(interface, queue).unwrap()
}

/// Sends `packets`, each of 60 bytes with its number in front.
fn send(tx: &mut Tx, packets: std::ops::Range<u64>) {
    let (mut next, deadline) = (packets.start, Instant::now() + PATIENCE);
    while next < packets.end {
        let mut batch = tx.seek((packets.end - next).min(64) as u32);
        for i in 0..batch.len() {
            let packet = batch.peek(i, 60).unwrap();
            packet.fill(0xff);
            packet[..8].copy_from_slice(&(next + u64::from(i)).to_le_bytes());
        }
        next += u64::from(batch.commit());
        tx.kick().unwrap();
        assert!(Instant::now() < deadline, "stuck at {next} of {packets:?}");
    }
}

fn number_of(packet: &[u8]) -> u64 {
    u64::from_le_bytes(packet[..8].try_into().unwrap())
}

/// Receives `packets` in order.
fn expect(rx: &mut Rx, packets: std::ops::Range<u64>) {
    let mut next = packets.start;
    while next < packets.end {
        assert!(
            rx.wait(PATIENCE).unwrap(),
            "{next} of {packets:?} does not arrive: {}",
            rx.statistics().unwrap()
        );
        let batch = rx.seek(64);
        for packet in batch.iter() {
            assert_eq!(number_of(packet), next);
            next += 1;
        }
        batch.commit();
    }
}
