//! Who holds a queue.

use std::fmt;
use std::fs;
use std::path::Path;

use xdp_sys::if_xdp::AF_XDP;
use xdp_sys::sock_diag::{
    SOCK_DIAG_BY_FAMILY, XDP_DIAG_INFO, XDP_DIAG_UID, XDP_SHOW_INFO, xdp_diag_info, xdp_diag_msg,
    xdp_diag_req,
};

use super::netlink::{Attributes, NetlinkError, NetlinkSocket, Protocol, Request};

/// Most processes that are looked at to find the owner of a socket.
const PROCESSES: usize = 32_768;
/// Most descriptors that are looked at in each.
const DESCRIPTORS: usize = 4_096;

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
    let mut found = ask(ifindex, queue).ok()??;
    found.process = process_of(found.inode, Path::new("/proc"));
    Some(found)
}

fn ask(ifindex: u32, queue: u32) -> Result<Option<Occupant>, NetlinkError> {
    let mut socket = NetlinkSocket::open(Protocol::SockDiag)?;
    let question =
        xdp_diag_req { sdiag_family: AF_XDP as u8, xdiag_show: XDP_SHOW_INFO, ..xdp_diag_req::default() };
    let answers = socket.request(&Request::dump(SOCK_DIAG_BY_FAMILY).fixed(&question))?;
    Ok(answers.iter().find_map(|answer| read(&answer.payload, ifindex, queue)))
}

/// Reads one answer; `None` if it is about another queue.
fn read(payload: &[u8], ifindex: u32, queue: u32) -> Option<Occupant> {
    let (socket, attributes) = Attributes::after::<xdp_diag_msg>(payload)?;
    let bound = attributes.find(XDP_DIAG_INFO)?.value::<xdp_diag_info>()?;
    (bound == xdp_diag_info { ifindex, queue_id: queue }).then(|| Occupant {
        uid: attributes.find(XDP_DIAG_UID).and_then(|uid| uid.value()),
        inode: socket.xdiag_ino,
        process: None,
    })
}

/// The first process under `proc` that has the socket open. Without privilege only the user's own are seen.
fn process_of(inode: u32, proc: &Path) -> Option<(u32, String)> {
    let wanted = format!("socket:[{inode}]");
    let processes = fs::read_dir(proc).ok()?.take(PROCESSES).filter_map(Result::ok);
    for process in processes {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(descriptors) = fs::read_dir(process.path().join("fd")) else { continue };
        let mut links =
            descriptors.take(DESCRIPTORS).filter_map(|each| fs::read_link(each.ok()?.path()).ok());
        if links.any(|link| link.as_os_str() == wanted.as_str()) {
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some((pid, name.trim_end().to_owned()));
        }
    }
    None
}

impl fmt::Display for Occupant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("held by ")?;
        match (&self.process, self.uid) {
            (Some((pid, name)), Some(uid)) => write!(f, "{name} (pid {pid}, uid {uid})"),
            (Some((pid, name)), None) => write!(f, "{name} (pid {pid})"),
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

    use xdp_sys::Plain;
    use xdp_sys::netlink::nlattr;

    use super::*;

    /// An answer as `xdp_diag_fill` of the kernel writes it: the message, then INFO and UID.
    fn answer(inode: u32, ifindex: u32, queue_id: u32, uid: u32) -> Vec<u8> {
        let message =
            xdp_diag_msg { xdiag_family: 44, xdiag_type: 3, xdiag_ino: inode, ..Default::default() };
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

    #[test]
    fn the_process_of_an_open_socket_is_found() {
        let (ours, _theirs) = std::os::unix::net::UnixStream::pair().expect("a socket pair");
        let link = fs::read_link(format!("/proc/self/fd/{}", ours.as_raw_fd())).expect("proc is mounted");
        let link = link.to_str().expect("text").to_owned();
        let inode =
            link.trim_start_matches("socket:[").trim_end_matches(']').parse().expect("socket:[inode]");
        let (pid, name) = process_of(inode, Path::new("/proc")).expect("we are a process");
        assert_eq!(pid, std::process::id());
        assert!(!name.is_empty());
    }

    #[test]
    fn asking_is_not_an_error_where_the_kernel_does_not_tell() {
        // No interface has this index, so nobody holds its queue, whether the kernel tells or not.
        assert_eq!(occupant(u32::MAX, 0), None);
    }

    #[test]
    fn an_occupant_reads_as_a_sentence() {
        let known = Occupant { uid: Some(0), inode: 9, process: Some((1234, "xdpsock".into())) };
        assert_eq!(known.to_string(), "held by xdpsock (pid 1234, uid 0)");
        let hidden = Occupant { uid: Some(5), inode: 9, process: None };
        assert_eq!(hidden.to_string(), "held by a process of uid 5 that may not be looked at (socket 9)");
    }
}
