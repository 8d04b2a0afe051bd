//! Programs: somebody else's, none, taken away, and maps that hold the wrong socket.

use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;

use xdp::diagnosis::diagnose;
use xdp::{
    AttachError, AttachMode, Attachment, BindError, FindingKind, Mode, MultiBuffer, Program, Receive, Rx,
    Severity, Socket, Umem,
};

use crate::{QUEUE, config, enter, find, find_none, lab, umem};

fn attached(interface: &str, name: &str, mode: AttachMode) -> Arc<Attachment> {
    Arc::new(Program::redirect_all().name(name).load().unwrap().attach(interface, mode).unwrap())
}

/// A socket of a program of its own, which can be reached here.
fn registered(umem: &Umem, interface: &str) -> (Rx, Arc<Attachment>) {
    let program = attached(interface, "ours", AttachMode::Driver);
    let rx = Socket::builder(umem).mode(Mode::Copy).bind_rx(interface, QUEUE).unwrap();
    rx.register(&program).unwrap();
    (rx, program)
}

/// What `bpftool link detach` does.
fn detach(link: &Attachment) {
    const BPF_LINK_DETACH: libc::c_int = 34;
    let attr: [u32; 2] = [link.as_fd().as_raw_fd() as u32, 0];
    // SAFETY: bpf(2) reads `attr`, which is as long as said; the descriptor is borrowed, so open.
    let answer = unsafe { libc::syscall(libc::SYS_bpf, BPF_LINK_DETACH, attr.as_ptr(), size_of_val(&attr)) };
    assert_eq!(answer, 0, "{}", std::io::Error::last_os_error());
}

#[test]
fn somebody_elses_program_is_named_with_the_command_that_takes_it_off() {
    let Some(lab) = lab("somebody_elses_program_is_named_with_the_command_that_takes_it_off") else { return };
    let (_inside, a, _b) = enter(&lab);
    let _theirs = attached(&a, "theirs", AttachMode::Driver);
    let is_it = |kind: &FindingKind| matches!(kind, FindingKind::ForeignProgram { program } if program.name.as_deref() == Some("theirs"));
    let command = format!("ip link set dev {a} xdpdrv off");
    let finding =
        find!(diagnose(&a, &config()).findings(), kind if is_it(kind), &command, "bpftool link detach");
    assert_eq!(finding.severity(), Severity::Blocks);
    let error =
        Socket::builder(&umem(64)).receive(Receive::Everything).bind(&a, QUEUE).map(drop).unwrap_err();
    assert!(matches!(error, BindError::Attach(AttachError::Occupied { .. })), "{error}");
    find!(&error.likely_causes(), kind if is_it(kind), &command);
}

#[test]
fn somebody_elses_program_is_a_note_to_who_brings_none() {
    let Some(lab) = lab("somebody_elses_program_is_a_note_to_who_brings_none") else { return };
    let (_inside, a, _b) = enter(&lab);
    let _theirs = attached(&a, "theirs", AttachMode::Driver);
    let mut own = config();
    own.receive = Receive::Nothing;
    let finding = find!(diagnose(&a, &own).findings(), FindingKind::ForeignProgram { .. }, "into its map");
    assert_eq!(finding.severity(), Severity::Note);
    let memory = umem(64);
    let rx = Socket::builder(&memory).mode(Mode::Copy).bind_rx(&*a, QUEUE).unwrap();
    find!(rx.health().findings(), FindingKind::ForeignProgram { .. }, "into its map");
}

#[test]
fn a_program_in_the_other_mode_is_a_conflict_of_modes() {
    let Some(lab) = lab("a_program_in_the_other_mode_is_a_conflict_of_modes") else { return };
    let (_inside, a, b) = enter(&lab);
    for (interface, theirs, ours, keyword) in [
        (&a, AttachMode::Generic, AttachMode::Driver, "xdpgeneric off"),
        (&b, AttachMode::Driver, AttachMode::Generic, "xdpdrv off"),
    ] {
        let _theirs = attached(interface, "theirs", theirs);
        let mut wanted = config();
        wanted.attach = ours;
        find!(diagnose(interface, &wanted).findings(), FindingKind::ModeConflict { .. }, keyword);
        let builder = |memory: &Umem| Socket::builder(memory).receive(Receive::Everything).attach(ours);
        let error = builder(&umem(64)).bind(interface, QUEUE).map(drop).unwrap_err();
        assert!(matches!(error, BindError::Attach(AttachError::Occupied { .. })), "{error}");
        find!(&error.likely_causes(), FindingKind::ForeignProgram { .. }, keyword);
    }
}

#[test]
fn a_socket_without_a_program_is_told_how_to_get_one() {
    let Some(lab) = lab("a_socket_without_a_program_is_told_how_to_get_one") else { return };
    let (_inside, a, _b) = enter(&lab);
    let memory = umem(64);
    let socket = Socket::builder(&memory).mode(Mode::Copy).bind(&*a, QUEUE).unwrap();
    find!(socket.health().findings(), FindingKind::NoProgram, "Receive::Everything", "Socket::register");
    let (_rx, tx) = socket.split();
    find_none!(tx.health().findings(), FindingKind::NoProgram);
}

#[test]
fn a_socket_whose_program_and_slot_are_in_order_hears_nothing_of_them() {
    let Some(lab) = lab("a_socket_whose_program_and_slot_are_in_order_hears_nothing_of_them") else { return };
    let (_inside, a, _b) = enter(&lab);
    let memory = umem(64);
    let (rx, program) = registered(&memory, &a);
    let health = rx.health();
    assert_ne!(health.worst(), Some(Severity::Blocks), "{health}");
    // And looking changes nothing: the slot still holds the socket.
    assert!(
        program
            .program()
            .map()
            .insert(QUEUE, Socket::builder(&umem(2)).bind(&*_b, QUEUE).unwrap().as_fd())
            .is_err()
    );
}

#[test]
fn a_program_that_was_detached_behind_our_back_is_told() {
    let Some(lab) = lab("a_program_that_was_detached_behind_our_back_is_told") else { return };
    let (_inside, a, _b) = enter(&lab);
    let memory = umem(64);
    let (rx, program) = registered(&memory, &a);
    detach(&program);
    let id = program.program().id();
    find!(rx.health().findings(), FindingKind::ProgramDetached { id: found } if *found == id, "Program::attach");
}

#[test]
fn a_program_that_another_one_took_the_place_of_is_told_with_both() {
    let Some(lab) = lab("a_program_that_another_one_took_the_place_of_is_told_with_both") else { return };
    let (_inside, a, _b) = enter(&lab);
    let memory = umem(64);
    let (rx, program) = registered(&memory, &a);
    detach(&program);
    let _theirs = attached(&a, "theirs", AttachMode::Driver);
    let finding = find!(
        rx.health().findings(),
        FindingKind::ProgramReplaced { program, .. } if program.name.as_deref() == Some("theirs"),
        "xdpdrv off",
        "open the socket anew"
    );
    assert!(finding.summary().contains(&program.program().id().to_string()), "{finding}");
}

#[test]
fn a_slot_that_was_emptied_is_told_and_stays_as_it_is() {
    let Some(lab) = lab("a_slot_that_was_emptied_is_told_and_stays_as_it_is") else { return };
    let (_inside, a, _b) = enter(&lab);
    let memory = umem(64);
    let (rx, program) = registered(&memory, &a);
    program.program().map().remove(QUEUE).unwrap();
    for _look in 0..2 {
        find!(rx.health().findings(), FindingKind::SlotEmpty { queue: QUEUE }, "Socket::register");
    }
    rx.register(&program).unwrap();
    find_none!(rx.health().findings(), FindingKind::SlotEmpty { .. });
}

#[test]
fn a_slot_that_another_socket_was_put_into_is_told() {
    let Some(lab) = lab("a_slot_that_another_socket_was_put_into_is_told") else { return };
    let (_inside, a, b) = enter(&lab);
    let (ours, theirs) = (umem(64), umem(64));
    let (rx, program) = registered(&ours, &a);
    let other = Socket::builder(&theirs).mode(Mode::Copy).bind(&*b, QUEUE).unwrap();
    program.program().map().replace(QUEUE, other.as_fd()).unwrap();
    for _look in 0..2 {
        find!(rx.health().findings(), FindingKind::SlotTaken { queue: QUEUE }, "XskMap::replace");
    }
    // A socket that comes second learns it from its error.
    let refused = rx.register(&program).unwrap_err();
    find!(&BindError::from(refused).likely_causes(), FindingKind::SlotTaken { .. }, "close the other socket");
}

#[test]
fn a_program_on_another_interface_is_told_when_it_is_registered() {
    let Some(lab) = lab("a_program_on_another_interface_is_told_when_it_is_registered") else { return };
    let (_inside, a, b) = enter(&lab);
    let program = attached(&a, "ours", AttachMode::Driver);
    let memory = umem(64);
    let rx = Socket::builder(&memory).mode(Mode::Copy).bind_rx(&*b, QUEUE).unwrap();
    let error = BindError::from(rx.register(&program).unwrap_err());
    let is_it =
        |kind: &FindingKind| matches!(kind, FindingKind::ProgramElsewhere { program } if *program == a);
    find!(&error.likely_causes(), kind if is_it(kind), &format!("attach the program to {b}"));
}

#[test]
fn a_program_and_a_socket_that_disagree_on_several_buffers_are_told_which_of_them_to_change() {
    let test = "a_program_and_a_socket_that_disagree_on_several_buffers_are_told_which_of_them_to_change";
    let Some(lab) = lab(test) else { return };
    let (_inside, a, b) = enter(&lab);
    let (first, second) = (umem(64), umem(64));
    // The socket takes them, the program does not.
    let builder = Socket::builder(&first).mode(Mode::Copy).multi_buffer(MultiBuffer::Require);
    let Ok(several) = builder.bind_rx(&*a, QUEUE) else {
        eprintln!("SKIPPED {test}: this kernel has no packets of several frames");
        return;
    };
    let error = BindError::from(several.register(&attached(&a, "ours", AttachMode::Driver)).unwrap_err());
    let is_it =
        |kind: &FindingKind| matches!(kind, FindingKind::BufferMismatch { program_takes_several: false });
    find!(&error.likely_causes(), kind if is_it(kind), "ProgramBuilder::multi_buffer");
    // The other way, with an MTU for which it matters.
    lab.set_mtu(lab.pair(0).b(), 9000).unwrap();
    let program =
        Program::redirect_all().multi_buffer().load().unwrap().attach(&*b, AttachMode::Driver).unwrap();
    let single = Socket::builder(&second).mode(Mode::Copy).bind_rx(&*b, QUEUE).unwrap();
    let error = BindError::from(single.register(&Arc::new(program)).unwrap_err());
    let is_it =
        |kind: &FindingKind| matches!(kind, FindingKind::BufferMismatch { program_takes_several: true });
    find!(&error.likely_causes(), kind if is_it(kind), "SocketBuilder::multi_buffer");
}
