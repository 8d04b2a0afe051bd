//! Zero-copy and the driver.

use xdp::diagnosis::diagnose;
use xdp::{AttachError, AttachMode, BindError, FindingKind, Mode, Receive, Severity, Socket};

use crate::{QUEUE, config, enter, find, find_none, has_tool, lab, run, umem};

#[test]
fn zero_copy_that_a_driver_does_not_have_names_it_and_the_way_out() {
    let Some(lab) = lab("zero_copy_that_a_driver_does_not_have_names_it_and_the_way_out") else { return };
    let (_inside, a, _b) = enter(&lab);
    let mut required = config();
    required.mode = Mode::ZeroCopy;
    let is_it = |kind: &FindingKind| matches!(kind, FindingKind::NoZeroCopy { driver } if driver == "veth");
    let finding = find!(diagnose(&a, &required).findings(), kind if is_it(kind), "Mode::PreferZeroCopy");
    assert_eq!(finding.severity(), Severity::Blocks);
    let error = Socket::builder(&umem(64)).mode(Mode::ZeroCopy).bind(&a, QUEUE).map(drop).unwrap_err();
    let causes = error.likely_causes();
    assert!(is_it(causes[0].kind()), "the likeliest comes first: {causes:?}");
    find!(&causes, kind if is_it(kind), "Mode::Copy");
    let said = error.to_string();
    assert!(said.contains("driver veth") && said.contains("Mode::PreferZeroCopy"), "{said}");
}

#[test]
fn zero_copy_that_is_only_preferred_is_a_note_and_the_socket_says_why_it_copies() {
    let Some(lab) = lab("zero_copy_that_is_only_preferred_is_a_note_and_the_socket_says_why_it_copies")
    else {
        return;
    };
    let (_inside, a, _b) = enter(&lab);
    let memory = umem(64);
    let builder = Socket::builder(&memory).mode(Mode::PreferZeroCopy);
    let diagnosis = builder.diagnose(&a, QUEUE, xdp::Direction::Both);
    let finding = find!(diagnosis.findings(), FindingKind::NoZeroCopy { .. }, "Mode::Copy");
    assert_eq!(finding.severity(), Severity::Note);
    let socket = builder.bind(&a, QUEUE).unwrap();
    find!(
        socket.health().findings(),
        FindingKind::FellBackToCopy { reason } if reason.contains("veth"),
        "Mode::ZeroCopy"
    );
}

#[test]
fn an_mtu_that_the_driver_takes_no_program_with_names_the_end_and_the_most() {
    let Some(lab) = lab("an_mtu_that_the_driver_takes_no_program_with_names_the_end_and_the_most") else {
        return;
    };
    let (_inside, a, b) = enter(&lab);
    // Of a pair the other end's counts: what it sends must fit a page here.
    lab.set_mtu(lab.pair(0).b(), 9000).unwrap();
    let mut in_driver = config();
    in_driver.attach = AttachMode::Driver;
    let is_it = |kind: &FindingKind| matches!(kind, FindingKind::MtuForbidsDriver { mtu: 9000, .. });
    let command = format!("ip link set {b} mtu 3506");
    let finding = find!(diagnose(&a, &in_driver).findings(), kind if is_it(kind), &command, "multi_buffer");
    assert_eq!(finding.severity(), Severity::Blocks);
    let memory = umem(64);
    let builder = Socket::builder(&memory).mode(Mode::Copy).receive(Receive::Everything);
    let error = builder.clone().attach(AttachMode::Driver).bind(&a, QUEUE).map(drop).unwrap_err();
    assert!(matches!(error, BindError::Attach(AttachError::Driver { .. })), "{error}");
    find!(&error.likely_causes(), kind if is_it(kind), &command, "AttachMode::Generic");
    // What the remedy says works.
    lab.set_mtu(lab.pair(0).b(), 3506).unwrap();
    find_none!(diagnose(&a, &in_driver).findings(), FindingKind::MtuForbidsDriver { .. });
    builder.attach(AttachMode::Driver).bind(&a, QUEUE).map(drop).unwrap();
}

#[test]
fn a_tap_takes_a_program_in_its_driver_whatever_its_mtu() {
    let test = "a_tap_takes_a_program_in_its_driver_whatever_its_mtu";
    let Some(lab) = lab(test).filter(|_| has_tool("ip", test)) else { return };
    let (_inside, ..) = enter(&lab);
    if !run("ip tuntap add dev tap0 mode tap") {
        eprintln!("SKIPPED {test}: this kernel has no tap");
        return;
    }
    assert!(run("ip link set tap0 up mtu 9000"));
    let mut in_driver = config();
    in_driver.attach = AttachMode::Driver;
    find_none!(diagnose("tap0", &in_driver).findings(), FindingKind::MtuForbidsDriver { .. });
    let memory = umem(64);
    let builder = Socket::builder(&memory).mode(Mode::Copy).receive(Receive::Everything);
    builder.attach(AttachMode::Driver).bind("tap0", QUEUE).map(drop).unwrap();
}
