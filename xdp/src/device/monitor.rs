//! Being told that an interface goes down, comes up or is removed.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use xdp_sys::netlink::{NETLINK_ADD_MEMBERSHIP, SOL_NETLINK};
use xdp_sys::rtnetlink::{IFF_LOWER_UP, IFF_UP, RTM_DELLINK, RTM_NEWLINK, RTNLGRP_LINK, ifinfomsg};
use xdp_sys::{Errno, Plain};

use super::NetlinkError;
use super::netlink::{Message, Messages, Protocol, Received, open_bound, receive_whole};
use crate::sys;

/// A socket that becomes readable when something happens to a link, and tells what happened to one of them.
///
/// An AF_XDP socket whose interface is removed reports no event at all to poll(2), so a waiter polls this beside it.
/// It sees the network namespace of the thread that opened it.
#[derive(Debug)]
pub(crate) struct LinkMonitor {
    fd: OwnedFd,
    index: u32,
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
        let fd = open_bound(Protocol::Route, libc::SOCK_NONBLOCK)?;
        sys::set_option(fd.as_fd(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &RTNLGRP_LINK)
            .map_err(|errno| NetlinkError::socket("subscribe with", errno))?;
        Ok(Self { fd, index })
    }

    /// Reads all that is there, without waiting, and returns where that leaves the interface.
    pub(crate) fn drain(&self) -> LinkChange {
        let mut buffer = Vec::new();
        let mut change = LinkChange::Unchanged;
        loop {
            match receive_whole(self.fd.as_fd(), &mut buffer) {
                Ok(Received::Datagram(len)) => {
                    for message in Messages::new(&buffer[..len]) {
                        change = message.map_or(change.or_unknown(), |message| self.after(change, message));
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

    /// What is known after one more message.
    fn after(&self, change: LinkChange, message: Message<'_>) -> LinkChange {
        let Some(link) = ifinfomsg::read(message.payload) else { return change };
        // Bridges tell of their ports by the same messages under their own family: leaving a bridge is no removal.
        let about_us = i64::from(link.ifi_index) == i64::from(self.index) && link.ifi_family == 0;
        match message.header.nlmsg_type {
            _ if change == LinkChange::Removed || !about_us => change,
            RTM_DELLINK => LinkChange::Removed,
            // The loss is told before what was kept, so that what follows it here may be older than what was lost.
            _ if change == LinkChange::Unknown => change,
            RTM_NEWLINK if link.ifi_flags & (IFF_UP | IFF_LOWER_UP) == IFF_UP | IFF_LOWER_UP => {
                LinkChange::Up
            }
            RTM_NEWLINK => LinkChange::Down,
            _ => change,
        }
    }
}

impl LinkChange {
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
