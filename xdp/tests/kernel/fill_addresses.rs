//! Addresses in the fill ring that make no sense: the kernel takes them, keeps what they cost, and counts them where
//! nobody can read it. So none is ever published.

use std::collections::BTreeSet;
use std::os::fd::AsFd;

use xdp::{AttachMode, Desc, Frame, Mode, Options, Program, Receive, Rx, Socket, Tx, fake};
use xdp_core::Chunk;

use crate::raw::RawSocket;
use crate::{PATIENCE, QUEUE, chance, enter, lab, umem};

pub(crate) fn send(tx: &mut Tx, packets: u32) {
    let mut left = packets;
    while left > 0 {
        let mut batch = tx.seek(left);
        (0..batch.len()).for_each(|i| batch.peek(i, 60).unwrap().fill(0x5a));
        left -= batch.commit();
        tx.kick().unwrap();
    }
    tx.flush(PATIENCE).unwrap();
}

pub(crate) fn sender(interface: &str) -> Tx {
    Socket::builder(&umem(64)).mode(Mode::Copy).bind_tx(interface, QUEUE).unwrap()
}

/// A receiver whose rings are no longer than it has chunks: all are in the fill ring when nothing was received.
pub(crate) fn tight_receiver(interface: &str, chunks: u32) -> Rx {
    Socket::builder(&umem(chunks))
        .rx_entries(chunks)
        .fill_entries(chunks)
        .receive(Receive::Everything)
        .mode(Mode::Copy)
        .bind_rx(interface, QUEUE)
        .unwrap()
}

/// The kernel has every chunk, and uses each: as many packets as there are chunks all arrive, each in another one.
pub(crate) fn all_chunks_still_arrive(tx: &mut Tx, rx: &mut Rx, chunks: u32) {
    while !rx.seek(u32::MAX).is_empty() {
        rx.seek(u32::MAX).commit();
    }
    let account = rx.umem().accounting();
    assert_eq!((account.fill, account.rx), (chunks, 0), "{account}");
    send(tx, chunks);
    let mut frames: Vec<Frame> = Vec::new();
    while frames.len() < chunks as usize {
        assert!(rx.wait(PATIENCE).unwrap(), "{} of {chunks} arrive", frames.len());
        frames.extend(rx.recv(u32::MAX));
    }
    let used: BTreeSet<u32> = frames.iter().map(|frame| frame.chunk().0).collect();
    assert_eq!(used.len(), chunks as usize);
    rx.recycle(frames);
    assert_eq!(rx.refused(), 0);
}

/// What the running kernel does, for the record; that nothing but what was filled is used is required.
#[test]
fn the_kernel_takes_addresses_that_make_no_sense_and_does_not_say_so() {
    let Some(lab) = lab("the_kernel_takes_addresses_that_make_no_sense_and_does_not_say_so") else { return };
    let (_inside, a, b) = enter(&lab);
    let mut socket = RawSocket::bind(&b, 16);
    let attached = Program::redirect_all().load().unwrap().attach(&*b, AttachMode::Driver).unwrap();
    attached.program().map().insert(QUEUE, socket.fd.as_fd()).unwrap();
    let good = socket.layout.addr(Chunk(5));
    for addr in [16 * 2048, u64::MAX, 1 << 40, good] {
        assert!(socket.fill.push(addr));
    }
    send(&mut sender(&a), 2);
    let received: Vec<Desc> = std::iter::from_fn(|| socket.rx.pop()).collect();
    let (left, told) = (socket.fill.outstanding(), socket.statistics());
    eprintln!(
        "of 4 addresses {left} are left, {} packets were received, {} dropped, {} addresses called invalid",
        received.len(),
        told.rx_dropped,
        told.rx_invalid_descs
    );
    assert!(received.iter().all(|desc| socket.layout.chunk_start(desc.addr.0) == good), "{received:?}");
    assert!(received.len() <= 1, "one chunk was given, so one packet can be there at most");
}

/// Receives by every flow there is; frames that are kept come back later.
fn receive_anyhow(rx: &mut Rx, kept: &mut Vec<Frame>, state: &mut u64) -> u32 {
    let n = chance(state, 20);
    match chance(state, 6) {
        0 => {
            let batch = rx.seek(n);
            let received = batch.len();
            batch.commit();
            received
        }
        1 => {
            let mut batch = rx.seek(n);
            let some = chance(state, 20).min(batch.len());
            batch.commit_first(some);
            some
        }
        2 => rx.recv(n).map(drop).count() as u32,
        3 => {
            let before = kept.len();
            kept.extend(rx.recv(n).take(3));
            (kept.len() - before) as u32
        }
        4 => {
            let some = kept.split_off(kept.len().saturating_sub(n as usize));
            rx.recycle(some);
            0
        }
        _ => {
            kept.truncate(kept.len().saturating_sub(n as usize));
            0
        }
    }
}

/// Every address of a long random life, as the kernel finds it: a chunk of the UMEM, and one that it does not have.
#[test]
fn whatever_is_received_the_fill_ring_holds_only_chunks_that_are_nobody_elses() {
    for seed in 1..=20 {
        let state = &mut { seed };
        let umem = umem(32);
        let (mut socket, mut nic) = fake::socket_starting_at(&umem, 16, u32::MAX - 50).unwrap();
        let (mut taken, mut kept) = (Vec::new(), Vec::new());
        for _ in 0..3000 {
            for _ in 0..chance(state, 8) {
                taken.extend(nic.kernel().take_fill());
            }
            // What the kernel has and what is in hands are all different, and all chunks of the UMEM.
            let chunks: BTreeSet<u64> = taken.iter().map(|addr| addr / 2048).collect();
            assert_eq!(chunks.len(), taken.len(), "seed {seed}: a chunk was given twice");
            assert!(taken.iter().all(|addr| addr % 2048 == 0 && addr / 2048 < 32), "seed {seed}: {taken:?}");
            let kept_chunks = kept.iter().map(|frame: &Frame| u64::from(frame.chunk().0));
            assert!(
                kept_chunks.into_iter().all(|chunk| !chunks.contains(&chunk)),
                "seed {seed}: given and kept"
            );
            for _ in 0..chance(state, 8) {
                let Some(chunk) = taken.pop() else { break };
                let desc = Desc { addr: xdp::Addr(chunk + 256), len: 60, options: Options::NONE };
                if !nic.forge_rx(desc) {
                    taken.push(chunk);
                    break;
                }
            }
            receive_anyhow(socket.rx(), &mut kept, state);
            kept.truncate(8);
            assert!(umem.accounting().is_balanced(), "seed {seed}: {}", umem.accounting());
        }
        assert_eq!(socket.rx().refused(), 0);
    }
}

/// Over many laps of the real rings, no chunk stays with the kernel for good.
#[test]
fn no_chunk_is_lost_to_the_kernel_over_many_laps() {
    let Some(lab) = lab("no_chunk_is_lost_to_the_kernel_over_many_laps") else { return };
    let (_inside, a, b) = enter(&lab);
    let (mut tx, mut rx) = (sender(&a), tight_receiver(&b, 32));
    let (mut received, mut kept, state) = (0, Vec::new(), &mut 3);
    while received < 10_000 {
        send(&mut tx, chance(state, 16));
        received += receive_anyhow(&mut rx, &mut kept, state);
        kept.truncate(8);
        assert!(rx.umem().accounting().is_balanced(), "{}", rx.umem().accounting());
    }
    drop(kept);
    all_chunks_still_arrive(&mut tx, &mut rx, 32);
}
