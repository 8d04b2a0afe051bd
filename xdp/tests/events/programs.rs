//! Programs that are taken off an interface under a socket that counts on them. The kernel does not tell.

use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;

use xdp::{AttachMode, Attachment, Program, Rx, Socket};
use xdp_sys::bpf::{BPF_LINK_DETACH, bpf};

use super::*;

/// Takes a program off its interface whoever holds it, as `bpftool link detach` does.
fn detach(attachment: &Attachment) {
    let mut attr = attachment.as_fd().as_raw_fd() as u32;
    let size = size_of_val(&attr) as u32;
    // SAFETY: the argument of this command is one descriptor, here that of a local of the same size, which outlives the
    // call; the descriptor is borrowed, so open.
    let result = unsafe { bpf(BPF_LINK_DETACH, (&raw mut attr).cast(), size) };
    result.expect("detached");
}

fn attach(interface: &str) -> Arc<Attachment> {
    Arc::new(Program::redirect_all().load().unwrap().attach(interface, AttachMode::Driver).unwrap())
}

fn receiver(interface: &str) -> Rx {
    Socket::builder(&small_umem()).mode(Mode::Copy).bind_rx(interface, QUEUE).unwrap()
}

#[test]
fn a_wait_names_the_program_that_took_the_place_of_the_socket_s() {
    let Some(lab) = lab("a_wait_names_the_program_that_took_the_place_of_the_socket_s") else { return };
    let (_inside, _a, b) = enter(&lab);
    let mut rx = receiver(&b);
    let ours = attach(&b);
    rx.register(&ours).unwrap();
    let (result, _, theirs) = while_waiting(
        || {
            let result = rx.wait(PATIENCE);
            assert!(matches!(rx.wait(PATIENCE), Err(WaitError::ProgramGone { .. })), "and again");
            result
        },
        || {
            detach(&ours);
            attach(&b)
        },
    );
    let error = result.unwrap_err();
    let WaitError::ProgramGone { interface, now } = &error else { panic!("{error}") };
    assert_eq!(interface, &b);
    // The look may have come between the two.
    assert!(now.is_none() || now.driver() == Some(theirs.program().id()), "{error}");
    let error = rx.wait(PATIENCE).unwrap_err();
    assert!(error.to_string().contains(&format!("program {}", theirs.program().id())), "{error}");
    assert!(error.to_string().contains("register"), "{error}");

    rx.register(&theirs).unwrap();
    assert!(!rx.wait(Duration::from_millis(450)).unwrap(), "all is well again, and nothing was sent");
}

#[test]
fn waits_shorter_than_a_look_learn_of_a_lost_program_too() {
    let Some(lab) = lab("waits_shorter_than_a_look_learn_of_a_lost_program_too") else { return };
    let (_inside, _a, b) = enter(&lab);
    let mut rx = receiver(&b);
    let ours = attach(&b);
    rx.register(&ours).unwrap();
    detach(&ours);
    let deadline = Instant::now() + PATIENCE;
    let error = loop {
        assert!(Instant::now() < deadline, "never told");
        match rx.wait(Duration::from_millis(3)) {
            Ok(has_packet) => assert!(!has_packet),
            Err(error) => break error,
        }
    };
    assert!(matches!(&error, WaitError::ProgramGone { now, .. } if now.is_none()), "{error}");
    assert!(error.to_string().contains("no program"), "{error}");
}

#[test]
fn a_socket_that_no_program_was_registered_for_waits_on() {
    let Some(lab) = lab("a_socket_that_no_program_was_registered_for_waits_on") else { return };
    let (_inside, _a, b) = enter(&lab);
    let mut rx = receiver(&b);
    let theirs = attach(&b);
    detach(&theirs);
    assert!(!rx.wait(Duration::from_millis(450)).unwrap(), "a program of others is their business");
}
