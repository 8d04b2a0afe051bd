//! A network namespace without a name, held by a descriptor.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::thread;

use xdp_sys::{Errno, syscall};

use super::LabError;
use crate::device::monitor::LinkMonitor;
use crate::device::netlink::{NetlinkSocket, Protocol};
use crate::sys;

/// The namespace of the calling thread. `/proc/self` would be that of the process's first thread.
const OWN: &str = "/proc/thread-self/ns/net";

/// A network namespace.
#[derive(Debug)]
pub(super) struct Namespace {
    fd: OwnedFd,
}

/// What is opened inside a new namespace, since a socket belongs to the one it was opened in.
#[derive(Debug)]
pub(super) struct Sockets {
    pub(super) route: NetlinkSocket,
    pub(super) monitor: LinkMonitor,
}

impl Namespace {
    /// Makes an empty namespace, with IPv6 off.
    pub(super) fn make() -> Result<(Self, Sockets), LabError> {
        // A thread of its own, which ends in the namespace: the caller's thread never leaves its own.
        let maker = thread::Builder::new().name("lab-namespace".into()).spawn(|| {
            syscall::unshare_net().map_err(|errno| match errno {
                Errno::EPERM => {
                    LabError::Privilege { step: "make a network namespace", capability: "CAP_SYS_ADMIN" }
                }
                // unshare(2): the limit of this user, here or in a user namespace further up.
                Errno::ENOSPC => LabError::TooMany,
                errno => {
                    LabError::Namespace { step: "make a network namespace", cause: sys::io_error(errno) }
                }
            })?;
            let namespace = Self::of_this_thread()?;
            silence_ipv6()
                .map_err(|cause| LabError::Namespace { step: "turn IPv6 off in the lab", cause })?;
            let route = NetlinkSocket::open(Protocol::Route).map_err(LabError::Netlink)?;
            let monitor = LinkMonitor::open(0).map_err(LabError::Netlink)?;
            Ok((namespace, Sockets { route, monitor }))
        });
        let maker = maker.map_err(|cause| LabError::Namespace { step: "start a thread", cause })?;
        maker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// The namespace that the calling thread is in.
    pub(super) fn of_this_thread() -> Result<Self, LabError> {
        let file = File::open(OWN)
            .map_err(|cause| LabError::Namespace { step: "open /proc/thread-self/ns/net", cause })?;
        Ok(Self { fd: file.into() })
    }
}

/// Without this every interface that comes up says hello to its neighbours.
///
/// The lab's own ends are told to be quiet once more when they are made, by other means: in a container, where this part
/// of /proc may not be written to, that has to do; an end whose MTU is raised from below IPv6's least, 1280, speaks then.
fn silence_ipv6() -> io::Result<()> {
    let protects = [io::ErrorKind::ReadOnlyFilesystem, io::ErrorKind::PermissionDenied];
    for scope in ["default", "all"] {
        // This part of /proc shows the namespace of the thread that opens it.
        match fs::write(format!("/proc/sys/net/ipv6/conf/{scope}/disable_ipv6"), "1") {
            // A kernel without IPv6 is quiet by itself.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if protects.contains(&error.kind()) => {}
            other => other?,
        }
    }
    Ok(())
}

impl AsFd for Namespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
