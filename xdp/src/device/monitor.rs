//! Being told that an interface goes down, comes up or is removed.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use xdp_sys::if_link::{IFLA_EXT_MASK, IFLA_XDP};
use xdp_sys::netlink::{NETLINK_ADD_MEMBERSHIP, NLMSG_ERROR, SOL_NETLINK};
use xdp_sys::rtnetlink::{
    IFF_LOWER_UP, IFF_UP, RTEXT_FILTER_SKIP_STATS, RTM_DELLINK, RTM_GETLINK, RTM_NEWLINK, RTNLGRP_LINK,
    ifinfomsg,
};
use xdp_sys::{Errno, Plain};

use super::netlink::{
    Attributes, Message, Messages, Protocol, Received, Request, Role, open_bound, receive_whole,
};
use super::{AttachedXdp, NetlinkError};
use crate::sys;

/// A socket that becomes readable when something happens to a link, and tells what happened to one of them.
///
/// An AF_XDP socket whose interface is removed reports no event at all to poll(2), so a waiter polls this beside it.
/// It sees the network namespace of the thread that opened it.
#[derive(Debug)]
pub(crate) struct LinkMonitor {
    fd: OwnedFd,
    index: u32,
    programs: Option<AttachedXdp>,
    /// Room for a datagram, kept since waiters come often.
    buffer: Vec<u8>,
}

/// What happened to the interface since the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkChange {
    /// Nothing was said about it.
    Unchanged,
    /// It is set down, or has lost its carrier.
    Down,
    /// It is set up and has a carrier. Also said when something else about it changed, its MTU for example.
    Up,
    /// It was removed, or moved to another namespace. Final: an interface that gets its index later is another one.
    Removed,
    /// More happened than the kernel could keep for us: look the interface up.
    Unknown,
}

impl LinkMonitor {
    /// Starts to listen. Whatever happened before is not told: look the interface up afterwards.
    pub(crate) fn open(index: u32) -> Result<Self, NetlinkError> {
        Ok(Self { fd: subscribe_to_links()?, index, programs: None, buffer: Vec::new() })
    }

    /// Asks about the interface: the answer is read by the next [`drain`](Self::drain), with whatever was told before.
    ///
    /// The kernel tells of everything at once but of programs that a `bpf_link` attaches or detaches.
    pub(crate) fn ask(&self) -> Result<(), NetlinkError> {
        let header = ifinfomsg { ifi_index: self.index as i32, ..ifinfomsg::default() };
        let request = Request::new(RTM_GETLINK, 0).fixed(&header);
        let bytes = request.value(IFLA_EXT_MASK, &RTEXT_FILTER_SKIP_STATS).bytes(0, 0)?;
        let sent = sys::send(self.fd.as_fd(), &bytes, libc::MSG_DONTWAIT);
        sent.map(drop).map_err(|errno| NetlinkError::socket("send to", errno))
    }

    /// The programs of the interface, if the last [`drain`](Self::drain) has read of them.
    pub(crate) fn programs(&self) -> Option<AttachedXdp> {
        self.programs
    }

    /// Reads all that is there, without waiting, and returns where that leaves the interface.
    pub(crate) fn drain(&mut self) -> LinkChange {
        let mut change = LinkChange::Unchanged;
        self.programs = None;
        loop {
            match receive_whole(self.fd.as_fd(), &mut self.buffer) {
                Ok(Received::Datagram(len)) => {
                    for message in Messages::new(&self.buffer[..len]) {
                        let Ok(message) = message else {
                            change = change.or_unknown();
                            continue;
                        };
                        change = change.after(self.index, message);
                        self.programs = programs_of(self.index, message).or(self.programs);
                    }
                }
                Ok(Received::NotKernel) => {}
                Ok(Received::Nothing) => return change,
                Ok(Received::TooLong) => change = change.or_unknown(),
                // The kernel threw messages away; those that it kept are read next.
                Err(Errno::ENOBUFS) => change = change.or_unknown(),
                Err(_) => return change.or_unknown(),
            }
        }
    }
}

/// A socket that is told of every change of a link in the network namespace of the calling thread.
pub(crate) fn subscribe_to_links() -> Result<OwnedFd, NetlinkError> {
    let fd = open_bound(Protocol::Route, libc::SOCK_NONBLOCK)?;
    sys::set_option(fd.as_fd(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &RTNLGRP_LINK)
        .map_err(|errno| NetlinkError::socket("subscribe with", errno))?;
    Ok(fd)
}

/// The programs that a message tells of, if it is about this interface and tells of them.
fn programs_of(index: u32, message: Message<'_>) -> Option<AttachedXdp> {
    let (link, attributes) = Attributes::after::<ifinfomsg>(message.payload)?;
    let about_us = message.header.nlmsg_type == RTM_NEWLINK
        && link.ifi_family == 0
        && i64::from(link.ifi_index) == i64::from(index);
    let xdp = attributes.find(IFLA_XDP).filter(|_| about_us)?;
    Some(AttachedXdp::read(xdp.nested()))
}

impl LinkChange {
    /// What is known about interface `index` after one more message.
    pub(super) fn after(self, index: u32, message: Message<'_>) -> Self {
        // The one error that can be meant for us: what we asked about is not there.
        if message.header.nlmsg_type == NLMSG_ERROR {
            let is_gone = matches!(message.role(), Ok(Role::Failed(Errno::ENODEV, _)));
            return if is_gone { Self::Removed } else { self };
        }
        let Some(link) = ifinfomsg::read(message.payload) else { return self };
        // Bridges tell of their ports by the same messages under their own family: leaving a bridge is no removal.
        let about_us = i64::from(link.ifi_index) == i64::from(index) && link.ifi_family == 0;
        match message.header.nlmsg_type {
            _ if self == Self::Removed || !about_us => self,
            RTM_DELLINK => Self::Removed,
            // The loss is told before what was kept, so that what follows it here may be older than what was lost.
            _ if self == Self::Unknown => self,
            RTM_NEWLINK if link.ifi_flags & (IFF_UP | IFF_LOWER_UP) == IFF_UP | IFF_LOWER_UP => Self::Up,
            RTM_NEWLINK => Self::Down,
            _ => self,
        }
    }

    /// A removal is final; anything else may be out of date.
    fn or_unknown(self) -> Self {
        if self == Self::Removed { self } else { Self::Unknown }
    }
}

impl AsFd for LinkMonitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use xdp_sys::netlink::nlmsghdr;

    use super::*;

    fn link(family: i32, index: i32, flags: u32) -> ifinfomsg {
        ifinfomsg { ifi_family: family as u8, ifi_index: index, ifi_flags: flags, ..ifinfomsg::default() }
    }

    /// What interface 7 has come to after a message.
    fn after(change: LinkChange, kind: u16, link: ifinfomsg) -> LinkChange {
        let header = nlmsghdr { nlmsg_type: kind, ..nlmsghdr::default() };
        change.after(7, Message { header, payload: link.as_bytes() })
    }

    #[test]
    fn leaving_a_bridge_is_no_removal() {
        let port = link(libc::AF_BRIDGE, 7, IFF_UP);
        assert_eq!(after(LinkChange::Up, RTM_DELLINK, port), LinkChange::Up);
        assert_eq!(after(LinkChange::Up, RTM_NEWLINK, port), LinkChange::Up, "nor a change of the link");
        assert_eq!(after(LinkChange::Up, RTM_DELLINK, link(0, 7, IFF_UP)), LinkChange::Removed);
    }

    #[test]
    fn a_removal_is_final_and_about_one_interface() {
        assert_eq!(after(LinkChange::Up, RTM_DELLINK, link(0, 8, IFF_UP)), LinkChange::Up);
        let successor = link(0, 7, IFF_UP | IFF_LOWER_UP);
        assert_eq!(after(LinkChange::Removed, RTM_NEWLINK, successor), LinkChange::Removed);
    }

    #[test]
    fn what_follows_a_loss_may_be_older_than_it_unless_it_is_a_removal() {
        let up = link(0, 7, IFF_UP | IFF_LOWER_UP);
        assert_eq!(after(LinkChange::Unknown, RTM_NEWLINK, up), LinkChange::Unknown);
        assert_eq!(after(LinkChange::Unknown, RTM_DELLINK, up), LinkChange::Removed);
    }
}
