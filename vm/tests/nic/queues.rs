//! Two queues of a NIC, a socket without a copy on each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use xdp::{AttachMode, Attachment, BindError, ObtainedMode, Program, QueueId, Socket, Umem};

use crate::packet::{self, Route};
use crate::site::{Nic, PATIENCE, await_carrier, await_home, builder, check, nics_of_queues, umem};

const FLOWS: u8 = 64;
const ROUNDS: u64 = 20;

/// Both queues of a NIC on one UMEM, filled by one program.
fn open_both(umem: &Umem, nic: &Nic) -> ([Socket; 2], Arc<Attachment>) {
    let program = Program::redirect_all().load().unwrap();
    let attachment = Arc::new(program.attach(nic.name.as_str(), AttachMode::Driver).unwrap());
    let sockets = [0, 1].map(|queue| {
        let builder = builder(umem).chunks(umem.chunks() / 2);
        let socket = builder.bind(nic.name.as_str(), QueueId(queue)).unwrap();
        assert_eq!(socket.report().mode, ObtainedMode::ZeroCopy, "{}", socket.report());
        socket.register(&attachment).unwrap();
        socket
    });
    await_carrier(&nic.name);
    (sockets, attachment)
}

/// Takes everything that the queues have; the flows that came to each.
fn take(sockets: &mut [Socket; 2], route: Route, seen: &mut BTreeSet<u64>, flows: &mut BTreeMap<u8, usize>) {
    for (queue, socket) in sockets.iter_mut().enumerate() {
        let batch = socket.rx().seek(64);
        for bytes in batch.iter() {
            let flow = packet::flow(bytes);
            let number = packet::read(bytes, Route { flow, ..route });
            assert_eq!(number % u64::from(FLOWS), u64::from(flow));
            assert!(seen.insert(number), "packet {number} came twice");
            assert_eq!(*flows.entry(flow).or_insert(queue), queue, "flow {flow} keeps to its queue");
        }
        batch.commit();
    }
}

#[test]
fn flows_spread_over_two_queues_and_all_arrive() {
    let [near, far, ..] = nics_of_queues(2);
    let (sending, receiving) = (umem(1024), umem(1024));
    let (mut senders, _near) = open_both(&sending, &near);
    let (mut receivers, _far) = open_both(&receiving, &far);
    await_carrier(&near.name);
    let route = near.route_to(&far);
    let (mut seen, mut flows) = (BTreeSet::new(), BTreeMap::new());
    let deadline = Instant::now() + PATIENCE;
    for round in 0..ROUNDS {
        for flow in 0..FLOWS {
            // A flow is sent by one queue, so that it stays in order.
            let tx = senders[usize::from(flow % 2)].tx();
            let number = round * u64::from(FLOWS) + u64::from(flow);
            let mut batch = tx.seek(1);
            packet::write(batch.peek(0, packet::len(number)).unwrap(), Route { flow, ..route }, number);
            assert_eq!(batch.commit(), 1);
        }
        for socket in &mut senders {
            socket.tx().kick().unwrap();
        }
        while seen.len() < (round as usize + 1) * usize::from(FLOWS) {
            assert!(Instant::now() < deadline, "{} arrived in round {round}", seen.len());
            take(&mut receivers, route, &mut seen, &mut flows);
            senders.iter_mut().for_each(|socket| socket.tx().kick().unwrap());
        }
    }
    let of = |queue| flows.values().filter(|&&of| of == queue).count();
    println!("{} flows to queue 0, {} to queue 1", of(0), of(1));
    assert!(of(0) > 0 && of(1) > 0 && flows.len() == usize::from(FLOWS), "{flows:?}");
    for socket in senders.iter().chain(&receivers) {
        check(socket);
    }
    drop((senders, receivers));
    await_home(&sending);
    await_home(&receiving);
}

/// Some drivers take a queue that is not in use, and then warn of themselves in the kernel's log.
#[test]
fn a_queue_that_is_not_in_use_is_refused_before_the_driver_is_asked() {
    let [near, ..] = nics_of_queues(2);
    let queues = xdp::Interface::by_name(&near.name).unwrap().queues();
    assert_eq!((queues.rx, queues.tx), (2, 2));
    let refused = builder(&umem(64)).bind(near.name.as_str(), QueueId(2)).map(drop).unwrap_err();
    assert!(matches!(refused, BindError::Queue { .. }), "{refused}");
}

#[test]
fn one_queue_goes_on_while_the_other_is_opened_and_closed() {
    let [near, far, ..] = nics_of_queues(2);
    let (sending, receiving) = (umem(1024), umem(1024));
    let (senders, _near) = open_both(&sending, &near);
    let (receivers, attachment) = open_both(&receiving, &far);
    let ([mut one, _idle], [first, second]) = (senders, receivers);
    await_carrier(&near.name);
    // The queue that this flow comes to.
    let route = near.route_to(&far);
    let (mut keeps, other) = {
        let (mut queues, mut sent) = ([first, second], 0);
        let deadline = Instant::now() + PATIENCE;
        let hit = loop {
            if sent == 0 {
                sent = crate::site::send(one.tx(), route, 0, 1);
            }
            let hit = queues.iter_mut().position(|socket| socket.rx().available() > 0);
            if let Some(hit) = hit {
                break hit;
            }
            assert!(Instant::now() < deadline, "nothing arrives");
        };
        queues[hit].rx().seek(1).commit();
        let [first, second] = queues;
        if hit == 0 { (first, second) } else { (second, first) }
    };
    let queue = other.report().queue;
    drop(other);
    for round in 0..3 {
        crate::site::transfer(one.tx(), keeps.rx(), route, round * 200, (round + 1) * 200);
        let again = builder(&receiving).chunks(256).bind(far.name.as_str(), queue).unwrap();
        again.register(&attachment).unwrap();
        await_carrier(&far.name);
        crate::site::transfer(one.tx(), keeps.rx(), route, round * 200, (round + 1) * 200);
        drop(again);
    }
    check(&keeps);
    drop((keeps, one, _idle));
    await_home(&receiving);
    await_home(&sending);
}
