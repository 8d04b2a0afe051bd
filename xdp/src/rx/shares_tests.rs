//! No half keeps from the other what it does not need, least of all when it goes.

use std::time::Duration;

use crate::{ChunkSize, Frame, Tx, Umem, fake};

fn umem(chunks: u32) -> Umem {
    Umem::builder().chunks(chunks).chunk_size(ChunkSize::K2).build().unwrap()
}

/// All that the sending half can get hold of.
fn all_of(tx: &mut Tx) -> Vec<Frame> {
    std::iter::from_fn(|| tx.alloc()).collect()
}

#[test]
fn a_half_that_misses_one_chunk_leaves_the_rest_to_the_other() {
    let umem = umem(64);
    let (mut socket, mut nic) = fake::socket(&umem, 64).unwrap();
    let (rx, tx) = socket.halves();
    // Its share, and no look beyond: one in vain would ask others to hold nothing back.
    let frames: Vec<_> = (0..32).filter_map(|_| tx.alloc()).collect();
    assert_eq!(frames.len(), 32);
    assert!(nic.deliver(b"one"));
    let held = rx.recv(1).next().unwrap();
    drop(frames); // elsewhere: they come home to the umem
    assert!(!rx.wait(Duration::ZERO).unwrap(), "the receiving half takes one of them, then it sleeps");
    let frames = all_of(tx);
    assert_eq!(frames.len(), 31);
    drop(held);
    assert_eq!(all_of(tx).len(), 1);
}

#[test]
fn what_was_on_its_way_to_a_receiving_half_that_goes_is_there_for_others() {
    let umem = umem(64);
    let (socket, mut nic) = fake::socket(&umem, 64).unwrap();
    let (mut rx, mut tx) = socket.split();
    assert!((0..16).all(|_| nic.deliver(b"forwarded")));
    assert_eq!(tx.send_from(rx.recv(16)).unwrap(), 16);
    tx.kick().unwrap();
    rx.kick().unwrap(); // says how many it misses
    while nic.transmit().is_some() {}
    tx.kick().unwrap(); // and gets them, but does not look
    drop(rx);
    assert_eq!(umem.accounting().pool, 48);
    assert_eq!(all_of(&mut tx).len(), 48, "all but the 16 that the fill ring has");
}

#[test]
fn what_was_sent_and_never_kicked_is_there_for_others_when_the_sending_half_goes() {
    let umem = umem(64);
    let (socket, mut nic) = fake::socket_starting_at(&umem, 32, u32::MAX - 3).unwrap();
    let (rx, mut tx) = socket.split();
    for mut frame in all_of(&mut tx).into_iter().take(8) {
        frame.extend_from_slice(b"never kicked").unwrap();
        tx.send(frame).unwrap();
    }
    drop(tx);
    assert_eq!(nic.transmit(), None);
    let accounting = umem.accounting();
    assert_eq!((accounting.tx, accounting.pool), (0, 32), "{accounting}");
    assert!(accounting.is_balanced());
    drop(rx);
}
