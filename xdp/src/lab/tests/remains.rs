//! That nothing remains of a lab, however it ends.

use std::io::{BufRead, BufReader};
use std::os::fd::AsRawFd;
use std::process::Stdio;
use std::time::Instant;

use xdp_sys::netlink::{AF_NETLINK, NETLINK_ADD_MEMBERSHIP, NETLINK_ROUTE, SOL_NETLINK, sockaddr_nl};

use super::*;
use crate::device::netlink::{Messages, Protocol, Received, receive_whole};

/// Hears when a namespace ends (`linux/net_namespace.h`): the kernel tells those who have given it a number.
struct Ends {
    fd: OwnedFd,
}

impl Ends {
    const RTM_NEWNSID: u16 = 88;
    const RTM_DELNSID: u16 = 89;
    const RTNLGRP_NSID: u32 = 28;
    const NETNSA_NSID: u16 = 1;
    const NETNSA_FD: u16 = 3;

    /// Gives the namespace a number in the calling thread's, and listens. Keeps no reference to it.
    fn of(namespace: &impl AsFd) -> Self {
        let fd = sys::socket(AF_NETLINK, libc::SOCK_RAW, NETLINK_ROUTE).expect("a netlink socket");
        let address = sockaddr_nl { nl_family: AF_NETLINK as u16, ..sockaddr_nl::default() };
        sys::bind(fd.as_fd(), &address).expect("bound");
        sys::set_option(fd.as_fd(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &Self::RTNLGRP_NSID)
            .expect("joined");
        let request = Request::new(Self::RTM_NEWNSID, 0)
            .fixed(&0_u8)
            .value(Self::NETNSA_NSID, &-1_i32)
            .value(Self::NETNSA_FD, &namespace.as_fd().as_raw_fd().cast_unsigned());
        let mut route = NetlinkSocket::open(Protocol::Route).expect("a netlink socket");
        route.request(&request).expect("a number for the namespace");
        Self { fd }
    }

    /// Whether the namespace ends within `patience`.
    fn within(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let mut buffer = Vec::new();
        loop {
            while let Received::Datagram(len) = receive_whole(self.fd.as_fd(), &mut buffer).expect("readable")
            {
                let mut messages = Messages::new(&buffer[..len]).filter_map(Result::ok);
                if messages.any(|message| message.header.nlmsg_type == Self::RTM_DELNSID) {
                    return true;
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let _ = sys::poll(&mut [PollFd::new(self.fd.as_fd(), libc::POLLIN)], Some(left));
        }
    }
}

#[test]
fn nothing_remains_after_a_drop() {
    if !require("nothing_remains_after_a_drop") {
        return;
    }
    outside(|| {
        let lab = Lab::new().expect("a lab");
        let ends = Ends::of(&lab.namespace);
        assert!(!ends.within(Duration::ZERO), "it is still held");
        drop(lab);
        assert!(ends.within(Duration::from_secs(10)), "the kernel takes the namespace down");
    });
}

#[test]
fn nothing_remains_after_a_panic_inside() {
    if !require("nothing_remains_after_a_panic_inside") {
        return;
    }
    outside(|| {
        let before = own_namespace();
        let lab = Lab::new().expect("a lab");
        let ends = Ends::of(&lab.namespace);
        let panic = catch_unwind(AssertUnwindSafe(move || {
            let _inside = lab.enter().expect("inside");
            panic!("as a failing test does");
        }));
        assert!(panic.is_err());
        assert_eq!(own_namespace(), before, "the thread is back");
        assert!(ends.within(Duration::from_secs(10)), "the kernel takes the namespace down");
    });
}

#[test]
fn nothing_remains_after_kill_9() {
    if env::var_os(CHILD).is_some() {
        let lab = Lab::new().expect("a lab");
        println!("\nheld by {}", lab.namespace.as_fd().as_raw_fd());
        // Ends when the parent does.
        let _ = std::io::stdin().read_line(&mut String::new());
        return;
    }
    if !require("nothing_remains_after_kill_9") {
        return;
    }
    outside(|| {
        let mut child = Command::new(env::current_exe().expect("we have a path"))
            .args(["--exact", "lab::tests::remains::nothing_remains_after_kill_9", "--nocapture"])
            .env(CHILD, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a child");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let mut lines = output.lines().map_while(Result::ok);
        let fd =
            lines.find_map(|line| line.strip_prefix("held by ").map(str::to_owned)).expect("the child's lab");
        let theirs = fs::File::open(format!("/proc/{}/fd/{fd}", child.id())).expect("the child's namespace");
        let ends = Ends::of(&theirs);
        drop(theirs);
        assert!(!ends.within(Duration::ZERO), "the child holds it");

        child.kill().expect("killed");
        child.wait().expect("reaped");
        assert!(ends.within(Duration::from_secs(10)), "the kernel takes the namespace down");
    });
}
