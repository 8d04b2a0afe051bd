//! Sockets against the running kernel, on veth pairs in private namespaces: packets, rings, errors, and what is left
//! behind (nothing).
#![cfg(feature = "lab")]

mod accounting;
mod journey;
mod kick;
mod packets;
mod privileges;
mod rebind;
mod removal;
mod rings;
mod set_up;
mod unaligned;

use std::time::{Duration, Instant};

use xdp::lab::{Entered, Lab};
use xdp::{AttachMode, ChunkSize, Mode, QueueId, Receive, Rx, Socket, Tx, Umem};

/// Longer than anything takes on a busy machine; only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(30);

const QUEUE: QueueId = QueueId(0);

/// The lab of a test, or none if it cannot run here. The calling thread is inside as long as the guard lives.
fn lab(test: &str) -> Option<Lab> {
    xdp::lab::require(test).then(|| Lab::new().unwrap())
}

fn enter(lab: &Lab) -> (Entered<'_>, String, String) {
    let pair = lab.pair(0);
    (lab.enter().unwrap(), pair.a().name().to_owned(), pair.b().name().to_owned())
}

fn small_umem(chunks: u32) -> Umem {
    Umem::builder().chunks(chunks).chunk_size(ChunkSize::K2).build().unwrap()
}

/// Everything that arrives at an interface, in the driver.
fn receiver(umem: &Umem, interface: &str) -> Rx {
    Socket::builder(umem).receive(Receive::Everything).mode(Mode::Copy).bind_rx(interface, QUEUE).unwrap()
}

fn receiver_in(umem: &Umem, interface: &str, mode: AttachMode) -> Rx {
    let builder = Socket::builder(umem).receive(Receive::Everything).attach(mode).mode(Mode::Copy);
    builder.bind_rx(interface, QUEUE).unwrap()
}

fn sender(umem: &Umem, interface: &str) -> Tx {
    Socket::builder(umem).mode(Mode::Copy).bind_tx(interface, QUEUE).unwrap()
}

/// A packet of `len` bytes that carries its number at both ends.
fn write_numbered(packet: &mut [u8], number: u64) {
    packet.fill(number as u8);
    let len = packet.len();
    packet[..8].copy_from_slice(&number.to_le_bytes());
    packet[len - 8..].copy_from_slice(&number.to_le_bytes());
}

fn number_of(packet: &[u8]) -> u64 {
    let first = u64::from_le_bytes(packet[..8].try_into().unwrap());
    let last = u64::from_le_bytes(packet[packet.len() - 8..].try_into().unwrap());
    assert_eq!(first, last, "a packet is whole");
    assert!(packet[8..packet.len() - 8].iter().all(|&byte| byte == number_byte(first)), "and unchanged");
    first
}

fn number_byte(number: u64) -> u8 {
    number as u8
}

/// Sends packets `from..to`, as fast as they go, and kicks.
fn send_numbered(tx: &mut Tx, from: u64, to: u64, len: usize) {
    let mut next = from;
    let deadline = Instant::now() + PATIENCE;
    while next < to {
        let mut batch = tx.seek((to - next).min(64) as u32);
        for i in 0..batch.len() {
            write_numbered(batch.peek(i, len).unwrap(), next + u64::from(i));
        }
        next += u64::from(batch.commit());
        tx.kick().unwrap();
        assert!(Instant::now() < deadline, "stuck at {next} of {to}");
    }
}

/// Receives packets `from..to` in order, by the borrowed flow.
fn expect_numbered(rx: &mut Rx, from: u64, to: u64, len: usize) {
    let mut next = from;
    while next < to {
        assert!(
            rx.wait(PATIENCE).unwrap(),
            "packet {next} of {to} does not arrive; {}",
            rx.statistics().unwrap()
        );
        let batch = rx.seek(64);
        for packet in batch.iter() {
            assert_eq!((number_of(packet), packet.len()), (next, len));
            next += 1;
        }
        batch.commit();
    }
}
