//! Sockets that are dropped leave the queue to the next one.

use xdp::Receive;

use crate::site::{QUEUE, await_carrier, await_home, builder, check, nics, open, transfer, umem};

#[test]
fn a_queue_is_bound_again_at_once_and_works() {
    let [near, far, ..] = nics();
    let sending = umem(512);
    let mut one = open(&sending, &near);
    for round in 0..3 {
        let receiving = umem(512);
        let mut other = open(&receiving, &far);
        await_carrier(&near.name);
        transfer(one.tx(), other.rx(), near.route_to(&far), round * 200, (round + 1) * 200);
        transfer(other.tx(), one.rx(), far.route_to(&near), round * 200, (round + 1) * 200);
        check(&other);
        drop(other);
        await_home(&receiving);
    }
    check(&one);
}

#[test]
fn a_umem_is_used_again_after_its_socket_was_dropped() {
    let [near, far, ..] = nics();
    let (sending, receiving) = (umem(512), umem(512));
    for round in 0..2 {
        let (mut one, mut other) = (open(&sending, &near), open(&receiving, &far));
        await_carrier(&near.name);
        transfer(one.tx(), other.rx(), near.route_to(&far), round * 200, (round + 1) * 200);
        check(&one);
        check(&other);
        // In one order and in the other.
        if round % 2 == 0 {
            drop((one, other))
        } else {
            drop((other, one))
        }
        await_home(&sending);
        await_home(&receiving);
    }
}

/// Closed while packets arrive and are sent: what was with the NIC comes home all the same.
#[test]
fn a_socket_closed_under_load_loses_no_chunk() {
    let [near, far, ..] = nics();
    let (sending, receiving) = (umem(512), umem(512));
    let mut one = open(&sending, &near);
    let route = near.route_to(&far);
    for round in 0..2_u64 {
        let mut other = open(&receiving, &far);
        await_carrier(&near.name);
        transfer(one.tx(), other.rx(), route, 0, 100);
        for burst in 0..4 {
            crate::site::send(one.tx(), route, burst * 32, (burst + 1) * 32);
            crate::site::send(other.tx(), far.route_to(&near), burst * 32, (burst + 1) * 32);
        }
        if round % 2 == 1 {
            // Frames that are kept are kept.
            let kept: Vec<_> = other.rx().recv(16).collect();
            drop(other);
            for frame in &kept {
                crate::packet::read(frame, route);
            }
        } else {
            drop(other);
        }
        await_home(&receiving);
        // What the first socket got meanwhile.
        one.rx().seek(u32::MAX).commit();
    }
    drop(one);
    await_home(&sending);
}

#[test]
fn the_halves_of_a_socket_live_as_long_as_each_wants() {
    let [near, far, ..] = nics();
    let (sending, receiving) = (umem(512), umem(512));
    let (rx, mut tx) = open(&sending, &near).split();
    let (mut other, idle) = open(&receiving, &far).split();
    await_carrier(&near.name);
    drop((rx, idle));
    await_carrier(&near.name);
    transfer(&mut tx, &mut other, near.route_to(&far), 0, 1000);
    drop((tx, other));
    await_home(&sending);
    await_home(&receiving);
    let again = builder(&sending).receive(Receive::Everything).bind_rx(near.name.as_str(), QUEUE).unwrap();
    drop(again);
    await_home(&sending);
}
