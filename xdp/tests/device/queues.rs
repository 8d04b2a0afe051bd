//! The queues of interfaces, who uses them and what they count.

use xdp::device::{Interface, NicQueue, QueueCounters, QueueSide, QueueUser};
use xdp::{Mode, QueueId, Socket, Umem};

use crate::truth::{self, every_kind};
use crate::{interface, lab};

/// The queues, or none if this kernel does not list them.
fn queues(name: &str) -> Option<Vec<NicQueue>> {
    let queues = NicQueue::of(&interface(name)).unwrap();
    if queues.is_none() {
        eprintln!("SKIPPED: this kernel does not list queues (before 6.8)");
    }
    queues
}

#[test]
fn the_queues_in_use_are_listed_receive_queues_first() {
    let Some(lab) = lab("the_queues_in_use_are_listed_receive_queues_first") else { return };
    let _inside = lab.enter().unwrap();
    truth::run("ethtool -L veth0a rx 3 tx 2").unwrap();
    let Some(all) = queues("veth0a") else { return };
    let listed: Vec<_> = all.iter().map(|queue| (queue.side(), queue.id().0)).collect();
    let (rx, tx) = (QueueSide::Rx, QueueSide::Tx);
    assert_eq!(listed, [(rx, 0), (rx, 1), (rx, 2), (tx, 0), (tx, 1)]);
    assert!(all.iter().all(|queue| queue.user().is_none()));
    lab.set_down(lab.pair(0).a()).unwrap();
    assert_eq!(queues("veth0a"), Some(Vec::new()), "an interface that is down uses none");
}

#[test]
fn the_queues_of_any_kind_are_those_that_sys_shows() {
    let Some(lab) = lab("the_queues_of_any_kind_are_those_that_sys_shows") else { return };
    let _inside = lab.enter().unwrap();
    for name in every_kind() {
        truth::ip(&format!("link set {name} up"));
        let Some(all) = queues(&name) else { return };
        let Some(shown) = truth::with_own_sys(&format!("ls /sys/class/net/{name}/queues")) else { return };
        let count = |prefix| shown.lines().filter(|queue| queue.starts_with(prefix)).count();
        let ours = |side| all.iter().filter(|queue| queue.side() == side).count();
        assert_eq!(
            (ours(QueueSide::Rx), ours(QueueSide::Tx)),
            (count("rx-"), count("tx-")),
            "{name}: {shown}"
        );
    }
}

#[test]
fn a_queue_tells_of_the_socket_that_is_bound_to_it_and_others_are_free() {
    let Some(lab) = lab("a_queue_tells_of_the_socket_that_is_bound_to_it_and_others_are_free") else {
        return;
    };
    let _inside = lab.enter().unwrap();
    let umem = Umem::builder().chunks(64).build().unwrap();
    let _socket = Socket::builder(&umem).mode(Mode::Copy).bind_tx("veth0a", QueueId(2)).unwrap();
    let Some(all) = queues("veth0a") else { return };
    if all.iter().all(|queue| queue.user().is_none()) {
        eprintln!("SKIPPED: this kernel does not tell of sockets (before 6.15)");
        assert!(all.iter().all(|queue| queue.is_free().is_none()), "so no queue is known to be free");
        return;
    }
    for queue in all {
        let bound = queue.id() == QueueId(2);
        assert_eq!(queue.user(), bound.then_some(QueueUser::AfXdp), "{queue:?}");
        assert_eq!(queue.is_free(), Some(!bound), "{queue:?}");
    }
}

#[test]
fn counters_that_a_driver_does_not_keep_are_unknown_and_not_zero() {
    let Some(lab) = lab("counters_that_a_driver_does_not_keep_are_unknown_and_not_zero") else { return };
    let _inside = lab.enter().unwrap();
    for name in ["lo", "veth0a"] {
        assert_eq!(QueueCounters::of(&interface(name)).unwrap(), None, "{name}");
    }
}

/// The packets and bytes that a link has received and sent.
fn counted(name: &str) -> [u64; 4] {
    let said = truth::run(&format!("ip -s -j link show dev {name}")).unwrap();
    let truth = &serde_json::from_str::<serde_json::Value>(&said).unwrap()[0]["stats64"];
    let keys = [("rx", "packets"), ("rx", "bytes"), ("tx", "packets"), ("tx", "bytes")];
    keys.map(|(side, what)| truth[side][what].as_u64().unwrap())
}

#[test]
fn the_counters_of_the_machine_add_up_to_what_its_link_counts() {
    let test = "the_counters_of_the_machine_add_up_to_what_its_link_counts";
    if !truth::require(test, &["ip"]) {
        return;
    }
    // A driver of which it is known that it counts the same in both places.
    let nic = Interface::by_name("eth0").ok().filter(|nic| nic.driver() == Some("virtio_net"));
    let Some(nic) = nic else {
        eprintln!("SKIPPED {test}: no eth0 of virtio_net here");
        return;
    };
    let before = counted("eth0");
    let Some(counters) = QueueCounters::of(&nic).unwrap() else {
        eprintln!("SKIPPED {test}: the driver or this kernel does not count by queue");
        return;
    };
    let after = counted("eth0");
    let sum = |side, what: fn(&QueueCounters) -> Option<u64>| -> u64 {
        counters
            .iter()
            .filter(|counters| counters.side() == side)
            .map(|counters| what(counters).unwrap())
            .sum()
    };
    let ours = [
        sum(QueueSide::Rx, QueueCounters::packets),
        sum(QueueSide::Rx, QueueCounters::bytes),
        sum(QueueSide::Tx, QueueCounters::packets),
        sum(QueueSide::Tx, QueueCounters::bytes),
    ];
    for ((before, ours), after) in before.into_iter().zip(ours).zip(after) {
        assert!((before..=after).contains(&ours), "{before}..={after}, not {ours}");
    }
}
