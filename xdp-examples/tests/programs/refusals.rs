//! Wrong arguments and missing privileges: one clear line, exit code 1, no panic.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use xdp::lab;

use crate::child::{Child, path};

/// What a program says that cannot run.
fn refusal(child: Child) -> String {
    let ended = child.end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.stdout, "");
    match <[String; 1]>::try_from(ended.stderr) {
        Ok([line]) => line,
        Err(lines) => panic!("not one line: {lines:?}"),
    }
}

#[test]
fn wrong_arguments_get_one_clear_line() {
    if !lab::require("wrong_arguments_get_one_clear_line") {
        return;
    }
    for program in ["rxdrop", "txonly", "l2fwd"] {
        for (arguments, expected) in [
            (&["--interface", "nosuch0"] as &[_], "no interface is named \"nosuch0\""),
            (&["--queue", "7"], "interface veth0b has 1 "),
            (&["--queue", "65536"], "there is no queue 65536"),
            (&["--frame-size", "1000"], "a frame size of 1000 bytes cannot be: choose 2048 or 4096"),
            (&["--frame-size", "2048", "--size", "1793"], "does not fit a frame of 2048"),
            (&["--size", "20"], "a packet of 20 bytes cannot be"),
            (&["--size", "100000"], "does not fit a frame of 4096"),
            (&["--batch", "0"], "a batch needs 1 packet or more"),
            (&["--duration=-1"], "cannot run for -1 seconds"),
            (&["--mode", "zero-copy"], "veth0b cannot do zero-copy on queue 0"),
        ] {
            let line = refusal(Child::start(program, arguments));
            assert!(line.starts_with(&format!("{program}: ")) && line.contains(expected), "{line}");
        }
    }
}

#[test]
fn a_third_interface_is_one_too_many_to_forward_between() {
    let three = ["--interface", "a", "--interface", "b", "--interface", "c"];
    assert!(refusal(Child::start("l2fwd", &three)).contains("name one interface to bounce on, or two"));
}

#[test]
fn a_user_without_privileges_is_told_which_are_missing() {
    if !lab::require("a_user_without_privileges_is_told_which_are_missing") {
        return;
    }
    let folder = Folder::new();
    let lines = ["hello", "rxdrop", "txonly", "l2fwd"].map(|program| {
        let copy = folder.install(program);
        refusal(Child::spawn(program, Command::new(&copy).uid(65_534).gid(65_534)))
    });
    for line in lines {
        assert!(line.contains("CAP_SYS_ADMIN") && line.contains("root"), "{line}");
    }
}

/// A folder that everybody may look into, as the build folder may not be; removed on drop.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("xdp-examples-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Self(path)
    }

    /// Copies a program here. By another process: a descriptor of ours that writes the file could be inherited by a
    /// program that another test starts just then, and a file that is open for writing cannot be run.
    fn install(&self, program: &str) -> PathBuf {
        let copy = self.0.join(program);
        assert!(
            Command::new("install").args(["-m", "755", path(program)]).arg(&copy).status().unwrap().success()
        );
        copy
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}
