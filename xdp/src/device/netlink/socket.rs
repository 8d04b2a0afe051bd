//! Sending a request and reading its answers up to the end mark.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use xdp_sys::netlink::{
    AF_NETLINK, NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GENERIC, NETLINK_ROUTE, NETLINK_SOCK_DIAG,
    NLM_F_ACK, SOL_NETLINK, sockaddr_nl,
};
use xdp_sys::{Errno, Plain};

use super::gathered::{Answer, Gathered, Progress};
use super::messages::Damaged;
use super::{NetlinkError, Request};
use crate::sys::{self, PollFd};

/// How long the kernel may take. It answers at once, unless another process holds the lock of the network
/// configuration.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a dump is started again when what it lists changes meanwhile.
const DUMP_ATTEMPTS: u32 = 8;
/// Room for one datagram, in bytes: the kernel fills dumps up to 32 KiB when the reader has room for that.
const DATAGRAM: usize = 32 << 10;
/// A datagram longer than this, in bytes, is not believed.
const DATAGRAM_MAX: usize = 16 << 20;

/// Which part of the kernel is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Links and addresses.
    Route,
    /// Families that are found by name.
    Generic,
    /// Sockets of all processes.
    SockDiag,
}

/// A netlink socket. It speaks to the network namespace of the thread that opened it, whoever uses it later.
#[derive(Debug)]
pub(crate) struct NetlinkSocket {
    fd: OwnedFd,
    /// The kernel's number for that namespace. Minimum kernel: 5.14.
    namespace: Option<u64>,
    sequence: u32,
    warning: Option<String>,
    buffer: Vec<u8>,
}

impl NetlinkSocket {
    pub(crate) fn open(protocol: Protocol) -> Result<Self, NetlinkError> {
        let fd = open_bound(protocol, 0)?;
        // Explanations in words, and no copy of the request before them. Older kernels do without.
        for option in [NETLINK_CAP_ACK, NETLINK_EXT_ACK] {
            match sys::set_option(fd.as_fd(), SOL_NETLINK, option, &1_i32) {
                Ok(()) | Err(Errno::ENOPROTOOPT) => {}
                Err(errno) => return Err(NetlinkError::socket("configure", errno)),
            }
        }
        Ok(Self::over(fd))
    }

    /// Speaks over a socket that is ready for it.
    pub(super) fn over(fd: OwnedFd) -> Self {
        let cookie = sys::option::<u64>(fd.as_fd(), libc::SOL_SOCKET, libc::SO_NETNS_COOKIE);
        let namespace = cookie.ok().map(|(cookie, _)| cookie);
        Self { fd, namespace, sequence: 0, warning: None, buffer: vec![0; DATAGRAM] }
    }

    /// The network namespace that it speaks to, as the kernel numbers them; `None` before Linux 5.14.
    pub(crate) fn namespace(&self) -> Option<u64> {
        self.namespace
    }

    /// What the kernel remarked about the last request though it carried it out. Minimum kernel: 4.16.
    pub(crate) fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// Sends a request and returns its answers, in order; a dump that was interrupted is started again.
    pub(crate) fn request(&mut self, request: &Request) -> Result<Vec<Answer>, NetlinkError> {
        self.request_some(request, |_| true)
    }

    /// The same for a long list of which only some is wanted: what `wanted` refuses is not kept.
    pub(crate) fn request_some(
        &mut self,
        request: &Request,
        wanted: impl Fn(&[u8]) -> bool,
    ) -> Result<Vec<Answer>, NetlinkError> {
        for _ in 0..DUMP_ATTEMPTS {
            if let Some(answers) = self.attempt(request, &wanted)? {
                return Ok(answers);
            }
        }
        Err(NetlinkError::Interrupted { attempts: DUMP_ATTEMPTS })
    }

    /// The same for a request with exactly one answer.
    pub(crate) fn request_one(&mut self, request: &Request) -> Result<Answer, NetlinkError> {
        let mut answers = self.request(request)?;
        match answers.len() {
            0 => Err(NetlinkError::Damaged { what: "an acknowledgement without the answer" }),
            _ => Ok(answers.swap_remove(0)),
        }
    }

    /// One try; `None` if the dump was interrupted.
    fn attempt(
        &mut self,
        request: &Request,
        wanted: &impl Fn(&[u8]) -> bool,
    ) -> Result<Option<Vec<Answer>>, NetlinkError> {
        self.sequence = self.sequence.wrapping_add(1);
        self.warning = None;
        // A dump ends at its own mark; anything else has one only if an acknowledgement is asked for.
        let flags = if request.is_dump() { 0 } else { NLM_F_ACK };
        let bytes = request.bytes(self.sequence, flags)?;
        sys::send(self.fd.as_fd(), &bytes, 0).map_err(|errno| NetlinkError::socket("send to", errno))?;

        let deadline = Instant::now() + PATIENCE;
        let mut gathered = Gathered::new(self.sequence, request.is_dump());
        loop {
            let len = self.receive(deadline)?;
            match gathered.take(&self.buffer[..len], wanted)? {
                Progress::More => {}
                Progress::Whole => {
                    self.warning = gathered.warning().map(str::to_owned);
                    return Ok(Some(gathered.into_answers()));
                }
                Progress::Interrupted => return Ok(None),
            }
        }
    }

    /// Waits for one datagram of the kernel; the number of bytes of it in the buffer.
    fn receive(&mut self, deadline: Instant) -> Result<usize, NetlinkError> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(NetlinkError::Silent { seconds: PATIENCE.as_secs() });
            }
            match sys::poll(&mut [PollFd::new(self.fd.as_fd(), libc::POLLIN)], Some(left)) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(NetlinkError::socket("wait for", errno)),
            }
            match receive_whole(self.fd.as_fd(), &mut self.buffer) {
                Ok(Received::Datagram(len)) => return Ok(len),
                Ok(Received::Nothing | Received::NotKernel) => {}
                Ok(Received::TooLong) => {
                    return Err(NetlinkError::Damaged { what: "a datagram of many megabytes" });
                }
                Err(errno) => return Err(NetlinkError::socket("read from", errno)),
            }
        }
    }
}

/// A netlink socket with a port of the kernel's choice; `flags` are more of `SOCK_CLOEXEC`'s kind.
pub(crate) fn open_bound(protocol: Protocol, flags: i32) -> Result<OwnedFd, NetlinkError> {
    let protocol = match protocol {
        Protocol::Route => NETLINK_ROUTE,
        Protocol::Generic => NETLINK_GENERIC,
        Protocol::SockDiag => NETLINK_SOCK_DIAG,
    };
    let fd = sys::socket(AF_NETLINK, libc::SOCK_RAW | flags, protocol)
        .map_err(|errno| NetlinkError::socket("open", errno))?;
    let address = sockaddr_nl { nl_family: AF_NETLINK as u16, ..sockaddr_nl::zeroed() };
    sys::bind(fd.as_fd(), &address).map_err(|errno| NetlinkError::socket("bind", errno))?;
    Ok(fd)
}

impl AsFd for NetlinkSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl From<Damaged> for NetlinkError {
    fn from(Damaged: Damaged) -> Self {
        Self::Damaged { what: "a length that does not fit" }
    }
}

/// What one read of a netlink socket gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Received {
    /// So many bytes in the buffer.
    Datagram(usize),
    /// Nothing is there, or a signal came first.
    Nothing,
    /// Another process wrote to us, and the kernel did not.
    NotKernel,
    /// Longer than is believed; it was thrown away.
    TooLong,
}

/// Reads one datagram whole, without waiting: looks at its length first and makes room.
pub(crate) fn receive_whole(fd: BorrowedFd<'_>, buffer: &mut Vec<u8>) -> Result<Received, Errno> {
    let look = libc::MSG_DONTWAIT | libc::MSG_PEEK | libc::MSG_TRUNC;
    if buffer.len() < DATAGRAM {
        buffer.resize(DATAGRAM, 0);
    }
    let len = match sys::receive_from::<sockaddr_nl>(fd, buffer, look) {
        Ok((len, _)) => len,
        Err(Errno::EAGAIN | Errno::EINTR) => return Ok(Received::Nothing),
        Err(errno) => return Err(errno),
    };
    if len > buffer.len() && len <= DATAGRAM_MAX {
        buffer.resize(len, 0);
    }
    let (len, sender) =
        match sys::receive_from::<sockaddr_nl>(fd, buffer, libc::MSG_DONTWAIT | libc::MSG_TRUNC) {
            Ok(received) => received,
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(Received::Nothing),
            Err(errno) => return Err(errno),
        };
    let received = match () {
        () if sender.nl_pid != 0 => Received::NotKernel,
        () if len > buffer.len() => Received::TooLong,
        () => Received::Datagram(len),
    };
    #[cfg(test)]
    if received == Received::Datagram(len) {
        super::seeds::keep(fd, &buffer[..len]);
    }
    Ok(received)
}
