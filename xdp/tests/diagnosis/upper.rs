//! Interfaces above and below others.

use xdp::diagnosis::diagnose;
use xdp::{AttachError, AttachMode, BindError, FindingKind, Mode, Program, Receive, Severity, Socket};

use crate::{QUEUE, config, enter, find, find_none, has_tool, lab, run, umem};

#[test]
fn a_bridge_names_the_ports_to_bind_to_and_a_port_names_its_bridge() {
    let test = "a_bridge_names_the_ports_to_bind_to_and_a_port_names_its_bridge";
    let Some(lab) = lab(test).filter(|_| has_tool("ip", test)) else { return };
    let (_inside, a, _b) = enter(&lab);
    assert!(run("ip link add br0 type bridge") && run(&format!("ip link set {a} master br0")));
    assert!(run("ip link set br0 up"));
    let diagnosis = diagnose("br0", &config());
    let finding = find!(diagnosis.findings(), FindingKind::UpperDevice { kind, .. } if kind == "bridge", &a);
    assert_eq!(finding.severity(), Severity::Hinders, "copy and generic mode work");
    find!(diagnose(&a, &config()).findings(), FindingKind::HasMaster { master } if master == "br0", "pass the rest");
}

#[test]
fn a_macvlan_or_vlan_names_the_interface_below() {
    let test = "a_macvlan_or_vlan_names_the_interface_below";
    let Some(lab) = lab(test).filter(|_| has_tool("ip", test)) else { return };
    let (_inside, a, b) = enter(&lab);
    let mut tried = 0;
    for (upper, kind) in [("mv0 type macvlan", "macvlan"), ("vl0 type vlan id 5", "vlan")] {
        if run(&format!("ip link add link {a} name {upper}")) {
            tried += 1;
            let name = upper.split(' ').next().unwrap();
            assert!(run(&format!("ip link set {name} up")));
            let diagnosis = diagnose(name, &config());
            let is_it =
                |k: &FindingKind| matches!(k, FindingKind::UpperDevice { kind: found, .. } if found == kind);
            find!(diagnosis.findings(), found if is_it(found), &a);
        }
    }
    if tried == 0 {
        eprintln!("SKIPPED {test}: this kernel has neither");
    }
    find_none!(diagnose(&b, &config()).findings(), FindingKind::UpperDevice { .. });
}

#[test]
fn a_driver_without_xdp_is_named_where_the_driver_was_required() {
    let test = "a_driver_without_xdp_is_named_where_the_driver_was_required";
    let Some(lab) = lab(test).filter(|_| has_tool("ip", test)) else { return };
    let (_inside, _a, _b) = enter(&lab);
    assert!(run("ip link add br0 type bridge") && run("ip link set br0 up"));
    let mut in_driver = config();
    in_driver.attach = AttachMode::Driver;
    let diagnosis = diagnose("br0", &in_driver);
    let finding = find!(diagnosis.findings(), FindingKind::NoDriverXdp { .. }, "AttachMode::Generic");
    assert_eq!(finding.severity(), Severity::Blocks);
    let memory = umem(64);
    let builder = Socket::builder(&memory).mode(Mode::Copy).receive(Receive::Everything);
    let error = builder.clone().attach(AttachMode::Driver).bind("br0", QUEUE).map(drop).unwrap_err();
    assert!(matches!(error, BindError::Attach(AttachError::Driver { .. })), "{error}");
    find!(&error.likely_causes(), FindingKind::NoDriverXdp { .. }, "AttachMode::PreferDriver");
    // Preferred only, it works, and the socket says why it is slow.
    let socket = builder.attach(AttachMode::PreferDriver).bind("br0", QUEUE).unwrap();
    find!(socket.health().findings(), FindingKind::FellBackToGeneric { .. }, "AttachMode::Driver");
}

#[test]
fn a_program_on_the_bridge_above_is_told_from_one_on_the_port() {
    let test = "a_program_on_the_bridge_above_is_told_from_one_on_the_port";
    let Some(lab) = lab(test).filter(|_| has_tool("ip", test)) else { return };
    let (_inside, a, _b) = enter(&lab);
    assert!(run("ip link add br0 type bridge") && run(&format!("ip link set {a} master br0")));
    let theirs = Program::redirect_all().load().unwrap();
    let _above = theirs.attach("br0", AttachMode::Generic).unwrap();
    find!(diagnose(&a, &config()).findings(), FindingKind::UpperProgram, "ip link set dev UPPER");
    let error =
        Socket::builder(&umem(64)).receive(Receive::Everything).bind(&a, QUEUE).map(drop).unwrap_err();
    assert!(matches!(error, BindError::Attach(AttachError::UpperOccupied { .. })), "{error}");
    find!(&error.likely_causes(), FindingKind::UpperProgram, "detach");
}
