//! Waiting for room in the tx ring: in copy mode the kernel sends one budget of packets for each poll, and none while
//! the completion ring is full, and then sleeps without looking again. So a wait must go on kicking and taking back.

use xdp::{Mode, Socket, Tx};

use crate::{PATIENCE, QUEUE, enter, lab, umem};

/// Fills the tx ring.
fn fill(tx: &mut Tx) {
    let mut batch = tx.seek(u32::MAX);
    (0..batch.len()).for_each(|i| batch.peek(i, 60).unwrap().fill(0x5a));
    batch.commit();
    assert!(tx.seek(1).is_empty(), "the ring is full");
}

#[test]
fn a_wait_for_room_ends_although_the_kernel_sends_a_budget_at_a_time() {
    let Some(lab) = lab("a_wait_for_room_ends_although_the_kernel_sends_a_budget_at_a_time") else { return };
    let (_inside, a, _b) = enter(&lab);
    let builder = Socket::builder(&umem(512)).mode(Mode::Copy);
    let mut tx = builder.tx_entries(256).tx_budget(32).bind_tx(&a, QUEUE).unwrap();
    for _ in 0..4 {
        fill(&mut tx);
        assert!(tx.wait(PATIENCE).unwrap(), "{} left, {} system calls", tx.outstanding(), tx.system_calls());
    }
}

#[test]
fn a_wait_for_room_ends_although_the_completion_ring_is_shorter() {
    let Some(lab) = lab("a_wait_for_room_ends_although_the_completion_ring_is_shorter") else { return };
    let (_inside, a, _b) = enter(&lab);
    let builder = Socket::builder(&umem(512)).mode(Mode::Copy);
    let mut tx = builder.tx_entries(64).completion_entries(16).bind_tx(&a, QUEUE).unwrap();
    for _ in 0..4 {
        fill(&mut tx);
        assert!(tx.wait(PATIENCE).unwrap(), "{} left, {} system calls", tx.outstanding(), tx.system_calls());
    }
}

/// Chunks in plenty, so that nothing but the wait itself takes completions back.
#[test]
fn a_wait_for_room_ends_although_nobody_kicks() {
    let Some(lab) = lab("a_wait_for_room_ends_although_nobody_kicks") else { return };
    let (_inside, a, _b) = enter(&lab);
    let builder = Socket::builder(&umem(2048)).mode(Mode::Copy);
    let mut tx = builder.tx_entries(64).completion_entries(64).bind_tx(&a, QUEUE).unwrap();
    for round in 0..16 {
        loop {
            let mut frame = tx.alloc().unwrap();
            frame.set_len(60).unwrap();
            if tx.send(frame).is_err() {
                break;
            }
        }
        assert!(tx.wait(PATIENCE).unwrap(), "round {round}: {} left", tx.outstanding());
    }
}
