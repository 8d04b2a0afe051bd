//! How interfaces hang together.

use std::process::{Child, Command, Stdio};

use crate::truth::{ip, run};
use crate::{interface, lab};

#[test]
fn a_port_names_its_bridge_and_the_bridge_nobody() {
    let Some(lab) = lab("a_port_names_its_bridge_and_the_bridge_nobody") else { return };
    let _inside = lab.enter().unwrap();
    assert_eq!(interface("veth0a").master(), None);
    ip("link add bridge0 type bridge");
    ip("link set veth0a master bridge0");
    let bridge = interface("bridge0");
    assert_eq!(interface("veth0a").master(), Some(bridge.index()));
    assert_eq!((bridge.master(), bridge.lower(), bridge.peer()), (None, None, None));
    ip("link set veth0a nomaster");
    assert_eq!(interface("veth0a").master(), None);
}

#[test]
fn an_interface_on_top_of_another_names_the_lower_one() {
    let Some(lab) = lab("an_interface_on_top_of_another_names_the_lower_one") else { return };
    let _inside = lab.enter().unwrap();
    let kinds = [("macvlan", "type macvlan"), ("vlan", "type vlan id 5")];
    let made = kinds.iter().filter(|(kind, how)| {
        run(&format!("ip link add link veth0a name {kind}0 {how}"))
            .inspect_err(|error| eprintln!("this kernel makes no {kind}: {}", error.trim()))
            .is_ok()
    });
    let lower = interface("veth0a").index();
    for (kind, _) in made {
        let upper = interface(&format!("{kind}0"));
        assert_eq!(upper.lower().map(|below| (below.index(), below.is_elsewhere())), Some((lower, false)));
        assert_eq!(upper.peer(), None, "{kind}");
    }
}

#[test]
fn each_end_of_a_pair_names_the_other_and_nothing_below() {
    let Some(lab) = lab("each_end_of_a_pair_names_the_other_and_nothing_below") else { return };
    let _inside = lab.enter().unwrap();
    let (a, b) = (interface("veth0a"), interface("veth0b"));
    assert_eq!((a.peer().unwrap().index(), b.peer().unwrap().index()), (b.index(), a.index()));
    assert_eq!((a.lower(), b.lower()), (None, None));
    assert!(!a.peer().unwrap().is_elsewhere());
}

/// A process in a network namespace of its own.
struct Elsewhere(Child);

impl Elsewhere {
    fn start() -> Self {
        let mut command = Command::new("unshare");
        command.args(["--net", "sh", "-c", "echo ready; exec sleep 60"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        // Its first line tells that it is in its namespace.
        let mut ready = [0; 6];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut ready).unwrap();
        Self(child)
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        // Our own child, by its handle; it ends at once.
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_peer_in_another_namespace_is_known_to_be_there() {
    let Some(lab) = lab("a_peer_in_another_namespace_is_known_to_be_there") else { return };
    let _inside = lab.enter().unwrap();
    let index = interface("veth0b").index();
    let elsewhere = Elsewhere::start();
    ip(&format!("link set veth0b netns {}", elsewhere.0.id()));
    let peer = interface("veth0a").peer().unwrap();
    assert!(peer.is_elsewhere());
    assert_eq!(peer.index(), index, "its index was free there");
    assert_eq!(peer.namespace_id(), Some(0), "the first that this namespace numbers");
}
