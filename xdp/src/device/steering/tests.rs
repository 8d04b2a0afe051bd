//! What a rule may say, where it goes, and what a refusal means.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::*;

/// An interface whose driver is not asked.
fn nic() -> Interface {
    Interface::by_name("lo").expect("every namespace has one")
}

fn added(errno: Errno, ntuple: Ntuple) -> SteeringError {
    Attempt::Add { rule: "UDP over IPv4 to port 53: to queue 1", rules: Some(16) }.refused(
        &nic(),
        errno,
        || ntuple,
    )
}

#[test]
fn a_rule_that_contradicts_itself_is_refused_with_the_reason() {
    let cases = [
        (FlowRule::udp4().dst(Ipv6Addr::LOCALHOST), "IP version"),
        (FlowRule::tcp6().src(Ipv4Addr::LOCALHOST), "IP version"),
        (FlowRule::udp4().dst_net(Ipv4Addr::LOCALHOST, 33), "32 bits"),
        (FlowRule::udp4().vlan(4096), "VLAN"),
        (FlowRule::udp4().src_mac([0; 6]), "Ethernet"),
        (FlowRule::tcp4().ethertype(0x88f7), "Ethernet"),
        (FlowRule::ethernet().dst_port(53), "no ports"),
    ];
    for (matches, reason) in cases {
        let error = matches.to_queue(QueueId(0)).add("lo").expect_err("contradicts itself");
        assert!(matches!(error, SteeringError::Rule { .. }), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[test]
fn a_rule_reads_as_a_sentence() {
    let rule = FlowRule::udp4().src_net(Ipv4Addr::new(10, 0, 0, 0), 8).dst_port(4433).vlan(7);
    let rule = rule.to_queue(QueueId(3));
    assert_eq!(rule.to_string(), "UDP over IPv4 from 10.0.0.0/8 to port 4433 in VLAN 7: to queue 3");
    let rule = FlowRule::tcp6().dst(Ipv6Addr::LOCALHOST).dst_port(80).to_nowhere();
    assert_eq!(rule.to_string(), "TCP over IPv6 to ::1 port 80: dropped");
    let rule = FlowRule::ethernet().ethertype(0x88f7).dst_mac([1, 2, 3, 4, 5, 0xff]).to_queue(QueueId(0));
    assert_eq!(rule.to_string(), "Ethernet to 01:02:03:04:05:ff of type 0x88f7: to queue 0");
}

#[test]
fn an_interface_without_rules_is_named_with_its_driver_and_other_ways() {
    for error in [
        FlowRule::udp4().dst_port(53).to_queue(QueueId(0)).add("lo").expect_err("no ntuple"),
        FlowRule::list("lo").expect_err("no ntuple"),
    ] {
        let SteeringError::NoRules { interface, .. } = &error else { panic!("{error}") };
        assert_eq!(interface, "lo");
        assert!(error.to_string().contains("ethtool -X"), "{error}");
    }
}

#[test]
fn a_refusal_is_told_by_its_likely_cause_and_remedy() {
    let text = |errno, ntuple| added(errno, ntuple).to_string();
    assert!(text(Errno::EPERM, Ntuple::Unknown).contains("CAP_NET_ADMIN"));
    assert!(text(Errno::EOPNOTSUPP, Ntuple::Off).contains("ethtool -K lo ntuple on"));
    assert!(text(Errno::EINVAL, Ntuple::Off).contains("ethtool -K lo ntuple on"));
    assert!(matches!(added(Errno::EINVAL, Ntuple::On), SteeringError::Unmatched { .. }));
    assert!(text(Errno::EOPNOTSUPP, Ntuple::On).contains("to port 53"));
    assert!(text(Errno::ENOSPC, Ntuple::On).contains("no room for another rule beside its 16"));
    assert!(matches!(added(Errno::EOPNOTSUPP, Ntuple::Never), SteeringError::NoRules { .. }));
    assert!(matches!(added(Errno::EEXIST, Ntuple::On), SteeringError::Duplicate { .. }));
    assert!(matches!(added(Errno::EIO, Ntuple::Unknown), SteeringError::Kernel { .. }));
    let gone = added(Errno::ENODEV, Ntuple::Unknown).to_string();
    assert!(gone.contains("gone"), "{gone}");
    let removed = Attempt::Remove { location: 7 }.refused(&nic(), Errno::ENOENT, || Ntuple::Unknown);
    assert!(matches!(removed, SteeringError::NoSuchRule { location: 7, .. }), "{removed}");
}

#[test]
fn the_last_free_place_of_a_table_is_taken() {
    assert_eq!(last_free(&[], Some(16)), Some(15));
    assert_eq!(last_free(&[15, 14, 3], Some(16)), Some(13));
    assert_eq!(last_free(&[0, 1], Some(2)), None, "full");
    assert_eq!(last_free(&[], None), Some(0));
    assert_eq!(last_free(&[4, 9], None), Some(10));
    assert_eq!(last_free(&[u32::MAX], None), None);
}
