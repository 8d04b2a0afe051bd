//! Names in a BPF file system, and maps that somebody else made.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process;
use std::thread;

use xdp::QueueId;
use xdp::device::Interface;
use xdp::lab::{self, Lab};
use xdp::program::{
    Action, AttachError, AttachMode, Filter, MapOpenError, Pin, PinError, PortSet, Program, XskMap,
};

use super::{PACKET, no_forks, xdp_socket};

/// Runs `test` on a thread with a BPF file system that nobody else sees, and that is gone afterwards.
pub(super) fn with_bpf_file_system(test: impl FnOnce(&Path) + Send) {
    let directory =
        std::env::temp_dir().join(format!("xdp-pins-{}-{:?}", process::id(), thread::current().id()));
    fs::create_dir(&directory).unwrap();
    let outcome = thread::scope(|scope| {
        let inside = || {
            // SAFETY: it takes no memory; this thread alone gets its own view of the mounts.
            let answer = unsafe { libc::unshare(libc::CLONE_NEWNS) };
            assert_eq!(answer, 0, "{}", io::Error::last_os_error());
            mount("none", Path::new("/"), None, libc::MS_REC | libc::MS_PRIVATE);
            mount("bpf", &directory, Some("bpf"), 0);
            test(&directory);
        };
        scope.spawn(inside).join()
    });
    fs::remove_dir(&directory).unwrap();
    outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

fn mount(source: &str, target: &Path, kind: Option<&str>, flags: libc::c_ulong) {
    let text = |text: &str| CString::new(text).unwrap();
    let (source, target, kind) = (text(source), text(target.to_str().unwrap()), kind.map(text));
    let kind = kind.as_ref().map_or(std::ptr::null(), |kind| kind.as_ptr());
    // SAFETY: three strings that end with a zero and live during the call, or none; no data.
    let answer = unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind, flags, std::ptr::null()) };
    assert_eq!(answer, 0, "{}", io::Error::last_os_error());
}

#[test]
fn a_name_lasts_until_it_is_dropped_unless_it_is_kept() {
    if !lab::require("a_name_lasts_until_it_is_dropped_unless_it_is_kept") {
        return;
    }
    with_bpf_file_system(|directory| {
        let map = XskMap::create(4).unwrap();
        let path = directory.join("sockets");
        let pin = map.pin(&path).unwrap();
        assert_eq!(pin.path(), path);
        let error = map.pin(&path).unwrap_err();
        assert!(matches!(error, PinError::Exists { .. }), "{error}");
        drop(pin);
        assert!(!path.exists());
        let kept: PathBuf = map.pin(&path).unwrap().keep();
        drop(map);
        assert_eq!(XskMap::open(&kept).unwrap().entries(), 4);
        Pin::remove(&kept).unwrap();
        let error = XskMap::open(&kept).unwrap_err();
        assert!(matches!(error, MapOpenError::Pin(PinError::NotFound { .. })), "{error}");
    });
}

#[test]
fn a_socket_joins_a_map_by_descriptor_by_id_and_by_name() {
    if !lab::require("a_socket_joins_a_map_by_descriptor_by_id_and_by_name") {
        return;
    }
    with_bpf_file_system(|directory| {
        let program = Program::redirect_all().map_entries(3).load().unwrap();
        let path = directory.join("sockets");
        let _pin = program.map().pin(&path).unwrap();
        let joined = [
            XskMap::open(&path).unwrap(),
            XskMap::by_id(program.map().id().unwrap()).unwrap(),
            XskMap::from_fd(program.map().as_fd().try_clone_to_owned().unwrap()).unwrap(),
        ];
        for map in joined {
            assert_eq!((map.entries(), map.id().unwrap()), (3, program.map().id().unwrap()));
            assert_eq!(program.test_run(&PACKET).unwrap(), Action::Pass);
            let socket = xdp_socket();
            map.insert(QueueId(0), socket.as_fd()).unwrap();
            assert_eq!(program.test_run(&PACKET).unwrap(), Action::Redirect);
            map.remove(QueueId(0)).unwrap();
            let _no_copies = no_forks();
            drop(socket);
            // A program of ours looks into it as well.
            let other = Program::redirect(Filter::any()).socket_map(map).load().unwrap();
            let socket = xdp_socket();
            program.map().insert(QueueId(0), socket.as_fd()).unwrap();
            assert_eq!(other.test_run(&PACKET).unwrap(), Action::Redirect);
            program.map().remove(QueueId(0)).unwrap();
        }
    });
}

/// Runs bpftool(8); `None` if there is none on this machine.
pub(super) fn bpftool(arguments: &[&str]) -> Option<String> {
    let _alone = no_forks();
    match process::Command::new("bpftool").args(arguments).output() {
        Ok(output) => {
            assert!(output.status.success(), "{arguments:?}: {output:?}");
            Some(String::from_utf8(output.stdout).unwrap())
        }
        Err(error) => {
            eprintln!("SKIPPED: no bpftool: {error}");
            None
        }
    }
}

#[test]
pub(super) fn bpftool_and_this_library_use_each_others_maps_and_programs() {
    if !lab::require("bpftool_and_this_library_use_each_others_maps_and_programs") {
        return;
    }
    with_bpf_file_system(|directory| {
        // Their map, our program and socket.
        let path = directory.join("theirs");
        let text = path.to_str().unwrap();
        let create = ["map", "create", text, "type", "xskmap", "key", "4", "value", "4", "entries", "4"];
        if bpftool(&[&create[..], &["name", "xsks_map"]].concat()).is_none() {
            return;
        }
        let map = XskMap::open(&path).unwrap();
        let program = Program::redirect(Filter::any()).socket_map(map).load().unwrap();
        let socket = xdp_socket();
        program.map().insert(QueueId(0), socket.as_fd()).unwrap();
        assert_eq!(program.test_run(&PACKET).unwrap(), Action::Redirect);
        let shown = bpftool(&["map", "show", "pinned", text]).unwrap();
        assert!(shown.contains("xskmap") && shown.contains("xsks_map"), "{shown}");

        // Our map, by the name that they take the socket out by.
        let ours = directory.join("ours");
        let _pin = program.map().pin(&ours).unwrap();
        let key = ["key", "0", "0", "0", "0"];
        bpftool(&[&["map", "delete", "pinned", ours.to_str().unwrap()], &key[..]].concat());
        assert_eq!(program.test_run(&PACKET).unwrap(), Action::Pass);

        // Our program, attached by them: named as it is, and refused like any other.
        let lab = Lab::new().unwrap();
        let _inside = lab.enter().unwrap();
        let name = lab.pair(0).a().name();
        let program_pin = program.pin(directory.join("program")).unwrap();
        let pinned = program_pin.path().to_str().unwrap();
        bpftool(&["net", "attach", "xdpdrv", "pinned", pinned, "dev", name]);
        let error = Program::redirect_all().load().unwrap().attach(name, AttachMode::Driver).unwrap_err();
        let AttachError::Occupied { program: theirs, .. } = &error else { panic!("{error}") };
        assert_eq!((theirs.id, theirs.name.as_deref()), (program.id(), Some("xdp_filter")));
        bpftool(&["net", "detach", "xdpdrv", "dev", name]);
        assert!(Interface::by_name(name).unwrap().xdp().is_none());
    });
}

#[test]
fn what_is_no_socket_map_is_refused_as_one() {
    if !lab::require("what_is_no_socket_map_is_refused_as_one") {
        return;
    }
    let owned = |fd: std::os::fd::BorrowedFd<'_>| fd.try_clone_to_owned().unwrap();
    let program = Program::redirect_all().load().unwrap();
    let (ports, file) = (PortSet::create(1).unwrap(), fs::File::open("/dev/null").unwrap());
    for fd in [owned(program.as_fd()), owned(ports.as_fd()), owned(file.as_fd()), xdp_socket()] {
        let error = XskMap::from_fd(fd).unwrap_err();
        assert!(matches!(error, MapOpenError::OtherKind), "{error}");
    }
    let error = XskMap::by_id(u32::MAX).unwrap_err();
    assert!(matches!(error, MapOpenError::UnknownId { id: u32::MAX }), "{error}");
}

#[test]
fn a_name_outside_of_a_bpf_file_system_says_where_to_go() {
    if !lab::require("a_name_outside_of_a_bpf_file_system_says_where_to_go") {
        return;
    }
    let map = XskMap::create(1).unwrap();
    let error = map.pin(std::env::temp_dir().join("no-pin")).unwrap_err();
    assert!(matches!(error, PinError::NotBpf { .. }), "{error}");
    assert!(error.to_string().contains("mount -t bpf"), "{error}");
    let error = map.pin("/nonesuch/directory").unwrap_err();
    assert!(matches!(error, PinError::NotFound { .. }), "{error}");
    let error = map.pin("zero\0byte").unwrap_err();
    assert!(matches!(error, PinError::Path { .. }), "{error}");
}

#[test]
fn a_pinned_link_keeps_its_program_at_work() {
    if !lab::require("a_pinned_link_keeps_its_program_at_work") {
        return;
    }
    with_bpf_file_system(|directory| {
        let lab = Lab::new().unwrap();
        let _inside = lab.enter().unwrap();
        let name = lab.pair(0).a().name();
        let at_work = || Interface::by_name(name).unwrap().xdp().driver();
        let program = Program::redirect_all().load().unwrap();
        let attachment = program.attach(name, AttachMode::Driver).unwrap();
        let pin = attachment.pin(directory.join("link")).unwrap();
        let _alone = no_forks();
        attachment.leave();
        assert_eq!(at_work(), Some(program.id()));
        drop(pin);
        // The kernel lets go of a link later when its last name goes.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while at_work().is_some() {
            assert!(std::time::Instant::now() < deadline);
            thread::yield_now();
        }
        // Without a name, to leave is to let go.
        program.attach(name, AttachMode::Driver).unwrap().leave();
        assert_eq!(at_work(), None);
    });
}
