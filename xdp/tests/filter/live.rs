//! Sets that change while a program asks them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use proptest::collection::vec;
use proptest::prelude::*;
use xdp::lab;
use xdp::program::{Action, Filter, PortSet, Prefix, PrefixSet, Program, Rules, SetError};

use super::generate::{port, prefix};
use super::packet::{Network, Packet, Transport};

/// Drops what comes from an address or to a port of the sets.
fn dropping(ports: &PortSet, prefixes: &PrefixSet) -> Program {
    let rules = Rules::new().drop(Filter::udp().dst_port(ports)).drop(Filter::ip().src(prefixes));
    Program::rules(rules).load().unwrap()
}

fn from(address: IpAddr, port: u16) -> Vec<u8> {
    let mut packet = if address.is_ipv4() { Packet::udp4(port) } else { Packet::udp6([], port) };
    match (&mut packet.network, address) {
        (Network::V4 { source, .. }, IpAddr::V4(address)) => *source = address,
        (Network::V6 { source, .. }, IpAddr::V6(address)) => *source = address,
        _ => unreachable!("made so above"),
    }
    packet.bytes()
}

#[test]
fn a_program_sees_each_change_of_a_set_without_being_loaded_again() {
    if !lab::require("a_program_sees_each_change_of_a_set_without_being_loaded_again") {
        return;
    }
    let (ports, prefixes) = (PortSet::create(4).unwrap(), PrefixSet::create(4).unwrap());
    let program = dropping(&ports, &prefixes);
    let packet = Packet::udp4(4433).bytes();
    assert_eq!(program.test_run(&packet).unwrap(), Action::Pass);
    ports.insert(4433).unwrap();
    assert_eq!(program.test_run(&packet).unwrap(), Action::Drop);
    assert!(ports.remove(4433).unwrap());
    assert!(!ports.remove(4433).unwrap());
    assert_eq!(program.test_run(&packet).unwrap(), Action::Pass);
    prefixes.insert("10.0.0.0/8".parse::<Prefix>().unwrap()).unwrap();
    assert_eq!(program.test_run(&packet).unwrap(), Action::Drop);
    // The sets live as long as the program, whoever made them.
    drop((ports, prefixes));
    assert_eq!(program.test_run(&packet).unwrap(), Action::Drop);
    let counters = program.counters().unwrap();
    assert_eq!((counters.rules, counters.otherwise), (vec![1, 2], 2));
}

#[test]
fn a_full_set_says_so_and_keeps_what_it_holds() {
    if !lab::require("a_full_set_says_so_and_keeps_what_it_holds") {
        return;
    }
    let ports = PortSet::create(2).unwrap();
    let prefixes = PrefixSet::create(2).unwrap();
    let prefix = |number| Prefix::new(IpAddr::from([10, number, 0, 0]), 16).unwrap();
    for number in 0..2 {
        ports.insert(number).unwrap();
        prefixes.insert(prefix(number as u8)).unwrap();
    }
    assert!(matches!(ports.insert(2), Err(SetError::Full { capacity: 2 })));
    assert!(matches!(prefixes.insert(prefix(2)), Err(SetError::Full { capacity: 2 })));
    // What is there may be added again.
    ports.insert(1).unwrap();
    prefixes.insert(prefix(1)).unwrap();
    assert_eq!(ports.ports().unwrap(), BTreeSet::from([0, 1]));
    assert_eq!(prefixes.prefixes().unwrap(), BTreeSet::from([prefix(0), prefix(1)]));
    assert!(matches!(PortSet::create(0), Err(SetError::NoCapacity)));
}

/// A change of one of the sets.
#[derive(Debug, Clone)]
enum Change {
    Port(u16, bool),
    Prefix(Prefix, bool),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (port(), any::<bool>()).prop_map(|(port, stays)| Change::Port(port, stays)),
        (prefix(), any::<bool>()).prop_map(|(prefix, stays)| Change::Prefix(prefix, stays)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sets_hold_what_was_added_and_not_removed(
        changes in vec(change(), 1..40),
        probes in vec((prefix(), port()), 8),
    ) {
        if !lab::require("sets_hold_what_was_added_and_not_removed") {
            return Ok(());
        }
        let (ports, prefixes) = (PortSet::create(64).unwrap(), PrefixSet::create(64).unwrap());
        let program = dropping(&ports, &prefixes);
        let (mut model_ports, mut model_prefixes) = (BTreeSet::new(), BTreeSet::new());
        for change in changes {
            match change {
                Change::Port(port, true) => {
                    ports.insert(port).unwrap();
                    model_ports.insert(port);
                }
                Change::Port(port, false) => {
                    prop_assert_eq!(ports.remove(port).unwrap(), model_ports.remove(&port));
                }
                Change::Prefix(prefix, true) => {
                    prefixes.insert(prefix).unwrap();
                    model_prefixes.insert(prefix);
                }
                Change::Prefix(prefix, false) => {
                    prop_assert_eq!(prefixes.remove(prefix).unwrap(), model_prefixes.remove(&prefix));
                }
            }
        }
        prop_assert_eq!(&ports.ports().unwrap(), &model_ports);
        prop_assert_eq!(&prefixes.prefixes().unwrap(), &model_prefixes);
        for (near, port) in probes {
            let address = near.address();
            let has_port = model_ports.contains(&port);
            let has_address = model_prefixes.iter().any(|prefix| prefix.contains(address));
            prop_assert_eq!(ports.contains(port).unwrap(), has_port);
            prop_assert_eq!(prefixes.matches(address).unwrap(), has_address);
            let expected = if has_port || has_address { Action::Drop } else { Action::Pass };
            prop_assert_eq!(program.test_run(&from(address, port)).unwrap(), expected);
        }
    }
}

#[test]
fn a_set_of_ports_knows_tcp_udp_and_sctp_and_nothing_else() {
    if !lab::require("a_set_of_ports_knows_tcp_udp_and_sctp_and_nothing_else") {
        return;
    }
    let ports = PortSet::create(1).unwrap();
    ports.insert(7).unwrap();
    let filter = Filter::any().dst_port(&ports);
    for (protocol, has_ports) in [(6, true), (17, true), (132, true), (1, false), (136, false)] {
        let mut packet = Packet::udp4(7);
        if let Network::V4 { payload, .. } = &mut packet.network {
            *payload = Transport::ports(protocol, 1, 7);
        }
        assert_eq!(super::semantics::matches(&filter, &packet.bytes()), has_ports, "protocol {protocol}");
    }
}
