//! The map from queue to socket that a redirecting program looks into.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use xdp_sys::Errno;
use xdp_sys::bpf::{BPF_ANY, BPF_NOEXIST};

use super::MissingPrivilege;
use super::bpf::{ObjectName, XskMapFd};
use crate::QueueId;
use crate::sys::io_error;

/// A map from the queue that a packet came in by to the AF_XDP socket that gets it.
///
/// A slot holds no reference that keeps a socket alive: closing the socket empties every slot that it is in. The kernel
/// accepts a socket that is not bound yet, and drops packets redirected to it, or to a socket that is bound to another
/// queue, without counting them in the socket's statistics.
///
/// Minimum kernel: 5.3 for sockets in any state (4.18 took bound ones only).
#[derive(Debug)]
#[doc(alias = "BPF_MAP_TYPE_XSKMAP")]
pub struct XskMap {
    map: XskMapFd,
    entries: u32,
}

impl XskMap {
    /// The kernel numbers the queues of an interface with 16 bits (`netdev_queues_count`, `sockaddr_xdp` inside).
    const MOST: u32 = 1 << 16;

    /// Makes an empty map for the queues `0..entries`, at most 65536, at 8 bytes of kernel memory each.
    ///
    /// Needs `CAP_BPF` and `CAP_NET_ADMIN` (before Linux 5.8 `CAP_SYS_ADMIN` and `CAP_NET_ADMIN`).
    pub fn create(entries: u32) -> Result<Self, MapCreateError> {
        if entries == 0 {
            return Err(MapCreateError::NoEntries);
        }
        if entries > Self::MOST {
            return Err(MapCreateError::TooMany { entries, most: Self::MOST });
        }
        // The name that libxdp gives its map too, so that tools which look for it find this one.
        let name = ObjectName::new("xsks_map").unwrap_or_default();
        match XskMapFd::create(entries, &name) {
            Ok(map) => Ok(Self { map, entries }),
            Err(errno) => Err(MapCreateError::from_errno(errno, entries)),
        }
    }

    /// The number of slots: queues `0..entries` have one.
    pub fn entries(&self) -> u32 {
        self.entries
    }

    /// Sends the packets of a queue to a socket, if no other socket gets them already.
    ///
    /// A socket may be inserted again where it is. Use [`replace`](Self::replace) to take a queue over from a socket
    /// that is still open.
    pub fn insert(&self, queue: QueueId, socket: BorrowedFd<'_>) -> Result<(), MapError> {
        self.write(queue, socket, BPF_NOEXIST)
    }

    /// Sends the packets of a queue to a socket, whoever got them before.
    pub fn replace(&self, queue: QueueId, socket: BorrowedFd<'_>) -> Result<(), MapError> {
        self.write(queue, socket, BPF_ANY)
    }

    /// Leaves the packets of a queue to the program's fallback action. A queue without a socket is no error.
    pub fn remove(&self, queue: QueueId) -> Result<(), MapError> {
        self.check(queue)?;
        self.map.delete(queue.0).map_err(|errno| MapError::from_errno(errno, queue, self.entries))
    }

    fn write(&self, queue: QueueId, socket: BorrowedFd<'_>, flags: u64) -> Result<(), MapError> {
        self.check(queue)?;
        self.map
            .update(queue.0, socket, flags)
            .map_err(|errno| MapError::from_errno(errno, queue, self.entries))
    }

    /// The kernel answers an update beyond the end with `E2BIG` and a deletion with `EINVAL`; here it is one error.
    fn check(&self, queue: QueueId) -> Result<(), MapError> {
        if queue.0 < self.entries {
            return Ok(());
        }
        Err(MapError::OutOfRange { queue, entries: self.entries })
    }
}

impl AsFd for XskMap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.map.as_fd()
    }
}

/// Why a socket map could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MapCreateError {
    /// A map without slots was asked for.
    #[error("a socket map needs at least one entry: one per queue of the interface")]
    NoEntries,
    /// A map with more slots than an interface can have queues was asked for.
    #[error(
        "a socket map of {entries} entries is too large: it has one per queue of the interface, {most} at most"
    )]
    TooMany {
        /// The number of slots asked for.
        entries: u32,
        /// The most possible.
        most: u32,
    },
    /// The kernel wants a privilege that the thread does not have.
    #[error("not allowed to make a socket map: {missing}")]
    Permission {
        /// What is missing.
        missing: MissingPrivilege,
    },
    /// The kernel was built without AF_XDP, or without bpf(2).
    #[error(
        "this kernel has no socket maps: it needs Linux 4.18 or later, built with CONFIG_BPF_SYSCALL and CONFIG_XDP_SOCKETS"
    )]
    Unsupported,
    /// There is no memory for a map of this size.
    #[error(
        "no kernel memory for a socket map of {entries} entries: one per queue of the interface is enough"
    )]
    Memory {
        /// The number of slots asked for.
        entries: u32,
    },
    /// Another error of the kernel's.
    #[error("the kernel refused to make a socket map of {entries} entries")]
    Kernel {
        /// The number of slots asked for.
        entries: u32,
        /// What the kernel answered.
        #[source]
        cause: io::Error,
    },
}

impl MapCreateError {
    fn from_errno(errno: Errno, entries: u32) -> Self {
        match errno {
            Errno::EPERM => Self::Permission { missing: MissingPrivilege::of_this_thread() },
            // The sizes are those of every socket map and the number of entries is not zero: only the type is left.
            Errno::EINVAL | Errno::ENOSYS => Self::Unsupported,
            Errno::ENOMEM | Errno::E2BIG => Self::Memory { entries },
            errno => Self::Kernel { entries, cause: io_error(errno) },
        }
    }
}

/// Why a slot of a socket map could not be changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// The map ends before this queue.
    #[error(
        "queue {queue} has no slot in a socket map of {entries} entries: load the program with more of them, \
         one for each queue of the interface"
    )]
    OutOfRange {
        /// The queue.
        queue: QueueId,
        /// The number of slots of the map.
        entries: u32,
    },
    /// Another socket gets the packets of this queue.
    #[error("another socket gets the packets of queue {queue} already: close it, or replace it")]
    Taken {
        /// The queue.
        queue: QueueId,
    },
    /// The descriptor is not that of an AF_XDP socket.
    #[error("what shall get the packets of queue {queue} is not an AF_XDP socket")]
    NotXdpSocket {
        /// The queue.
        queue: QueueId,
    },
    /// The kernel wants a privilege that the thread does not have.
    #[error("not allowed to change a socket map: {missing}")]
    Permission {
        /// What is missing.
        missing: MissingPrivilege,
    },
    /// Another error of the kernel's.
    #[error("the kernel refused to change the slot of queue {queue} in a socket map of {entries} entries")]
    Kernel {
        /// The queue.
        queue: QueueId,
        /// The number of slots of the map.
        entries: u32,
        /// What the kernel answered.
        #[source]
        cause: io::Error,
    },
}

impl MapError {
    fn from_errno(errno: Errno, queue: QueueId, entries: u32) -> Self {
        match errno {
            Errno::E2BIG => Self::OutOfRange { queue, entries },
            Errno::EEXIST => Self::Taken { queue },
            // The map itself is open, so a bad descriptor is the socket's: one opened with O_PATH, for instance.
            Errno::ENOTSOCK | Errno::EOPNOTSUPP | Errno::EBADF => Self::NotXdpSocket { queue },
            Errno::EPERM => Self::Permission { missing: MissingPrivilege::of_this_thread() },
            errno => Self::Kernel { queue, entries, cause: io_error(errno) },
        }
    }
}
