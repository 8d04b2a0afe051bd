//! Forwarding: frames leave in the chunks that they arrived in.

use std::collections::BTreeSet;
use std::thread;

use xdp::{Frame, Rx, Socket, Tx};

use crate::packet::{self, Route};
use crate::site::{IN_FLIGHT, PATIENCE, await_carrier, await_home, check, nics, open, send, umem};

const PACKETS: u64 = 3000;

/// Takes what arrives, changes it, and sends it on, until `PACKETS` have gone; the chunks that they were in.
fn forward(rx: &mut Rx, tx: &mut Tx, change: impl Fn(&mut Frame)) -> BTreeSet<u32> {
    let (mut forwarded, mut chunks) = (0, BTreeSet::new());
    while forwarded < PACKETS {
        assert!(rx.wait(PATIENCE).unwrap(), "{forwarded} forwarded");
        for mut frame in rx.recv(64) {
            chunks.insert(frame.chunk().0);
            change(&mut frame);
            tx.send(frame).unwrap();
            forwarded += 1;
        }
        tx.kick().unwrap();
    }
    chunks
}

/// Sends `PACKETS` by one route and takes them back by another.
fn send_and_take_back(tx: &mut Tx, rx: &mut Rx, there: Route, back: Route) {
    let (mut sent, mut received) = (0, 0);
    while received < PACKETS {
        if sent < PACKETS && sent - received < IN_FLIGHT {
            sent = send(tx, there, sent, PACKETS);
        }
        assert!(rx.wait(PATIENCE).unwrap(), "{received} of {sent} came back; {}", rx.statistics().unwrap());
        let batch = rx.seek(64);
        for bytes in batch.iter() {
            assert_eq!(packet::read(bytes, back), received);
            received += 1;
        }
        batch.commit();
    }
}

fn all_came_through_the_receiving_half(chunks: &BTreeSet<u32>, socket: &Socket) {
    // Half of the chunks are the receiving half's, and no packet ever lay in one of the others.
    let most = socket.umem().chunks() as usize / 2;
    assert!(chunks.len() <= most, "{} chunks of {most}", chunks.len());
}

#[test]
fn what_arrives_is_sent_back_in_its_own_chunk() {
    let [near, far, ..] = nics();
    let (sending, bouncing) = (umem(512), umem(512));
    let (mut one, mut bouncer) = (open(&sending, &near), open(&bouncing, &far));
    await_carrier(&near.name);
    thread::scope(|scope| {
        let bouncer = &mut bouncer;
        let bounce = scope.spawn(move || {
            let (rx, tx) = bouncer.halves();
            let chunks = forward(rx, tx, |frame| packet::swap_macs(frame));
            all_came_through_the_receiving_half(&chunks, bouncer);
        });
        let (rx, tx) = one.halves();
        send_and_take_back(tx, rx, near.route_to(&far), far.route_to(&near));
        bounce.join().unwrap();
    });
    check(&one);
    check(&bouncer);
    drop((one, bouncer));
    await_home(&sending);
    await_home(&bouncing);
}

/// Two NICs on one UMEM: what the one received the other sends, from the same chunk.
#[test]
fn what_arrives_at_one_nic_is_sent_by_another_in_its_own_chunk() {
    let [source, inner, outer, sink] = nics();
    let (sending, between, receiving) = (umem(512), umem(1024), umem(512));
    let mut from = open(&sending, &source);
    let on = |nic: &crate::site::Nic| {
        let builder = crate::site::builder(&between).receive(xdp::Receive::Everything).chunks(512);
        let socket = builder.bind(nic.name.as_str(), crate::site::QUEUE).unwrap();
        await_carrier(&nic.name);
        socket
    };
    let (mut inside, mut outside) = (on(&inner), on(&outer));
    let mut to = open(&receiving, &sink);
    for nic in [&source, &inner, &outer] {
        await_carrier(&nic.name);
    }
    let (there, onward) = (source.route_to(&inner), outer.route_to(&sink));
    thread::scope(|scope| {
        let (inside, outside) = (&mut inside, &mut outside);
        let forwarding = scope.spawn(move || {
            let (rx, tx) = (inside.rx(), outside.tx());
            let chunks = forward(rx, tx, |frame| {
                frame[..6].copy_from_slice(&onward.to);
                frame[6..12].copy_from_slice(&onward.from);
            });
            assert!(chunks.len() <= 256, "{} chunks", chunks.len());
        });
        send_and_take_back(from.tx(), to.rx(), there, onward);
        forwarding.join().unwrap();
    });
    for socket in [&from, &inside, &outside, &to] {
        check(socket);
    }
    drop((from, inside, outside, to));
    for umem in [&sending, &between, &receiving] {
        await_home(umem);
    }
}
