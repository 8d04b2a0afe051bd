//! Programs that xdp-loader(8) of the xdp-tools attached, and ours on its way.

use std::fs;
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use xdp::device::Interface;
use xdp::lab::{self, Lab};
use xdp::program::{AttachError, AttachMode, AttachedMode, Program, XskMap};

use super::no_forks;
use super::pin::{bpftool, with_bpf_file_system};
use super::traffic::{QUEUE, expect_packets, receiver};

/// The program for AF_XDP sockets that libxdp brings along: it looks into a map named `xsks_map`.
const OBJECT: &str = "xsk_def_xdp_prog.o";
/// What that program is called.
const NAME: &str = "xsk_def_prog";
/// The modes, as xdp-loader and as we call them.
const MODES: [(&str, AttachMode, AttachedMode); 2] = [
    ("native", AttachMode::Driver, AttachedMode::Driver),
    ("skb", AttachMode::Generic, AttachedMode::Generic),
];

/// Where the distribution put libxdp's object files; `None` if xdp-loader is not on this machine.
fn loadable(test: &str) -> Option<PathBuf> {
    let is_missing = |error: &std::io::Error| error.kind() == ErrorKind::NotFound;
    let alone = no_forks();
    let present = match Command::new("xdp-loader").arg("help").output() {
        Ok(_) => true,
        Err(error) if is_missing(&error) => false,
        Err(error) => panic!("{error}"),
    };
    drop(alone);
    let mut folders = vec![PathBuf::from("/usr/lib"), PathBuf::from("/usr/lib64")];
    folders.extend(fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path()));
    let object = folders.iter().map(|folder| folder.join("bpf").join(OBJECT)).find(|path| path.exists());
    match object.filter(|_| present) {
        Some(object) => Some(object),
        None => {
            let missing = format!("no xdp-loader with {OBJECT}: install xdp-tools");
            let required = std::env::var_os("XDP_TEST_REQUIRE").is_some_and(|value| value == "1");
            assert!(!required, "{test} must run, as XDP_TEST_REQUIRE=1 says: {missing}");
            eprintln!("SKIPPED {test}: {missing}");
            None
        }
    }
}

/// Runs xdp-loader, which keeps its pins in `directory`.
fn run(directory: &Path, arguments: &[&str]) -> Output {
    let _alone = no_forks();
    Command::new("xdp-loader").args(arguments).env("LIBXDP_BPFFS", directory).output().unwrap()
}

/// As [`run`], which must succeed; what it prints.
fn xdp_loader(directory: &Path, arguments: &[&str]) -> String {
    let output = run(directory, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The kernel's number for libxdp's program on an interface, behind a dispatcher or not.
fn loaded_program(status: &str) -> &str {
    let mut words = status.split_whitespace().skip_while(|word| *word != NAME);
    words.find(|word| word.parse::<u32>().is_ok()).expect("xdp-loader shows its program")
}

#[test]
fn a_program_of_xdp_loader_is_named_and_stays() {
    const TEST: &str = "a_program_of_xdp_loader_is_named_and_stays";
    if !lab::require(TEST) {
        return;
    }
    let Some(object) = loadable(TEST) else { return };
    with_bpf_file_system(|directory| {
        let lab = Lab::new().unwrap();
        let _inside = lab.enter().unwrap();
        let name = lab.pair(0).b().name();
        let ours = Program::redirect_all().load().unwrap();
        for (their_mode, our_mode, obtained) in MODES {
            xdp_loader(directory, &["load", "-m", their_mode, name, object.to_str().unwrap()]);
            let on_interface = || {
                let xdp = Interface::find(name).unwrap().xdp();
                [xdp.driver(), xdp.generic()].into_iter().flatten().collect::<Vec<_>>()
            };
            let theirs = on_interface();
            for mode in [AttachMode::PreferDriver, AttachMode::Driver, AttachMode::Generic] {
                for error in
                    [ours.attach(name, mode).unwrap_err(), ours.attach_by_netlink(name, mode).unwrap_err()]
                {
                    let AttachError::Occupied { interface, program } = &error else { panic!("{error}") };
                    assert_eq!(interface, name);
                    assert_eq!((theirs.as_slice(), program.mode), (&[program.id][..], obtained));
                    // libxdp puts a dispatcher before its programs where the kernel has what that takes.
                    let shown = program.name.as_deref().unwrap();
                    assert!([NAME, "xdp_dispatcher"].contains(&shown), "{error}");
                    assert!(error.to_string().contains(shown), "{error}");
                }
            }
            assert_eq!(on_interface(), theirs);
            // What the operator does about it.
            xdp_loader(directory, &["unload", name, "--all"]);
            ours.attach(name, our_mode).unwrap().detach();
        }
    });
}

#[test]
fn a_socket_joins_the_map_of_a_program_of_xdp_loader() {
    const TEST: &str = "a_socket_joins_the_map_of_a_program_of_xdp_loader";
    if !lab::require(TEST) {
        return;
    }
    let Some(object) = loadable(TEST) else { return };
    with_bpf_file_system(|directory| {
        let lab = Lab::new().unwrap();
        let _inside = lab.enter().unwrap();
        let name = lab.pair(0).b().name();
        for (mode, ..) in MODES {
            xdp_loader(directory, &["load", "-m", mode, name, object.to_str().unwrap()]);
            let status = xdp_loader(directory, &["status", name]);
            let Some(shown) = bpftool(&["prog", "show", "id", loaded_program(&status)]) else { return };
            let ids = shown.split_whitespace().skip_while(|word| *word != "map_ids").nth(1).unwrap();
            // The other one holds its variables.
            let map = ids.split(',').find_map(|id| XskMap::by_id(id.parse().unwrap()).ok());
            let map = map.expect("one is a socket map");
            let mut rx = receiver(&lab);
            map.insert(QUEUE, rx.as_fd()).unwrap();
            expect_packets(&lab, &mut rx);
            xdp_loader(directory, &["unload", name, "--all"]);
        }
    });
}

#[test]
fn xdp_loader_leaves_our_program_where_it_is() {
    const TEST: &str = "xdp_loader_leaves_our_program_where_it_is";
    if !lab::require(TEST) {
        return;
    }
    let Some(object) = loadable(TEST) else { return };
    with_bpf_file_system(|directory| {
        let lab = Lab::new().unwrap();
        let _inside = lab.enter().unwrap();
        let name = lab.pair(0).b().name();
        let ours = Program::redirect_all().load().unwrap();
        for (their_mode, our_mode, _) in MODES {
            for attachment in [Program::attach, Program::attach_by_netlink] {
                let attachment = attachment(&ours, name, our_mode).unwrap();
                let output = run(directory, &["load", "-m", their_mode, name, object.to_str().unwrap()]);
                assert!(!output.status.success(), "{output:?}");
                assert!(attachment.is_attached().unwrap());
            }
        }
    });
}
