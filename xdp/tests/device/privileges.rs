//! Looking needs no privilege, and changing says which one it needs.

use std::{io, thread};

use xdp::device::{
    Capabilities, ChangeError, Channels, Features, Interface, Napi, NicQueue, NicRings, QueueCounters,
    RssTable,
};

use crate::{interface, lab};

/// Takes all capabilities from the calling thread, and from no other.
fn drop_capabilities() {
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    let header = Header { version: 0x2008_0522, pid: 0 };
    // Two times effective, permitted and inheritable: none.
    let sets = [[0u32; 3]; 2];
    // SAFETY: capset(2) reads the header and, in this version, two sets of three words, all of which live on this
    // stack. Pid 0 is the calling thread.
    let answer = unsafe { libc::syscall(libc::SYS_capset, &raw const header, sets.as_ptr()) };
    assert_eq!(answer, 0, "{}", io::Error::last_os_error());
}

#[test]
fn everything_can_be_read_and_nothing_changed_without_privilege() {
    let Some(lab) = lab("everything_can_be_read_and_nothing_changed_without_privilege") else { return };
    let _inside = lab.enter().unwrap();
    Features::change().on("gro").apply(&interface("veth0a")).unwrap();
    let read = || {
        let nic = interface("veth0a");
        let capabilities = Capabilities::of(&nic).unwrap();
        let settings =
            (Channels::of(&nic).unwrap(), NicRings::of(&nic).unwrap(), Features::of(&nic).unwrap());
        let queues = (NicQueue::of(&nic).unwrap(), Napi::of(&nic).unwrap(), QueueCounters::of(&nic).unwrap());
        let rest =
            (RssTable::of(&nic).unwrap(), nic.addresses().unwrap(), Interface::default_route().unwrap());
        (nic, capabilities, settings, queues, rest)
    };
    let privileged = read();
    let unprivileged = thread::spawn(move || {
        drop_capabilities();
        let nic = interface("veth0a");
        let napi = Napi::of(&nic).unwrap().unwrap_or_default();
        let patience = napi.first().map(|napi| napi.change().defer_hard_irqs(2).apply(&nic));
        let attempts = [
            Some(Channels::change().rx(1).apply(&nic)),
            Some(Features::change().off("gro").apply(&nic)),
            patience,
        ];
        for attempt in attempts.into_iter().flatten() {
            let error = attempt.unwrap_err();
            assert!(matches!(error, ChangeError::Privilege { .. }), "{error}");
            assert!(error.to_string().contains("CAP_NET_ADMIN"), "{error}");
        }
        read()
    });
    assert_eq!(unprivileged.join().unwrap(), privileged, "the same to see, and nothing changed");
}
