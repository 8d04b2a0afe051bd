//! A program at work on an interface, and gone from it.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::{env, io, thread};

use xdp::device::{Interface, InterfaceError};
use xdp::lab::{self, Lab};
use xdp::program::{
    Action, AttachError, AttachMode, AttachedMode, Attachment, DriverRefusal, LoadError, MapCreateError,
    Program,
};

use super::held::{Holder, hold};
use super::{PACKET, always, has_multi_buffer, is_close_on_exec, no_forks};

/// Ids of the programs on an interface, as the kernel says now.
fn programs_on(name: &str) -> Vec<u32> {
    let xdp = Interface::find(name).expect("the interface exists").xdp();
    [xdp.driver(), xdp.generic(), xdp.hardware()].into_iter().flatten().collect()
}

#[test]
fn an_attachment_lasts_until_it_is_dropped() {
    if !lab::require("an_attachment_lasts_until_it_is_dropped") {
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
        let attachment = program.attach(name, mode).unwrap();
        assert_eq!(attachment.mode(), obtained);
        assert!(attachment.why_generic().is_none());
        assert_eq!(attachment.interface().name(), name);
        assert_eq!(attachment.program().id(), program.id());
        assert!(attachment.is_attached().unwrap());
        assert!(is_close_on_exec(attachment.as_fd()));
        assert_eq!(programs_on(name), [program.id()]);
        drop(attachment);
        assert_eq!(programs_on(name), []);
    }
}

#[test]
fn an_attachment_is_shared_and_its_last_holder_detaches() {
    if !lab::require("an_attachment_is_shared_and_its_last_holder_detaches") {
        return;
    }
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let name = lab.pair(0).a().name();
    let program = Program::redirect_all().load().unwrap();
    let attachment = Arc::new(program.attach(name, AttachMode::Driver).unwrap());
    let other = Arc::clone(&attachment);
    drop(attachment);
    assert_eq!(programs_on(name), [program.id()]);
    drop(other);
    assert_eq!(programs_on(name), []);
}

#[test]
fn detaching_does_not_wait_for_a_duplicate_of_the_descriptor() {
    if !lab::require("detaching_does_not_wait_for_a_duplicate_of_the_descriptor") {
        return;
    }
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let name = lab.pair(0).a().name();
    let program = Program::redirect_all().load().unwrap();
    for end in [drop, Attachment::detach] {
        let attachment = program.attach(name, AttachMode::Driver).unwrap();
        let _duplicate = attachment.as_fd().try_clone_to_owned().unwrap();
        end(attachment);
        assert_eq!(programs_on(name), []);
    }
}

#[test]
fn an_interface_without_xdp_of_its_own_falls_back_to_generic_and_says_why() {
    if !lab::require("an_interface_without_xdp_of_its_own_falls_back_to_generic_and_says_why")
        || !has_multi_buffer()
    {
        return;
    }
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let program = Program::redirect_all().multi_buffer().load().unwrap();
    // The loopback of the lab's own namespace.
    let error = program.attach("lo", AttachMode::Driver).unwrap_err();
    assert!(matches!(&error, AttachError::Driver { refusal: DriverRefusal::Unsupported, .. }), "{error}");
    let attachment = program.attach("lo", AttachMode::PreferDriver).unwrap();
    assert_eq!(attachment.mode(), AttachedMode::Generic);
    assert!(matches!(attachment.why_generic(), Some(DriverRefusal::Unsupported)));
}

#[test]
fn an_mtu_too_large_for_driver_mode_is_named_and_multi_buffer_lifts_it() {
    if !lab::require("an_mtu_too_large_for_driver_mode_is_named_and_multi_buffer_lifts_it")
        || !has_multi_buffer()
    {
        return;
    }
    let lab = Lab::builder().mtu(9000).build().unwrap();
    let _inside = lab.enter().unwrap();
    let name = lab.pair(0).a().name();
    let program = Program::redirect_all().load().unwrap();
    let error = program.attach(name, AttachMode::Driver).unwrap_err();
    assert!(
        matches!(&error, AttachError::Driver { refusal: DriverRefusal::Mtu { mtu: 9000 }, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("9000 bytes"), "{error}");
    let attachment = program.attach(name, AttachMode::PreferDriver).unwrap();
    assert_eq!(attachment.mode(), AttachedMode::Generic);
    assert!(matches!(attachment.why_generic(), Some(DriverRefusal::Mtu { mtu: 9000 })));
    drop(attachment);

    let program = Program::redirect_all().multi_buffer().load().unwrap();
    assert!(program.multi_buffer());
    assert_eq!(program.test_run(&PACKET).unwrap(), Action::Pass);
    let attachment = program.attach(name, AttachMode::Driver).unwrap();
    assert_eq!(attachment.mode(), AttachedMode::Driver);
}

#[test]
fn somebody_elses_program_is_named_and_stays() {
    if !lab::require("somebody_elses_program_is_named_and_stays") {
        return;
    }
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let name = lab.pair(0).a().name();
    let theirs = always(Action::Pass).name("their_program").load().unwrap();
    let ours = Program::redirect_all().load().unwrap();
    for (their_mode, obtained, remedy) in [
        (AttachMode::Driver, AttachedMode::Driver, "`ip link set dev veth0a xdpdrv off`"),
        (AttachMode::Generic, AttachedMode::Generic, "`ip link set dev veth0a xdpgeneric off`"),
    ] {
        let held = theirs.attach(name, their_mode).unwrap();
        for our_mode in [AttachMode::PreferDriver, AttachMode::Driver, AttachMode::Generic] {
            let error = ours.attach(name, our_mode).unwrap_err();
            let AttachError::Occupied { interface, program } = &error else { panic!("{error}") };
            assert_eq!(interface, name);
            assert_eq!(program.id, theirs.id());
            assert_eq!(program.name.as_deref(), Some("their_program"));
            assert_eq!(program.mode, obtained);
            assert!(error.to_string().contains("their_program"), "{error}");
            assert!(error.to_string().contains(remedy), "{error}");
        }
        assert_eq!(programs_on(name), [theirs.id()]);
        assert!(held.is_attached().unwrap());
    }
}

#[test]
fn one_program_serves_several_interfaces() {
    if !lab::require("one_program_serves_several_interfaces") {
        return;
    }
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let (a, b) = (lab.pair(0).a().name(), lab.pair(0).b().name());
    let program = Program::redirect_all().load().unwrap();
    let _on_a = program.attach(a, AttachMode::Driver).unwrap();
    let _on_b = program.attach(b, AttachMode::Driver).unwrap();
    assert_eq!(programs_on(a), [program.id()]);
    assert_eq!(programs_on(b), [program.id()]);
}

#[test]
fn an_unknown_interface_is_an_error_that_names_it() {
    if !lab::require("an_unknown_interface_is_an_error_that_names_it") {
        return;
    }
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let program = Program::redirect_all().load().unwrap();
    let error = program.attach("nonesuch0", AttachMode::PreferDriver).unwrap_err();
    assert!(matches!(error, AttachError::Interface(_)), "{error}");
    assert!(error.to_string().contains("nonesuch0"), "{error}");
}

#[test]
fn an_end_of_a_lab_is_never_taken_for_the_interface_with_its_index_outside() {
    if !lab::require("an_end_of_a_lab_is_never_taken_for_the_interface_with_its_index_outside") {
        return;
    }
    // One lab plays the machine: its interfaces have the indexes and names of the other's.
    let (machine, lab) = (Lab::new().unwrap(), Lab::new().unwrap());
    let _on_machine = machine.enter().unwrap();
    let program = Program::redirect_all().load().unwrap();
    let end = lab.pair(0).a();
    match program.attach(end, AttachMode::Driver) {
        Err(AttachError::Interface(InterfaceError::OtherNamespace { name })) => assert_eq!(name, end.name()),
        Err(error) => panic!("{error}"),
        Ok(attachment) => panic!("attached to {} of the machine", attachment.interface().name()),
    }
    assert_eq!(programs_on(end.name()), [], "the machine's interface");
    lab.run(|| program.attach(end, AttachMode::Driver).unwrap().detach()).unwrap();
}

#[test]
fn an_attachment_knows_that_its_interface_was_removed() {
    if !lab::require("an_attachment_knows_that_its_interface_was_removed") {
        return;
    }
    let lab = Lab::new().unwrap();
    let program = Program::redirect_all().load().unwrap();
    let attachment = {
        let _inside = lab.enter().unwrap();
        program.attach(lab.pair(0).a().name(), AttachMode::Driver).unwrap()
    };
    assert!(attachment.is_attached().unwrap());
    lab.remove_pair(0).unwrap();
    assert!(!attachment.is_attached().unwrap());
    attachment.detach();
}

/// Clears the capabilities of the calling thread, and of no other: the raw call does not tell the rest of the
/// process.
fn drop_capabilities() {
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    const VERSION_3: u32 = 0x2008_0522;
    let header = Header { version: VERSION_3, pid: 0 };
    // Two times effective, permitted and inheritable, 32 capabilities each.
    let none = [[0u32; 3]; 2];
    // SAFETY: capset(2) reads the header and, in this version, two sets of three words, all of which live on this
    // stack. Pid 0 is the calling thread.
    let answer = unsafe { libc::syscall(libc::SYS_capset, &raw const header, none.as_ptr()) };
    assert_eq!(answer, 0, "{}", io::Error::last_os_error());
}

#[test]
fn without_privileges_the_missing_capabilities_are_named() {
    if !lab::require("without_privileges_the_missing_capabilities_are_named") {
        return;
    }
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let name = lab.pair(0).a().name();
    let program = Program::redirect_all().load().unwrap();
    let attached_before = program.attach(name, AttachMode::Driver).unwrap();
    // A thread that starts here is in the lab's namespace too.
    let unprivileged = || {
        drop_capabilities();
        let load = Program::redirect_all().load().unwrap_err();
        assert!(matches!(load, LoadError::Map(MapCreateError::Permission { .. })), "{load}");
        assert!(load.to_string().contains("CAP_BPF and CAP_NET_ADMIN"), "{load}");
        // Giving up privileges after the set-up does not leave the program behind.
        let _no_copies = no_forks();
        drop(attached_before);
    };
    thread::scope(|scope| scope.spawn(unprivileged).join()).unwrap();
    assert_eq!(programs_on(name), []);
}

/// Set for the child that the next test starts, to the interface that it shall hold.
const CHILD_HOLDS: &str = "XDP_TEST_CHILD_HOLDS";

#[test]
fn a_program_leaves_its_interface_when_the_process_is_killed() {
    const TEST: &str = "attach::a_program_leaves_its_interface_when_the_process_is_killed";
    if let Ok(interface) = env::var(CHILD_HOLDS) {
        let program = Program::redirect_all().load().unwrap();
        let _attachment = program.attach(&*interface, AttachMode::Driver).unwrap();
        return hold(program.id());
    }
    if !lab::require(TEST) {
        return;
    }
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let name = lab.pair(0).a().name();
    let child = Holder::start(TEST, CHILD_HOLDS, name);
    let id = child.program.expect("the child attaches its program");
    assert_eq!(programs_on(name), [id]);
    child.kill();
    assert_eq!(programs_on(name), []);
}
