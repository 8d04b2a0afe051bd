//! Every order of dropping leaves nothing behind, and the queue can be bound again at once.

use std::fs;

use xdp::{Frame, QueueId, Receive, Socket, Umem};

use crate::privileges::in_child;
use crate::{PATIENCE, QUEUE, enter, expect_numbered, lab, receiver, send_numbered, sender, small_umem};

/// Whatever keeps a socket or its memory alive.
enum Handle {
    Umem(#[expect(dead_code, reason = "held")] Umem),
    Rx(#[expect(dead_code, reason = "held")] xdp::Rx),
    Tx(#[expect(dead_code, reason = "held")] xdp::Tx),
    Frame(#[expect(dead_code, reason = "held")] Frame),
}

fn handles(interface: &str) -> [Option<Handle>; 4] {
    let umem = small_umem(64);
    let socket = Socket::builder(&umem).receive(Receive::Everything).bind(interface, QUEUE).unwrap();
    let (rx, mut tx) = socket.split();
    let frame = tx.alloc().unwrap();
    [Handle::Umem(umem), Handle::Rx(rx), Handle::Tx(tx), Handle::Frame(frame)].map(Some)
}

fn permutations() -> Vec<[usize; 4]> {
    let mut all = Vec::new();
    for a in 0..4 {
        for b in (0..4).filter(|b| *b != a) {
            for c in (0..4).filter(|c| ![a, b].contains(c)) {
                all.push([a, b, c, 6 - a - b - c]);
            }
        }
    }
    all
}

/// Kilobytes of address space that the process has.
fn virtual_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// In a process of its own, since other tests map memory and open files too.
#[test]
fn every_order_of_dropping_frees_the_queue_the_memory_and_the_descriptors() {
    const TEST: &str = "rebind::every_order_of_dropping_frees_the_queue_the_memory_and_the_descriptors";
    let Some(lab) = lab(TEST) else { return };
    in_child(TEST, &lab, |_a, b| {
        const FRAME: usize = 3;
        assert_eq!(permutations().len(), 24);
        // A frame that outlives all else keeps its memory, on purpose and for ever, so these orders come first.
        let (last, not_last): (Vec<_>, Vec<_>) =
            permutations().into_iter().partition(|order| order[3] == FRAME);
        let mut before = None;
        for (order, keeps) in
            last.iter().map(|order| (order, true)).chain(not_last.iter().map(|order| (order, false)))
        {
            let mut handles = handles(b);
            order.iter().for_each(|&i| handles[i] = None);
            if !keeps {
                let now = (virtual_memory(), open_files());
                assert_eq!(*before.get_or_insert(now), now, "{order:?}");
            }
        }
    });
}

#[test]
fn halves_work_when_the_other_half_is_gone() {
    let Some(lab) = lab("halves_work_when_the_other_half_is_gone") else { return };
    let (_inside, a, b) = enter(&lab);
    let (near, far) = (small_umem(256), small_umem(256));
    let (rx, mut tx) = Socket::builder(&near).receive(Receive::Everything).bind(&a, QUEUE).unwrap().split();
    let (mut far_rx, far_tx) =
        Socket::builder(&far).receive(Receive::Everything).bind(&b, QUEUE).unwrap().split();
    drop(rx);
    drop(far_tx);
    // Descriptor numbers are reused at once: a half that used a closed one would use this.
    let _decoys: Vec<_> = (0..8).map(|_| fs::File::open("/dev/null").unwrap()).collect();
    for start in (0..2048).step_by(64) {
        send_numbered(&mut tx, start, start + 64, 64);
        expect_numbered(&mut far_rx, start, start + 64, 64);
    }
    tx.flush(PATIENCE).unwrap();
    assert!(near.accounting().is_balanced() && far.accounting().is_balanced());
}

/// A program that fills a ring which nobody reads would swallow the traffic.
#[test]
fn packets_go_to_the_kernels_stack_when_only_the_sending_half_is_left() {
    let Some(lab) = lab("packets_go_to_the_kernels_stack_when_only_the_sending_half_is_left") else { return };
    let (_inside, a, b) = enter(&lab);
    let far = small_umem(64);
    let (rx, far_tx) = Socket::builder(&far).receive(Receive::Everything).bind(&b, QUEUE).unwrap().split();
    let mut tx = sender(&small_umem(64), &a);
    send_numbered(&mut tx, 0, 10, 64);
    drop(rx);
    let before = far_tx.statistics().unwrap();
    send_numbered(&mut tx, 10, 30, 64);
    tx.flush(PATIENCE).unwrap();
    assert_eq!(far_tx.statistics().unwrap(), before, "the socket sees none of them");
    assert!(xdp::Interface::by_name(&b).unwrap().xdp().driver().is_some(), "the program stays");
}

#[test]
fn binding_again_right_after_works_with_the_same_umem() {
    let Some(lab) = lab("binding_again_right_after_works_with_the_same_umem") else { return };
    let (_inside, a, b) = enter(&lab);
    let (sending, receiving) = (small_umem(64), small_umem(64));
    for round in 0..5 {
        let mut tx = sender(&sending, &a);
        let mut rx = receiver(&receiving, &b);
        send_numbered(&mut tx, round, round + 20, 64);
        expect_numbered(&mut rx, round, round + 10, 64); // half of them stay in the ring
    }
}

#[test]
fn several_queues_are_bound_side_by_side() {
    if !xdp::lab::require("several_queues_are_bound_side_by_side") {
        return;
    }
    let lab = xdp::lab::Lab::builder().queues(2).build().unwrap();
    let (_inside, a, _b) = enter(&lab);
    let umem = small_umem(128);
    let sockets = [0, 1].map(|queue| Socket::builder(&umem).chunks(64).bind(&a, QueueId(queue)).unwrap());
    assert_eq!(sockets.map(|socket| socket.report().queue), [QueueId(0), QueueId(1)]);
}
