//! What is missing when it is missing, and tests in a process of their own.

use std::env;
use std::io;
use std::process::Command;
use std::thread;

use xdp::lab::Lab;
use xdp::{BindError, Mode, Socket, Step, Umem};

use crate::{QUEUE, enter, lab, small_umem};

/// Runs `body` in a process of its own, started by this test executable in the lab, with the names of the pair's ends.
pub(crate) fn in_child(test: &str, lab: &Lab, body: impl FnOnce(&str, &str)) {
    const CHILD: &str = "XDP_TEST_CHILD";
    if let Ok(names) = env::var(CHILD) {
        let (a, b) = names.split_once(' ').unwrap();
        return body(a, b);
    }
    let (_inside, a, b) = enter(lab);
    // The child is forked from this thread, so it starts in the lab's namespace.
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, format!("{a} {b}"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout) + String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
}

/// Takes one capability from the calling thread, and from no other.
fn drop_capability(number: u32) {
    const VERSION_3: u32 = 0x2008_0522;
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    let header = Header { version: VERSION_3, pid: 0 };
    // Two times effective, permitted and inheritable, 32 capabilities each.
    let mut sets = [[0u32; 3]; 2];
    // SAFETY: capget(2) reads the header and writes, in this version, two sets of three words, all of which live on
    // this stack.
    let answer = unsafe { libc::syscall(libc::SYS_capget, &raw const header, sets.as_mut_ptr()) };
    assert_eq!(answer, 0, "{}", io::Error::last_os_error());
    sets[number as usize / 32][0] &= !(1 << (number % 32));
    // SAFETY: capset(2) reads the same. Pid 0 is the calling thread.
    let answer = unsafe { libc::syscall(libc::SYS_capset, &raw const header, sets.as_ptr()) };
    assert_eq!(answer, 0, "{}", io::Error::last_os_error());
}

/// Binds a small socket on a thread that lacks a capability.
fn bind_without(capability: u32, umem: &Umem, interface: &str) -> BindError {
    thread::scope(|scope| {
        let unprivileged = scope.spawn(|| {
            drop_capability(capability);
            Socket::builder(umem).mode(Mode::Copy).bind_tx(interface, QUEUE).map(drop).unwrap_err()
        });
        unprivileged.join().unwrap()
    })
}

#[test]
fn without_cap_net_raw_the_error_names_it() {
    const CAP_NET_RAW: u32 = 13;
    let Some(lab) = lab("without_cap_net_raw_the_error_names_it") else { return };
    let (_inside, a, _b) = enter(&lab);
    let umem = small_umem(64);
    let error = bind_without(CAP_NET_RAW, &umem, &a);
    assert!(matches!(error, BindError::Permission { step: Step::Socket }), "{error}");
    assert!(error.to_string().contains("CAP_NET_RAW"), "{error}");
    assert_eq!(umem.accounting().pool, 64, "nothing is lost");
}

#[test]
fn too_little_locked_memory_is_told_in_numbers() {
    const CAP_IPC_LOCK: u32 = 14;
    let Some(lab) = lab("too_little_locked_memory_is_told_in_numbers") else { return };
    let (_inside, a, _b) = enter(&lab);
    // SAFETY: getrlimit(2) writes one struct, which lives on this stack.
    let limit = unsafe {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        assert_eq!(libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit), 0);
        limit.rlim_cur
    };
    if limit == libc::RLIM_INFINITY {
        eprintln!(
            "SKIPPED too_little_locked_memory_is_told_in_numbers: nothing is too much where there is no limit (ulimit -l)"
        );
        return;
    }
    let chunks = u32::try_from(limit / 4096 + 1).unwrap();
    let umem = Umem::builder().chunks(chunks).build().unwrap();
    let error = bind_without(CAP_IPC_LOCK, &umem, &a);
    let needed = u64::from(chunks) * 4096;
    assert!(
        matches!(error, BindError::LockedMemory { needed: n, limit: l } if (n, l) == (needed, limit)),
        "{error}"
    );
    let said = error.to_string();
    for part in [
        &format!("{} KiB", needed / 1024),
        &format!("{} KiB", limit / 1024),
        "RLIMIT_MEMLOCK",
        "CAP_IPC_LOCK",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(umem.accounting().pool, chunks, "nothing is lost");
}
