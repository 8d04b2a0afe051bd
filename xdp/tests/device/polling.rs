//! The settings of an interface that `/sys` alone has. The library reads the `/sys` that its thread sees, so each
//! test is a process of its own with a `/sys` of the lab's.

use std::env;
use std::process::Command;
use std::time::Duration;

use xdp::device::{ChangeError, Polling};
use xdp::lab::Lab;

use crate::{interface, lab};

/// Runs `body` in a process of its own, started by this test executable in the lab, with a fresh `/sys` in it.
fn with_own_sys(test: &str, body: impl FnOnce()) {
    const CHILD: &str = "XDP_TEST_CHILD";
    if env::var_os(CHILD).is_some() {
        return body();
    }
    let name = test.rsplit("::").next().unwrap();
    let Some(lab) = lab(name) else { return };
    let _inside = lab.enter().unwrap();
    let tests = env::current_exe().unwrap();
    let script = format!("mount -t sysfs none /sys && exec {} --exact {test} --nocapture", tests.display());
    let child =
        Command::new("unshare").args(["--mount", "sh", "-ec", &script]).env(CHILD, "1").output().unwrap();
    let said = String::from_utf8_lossy(&child.stdout) + String::from_utf8_lossy(&child.stderr);
    if said.contains("mount:") {
        return crate::truth::skip(name, &format!("no /sys of one's own here: {said}"));
    }
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn the_polling_of_all_queues_changes_until_the_guard_goes() {
    with_own_sys("polling::the_polling_of_all_queues_changes_until_the_guard_goes", || {
        let nic = interface("veth0a");
        let told = || Polling::of(&nic).expect("this /sys is the lab's");
        let before = told();
        assert_eq!((before.defer_hard_irqs(), before.is_threaded()), (Some(0), Some(false)));
        let long = Duration::from_millis(2);
        let guard = Polling::change().defer_hard_irqs(5).gro_flush_timeout(long).until_dropped(&nic).unwrap();
        assert_eq!((told().defer_hard_irqs(), told().gro_flush_timeout()), (Some(5), Some(long)));
        let other = Polling::of(&interface("veth0b")).unwrap();
        assert_eq!(other.defer_hard_irqs(), Some(0), "the other end is left alone");
        guard.restore().unwrap();
        assert_eq!(told(), before);
        Polling::change().defer_hard_irqs(3).apply(&nic).unwrap();
        assert_eq!(
            (told().defer_hard_irqs(), told().gro_flush_timeout()),
            (Some(3), before.gro_flush_timeout())
        );
        let error = Polling::change().defer_hard_irqs(u32::MAX).apply(&nic).unwrap_err();
        assert!(matches!(error, ChangeError::Refused { .. }), "{error}");
        assert!(error.to_string().contains("defer-hard-irqs 4294967295"), "{error}");
        let forever = Duration::MAX;
        Polling::change().defer_hard_irqs(9).gro_flush_timeout(forever).apply(&nic).unwrap_err();
        assert_eq!(told().defer_hard_irqs(), Some(3), "half a change is none");
    });
}

#[test]
fn a_sys_of_another_namespace_is_not_believed() {
    let Some(lab) = lab("a_sys_of_another_namespace_is_not_believed") else { return };
    let _inside = lab.enter().unwrap();
    // The tests' own /sys shows the machine: it has a loopback of the same index and address, and no veth0a.
    let nic = interface("veth0a");
    assert_eq!(Polling::of(&nic), None);
    assert_eq!(Polling::of(&interface("lo")), None, "the machine's is not the lab's");
    let error = Polling::change().defer_hard_irqs(1).apply(&nic).unwrap_err();
    assert!(matches!(error, ChangeError::Unsupported { .. }), "{error}");
}

#[test]
fn an_interface_of_the_same_name_and_another_address_is_not_taken_for_it() {
    with_own_sys("polling::an_interface_of_the_same_name_and_another_address_is_not_taken_for_it", || {
        // This process has the /sys of one lab, and looks at the twin of its interface in another.
        let own = interface("veth0a");
        assert!(Polling::of(&own).is_some());
        let twins = Lab::builder().pairs(2).build().unwrap();
        let _inside = twins.enter().unwrap();
        crate::truth::ip("link set veth0a address 02:00:00:00:00:01");
        let twin = interface("veth0a");
        assert_eq!((twin.name(), twin.index()), (own.name(), own.index()), "labs are alike");
        assert_eq!(Polling::of(&twin), None);
        assert_eq!(Polling::of(&interface("veth1a")), None, "not there at all");
    });
}
