//! Who polls queues, and changing how.

use std::time::Duration;

use xdp::device::{ChangeError, Features, Napi, NicQueue};
use xdp::lab::Lab;

use crate::truth::sys;
use crate::{interface, lab};

/// A lab in whose veth0a four NAPI contexts poll, and those.
fn polling(test: &str) -> Option<Lab> {
    let lab = lab(test)?;
    let found = lab.run(|| {
        Features::change().on("gro").apply(&interface("veth0a")).unwrap();
        Napi::of(&interface("veth0a")).unwrap()
    });
    let Some(napis) = found.unwrap() else {
        eprintln!("SKIPPED {test}: this kernel does not list NAPI contexts (before 6.8)");
        return None;
    };
    assert_eq!(napis.len(), 4, "one for each receive queue: {napis:?}");
    if napis[0].defer_hard_irqs().is_none() {
        eprintln!("SKIPPED {test}: this kernel does not tell their settings (before 6.13)");
        return None;
    }
    Some(lab)
}

fn napis() -> Vec<Napi> {
    Napi::of(&interface("veth0a")).unwrap().unwrap()
}

#[test]
fn an_interface_that_does_not_poll_has_no_context() {
    let Some(lab) = lab("an_interface_that_does_not_poll_has_no_context") else { return };
    let _inside = lab.enter().unwrap();
    let found = Napi::of(&interface("veth0a")).unwrap();
    assert!(found.is_none_or(|napis| napis.is_empty()));
}

#[test]
fn each_context_has_the_settings_that_sys_gives_all_of_them() {
    let Some(lab) = polling("each_context_has_the_settings_that_sys_gives_all_of_them") else { return };
    let _inside = lab.enter().unwrap();
    let Some(defer) = sys("veth0a", "napi_defer_hard_irqs") else { return };
    let flush = sys("veth0a", "gro_flush_timeout").unwrap();
    for napi in napis() {
        assert_eq!(napi.defer_hard_irqs().unwrap().to_string(), defer);
        assert_eq!(napi.gro_flush_timeout().unwrap().as_nanos().to_string(), flush);
    }
    let script = "cd /sys/class/net/veth0a; echo 7 >napi_defer_hard_irqs; echo 123456 >gro_flush_timeout";
    crate::truth::with_own_sys(script).expect("as before");
    for napi in napis() {
        assert_eq!(napi.defer_hard_irqs(), Some(7));
        assert_eq!(napi.gro_flush_timeout(), Some(Duration::from_nanos(123_456)));
    }
}

#[test]
fn one_context_changes_and_the_others_stay() {
    let Some(lab) = polling("one_context_changes_and_the_others_stay") else { return };
    let _inside = lab.enter().unwrap();
    let before = napis();
    let nic = interface("veth0a");
    let long = Duration::from_secs(5);
    let change = before[1].change().defer_hard_irqs(9).gro_flush_timeout(long).irq_suspend_timeout(long);
    let guard = change.until_dropped(&nic).unwrap();
    let now = napis();
    assert_eq!(now[1].defer_hard_irqs(), Some(9));
    assert_eq!((now[1].gro_flush_timeout(), now[1].irq_suspend_timeout()), (Some(long), Some(long)));
    assert_eq!((now[0], now[2], now[3]), (before[0], before[2], before[3]));
    guard.restore().unwrap();
    assert_eq!(napis(), before);
    before[3].change().defer_hard_irqs(2).apply(&nic).unwrap();
    assert_eq!(napis()[3].defer_hard_irqs(), Some(2), "for good");
}

#[test]
fn a_context_polls_in_a_thread_of_the_kernel_if_asked_to() {
    let test = "a_context_polls_in_a_thread_of_the_kernel_if_asked_to";
    let Some(lab) = polling(test) else { return };
    let _inside = lab.enter().unwrap();
    let nic = interface("veth0a");
    let napi = napis()[0];
    if napi.is_threaded().is_none() {
        eprintln!("SKIPPED {test}: this kernel threads all or none (before 6.17)");
        return;
    }
    assert_eq!((napi.is_threaded(), napi.thread()), (Some(false), None));
    let guard = napi.change().in_thread().until_dropped(&nic).unwrap();
    let threaded = napis()[0];
    assert_eq!(threaded.is_threaded(), Some(true));
    let name = std::fs::read_to_string(format!("/proc/{}/comm", threaded.thread().unwrap())).unwrap();
    assert!(name.starts_with("napi/veth0a"), "{name}");
    drop(guard);
    assert_eq!(napis()[0].is_threaded(), Some(false));
}

#[test]
fn a_setting_that_cannot_be_is_refused_and_a_context_that_is_gone_is_unknown() {
    let Some(lab) = polling("a_setting_that_cannot_be_is_refused_and_a_context_that_is_gone_is_unknown")
    else {
        return;
    };
    let _inside = lab.enter().unwrap();
    let nic = interface("veth0a");
    let before = napis();
    let error = before[0].change().defer_hard_irqs(u32::MAX).apply(&nic).unwrap_err();
    assert!(matches!(error, ChangeError::Refused { .. }), "{error}");
    assert_eq!(napis(), before);

    let guard = before[0].change().defer_hard_irqs(3).until_dropped(&nic).unwrap();
    Features::change().off("gro").apply(&nic).unwrap();
    let error = guard.restore().unwrap_err();
    assert!(matches!(error, ChangeError::Refused { .. }), "the context went with the polling: {error}");
    let error = before[0].change().defer_hard_irqs(3).apply(&nic).unwrap_err();
    assert!(matches!(error, ChangeError::Unsupported { .. }), "{error}");
}

#[test]
fn a_queue_names_a_context_that_is_listed() {
    let Some(lab) = polling("a_queue_names_a_context_that_is_listed") else { return };
    let inside = lab.enter().unwrap();
    let listed = |name: &str| {
        let nic = interface(name);
        let napis = Napi::of(&nic).unwrap().unwrap_or_default();
        let named = NicQueue::of(&nic).unwrap().unwrap_or_default().iter().filter_map(NicQueue::napi).count();
        for id in NicQueue::of(&nic).unwrap().unwrap_or_default().iter().filter_map(NicQueue::napi) {
            assert!(napis.iter().any(|napi| napi.id() == id), "{name} {id}: {napis:?}");
        }
        named
    };
    eprintln!("{} queues of a veth name their context", listed("veth0a"));
    drop(inside);
    if xdp::device::Interface::by_name("eth0").is_ok() {
        eprintln!("{} queues of eth0 name their context", listed("eth0"));
    }
}
