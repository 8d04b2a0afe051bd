//! A NIC that tests may change, named by `XDP_TEST_NIC`: rings, queues and the spreading of packets, which no
//! interface of a lab has. Meant for virtual machines.

use std::env;
use std::error::Error;

use xdp::QueueId;
use xdp::device::{
    Capabilities, ChangeError, Channels, Features, Interface, Napi, NicQueue, NicRings, QueueCounters,
    QueueSide, RssTable,
};

use crate::interface;

/// The NIC, or none, and then says so.
fn nic(test: &str) -> Option<Interface> {
    let name = env::var("XDP_TEST_NIC").ok();
    if name.is_none() {
        eprintln!("SKIPPED {test}: name a NIC that may be changed in XDP_TEST_NIC");
    }
    name.map(|name| interface(&name))
}

#[test]
fn all_that_a_nic_tells_fits_together() {
    let Some(nic) = nic("all_that_a_nic_tells_fits_together") else { return };
    println!("{nic:?}\nnode {:?}, addresses {:?}", nic.numa_node(), nic.addresses().unwrap());
    println!("{:?}", Capabilities::of(&nic).unwrap());
    let channels = Channels::of(&nic).unwrap();
    let rings = NicRings::of(&nic).unwrap();
    let rss = RssTable::of(&nic).unwrap();
    println!("{channels:?}\n{rings:?}\n{rss:?}");
    assert!(nic.parent().is_some() || nic.driver().is_some(), "{nic:?}");
    if let Some(channels) = channels {
        assert_eq!((channels.rx_queues(), channels.tx_queues()), (nic.queues().rx, nic.queues().tx));
        assert!(channels.combined().current <= channels.combined().max);
    }
    if let Some(rss) = rss {
        assert!(rss.queues().iter().all(|&queue| queue < nic.queues().rx), "{rss:?}");
    }
    let napis = Napi::of(&nic).unwrap();
    let queues = NicQueue::of(&nic).unwrap();
    println!("{napis:?}\n{queues:?}");
    if let Some(queues) = queues.filter(|_| nic.is_up()) {
        let of = |side| queues.iter().filter(|queue| queue.side() == side).count();
        assert_eq!(
            (of(QueueSide::Rx), of(QueueSide::Tx)),
            (nic.queues().rx as usize, nic.queues().tx as usize)
        );
        let known: Vec<_> = napis.unwrap_or_default().iter().map(Napi::id).collect();
        assert!(queues.iter().filter_map(NicQueue::napi).all(|id| known.contains(&id)));
    }
    let counters = QueueCounters::of(&nic).unwrap();
    println!("{counters:?}");
    for counters in counters.unwrap_or_default() {
        let most = if counters.side() == QueueSide::Rx { nic.queues().rx } else { nic.queues().tx };
        assert!(counters.id() < QueueId(most), "{counters:?}");
    }
    let on = Features::of(&nic).unwrap().unwrap_or_default();
    println!(
        "{:?}",
        on.iter().filter(|feature| feature.is_active()).map(ToString::to_string).collect::<Vec<_>>()
    );
}

#[test]
fn the_rings_of_a_nic_change_until_the_guard_goes() {
    let Some(nic) = nic("the_rings_of_a_nic_change_until_the_guard_goes") else { return };
    let rings = || NicRings::of(&nic).unwrap().expect("the driver tells its rings");
    let before = rings();
    let (rx, tx) = (before.rx().unwrap(), before.tx().unwrap());
    let smaller = if rx.current == 128 { 64 } else { 128 };
    let change = NicRings::change().rx(smaller);
    let guard = match change.until_dropped(&nic) {
        Ok(guard) => guard,
        Err(error @ ChangeError::Unsupported { .. }) => {
            println!("{error}: {:?}", error.source().map(ToString::to_string));
            return;
        }
        Err(error) => panic!("{error}: {:?}", error.source().map(ToString::to_string)),
    };
    assert_eq!((rings().rx().unwrap().current, rings().tx().unwrap()), (smaller, tx));
    guard.restore().unwrap();
    assert_eq!(rings(), before);

    let error = NicRings::change().rx(rx.max + 1).apply(&nic).unwrap_err();
    assert!(matches!(error, ChangeError::Refused { .. }), "{error}");
    println!("{error}: {}", error.source().unwrap());
    assert_eq!(rings(), before);
}

#[test]
fn the_queues_of_a_nic_change_until_the_guard_goes() {
    let test = "the_queues_of_a_nic_change_until_the_guard_goes";
    let Some(nic) = nic(test) else { return };
    let combined = || Channels::of(&nic).unwrap().map(|channels| channels.combined());
    let Some(before) = combined().filter(|combined| combined.max > 1) else {
        eprintln!("SKIPPED {test}: {} has one queue at most", nic.name());
        return;
    };
    let fewer = if before.current == 1 { 2 } else { 1 };
    let guard = Channels::change().combined(fewer).until_dropped(&nic).unwrap();
    assert_eq!(combined().unwrap().current, fewer);
    assert_eq!(interface(nic.name()).queues().rx, fewer);
    drop(guard);
    assert_eq!(combined(), Some(before));
}
