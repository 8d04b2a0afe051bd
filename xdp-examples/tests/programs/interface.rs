//! On an interface that was named: what is left behind, and what happens when it goes away.

use rustix::process::Signal;
use xdp::lab::{self, Lab};

use crate::child::Child;

#[test]
fn after_kill_9_the_next_run_on_the_same_queue_works_at_once() {
    if !lab::require("after_kill_9_the_next_run_on_the_same_queue_works_at_once") {
        return;
    }
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    for program in ["rxdrop", "txonly", "l2fwd"] {
        let killed = Child::start(program, &["--interface", "veth0b"]);
        killed.packets_so_far();
        killed.signal(Signal::KILL);
        assert_eq!(killed.end().code, None);

        let next = Child::start(program, &["--interface", "veth0b", "--duration", "0.1", "--json"]);
        next.end().sound_summary();
        assert_eq!(lab.interface(lab.pair(0).b()).unwrap().xdp().driver(), None, "{program} left a program");
    }
}

#[test]
fn a_run_ends_with_a_clear_message_when_its_interface_is_removed() {
    if !lab::require("a_run_ends_with_a_clear_message_when_its_interface_is_removed") {
        return;
    }
    for (program, interfaces) in [
        ("rxdrop", &["--interface", "veth0b"] as &[_]),
        ("txonly", &["--interface", "veth0b"]),
        ("l2fwd", &["--interface", "veth0b"]),
        ("l2fwd", &["--interface", "veth1a", "--interface", "veth0b"]),
    ] {
        let lab = Lab::builder().pairs(2).build().unwrap();
        let _inside = lab.enter().unwrap();
        let child = Child::start(program, interfaces);
        child.packets_so_far();
        lab.remove_pair(0).unwrap();
        let ended = child.end();
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let last = ended.stderr.last().unwrap();
        assert!(last.starts_with(&format!("{program}: interface veth0b is gone")), "{last}");
        assert!(last.ends_with("open a new socket when it is back"), "{last}");
    }
}

#[test]
fn a_run_survives_an_interface_that_is_down_for_a_while() {
    if !lab::require("a_run_survives_an_interface_that_is_down_for_a_while") {
        return;
    }
    for program in ["rxdrop", "txonly", "l2fwd"] {
        let lab = Lab::new().unwrap();
        let _inside = lab.enter().unwrap();
        let end = lab.pair(0).b();
        let child = Child::start(program, &["--interface", end.name(), "--json"]);
        child.packets_so_far();
        lab.set_down(end).unwrap();
        child.packets_so_far();
        lab.set_up(end).unwrap();
        let before = child.packets_so_far();
        let after = child.packets_so_far();
        assert!(program != "txonly" || after > before, "nothing is sent after the interface came up again");
        child.signal(Signal::INT);
        child.end().sound_summary();
    }
}
