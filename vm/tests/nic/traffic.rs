//! Receiving and sending.

use xdp::{ChunkSize, Mode, ObtainedMode, Receive, Socket, Umem};

use crate::site::{QUEUE, await_carrier, await_home, builder, check, nics, open, transfer, umem};

#[test]
fn zero_copy_is_required_and_reported() {
    let [near, far, ..] = nics();
    for nic in [&near, &far] {
        let umem = umem(256);
        let socket = builder(&umem).bind(nic.name.as_str(), QUEUE).unwrap();
        let report = socket.report();
        assert_eq!((report.mode, report.why_copy.as_deref()), (ObtainedMode::ZeroCopy, None), "{report}");
        assert!(report.to_string().contains("zero-copy mode"), "{report}");
        drop(socket);
        await_home(&umem);
    }
}

#[test]
fn copy_is_obtained_where_it_is_asked_for() {
    let [near, ..] = nics();
    let socket = Socket::builder(&umem(256)).mode(Mode::Copy).bind(near.name.as_str(), QUEUE).unwrap();
    assert_eq!(socket.report().mode, ObtainedMode::Copy, "{}", socket.report());
}

#[test]
fn packets_arrive_whole_and_in_order_in_both_directions() {
    let [near, far, ..] = nics();
    let (sending, receiving) = (umem(512), umem(512));
    let (mut one, mut other) = (open(&sending, &near), open(&receiving, &far));
    await_carrier(&near.name);
    for start in (0..4000).step_by(1000) {
        transfer(one.tx(), other.rx(), near.route_to(&far), start, start + 1000);
        transfer(other.tx(), one.rx(), far.route_to(&near), start, start + 1000);
    }
    check(&one);
    check(&other);
    drop((one, other));
    await_home(&sending);
    await_home(&receiving);
}

#[test]
fn packets_sent_in_copy_mode_arrive_without_a_copy() {
    let [near, far, ..] = nics();
    let (sending, receiving) = (umem(512), umem(512));
    let mut one = Socket::builder(&sending)
        .mode(Mode::Copy)
        .receive(Receive::Everything)
        .bind(near.name.as_str(), QUEUE)
        .unwrap();
    let mut other = open(&receiving, &far);
    await_carrier(&near.name);
    transfer(one.tx(), other.rx(), near.route_to(&far), 0, 1000);
    transfer(other.tx(), one.rx(), far.route_to(&near), 0, 1000);
    check(&one);
    check(&other);
}

/// The owned flow: frames are kept while others come, then dropped, and nothing is lost.
#[test]
fn frames_kept_while_others_arrive_stay_whole() {
    let [near, far, ..] = nics();
    let (sending, receiving) = (umem(512), umem(512));
    let (mut one, mut other) = (open(&sending, &near), open(&receiving, &far));
    await_carrier(&near.name);
    let route = near.route_to(&far);
    transfer(one.tx(), other.rx(), route, 0, 100);
    let mut kept = Vec::new();
    let mut sent = 100;
    while kept.len() < 64 {
        if sent < 164 {
            sent = crate::site::send(one.tx(), route, sent, 164);
        }
        assert!(other.rx().wait(crate::site::PATIENCE).unwrap(), "{} kept", kept.len());
        kept.extend(other.rx().recv(64));
    }
    transfer(one.tx(), other.rx(), route, 164, 2000);
    for (frame, number) in kept.iter().zip(100..) {
        assert_eq!(crate::packet::read(frame, route), number);
    }
    assert_eq!(receiving.accounting().hands, 64);
    drop(kept);
    check(&other);
    drop((one, other));
    await_home(&receiving);
}

/// What fits a chunk arrives whole, also where the driver rounds the room down.
#[test]
fn long_packets_arrive_whole_in_chunks_of_2_kib() {
    let [near, far, ..] = nics();
    let receiving = Umem::builder().chunks(512).chunk_size(ChunkSize::K2).build().unwrap();
    let (mut one, mut other) = (open(&umem(512), &near), open(&receiving, &far));
    await_carrier(&near.name);
    transfer(one.tx(), other.rx(), near.route_to(&far), 0, 100);
}
