//! Who holds a queue.

use std::fmt;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::netlink::{NetlinkError, NetlinkSocket, Protocol};
use super::sock_diag::{self, XdpSocket};
use crate::QueueId;

/// How long the owner of a socket is looked for: somebody waits for the error that names it.
pub(super) const PATIENCE: Duration = Duration::from_millis(200);

/// The AF_XDP socket that is bound to a queue, and its process as far as it may be seen.
///
/// `Display` completes a sentence about a queue: "held by xdpsock (pid 1234, uid 0)".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occupant {
    uid: Option<u32>,
    inode: u32,
    process: Option<(u32, String)>,
}

impl Occupant {
    /// The user who made the socket.
    pub fn uid(&self) -> Option<u32> {
        self.uid
    }

    /// The socket's inode, as `/proc/PID/fd` shows it.
    pub fn inode(&self) -> u32 {
        self.inode
    }

    /// A process that has the socket open, and its name. Without privilege only the user's own are found.
    pub fn process(&self) -> Option<(u32, &str)> {
        self.process.as_ref().map(|(pid, name)| (*pid, name.as_str()))
    }
}

/// Finds out who holds a queue; `None` if nobody does, or the kernel does not tell (`CONFIG_XDP_SOCKETS_DIAG`).
pub(crate) fn occupant(ifindex: u32, queue: u32) -> Option<Occupant> {
    let mut socket = NetlinkSocket::open(Protocol::SockDiag).ok()?;
    let mut found = ask(&mut socket, ifindex, queue).ok()??;
    found.process = process_of(found.inode, Instant::now() + PATIENCE);
    Some(found)
}

fn ask(socket: &mut NetlinkSocket, ifindex: u32, queue: u32) -> Result<Option<Occupant>, NetlinkError> {
    let sockets = sock_diag::ask(socket)?;
    Ok(sockets.iter().find_map(|socket| Occupant::of(socket, ifindex, queue)))
}

impl Occupant {
    /// `None` if the socket is bound to another queue.
    fn of(socket: &XdpSocket, ifindex: u32, queue: u32) -> Option<Self> {
        let is_there = socket.bound == Some((ifindex, QueueId(queue)));
        is_there.then_some(Self { uid: socket.uid, inode: socket.inode, process: None })
    }
}

/// The first process that has the socket open: this one if it has, or else whichever is found until the deadline. Without
/// privilege only the user's own are seen.
pub(super) fn process_of(inode: u32, deadline: Instant) -> Option<(u32, String)> {
    let wanted = format!("socket:[{inode}]");
    let others = fs::read_dir("/proc").into_iter().flatten().filter_map(|entry| {
        let name = entry.ok()?.file_name();
        name.to_str()?.parse::<u32>().ok()
    });
    // As /proc numbers it, which is another number where it belongs to another PID namespace.
    let own = fs::read_link("/proc/self").ok().and_then(|pid| pid.to_str()?.parse::<u32>().ok());
    for pid in own.into_iter().chain(others) {
        let process = Path::new("/proc").join(pid.to_string());
        let descriptors = fs::read_dir(process.join("fd")).into_iter().flatten();
        for descriptor in descriptors.filter_map(Result::ok) {
            if Instant::now() >= deadline {
                return None;
            }
            if fs::read_link(descriptor.path()).is_ok_and(|link| link.as_os_str() == wanted.as_str()) {
                let name = fs::read(process.join("comm")).unwrap_or_default();
                return Some((pid, String::from_utf8_lossy(&name).trim_end().to_owned()));
            }
        }
        if Instant::now() >= deadline {
            return None;
        }
    }
    None
}

impl fmt::Display for Occupant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("held by ")?;
        match (&self.process, self.uid) {
            // Whoever runs a process chooses its name, and a terminal obeys some of the bytes that it may hold.
            (Some((pid, name)), Some(uid)) => write!(f, "{} (pid {pid}, uid {uid})", name.escape_debug()),
            (Some((pid, name)), None) => write!(f, "{} (pid {pid})", name.escape_debug()),
            (None, Some(uid)) => {
                write!(f, "a process of uid {uid} that may not be looked at (socket {})", self.inode)
            }
            (None, None) => write!(f, "a process that may not be looked at (socket {})", self.inode),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use xdp_sys::if_xdp::AF_XDP;
    use xdp_sys::netlink::{NLMSG_DONE, NLMSG_ERROR, nlattr, nlmsgerr, nlmsghdr};
    use xdp_sys::sock_diag::{SOCK_DIAG_BY_FAMILY, XDP_DIAG_INFO, XDP_DIAG_UID, xdp_diag_info, xdp_diag_msg};
    use xdp_sys::{Errno, Plain};

    use super::*;
    use crate::device::netlink::script::{message, scripted};

    /// An answer as `xdp_diag_fill` of the kernel writes it: the message, then INFO and UID.
    fn answer(inode: u32, ifindex: u32, queue_id: u32, uid: u32) -> Vec<u8> {
        let message = xdp_diag_msg {
            xdiag_family: AF_XDP as u8,
            xdiag_type: 3,
            xdiag_ino: inode,
            ..Default::default()
        };
        let attribute = |kind, payload: &[u8]| {
            let header = nlattr { nla_len: 4 + payload.len() as u16, nla_type: kind };
            [header.as_bytes(), payload].concat()
        };
        [
            message.as_bytes().to_vec(),
            attribute(XDP_DIAG_INFO, xdp_diag_info { ifindex, queue_id }.as_bytes()),
            attribute(XDP_DIAG_UID, uid.as_bytes()),
        ]
        .concat()
    }

    /// Who holds a queue, going by one answer.
    fn read(payload: &[u8], ifindex: u32, queue: u32) -> Option<Occupant> {
        Occupant::of(&XdpSocket::read(payload)?, ifindex, queue)
    }

    #[test]
    fn an_answer_about_the_queue_names_user_and_socket() {
        let expected = Occupant { uid: Some(1000), inode: 4242, process: None };
        assert_eq!(read(&answer(4242, 7, 3, 1000), 7, 3), Some(expected));
    }

    #[test]
    fn answers_about_other_queues_are_passed_over() {
        assert_eq!(read(&answer(4242, 7, 2, 0), 7, 3), None);
        assert_eq!(read(&answer(4242, 8, 3, 0), 7, 3), None);
    }

    #[test]
    fn a_truncated_answer_is_nobody() {
        let whole = answer(4242, 7, 3, 0);
        for len in 0..24 {
            assert_eq!(read(&whole[..len], 7, 3), None, "{len} bytes");
        }
        let without_uid = read(&whole[..28], 7, 3).expect("what is there is read");
        assert_eq!(without_uid.uid, None);
    }

    fn inode_of(socket: &impl AsRawFd) -> u32 {
        let link = fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd())).expect("proc is mounted");
        let link = link.to_str().expect("text").to_owned();
        link.trim_start_matches("socket:[").trim_end_matches(']').parse().expect("socket:[inode]")
    }

    #[test]
    fn the_process_of_an_open_socket_is_found() {
        let (ours, _theirs) = std::os::unix::net::UnixStream::pair().expect("a socket pair");
        let inode = inode_of(&ours);
        let (pid, name) = process_of(inode, Instant::now() + PATIENCE * 50).expect("we are a process");
        assert_eq!(pid, std::process::id());
        assert!(!name.is_empty());
    }

    #[test]
    fn the_search_for_a_process_ends_at_its_deadline() {
        let (ours, _theirs) = std::os::unix::net::UnixStream::pair().expect("a socket pair");
        let inode = inode_of(&ours);
        assert!(process_of(inode, Instant::now() + PATIENCE * 50).is_some());
        assert_eq!(process_of(inode, Instant::now()), None, "no time at all");
    }

    #[test]
    fn the_socket_of_the_queue_is_picked_from_all() {
        let list = [answer(1, 7, 2, 5), answer(2, 7, 3, 6), answer(3, 8, 3, 0)];
        let mut socket = scripted(move |question| {
            let parts = list.iter().map(|payload| message(SOCK_DIAG_BY_FAMILY, 0, question, payload));
            let end = message(NLMSG_DONE, 0, question, 0_i32.as_bytes());
            vec![parts.chain([end]).collect::<Vec<_>>().concat()]
        });
        let found = ask(&mut socket, 7, 3).expect("answered").expect("held");
        assert_eq!((found.inode(), found.uid()), (2, Some(6)));
        assert_eq!(ask(&mut socket, 9, 3).expect("answered"), None, "nobody holds that one");
    }

    #[test]
    fn a_kernel_that_does_not_tell_is_an_error_that_says_so() {
        let mut socket = scripted(|question| {
            let error = nlmsgerr { error: -Errno::ENOENT.raw(), msg: nlmsghdr::default() };
            vec![message(NLMSG_ERROR, 0, question, error.as_bytes())]
        });
        let error = ask(&mut socket, 7, 3).expect_err("refused");
        assert_eq!(error.refusal(), Some(Errno::ENOENT));
    }

    #[test]
    fn an_occupant_reads_as_a_sentence() {
        let known = Occupant { uid: Some(0), inode: 9, process: Some((1234, "xdpsock".into())) };
        assert_eq!(known.to_string(), "held by xdpsock (pid 1234, uid 0)");
        let hostile = Occupant { process: Some((7, "\u{1b}[2J\n".into())), ..known };
        assert_eq!(hostile.to_string(), "held by \\u{1b}[2J\\n (pid 7, uid 0)");
        let hidden = Occupant { uid: Some(5), inode: 9, process: None };
        assert_eq!(hidden.to_string(), "held by a process of uid 5 that may not be looked at (socket 9)");
    }
}
