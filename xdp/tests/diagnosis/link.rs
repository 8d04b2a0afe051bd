//! The interface: not there, down, alone.

use xdp::diagnosis::diagnose;
use xdp::lab::Lab;
use xdp::{BindError, FindingKind, Interface, InterfaceError, Mode, QueueId, Socket};

use crate::{QUEUE, config, enter, find, find_none, has_tool, lab, receiver, run, sender, umem};

#[test]
fn a_name_that_nobody_has_is_told_with_those_there_are() {
    let Some(lab) = lab("a_name_that_nobody_has_is_told_with_those_there_are") else { return };
    let (_inside, a, _b) = enter(&lab);
    let finding = find!(
        diagnose("nosuch0", &config()).findings(),
        FindingKind::NoSuchInterface,
        "ip link",
        "ip netns exec"
    );
    assert!(finding.summary().contains(&a), "{finding}");
    let error = Socket::builder(&umem(64)).bind("nosuch0", QUEUE).map(drop).unwrap_err();
    find!(&error.likely_causes(), FindingKind::NoSuchInterface, "ip netns exec");
}

#[test]
fn an_interface_of_another_namespace_is_not_taken_for_one_of_this() {
    let Some(lab) = lab("an_interface_of_another_namespace_is_not_taken_for_one_of_this") else { return };
    let elsewhere = Lab::new().unwrap();
    let theirs = elsewhere.interface(elsewhere.pair(0).a()).unwrap();
    let (_inside, _a, _b) = enter(&lab);
    find!(diagnose(&theirs, &config()).findings(), FindingKind::OtherNamespace, "setns");
    let error = Socket::builder(&umem(64)).bind(&theirs, QUEUE).map(drop).unwrap_err();
    assert!(matches!(error, BindError::Interface(InterfaceError::OtherNamespace { .. })), "{error}");
    find!(&error.likely_causes(), FindingKind::OtherNamespace, "ip netns exec");
}

#[test]
fn a_socket_that_is_asked_from_another_namespace_says_where_to_ask() {
    let Some(lab) = lab("a_socket_that_is_asked_from_another_namespace_says_where_to_ask") else { return };
    let memory = umem(64);
    let rx = lab.run(|| receiver(&memory, lab.pair(0).a().name())).unwrap();
    let elsewhere = Lab::new().unwrap();
    let _inside = elsewhere.enter().unwrap();
    find!(rx.health().findings(), FindingKind::OtherNamespace, "Lab::enter");
}

#[test]
fn an_interface_that_was_removed_is_gone_before_and_after_the_bind() {
    let Some(lab) = lab("an_interface_that_was_removed_is_gone_before_and_after_the_bind") else { return };
    let (_inside, a, b) = enter(&lab);
    let known = Interface::by_name(&a).unwrap();
    let memory = umem(64);
    let rx = receiver(&memory, &b);
    find_none!(rx.health().findings(), FindingKind::InterfaceGone { .. });
    lab.remove_pair(0).unwrap();
    find!(diagnose(&known, &config()).findings(), FindingKind::InterfaceGone { .. }, "new socket");
    find!(rx.health().findings(), FindingKind::InterfaceGone { interface } if *interface == b, "new socket");
    let error = Socket::builder(&umem(64)).bind(&known, QUEUE).map(drop).unwrap_err();
    find!(&error.likely_causes(), FindingKind::InterfaceGone { .. }, "new socket");
}

#[test]
fn an_interface_that_is_down_is_told_with_the_command_before_and_after_the_bind() {
    let Some(lab) = lab("an_interface_that_is_down_is_told_with_the_command_before_and_after_the_bind")
    else {
        return;
    };
    let (_inside, a, _b) = enter(&lab);
    let memory = umem(64);
    let rx = receiver(&memory, &a);
    lab.set_down(lab.pair(0).a()).unwrap();
    let command = format!("ip link set {a} up");
    find!(diagnose(&a, &config()).findings(), FindingKind::InterfaceDown { .. }, &command);
    find!(rx.health().findings(), FindingKind::InterfaceDown { .. }, &command);
    let error = Socket::builder(&umem(64)).bind(&a, QueueId(0)).map(drop).unwrap_err();
    assert!(matches!(error, BindError::InterfaceDown { .. }), "{error}");
    find!(&error.likely_causes(), FindingKind::InterfaceDown { .. }, &command);
}

#[test]
fn the_other_end_of_a_pair_that_is_down_is_named() {
    let Some(lab) = lab("the_other_end_of_a_pair_that_is_down_is_named") else { return };
    let (_inside, a, b) = enter(&lab);
    let memory = umem(64);
    let tx = sender(&memory, &a);
    lab.set_down(lab.pair(0).b()).unwrap();
    let command = format!("ip link set {b} up");
    find!(diagnose(&a, &config()).findings(), FindingKind::PeerDown { peer } if *peer == b, &command);
    find!(tx.health().findings(), FindingKind::PeerDown { .. }, &command);
}

#[test]
fn an_interface_without_a_carrier_says_to_look_at_the_other_side() {
    let test = "an_interface_without_a_carrier_says_to_look_at_the_other_side";
    let Some(lab) = lab(test).filter(|_| has_tool("ip", test)) else { return };
    let (_inside, _a, _b) = enter(&lab);
    // A tap that no program has open is a NIC without a cable.
    if !run("ip tuntap add dev tap0 mode tap") {
        eprintln!("SKIPPED {test}: this kernel has no tap");
        return;
    }
    assert!(run("ip link set tap0 up"));
    find!(diagnose("tap0", &config()).findings(), FindingKind::NoCarrier { .. }, "cable", "ethtool tap0");
}

#[test]
fn an_mtu_beyond_a_chunk_is_told_before_and_after_the_bind() {
    let Some(lab) = lab("an_mtu_beyond_a_chunk_is_told_before_and_after_the_bind") else { return };
    let (_inside, a, _b) = enter(&lab);
    let memory = umem(64);
    let rx = Socket::builder(&memory).mode(Mode::Copy).bind_rx(&*a, QUEUE).unwrap();
    lab.set_mtu(lab.pair(0).a(), 9000).unwrap();
    let mut small = config();
    small.chunk_size = 2048;
    let command = format!("ip link set {a} mtu 1778");
    let is_it = |kind: &FindingKind| {
        matches!(kind, FindingKind::MtuExceedsChunk { mtu: 9000, frame: 9014, fits: 1792 })
    };
    find!(diagnose(&a, &small).findings(), kind if is_it(kind), &command, "larger chunks");
    find!(rx.health().findings(), kind if is_it(kind), &command);
    lab.set_mtu(lab.pair(0).a(), 1778).unwrap();
    find_none!(rx.health().findings(), FindingKind::MtuExceedsChunk { .. });
}

#[test]
fn a_pair_whose_other_end_has_no_program_and_no_gro_is_told_so() {
    let test = "a_pair_whose_other_end_has_no_program_and_no_gro_is_told_so";
    let Some(lab) = lab(test).filter(|_| has_tool("ethtool", test)) else { return };
    let (_inside, a, b) = enter(&lab);
    assert!(run(&format!("ethtool -K {b} gro off")));
    let command = format!("ethtool -K {b} gro on");
    find!(diagnose(&a, &config()).findings(), FindingKind::PeerWithoutNapi { peer: Some(peer) } if *peer == b, &command);
    assert!(run(&command));
    find_none!(diagnose(&a, &config()).findings(), FindingKind::PeerWithoutNapi { .. });
}

#[test]
fn checksums_that_the_other_end_leaves_out_are_told_with_the_command() {
    let test = "checksums_that_the_other_end_leaves_out_are_told_with_the_command";
    let Some(lab) = lab(test).filter(|_| has_tool("ethtool", test)) else { return };
    let (_inside, a, b) = enter(&lab);
    let command = format!("ethtool -K {b} tx off");
    find!(diagnose(&a, &config()).findings(), FindingKind::PartialChecksums { .. }, &command);
    assert!(run(&command));
    find_none!(diagnose(&a, &config()).findings(), FindingKind::PartialChecksums { .. });
}
