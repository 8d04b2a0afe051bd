//! Programs at both ends of a cable, and what becomes of one when the other is killed.

use rustix::process::Signal;
use xdp::lab::{self, Lab};

use crate::child::Child;

#[test]
fn kill_9_of_one_end_leaves_the_other_at_work() {
    if !lab::require("kill_9_of_one_end_leaves_the_other_at_work") {
        return;
    }
    for victim in ["rxdrop", "txonly"] {
        let lab = Lab::new().unwrap();
        let _inside = lab.enter().unwrap();
        let rxdrop = Child::start("rxdrop", &["--interface", "veth0b", "--json"]);
        rxdrop.packets_so_far();
        let txonly = Child::start("txonly", &["--interface", "veth0a", "--json"]);
        txonly.packets_so_far();
        assert!(rxdrop.packets_so_far() > 0);

        let (victim, survivor) = if victim == "rxdrop" { (rxdrop, txonly) } else { (txonly, rxdrop) };
        victim.signal(Signal::KILL);
        assert_eq!(victim.end().code, None);
        survivor.packets_so_far();
        survivor.signal(Signal::INT);
        let summary = survivor.end().sound_summary();
        assert!(summary["packets"].as_u64().unwrap() > 0, "{summary}");
    }
}

/// The hard case for a shared UMEM: every packet takes a chunk from one socket's receiving side and leaves it at the
/// other socket.
#[test]
fn forwarding_one_way_between_two_interfaces_never_dries_up() {
    if !lab::require("forwarding_one_way_between_two_interfaces_never_dries_up") {
        return;
    }
    let lab = Lab::builder().pairs(2).build().unwrap();
    let _inside = lab.enter().unwrap();
    let l2fwd = Child::start("l2fwd", &["--interface", "veth0b", "--interface", "veth1a", "--json"]);
    l2fwd.packets_so_far();
    let rxdrop = Child::start("rxdrop", &["--interface", "veth1b", "--json"]);
    rxdrop.packets_so_far();
    let txonly = Child::start("txonly", &["--interface", "veth0a", "--json"]);
    txonly.packets_so_far();

    let counts = [(); 3].map(|()| rxdrop.packets_so_far());
    assert!(counts.is_sorted_by(|earlier, later| earlier < later), "the flow dries up: {counts:?}");
    let mut packets = [txonly, l2fwd, rxdrop].into_iter().map(|child| {
        child.signal(Signal::INT);
        child.end().sound_summary()["packets"].as_u64().unwrap()
    });
    let [sent, forwarded, received] = std::array::from_fn(|_| packets.next().unwrap());
    assert!(
        received <= forwarded && forwarded <= sent && forwarded > 100_000,
        "{sent} {forwarded} {received}"
    );
}
