//! The kernel publishes a batch on the rx ring before it gives the slots of the fill ring free (`xsk_flush`): who has
//! received as many packets as there are chunks may find no room to put even one of them back. What does not fit is
//! kept; nobody spins, and nothing is lost.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use xdp::{Addr, Desc, Frame, Options, Rx, fake};

use crate::fill_addresses::{all_chunks_still_arrive, send, sender, tight_receiver};
use crate::{PATIENCE, chance, enter, lab, umem};

/// Takes everything that was received, by a flow of chance's choice.
fn take_all(rx: &mut Rx, state: &mut u64) -> u32 {
    let mut taken = 0;
    while rx.available() > 0 {
        match chance(state, 4) {
            0 => {
                let batch = rx.seek(u32::MAX);
                taken += batch.len();
                batch.commit();
            }
            1 => {
                let mut batch = rx.seek(u32::MAX);
                let some = 1 + chance(state, batch.len());
                batch.commit_first(some);
                taken += some;
            }
            2 => {
                let frames: Vec<Frame> = rx.recv(1 + chance(state, 64)).collect();
                taken += frames.len() as u32;
                rx.recycle(frames);
            }
            _ => taken += rx.recv(1 + chance(state, 64)).map(drop).count() as u32,
        }
    }
    taken
}

#[test]
fn chunks_wait_while_the_fill_ring_has_no_room_for_them() {
    for (log2, seed) in (0..=6).flat_map(|log2| [(log2, 1), (log2, 2)]) {
        let (entries, state) = (1u32 << log2, &mut { seed });
        // Half of the chunks are the receiving half's: as many as each ring has entries.
        let umem = umem(2 * entries);
        let (mut socket, mut nic) = fake::socket_starting_at(&umem, entries, u32::MAX - 100).unwrap();
        let rx = socket.rx();
        for lap in 0..300 {
            let kernel = nic.kernel();
            let most = (0..entries).take_while(|i| kernel.peek_fill(*i).is_some()).count() as u32;
            assert_eq!(most, entries, "lap {lap} of {entries}: the fill ring is full");
            let n = 1 + chance(state, most);
            for i in 0..n {
                let addr = Addr(kernel.peek_fill(i).unwrap() + 256);
                assert!(kernel.put_rx(Desc { addr, len: 60, options: Options::NONE }));
            }
            // Published on the rx ring, not released in the fill ring.
            assert_eq!(take_all(rx, state), n);
            for _ in 0..3 {
                assert!(rx.seek(64).is_empty() && rx.recv(64).next().is_none());
                rx.kick().unwrap();
            }
            let account = umem.accounting();
            assert!(account.is_balanced(), "{account}");
            assert_eq!((account.fill, account.hands), (entries - n, 0), "lap {lap} of {entries}: {account}");
            nic.kernel().skip_fill(n);
            // What was kept goes first, and then what was dropped and has gone home.
            assert!(rx.seek(1).is_empty() && rx.seek(1).is_empty());
            assert_eq!(umem.accounting().fill, entries, "lap {lap} of {entries}: all are back");
        }
        assert_eq!((rx.refused(), rx.system_calls()), (0, 0));
    }
}

/// All chunks in motion, on the running kernel, in rings as long as there are chunks, under load.
#[test]
fn rings_no_longer_than_the_chunks_lose_nothing_under_load() {
    let Some(lab) = lab("rings_no_longer_than_the_chunks_lose_nothing_under_load") else { return };
    let (_inside, a, b) = enter(&lab);
    let (mut tx, mut rx) = (sender(&a), tight_receiver(&b, 64));
    let is_enough = AtomicBool::new(false);
    let mut tx = thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut sent = 0;
            while !is_enough.load(Ordering::Relaxed) {
                send(&mut tx, 48);
                sent += 48;
            }
            (tx, sent)
        });
        let (mut received, state) = (0, &mut 5);
        while received < 20_000 {
            assert!(rx.wait(PATIENCE).unwrap(), "{received}: {}", rx.statistics().unwrap());
            received += take_all(&mut rx, state);
            let account = rx.umem().accounting();
            assert!(account.is_balanced(), "{account}");
        }
        is_enough.store(true, Ordering::Relaxed);
        let (tx, sent) = load.join().unwrap();
        received += take_all(&mut rx, state);
        // What finds no chunk is dropped, and counted; everything else has arrived.
        let told = rx.statistics().unwrap();
        let full = told.rings.map_or(0, |rings| rings.rx_ring_full);
        assert_eq!(u64::from(received) + told.rx_dropped + full, sent, "{received} and {told}");
        tx
    });
    all_chunks_still_arrive(&mut tx, &mut rx, 64);
}
