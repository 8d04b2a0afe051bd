//! Threads and processes with less privileges.

use std::env;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;

pub(crate) const CAP_NET_ADMIN: u32 = 12;
pub(crate) const CAP_NET_RAW: u32 = 13;
pub(crate) const CAP_IPC_LOCK: u32 = 14;
pub(crate) const CAP_SYS_ADMIN: u32 = 21;
pub(crate) const CAP_BPF: u32 = 39;

/// Takes capabilities from the calling thread, and from no other.
fn drop_capabilities(numbers: &[u32]) {
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
    for number in numbers {
        sets[*number as usize / 32][0] &= !(1 << (number % 32));
    }
    // SAFETY: capset(2) reads the same. Pid 0 is the calling thread.
    let answer = unsafe { libc::syscall(libc::SYS_capset, &raw const header, sets.as_ptr()) };
    assert_eq!(answer, 0, "{}", io::Error::last_os_error());
}

/// Does something on a thread that lacks capabilities.
pub(crate) fn without<T: Send>(capabilities: &[u32], work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let unprivileged = scope.spawn(|| {
            drop_capabilities(capabilities);
            work()
        });
        unprivileged.join().unwrap()
    })
}

/// Runs a test of this executable in a user namespace of its own, with a network namespace that belongs to it.
/// Returns whether this is that process.
pub(crate) fn in_user_namespace(test: &str) -> bool {
    const CHILD: &str = "XDP_TEST_USER_NAMESPACE";
    if env::var_os(CHILD).is_some() {
        return true;
    }
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(CHILD, "1");
    let become_root_there = || {
        // SAFETY: the arguments are flags.
        let unshared = unsafe { libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET) };
        // Only who is root in there keeps the capabilities in exec.
        let map = b"0 0 1";
        // SAFETY: the path ends with its zero.
        let fd = unsafe { libc::open(c"/proc/self/uid_map".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC) };
        // SAFETY: `map` is as long as said.
        let written = unsafe { libc::write(fd, map.as_ptr().cast(), map.len()) };
        let is_done = unshared == 0 && written == map.len() as isize;
        if is_done { Ok(()) } else { Err(io::Error::last_os_error()) }
    };
    // SAFETY: between fork and exec only system calls are made, and nothing is allocated.
    unsafe { command.pre_exec(become_root_there) };
    match command.output() {
        Ok(child) => {
            let said = String::from_utf8_lossy(&child.stdout) + String::from_utf8_lossy(&child.stderr);
            assert!(child.status.success() && said.contains("1 passed"), "{said}");
        }
        Err(error) => eprintln!("SKIPPED {test}: no user namespace here: {error}"),
    }
    false
}

/// Runs a test of this executable in a process of its own, in the network namespace of this thread. Returns whether
/// this is that process.
pub(crate) fn in_process(test: &str) -> bool {
    const CHILD: &str = "XDP_TEST_PROCESS";
    if env::var_os(CHILD).is_some() {
        return true;
    }
    // The child is forked from this thread, so it starts in its namespace.
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout) + String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
    false
}

/// Sets the soft limit of a resource for this process: for processes of their own.
pub(crate) fn limit(resource: libc::__rlimit_resource_t, soft: u64) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: getrlimit(2) writes one struct, which lives on this stack.
    assert_eq!(unsafe { libc::getrlimit(resource, &raw mut limit) }, 0);
    limit.rlim_cur = soft;
    // SAFETY: setrlimit(2) reads the same.
    assert_eq!(unsafe { libc::setrlimit(resource, &raw const limit) }, 0);
}
