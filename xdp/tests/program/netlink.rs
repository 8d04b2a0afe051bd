//! Programs that are held by no link.

use std::env;
use std::process::Command;

use xdp::device::Interface;
use xdp::lab::{self, Lab};
use xdp::program::{Action, AttachError, AttachMode, AttachedMode, DriverRefusal, PinError, Program};

use super::held::{Holder, hold};
use super::{always, driver_program, no_forks};

#[test]
fn a_program_without_a_link_lasts_until_its_attachment_is_dropped() {
    if !lab::require("a_program_without_a_link_lasts_until_its_attachment_is_dropped") {
        return;
    }
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let name = lab.pair(0).a().name();
    let program = Program::redirect_all().load().unwrap();
    for (mode, obtained) in [
        (AttachMode::Driver, AttachedMode::Driver),
        (AttachMode::PreferDriver, AttachedMode::Driver),
        (AttachMode::Generic, AttachedMode::Generic),
    ] {
        let attachment = program.attach_by_netlink(name, mode).unwrap();
        assert_eq!(attachment.mode(), obtained);
        assert!(!attachment.is_link());
        assert!(attachment.is_attached().unwrap());
        let error = attachment.pin("/nowhere").unwrap_err();
        assert!(matches!(error, PinError::NoLink { .. }), "{error}");
        // From another thread, which is in another namespace.
        std::thread::scope(|scope| {
            scope.spawn(move || drop(attachment));
        });
        assert!(Interface::by_name(name).unwrap().xdp().is_none());
    }
    let error = program.attach_by_netlink("lo", AttachMode::Driver).unwrap_err();
    assert!(
        matches!(error, AttachError::Driver { refusal: DriverRefusal::UnsupportedOrMtu { .. }, .. }),
        "{error}"
    );
}

#[test]
fn a_program_that_netlink_attached_is_named_and_stays_whoever_comes() {
    if !lab::require("a_program_that_netlink_attached_is_named_and_stays_whoever_comes") {
        return;
    }
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let name = lab.pair(0).a().name();
    let theirs = always(Action::Pass).name("their_program").load().unwrap();
    let ours = Program::redirect_all().load().unwrap();
    for (held_by_link, their_mode) in [
        (false, AttachMode::Driver),
        (false, AttachMode::Generic),
        (true, AttachMode::Driver),
        (true, AttachMode::Generic),
    ] {
        let held = if held_by_link {
            theirs.attach(name, their_mode).unwrap()
        } else {
            theirs.attach_by_netlink(name, their_mode).unwrap()
        };
        for our_mode in [AttachMode::PreferDriver, AttachMode::Driver, AttachMode::Generic] {
            for error in [
                ours.attach(name, our_mode).unwrap_err(),
                ours.attach_by_netlink(name, our_mode).unwrap_err(),
            ] {
                let AttachError::Occupied { program, .. } = &error else { panic!("{error}") };
                assert_eq!(program.id, theirs.id());
                assert_eq!(program.name.as_deref(), Some("their_program"));
            }
        }
        assert!(held.is_attached().unwrap());
    }
}

#[test]
fn somebody_elses_program_in_our_place_is_left_there() {
    if !lab::require("somebody_elses_program_in_our_place_is_left_there") {
        return;
    }
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let name = lab.pair(0).a().name();
    let (ours, theirs) = (Program::redirect_all().load().unwrap(), always(Action::Pass).load().unwrap());
    let ours = ours.attach_by_netlink(name, AttachMode::Driver).unwrap();
    let status = {
        let _alone = no_forks();
        Command::new("ip").args(["link", "set", "dev", name, "xdpdrv", "off"]).status()
    };
    match status {
        Ok(status) if status.success() => {}
        // None at all, or that of a small system, which knows no XDP.
        other => return eprintln!("SKIPPED: no ip(8) that takes a program off: {other:?}"),
    }
    let _theirs = theirs.attach_by_netlink(name, AttachMode::Driver).unwrap();
    assert!(!ours.is_attached().unwrap());
    drop(ours);
    assert_eq!(driver_program(name), Some(theirs.id()));
}

/// Set for the child that the next test starts, to the interface that it shall hold.
const CHILD_HOLDS: &str = "XDP_TEST_CHILD_HOLDS_BY_NETLINK";

#[test]
fn a_program_of_a_killed_process_is_named_with_the_remedy() {
    const TEST: &str = "netlink::a_program_of_a_killed_process_is_named_with_the_remedy";
    if let Ok(interface) = env::var(CHILD_HOLDS) {
        let program = Program::redirect_all().load().unwrap();
        let _attachment = program.attach_by_netlink(&*interface, AttachMode::Driver).unwrap();
        return hold(program.id());
    }
    if !lab::require(TEST) {
        return;
    }
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let name = lab.pair(0).a().name();
    let child = Holder::start(TEST, CHILD_HOLDS, name);
    let id = child.program;
    child.kill();
    assert_eq!(driver_program(name), id);
    let error = Program::redirect_all().load().unwrap().attach(name, AttachMode::Driver).unwrap_err();
    let AttachError::Occupied { program, .. } = &error else { panic!("{error}") };
    assert_eq!((Some(program.id), program.name.as_deref()), (id, Some("xdp_redirect")));
    assert!(error.to_string().contains("`ip link set dev veth0a xdpdrv off`"), "{error}");
}
