//! A program that is in the way: left by a process that was killed, or put where ours was.

use std::env;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use xdp::lab::{self, Lab};
use xdp::program::{Action, AttachError, AttachMode, Attachment, Pin, Program, ReplaceError};

use super::held::{Holder, hold};
use super::pin::with_bpf_file_system;
use super::{always, driver_program, no_forks};

/// Set for the child that the next test starts: the interface that it shall hold, a space, and where to pin the link.
const CHILD_PINS: &str = "XDP_TEST_CHILD_PINS";

#[test]
fn a_pinned_link_of_a_killed_process_is_named_and_gives_way_when_its_pin_is_removed() {
    const TEST: &str =
        "conflict::a_pinned_link_of_a_killed_process_is_named_and_gives_way_when_its_pin_is_removed";
    if let Ok(held) = env::var(CHILD_PINS) {
        let (interface, path) = held.split_once(' ').unwrap();
        let program = Program::redirect_all().load().unwrap();
        let attachment = program.attach(interface, AttachMode::Driver).unwrap();
        attachment.pin(path).unwrap().keep();
        return hold(program.id());
    }
    if !lab::require(TEST) {
        return;
    }
    with_bpf_file_system(|directory| {
        let lab = Lab::new().unwrap();
        let _inside = lab.enter().unwrap();
        let (name, path) = (lab.pair(0).a().name(), directory.join("link"));
        let child = Holder::start(TEST, CHILD_PINS, &format!("{name} {}", path.display()));
        let id = child.program;
        child.kill();
        let id = id.expect("the child attaches its program");
        assert_eq!(driver_program(name), Some(id));
        let ours = Program::redirect_all().load().unwrap();
        for mode in [AttachMode::PreferDriver, AttachMode::Driver, AttachMode::Generic] {
            let error = ours.attach(name, mode).unwrap_err();
            let AttachError::Occupied { program, .. } = &error else { panic!("{error}") };
            assert_eq!((program.id, program.name.as_deref()), (id, Some("xdp_redirect")));
            assert!(error.to_string().contains("`bpftool link detach`"), "{error}");
        }
        Pin::remove(&path).unwrap();
        attach_when_free(&ours, name).detach();
    });
}

/// The kernel lets go of a link a little after its last name is gone.
fn attach_when_free(program: &Program, name: &str) -> Attachment {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match program.attach(name, AttachMode::Driver) {
            Err(AttachError::Occupied { .. }) if Instant::now() < deadline => thread::yield_now(),
            outcome => return outcome.unwrap(),
        }
    }
}

/// Puts another program into a link, behind the back of whoever else holds the link.
fn put_into_link(link: &Attachment, program: &Program) {
    const BPF_LINK_UPDATE: libc::c_int = 29;
    let descriptor = |fd: std::os::fd::BorrowedFd<'_>| fd.as_raw_fd() as u32;
    // Link, new program, flags, old program.
    let attributes = [descriptor(link.as_fd()), descriptor(program.as_fd()), 0, 0];
    let size = size_of_val(&attributes) as libc::c_uint;
    // SAFETY: the kernel reads so many bytes of `attributes`, which lives during the call, and writes none.
    let answer = unsafe { libc::syscall(libc::SYS_bpf, BPF_LINK_UPDATE, attributes.as_ptr(), size) };
    assert_eq!(answer, 0, "{}", io::Error::last_os_error());
}

#[test]
fn a_program_that_somebody_put_into_our_link_is_not_replaced() {
    if !lab::require("a_program_that_somebody_put_into_our_link_is_not_replaced") {
        return;
    }
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let name = lab.pair(0).a().name();
    let one = Program::redirect_all().load().unwrap();
    let two = Program::redirect_all().sharing(&one).load().unwrap();
    let theirs = always(Action::Pass).load().unwrap();
    let attachment = one.attach(name, AttachMode::Driver).unwrap();
    put_into_link(&attachment, &theirs);
    let error = attachment.replace(&two).unwrap_err();
    assert!(matches!(error, ReplaceError::Changed { .. }), "{error}");
    assert!(error.to_string().contains(name), "{error}");
    assert_eq!(attachment.program().id(), one.id());
    assert_eq!(driver_program(name), Some(theirs.id()));
}

/// What comes into the place of our program.
enum Intruder {
    Nobody,
    Program,
}

#[test]
fn a_program_without_a_link_is_not_replaced_when_it_is_not_ours_any_more() {
    if !lab::require("a_program_without_a_link_is_not_replaced_when_it_is_not_ours_any_more") {
        return;
    }
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let name = lab.pair(0).a().name();
    for intruder in [Intruder::Nobody, Intruder::Program] {
        let one = Program::redirect_all().load().unwrap();
        let two = Program::redirect_all().sharing(&one).load().unwrap();
        let attachment = one.attach_by_netlink(name, AttachMode::Driver).unwrap();
        let status = {
            let _alone = no_forks();
            Command::new("ip").args(["link", "set", "dev", name, "xdpdrv", "off"]).status()
        };
        match status {
            Ok(status) if status.success() => {}
            // None at all, or that of a small system, which knows no XDP.
            other => return eprintln!("SKIPPED: no ip(8) that takes a program off: {other:?}"),
        }
        let theirs = always(Action::Pass).load().unwrap();
        let theirs = matches!(intruder, Intruder::Program)
            .then(|| theirs.attach_by_netlink(name, AttachMode::Driver).unwrap());
        let error = attachment.replace(&two).unwrap_err();
        assert!(matches!(error, ReplaceError::Changed { .. }), "{error}");
        assert_eq!(driver_program(name), theirs.as_ref().map(|theirs| theirs.program().id()));
    }
}
