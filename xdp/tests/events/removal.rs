//! The kernel's poll says nothing when an interface is removed, and every wait ends all the same, and soon.

use xdp::{Receive, Rx, Socket, Tx};

use super::*;

/// How late a wait may learn of a removal, counted from the request for it: the kernel's own work is part of it.
const SOON: Duration = Duration::from_millis(50);
/// Removals that are measured; the best counts, since other processes share the machine.
const ROUNDS: u32 = 5;

/// What waits, after all that was prepared for it.
type Wait = Box<dyn FnOnce() -> Result<bool, WaitError> + Send>;

/// Removes the interface under a wait without end, some times over.
fn a_wait_ends_soon_after_a_removal(test: &str, prepare: impl Fn(&Lab) -> Wait) {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let Some(lab) = lab(test) else { return };
        let (_inside, a, _b) = enter(&lab);
        let wait = prepare(&lab);
        let removal = || {
            let start = Instant::now();
            lab.remove_pair(0).unwrap();
            start
        };
        let (result, woken, start) = while_waiting(wait, removal);
        let error = result.unwrap_err();
        assert!(matches!(error, WaitError::InterfaceGone { .. }), "{error}");
        assert!(error.to_string().contains(&a), "{error}");
        best = best.min(woken.duration_since(start));
    }
    println!("{test}: {best:?} at best");
    assert!(best < SOON, "woken {best:?} after the request to remove the interface");
}

fn socket(name: &str) -> Socket {
    let builder = Socket::builder(&small_umem()).mode(Mode::Copy);
    builder.receive(Receive::Everything).bind(name, QUEUE).unwrap()
}

#[test]
fn a_wait_of_a_socket_ends_soon_after_its_interface_was_removed() {
    a_wait_ends_soon_after_a_removal("a_wait_of_a_socket_ends_soon_after_its_interface_was_removed", |lab| {
        let mut socket = socket(lab.pair(0).a().name());
        Box::new(move || socket.wait(Duration::MAX))
    });
}

#[test]
fn a_wait_for_packets_ends_soon_after_its_interface_was_removed() {
    a_wait_ends_soon_after_a_removal("a_wait_for_packets_ends_soon_after_its_interface_was_removed", |lab| {
        let mut rx: Rx = socket(lab.pair(0).a().name()).split().0;
        Box::new(move || rx.wait(Duration::MAX))
    });
}

#[test]
fn a_wait_for_room_ends_soon_after_its_interface_was_removed() {
    a_wait_ends_soon_after_a_removal("a_wait_for_room_ends_soon_after_its_interface_was_removed", |lab| {
        let end = lab.pair(0).a();
        let umem = small_umem();
        let builder = Socket::builder(&umem).mode(Mode::Copy).tx_entries(16);
        let mut tx: Tx = builder.bind_tx(end.name(), QUEUE).unwrap();
        // An interface that is down takes nothing, so that the ring stays full.
        lab.set_down(end).unwrap();
        let mut batch = tx.seek(16);
        (0..16).for_each(|i| batch.peek(i, 60).unwrap().fill(0));
        assert_eq!(batch.commit(), 16);
        Box::new(move || tx.wait(Duration::MAX))
    });
}
