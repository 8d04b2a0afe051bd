//! Interfaces that go away, go down, or say nothing.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use xdp::{FlushError, KickError, Socket, WaitError};

use crate::{PATIENCE, QUEUE, enter, lab, receiver, send_numbered, sender, small_umem};

#[test]
fn a_wait_without_traffic_ends_when_its_time_is_up_and_not_before() {
    let Some(lab) = lab("a_wait_without_traffic_ends_when_its_time_is_up_and_not_before") else { return };
    let (_inside, _a, b) = enter(&lab);
    let mut rx = receiver(&small_umem(64), &b);
    let start = Instant::now();
    assert!(!rx.wait(Duration::from_millis(30)).unwrap());
    assert!(start.elapsed() >= Duration::from_millis(30));
    assert!(!rx.wait(Duration::ZERO).unwrap());
}

/// The kernel's poll says nothing of it, so this would sleep for ever.
#[test]
fn removing_the_interface_wakes_who_waits_for_it() {
    let Some(lab) = lab("removing_the_interface_wakes_who_waits_for_it") else { return };
    let (_inside, a, b) = enter(&lab);
    let mut rx = receiver(&small_umem(64), &b);
    let mut tx = sender(&small_umem(64), &a);
    let (waiting, is_waiting) = mpsc::channel();
    thread::scope(|scope| {
        let waiter = scope.spawn(move || {
            waiting.send(()).unwrap();
            rx.wait(Duration::MAX)
        });
        is_waiting.recv().unwrap();
        lab.remove_pair(0).unwrap();
        let error = waiter.join().unwrap().unwrap_err();
        assert!(matches!(error, WaitError::InterfaceGone { .. }), "{error}");
        assert_eq!(error.to_string(), format!("interface {b} is gone: open a new socket when it is back"));
    });
    // The sending half learns it from its next kick.
    let mut batch = tx.seek(1);
    batch.peek(0, 60).unwrap();
    batch.commit();
    assert!(matches!(tx.kick(), Err(KickError::InterfaceGone { .. })));
    assert!(matches!(tx.flush(PATIENCE), Err(FlushError::Kick(KickError::InterfaceGone { .. }))));
    drop(tx);
}

#[test]
fn removing_the_interface_before_the_wait_is_noticed_too() {
    let Some(lab) = lab("removing_the_interface_before_the_wait_is_noticed_too") else { return };
    let (_inside, _a, b) = enter(&lab);
    let mut rx = receiver(&small_umem(64), &b);
    lab.remove_pair(0).unwrap();
    assert!(matches!(rx.wait(Duration::MAX), Err(WaitError::InterfaceGone { .. })));
    assert!(matches!(rx.wait(Duration::MAX), Err(WaitError::InterfaceGone { .. })), "and again");
}

/// A drain at the end of a program must not hang because somebody pulled the plug.
#[test]
fn a_drain_ends_when_the_link_goes_down() {
    let Some(lab) = lab("a_drain_ends_when_the_link_goes_down") else { return };
    let (_inside, a, _b) = enter(&lab);
    let umem = small_umem(64);
    let mut tx = sender(&umem, &a);
    lab.set_down(lab.pair(0).a()).unwrap();
    let mut batch = tx.seek(8);
    (0..8).for_each(|i| batch.peek(i, 60).unwrap().fill(0));
    assert_eq!(batch.commit(), 8);
    let error = tx.kick().unwrap_err();
    assert!(matches!(error, KickError::InterfaceDown { .. }), "{error}");
    assert!(error.to_string().contains(&format!("ip link set {a} up")), "{error}");
    assert!(matches!(tx.flush(PATIENCE), Err(FlushError::Kick(KickError::InterfaceDown { .. }))));
    let account = umem.accounting();
    assert_eq!((account.tx, account.is_balanced()), (8, true), "nothing is lost: {account}");
    // And what was queued goes out when the link is back.
    lab.set_up(lab.pair(0).a()).unwrap();
    tx.flush(PATIENCE).unwrap();
    assert_eq!(umem.accounting().pool, 64);
}

/// A socket that only sends, with a filled fill ring that nobody ever empties.
#[test]
fn a_socket_that_only_sends_drains_although_its_fill_ring_is_full() {
    let Some(lab) = lab("a_socket_that_only_sends_drains_although_its_fill_ring_is_full") else { return };
    let (_inside, a, _b) = enter(&lab);
    let umem = small_umem(128);
    let mut socket = Socket::builder(&umem).bind(&a, QUEUE).unwrap();
    assert_eq!(umem.accounting().fill, 64);
    send_numbered(socket.tx(), 0, 1000, 64);
    socket.flush(PATIENCE).unwrap();
    assert_eq!(umem.accounting().pool, 64);
}
