//! A registration locks the memory and is counted once, however many sockets share it.

use std::env;
use std::io;
use std::process::Command;

use xdp::{BindError, Mode, Sharing, Socket, Umem};

use crate::{QUEUE, enter, lab};

const CHILD: &str = "XDP_TEST_CHILD";

/// Takes one capability from the calling thread, and from no other.
fn drop_capability(number: u32) {
    const VERSION_3: u32 = 0x2008_0522;
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    let header = Header { version: VERSION_3, pid: 0 };
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

fn limit_locked_memory(bytes: u64) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
    // SAFETY: setrlimit(2) reads one struct, which lives on this stack.
    let answer = unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit) };
    assert_eq!(answer, 0, "{}", io::Error::last_os_error());
}

/// The limit is of the process, and what counts against it is of the user: in a process of its own, with room for one
/// and a half times the memory.
#[test]
fn locked_memory_is_counted_once_for_all_that_share() {
    const CAP_IPC_LOCK: u32 = 14;
    const NAME: &str = "locked_memory::locked_memory_is_counted_once_for_all_that_share";
    let Some(lab) = lab(NAME, 1, 4) else { return };
    if env::var_os(CHILD).is_none() {
        let child = Command::new(env::current_exe().unwrap())
            .args(["--exact", NAME, "--nocapture", "--test-threads=1"])
            .env(CHILD, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout) + String::from_utf8_lossy(&child.stderr);
        assert!(child.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let _inside = enter(&lab);
    let umem = Umem::builder().chunks(1024).build().unwrap();
    limit_locked_memory(umem.layout().bytes() as u64 * 3 / 2);
    drop_capability(CAP_IPC_LOCK);
    let bind = |queue: u32, sharing| {
        let builder = Socket::builder(&umem).chunks(128).mode(Mode::Copy).sharing(sharing);
        builder.bind_tx("veth0a", xdp::QueueId(queue))
    };
    let first = bind(QUEUE.0, Sharing::Prefer).unwrap();
    let error = bind(1, Sharing::Never).unwrap_err();
    assert!(matches!(error, BindError::LockedMemory { .. }), "twice is too much: {error}");
    let others = [1, 2, 3].map(|queue| bind(queue, Sharing::Prefer).unwrap());
    drop(first);
    let error = bind(0, Sharing::Never).unwrap_err();
    assert!(matches!(error, BindError::LockedMemory { .. }), "it lasts as long as one of them: {error}");
    drop(others);
}
