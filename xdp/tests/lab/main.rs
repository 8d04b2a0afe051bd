//! The lab in surroundings that only a process of its own mount namespace can make.
#![cfg(feature = "lab")]

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::{fs, io, ptr, thread};

use xdp::lab::{self, End, Lab};

fn check(answer: libc::c_int) -> libc::c_int {
    assert!(answer >= 0, "{}", io::Error::last_os_error());
    answer
}

/// Makes /proc/sys read-only for the calling thread and those that it starts, as containers have it.
fn protect_proc_sys() {
    // SAFETY: the flag gives this thread file system settings and mounts of its own and touches no memory.
    check(unsafe { libc::unshare(libc::CLONE_NEWNS) });
    let proc_sys = c"/proc/sys".as_ptr();
    let mount = |source, target, flags| {
        // SAFETY: names are null or end with a zero and live for ever; the mounts are those of this thread alone.
        check(unsafe { libc::mount(source, target, ptr::null(), flags, ptr::null()) });
    };
    mount(ptr::null(), c"/".as_ptr(), libc::MS_REC | libc::MS_PRIVATE);
    mount(proc_sys, proc_sys, libc::MS_BIND);
    mount(ptr::null(), proc_sys, libc::MS_REMOUNT | libc::MS_BIND | libc::MS_RDONLY);
}

/// Hears all packets of an end, sent and received.
fn listener(end: &End) -> OwnedFd {
    // SAFETY: three numbers; no memory is involved.
    let fd = check(unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) });
    // SAFETY: the call above just made it, and nobody else owns it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: (libc::ETH_P_ALL as u16).to_be(),
        sll_ifindex: end.index() as i32,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let len = size_of_val(&address) as libc::socklen_t;
    // SAFETY: the address is a local of the length passed along, and the descriptor is open.
    check(unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), len) });
    socket
}

#[test]
fn a_lab_is_made_and_quiet_where_proc_sys_is_read_only() {
    if !lab::require("a_lab_is_made_and_quiet_where_proc_sys_is_read_only") {
        return;
    }
    // The test runs on a thread of its own, which ends in its mount namespace.
    let test = thread::spawn(|| {
        protect_proc_sys();
        let own = "/proc/sys/net/ipv6/conf/default/disable_ipv6";
        if let Err(error) = fs::write(own, "1") {
            let expected = [io::ErrorKind::ReadOnlyFilesystem, io::ErrorKind::NotFound];
            assert!(expected.contains(&error.kind()), "{error}");
        } else {
            panic!("it is protected");
        }
        let lab = Lab::builder().with_addresses().build().unwrap();
        let _inside = lab.enter().unwrap();
        // IPv6 is on, unless the kernel has none: what keeps the ends quiet is that they make no address.
        if let Ok(is_off) = fs::read_to_string("/proc/sys/net/ipv6/conf/veth0a/disable_ipv6") {
            assert_eq!(is_off.trim(), "0");
        }
        let listeners = [lab.pair(0).a(), lab.pair(0).b()].map(listener);
        let mut waiting = listeners.each_ref().map(|socket| libc::pollfd {
            fd: socket.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        });
        // Neighbour discovery and its relatives speak within a second of a link's coming up.
        // SAFETY: the entries are a local array of the length passed along; their descriptors are open.
        let heard = check(unsafe { libc::poll(waiting.as_mut_ptr(), waiting.len() as libc::nfds_t, 1500) });
        assert_eq!(heard, 0, "nobody speaks");
    });
    test.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}
