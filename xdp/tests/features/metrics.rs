//! What a socket says it has done, held against what it did.

use std::sync::atomic::{AtomicBool, Ordering};

use xdp::{Metrics, Mode, Socket, fake};

use crate::{PATIENCE, QUEUE, enter, frame, lab, next, receiver, sender, small_umem};

#[test]
fn packets_and_system_calls_between_two_looks_are_those_that_were_made() {
    let Some(lab) = lab("packets_and_system_calls_between_two_looks_are_those_that_were_made") else {
        return;
    };
    let (_inside, a, b) = enter(&lab);
    let (umem, theirs) = (small_umem().build().unwrap(), small_umem().build().unwrap());
    let (mut rx, mut tx) = (receiver(&theirs, &b), sender(&umem, &a));
    let (rx_before, tx_before) = (rx.metrics(), tx.metrics());
    let calls = tx.system_calls();
    for i in 0..50 {
        let packet = frame(&mut tx, &[i; 60]);
        tx.send(packet).unwrap();
        tx.flush(PATIENCE).unwrap();
        drop(next(&mut rx));
    }
    assert!(rx.seek(1).is_empty(), "and what was taken is released");
    let (received, sent) = (rx.metrics().since(&rx_before), tx.metrics().since(&tx_before));
    assert_eq!((received.received, received.filled), (50, 50), "{received}");
    assert_eq!((sent.sent, sent.completed), (50, 50), "{sent}");
    assert_eq!((received.sent, sent.received), (0, 0), "halves that are not there do nothing");
    assert_eq!((received.rx_system_calls, received.tx_system_calls), (rx.system_calls(), 0));
    assert_eq!(sent.tx_system_calls, tx.system_calls() - calls);
    assert!(sent.tx_system_calls >= 50);
    assert_eq!((received.refused, sent.refused), (0, 0));
    assert_eq!(received.statistics.map(|counted| (counted.rx_dropped, counted.tx_invalid)), Some((0, 0)));
    let now = tx.metrics();
    assert_eq!(now.statistics, Some(tx.statistics().unwrap()));
    assert_eq!((now.rings.rx, now.rings.fill), (None, None));
    let ring = now.rings.tx.unwrap();
    assert_eq!((ring.pending, ring.entries), (0, tx.report().rings.tx));
    assert!(sent.to_string().contains("sent 50 with"), "{sent}");
}

/// Chunks, rings and drops when nobody takes what arrives.
#[test]
fn a_socket_that_nobody_serves_shows_it() {
    let Some(lab) = lab("a_socket_that_nobody_serves_shows_it") else { return };
    let (_inside, a, b) = enter(&lab);
    let (umem, theirs) = (small_umem().build().unwrap(), small_umem().build().unwrap());
    let mut tx = sender(&umem, &a);
    let rx = Socket::builder(&theirs).receive(xdp::Receive::Everything).mode(Mode::Copy).rx_entries(16);
    let mut rx = rx.bind_rx(&b, QUEUE).unwrap();
    let before = rx.metrics();
    assert_eq!((before.accounting.fill, before.rings.fill.unwrap().pending), (64, 64));
    for _ in 0..40 {
        let packet = frame(&mut tx, &[0; 60]);
        tx.send(packet).unwrap();
        tx.flush(PATIENCE).unwrap();
    }
    assert!(rx.wait(PATIENCE).unwrap());
    let deadline = std::time::Instant::now() + PATIENCE;
    let full = loop {
        let now = rx.metrics();
        let dropped = now.statistics.and_then(|counted| counted.rings).map_or(24, |rings| rings.rx_ring_full);
        if (now.rings.rx.unwrap().pending, dropped) == (16, 24) {
            break now;
        }
        assert!(std::time::Instant::now() < deadline, "{now}");
        std::thread::yield_now();
    };
    assert_eq!((full.accounting.rx, full.accounting.fill), (16, 48), "{full}");
    assert_eq!(full.since(&before).received, 0);
    assert!(full.to_string().starts_with("rx 16/16, fill 48/"), "{full}");
}

/// An observer on another thread sees numbers that only grow, and nothing once the socket is gone, which it does not
/// hold.
#[test]
fn an_observer_watches_from_another_thread_and_holds_nothing() {
    let Some(lab) = lab("an_observer_watches_from_another_thread_and_holds_nothing") else { return };
    let (_inside, a, b) = enter(&lab);
    let (umem, theirs) = (small_umem().build().unwrap(), small_umem().build().unwrap());
    let (mut rx, mut tx) = (receiver(&theirs, &b), sender(&umem, &a));
    let observers = [rx.observer(), tx.observer()];
    let is_over = AtomicBool::new(false);
    let looks = std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut last: [Metrics; 2] = [observers[0].metrics(), observers[1].metrics()];
            let mut looks = 0u32;
            while !is_over.load(Ordering::Relaxed) {
                for (observer, last) in observers.iter().zip(&mut last) {
                    let now = observer.metrics();
                    let delta = now.since(last);
                    assert!(delta.received < 1000 && delta.sent < 1000, "{delta}");
                    assert_eq!(now.accounting.sum(), 64, "{now}");
                    *last = now;
                }
                looks += 1;
            }
            looks
        });
        for i in 0..500u32 {
            let packet = frame(&mut tx, &[i as u8; 60]);
            tx.send(packet).unwrap();
            tx.flush(PATIENCE).unwrap();
            drop(next(&mut rx));
        }
        drop((rx, tx));
        is_over.store(true, Ordering::Relaxed);
        watching.join().unwrap()
    });
    assert!(looks > 0);
    for observer in &observers {
        let after = observer.metrics();
        assert_eq!((after.statistics, after.rings), (None, xdp::RingMetrics::default()), "{after}");
    }
    assert!(observers[1].metrics().tx_system_calls >= 500, "what was counted is still told");
    // Nothing keeps the queues bound.
    drop((receiver(&theirs, &b), sender(&umem, &a)));
}

#[test]
fn what_was_not_believed_is_counted() {
    let umem = small_umem().build().unwrap();
    let (mut socket, mut nic) = fake::socket_starting_at(&umem, 32, u32::MAX - 2).unwrap();
    let before = socket.metrics();
    assert!(nic.forge_completion(u64::MAX) && nic.forge_completion(0));
    socket.tx().reap();
    let delta = socket.metrics().since(&before);
    assert_eq!((delta.refused, delta.completed), (2, 2));
    assert!(delta.to_string().contains("refused 2"), "{delta}");
}
