//! What holds a program on an interface: a link, or where there are none (before Linux 5.9) the interface itself.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use xdp_sys::Errno;
use xdp_sys::if_link::{
    IFLA_XDP, IFLA_XDP_EXPECTED_FD, IFLA_XDP_FD, IFLA_XDP_FLAGS, XDP_FLAGS_REPLACE,
    XDP_FLAGS_UPDATE_IF_NOEXIST,
};
use xdp_sys::rtnetlink::{RTM_SETLINK, ifinfomsg};

use super::{Program, bpf};
use crate::device::Interface;
use crate::device::netlink::{NetlinkError, NetlinkSocket, Protocol, Request};
use crate::sys::{Process, io_error};

/// A program's hold on an interface, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct Hook {
    kind: Kind,
    maker: Process,
    is_left: bool,
}

#[derive(Debug)]
enum Kind {
    /// A bpf_link, which its last holder's end detaches.
    Link(OwnedFd),
    Netlink(Box<Netlink>),
}

/// A hold by netlink.
#[derive(Debug)]
struct Netlink {
    /// Of the program that was attached first.
    first: Program,
    held: Mutex<Held>,
}

/// What it takes to take a program off again.
#[derive(Debug)]
struct Held {
    /// Speaks to the interface's namespace, from any thread.
    route: NetlinkSocket,
    ifindex: u32,
    /// One of `XDP_FLAGS_*_MODE`.
    mode: u32,
    program: Program,
}

/// Which way a program is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// By a link where there are links.
    Best,
    Netlink,
}

impl Hook {
    /// Attaches a program where none is. `mode`: one of `XDP_FLAGS_*_MODE`.
    pub(super) fn attach(program: &Program, ifindex: u32, mode: u32, way: Way) -> Result<Self, Errno> {
        let kind = match way {
            Way::Netlink => Held::attach(program, ifindex, mode)?,
            Way::Best => match bpf::link_xdp(program.as_fd(), ifindex, mode) {
                Ok(fd) => Kind::Link(fd),
                Err(Errno::EINVAL) if !bpf::xdp_links_exist() => Held::attach(program, ifindex, mode)?,
                Err(errno) => return Err(errno),
            },
        };
        Ok(Self { kind, maker: Process::this(), is_left: false })
    }

    pub(super) fn replace(&self, old: &Program, new: &Program) -> Result<(), Errno> {
        match &self.kind {
            Kind::Link(link) => bpf::link_update(link.as_fd(), new.as_fd(), old.as_fd()),
            Kind::Netlink(netlink) => netlink.lock().replace(new),
        }
    }

    pub(super) fn is_attached(&self) -> io::Result<bool> {
        match &self.kind {
            Kind::Link(link) => bpf::link_info(link.as_fd()).map(|link| link.ifindex != 0).map_err(io_error),
            Kind::Netlink(netlink) => netlink.lock().runs().map_err(|error| match error {
                NetlinkError::Refused { cause, .. } => cause,
                other => io::Error::other(other),
            }),
        }
    }

    /// Whether this program is the one on the interface, right now.
    pub(super) fn runs(&self, program: &Program) -> bool {
        match &self.kind {
            Kind::Link(link) => bpf::link_info(link.as_fd())
                .is_ok_and(|link| link.ifindex != 0 && link.program == program.id()),
            Kind::Netlink(netlink) => netlink.lock().runs().unwrap_or(false),
        }
    }

    /// The link, if that is what holds.
    pub(super) fn link(&self) -> Option<BorrowedFd<'_>> {
        match &self.kind {
            Kind::Link(link) => Some(link.as_fd()),
            Kind::Netlink(_) => None,
        }
    }

    /// Lets the program stay where it is.
    pub(super) fn leave(&mut self) {
        self.is_left = true;
    }
}

impl AsFd for Hook {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.kind {
            Kind::Link(link) => link.as_fd(),
            Kind::Netlink(netlink) => netlink.first.as_fd(),
        }
    }
}

/// A link is detached, not only closed: a thread that starts a child process copies all descriptors, close-on-exec or
/// not, until the child calls exec. Closing alone would leave the program at work for that time, and attaching again
/// would find the interface occupied.
///
/// A child that goes on without exec and drops its copy only closes it: the program at work is its parent's.
impl Drop for Hook {
    fn drop(&mut self) {
        if !self.maker.is_this() || self.is_left {
            return;
        }
        match &self.kind {
            // A kernel or security module may refuse it to a thread that has given up its capabilities since: then
            // closing the descriptor, next, has to do.
            Kind::Link(link) => drop(bpf::link_detach(link.as_fd())),
            // Nothing closes here: refused for the same reason, the program stays.
            Kind::Netlink(netlink) => drop(netlink.lock().detach()),
        }
    }
}

impl Netlink {
    fn lock(&self) -> MutexGuard<'_, Held> {
        // The program is noted after the kernel took it: a panic between leaves nothing worse than a stale note.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn attach(program: &Program, ifindex: u32, mode: u32) -> Result<Kind, Errno> {
        let route = NetlinkSocket::open(Protocol::Route).map_err(|error| errno(&error))?;
        let mut held = Self { route, ifindex, mode, program: program.clone() };
        held.ask(Some(program), XDP_FLAGS_UPDATE_IF_NOEXIST, None)?;
        Ok(Kind::Netlink(Box::new(Netlink { first: program.clone(), held: Mutex::new(held) })))
    }

    fn replace(&mut self, new: &Program) -> Result<(), Errno> {
        self.exchange(Some(new))?;
        self.program = new.clone();
        Ok(())
    }

    fn detach(&mut self) -> Result<(), Errno> {
        self.exchange(None)
    }

    /// Puts another program or none where ours is, if it still is.
    fn exchange(&mut self, new: Option<&Program>) -> Result<(), Errno> {
        let ours = self.program.clone();
        match self.ask(new, XDP_FLAGS_REPLACE, Some(&ours)) {
            // Before 5.7 nobody compares for us: a look right before it is the next best.
            Err(Errno::EINVAL) if self.runs().unwrap_or(false) => self.ask(new, 0, None),
            other => other,
        }
    }

    /// Whether our program is on the interface.
    fn runs(&mut self) -> Result<bool, NetlinkError> {
        let interface = Interface::query_index(&mut self.route, self.ifindex)?;
        let xdp = interface.map(|interface| interface.xdp()).unwrap_or_default();
        Ok([xdp.driver(), xdp.generic(), xdp.hardware()].contains(&Some(self.program.id())))
    }

    fn ask(
        &mut self,
        program: Option<&Program>,
        flags: u32,
        expected: Option<&Program>,
    ) -> Result<(), Errno> {
        let header = ifinfomsg { ifi_index: self.ifindex as i32, ..ifinfomsg::default() };
        let descriptor = |program: &Program| program.as_fd().as_raw_fd();
        let request = Request::new(RTM_SETLINK, 0).fixed(&header).nest(IFLA_XDP, |xdp| {
            xdp.value(IFLA_XDP_FD, &program.map_or(-1, descriptor));
            xdp.value(IFLA_XDP_FLAGS, &(self.mode | flags));
            if let Some(expected) = expected {
                xdp.value(IFLA_XDP_EXPECTED_FD, &descriptor(expected));
            }
        });
        self.route.request(&request).map(drop).map_err(|error| errno(&error))
    }
}

/// The number behind an error of netlink's; `EIO` where the kernel was not understood.
fn errno(error: &NetlinkError) -> Errno {
    match error {
        NetlinkError::Refused { cause, .. } | NetlinkError::Socket { cause, .. } => {
            cause.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
        }
        _ => Errno::EIO,
    }
}
