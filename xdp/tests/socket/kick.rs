//! Copy mode sends a budget of packets per system call, and answers EAGAIN: progress, not an error.

use std::collections::{BTreeSet, VecDeque};

use xdp::{Frame, Mode, Socket, Umem};

use crate::{PATIENCE, QUEUE, enter, lab, sender, small_umem};

fn frames(tx: &mut xdp::Tx, n: usize) -> VecDeque<Frame> {
    let mut frame = || {
        let mut frame = tx.alloc()?;
        frame.extend_from_slice(&[0; 60]).unwrap();
        Some(frame)
    };
    (0..n).map_while(|_| frame()).collect()
}

/// The kernel's default budget is 32 packets a call, so a full ring of 256 needs 8, all of them kicks of one `kick`.
#[test]
fn a_full_ring_drains_by_kicks_alone() {
    let Some(lab) = lab("a_full_ring_drains_by_kicks_alone") else { return };
    let (_inside, a, _b) = enter(&lab);
    let umem = small_umem(512);
    let mut tx =
        Socket::builder(&umem).tx_entries(256).tx_budget(32).mode(Mode::Copy).bind_tx(&a, QUEUE).unwrap();
    assert_eq!(tx.report().tx_budget, 32);
    let mut queue = frames(&mut tx, 300);
    assert_eq!(tx.send_all(&mut queue).unwrap(), 256);
    assert_eq!(queue.len(), 44, "what does not fit stays");
    assert!(matches!(tx.send(queue.pop_back().unwrap()), Err(xdp::SendError::Full(_))));
    tx.kick().unwrap();
    assert_eq!(tx.system_calls(), 8);
    tx.flush(PATIENCE).unwrap();
    assert_eq!(tx.outstanding(), 0);
    drop(queue);
    assert_eq!(umem.accounting().pool, 512);
}

/// From Linux 6.17 on the budget is raised to the ring's length: the same ring needs one call.
#[test]
fn a_raised_budget_sends_the_ring_in_one_call() {
    let Some(lab) = lab("a_raised_budget_sends_the_ring_in_one_call") else { return };
    let (_inside, a, _b) = enter(&lab);
    let umem = small_umem(512);
    let mut tx = Socket::builder(&umem).tx_entries(256).mode(Mode::Copy).bind_tx(&a, QUEUE).unwrap();
    let mut queue = frames(&mut tx, 256);
    assert_eq!(tx.send_all(&mut queue).unwrap(), 256);
    tx.kick().unwrap();
    match tx.report().tx_budget {
        256 => assert_eq!(tx.system_calls(), 1),
        budget => assert_eq!((budget, tx.system_calls()), (32, 8), "an older kernel"),
    }
    tx.flush(PATIENCE).unwrap();
}

/// Batches of every size, over many laps of the ring: each chunk is out once, and all come back.
#[test]
fn every_chunk_comes_back_once_from_the_kernel() {
    let Some(lab) = lab("every_chunk_comes_back_once_from_the_kernel") else { return };
    let (_inside, a, _b) = enter(&lab);
    let umem = small_umem(64);
    let mut tx = Socket::builder(&umem)
        .tx_entries(64)
        .completion_entries(64)
        .mode(Mode::Copy)
        .bind_tx(&a, QUEUE)
        .unwrap();
    for size in (2..=64).cycle().take(63 * 8) {
        let mut queue = frames(&mut tx, size);
        assert_eq!(queue.len(), size);
        let chunks: BTreeSet<u32> = queue.iter().map(|frame| frame.chunk().0).collect();
        assert_eq!(chunks.len(), size, "no chunk has two owners");
        assert_eq!(tx.send_all(&mut queue).unwrap() as usize, size);
        tx.flush(PATIENCE).unwrap();
        assert_eq!(umem.accounting().pool, 64, "{}", umem.accounting());
    }
    assert_eq!(tx.refused(), 0);
}

#[test]
fn kicking_with_nothing_to_send_costs_no_system_call() {
    let Some(lab) = lab("kicking_with_nothing_to_send_costs_no_system_call") else { return };
    let (_inside, a, _b) = enter(&lab);
    let umem: Umem = small_umem(64);
    let mut tx = sender(&umem, &a);
    tx.kick().unwrap();
    tx.flush(PATIENCE).unwrap();
    assert!(tx.wait(PATIENCE).unwrap());
    assert_eq!(tx.system_calls(), 0);
}
