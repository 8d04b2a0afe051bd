//! Why a socket map is not there, or not changed.

use std::io;

use xdp_sys::Errno;

use crate::QueueId;
use crate::program::{MissingPrivilege, PinError};
use crate::sys::io_error;

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
    pub(super) fn from_errno(errno: Errno, entries: u32) -> Self {
        match errno {
            Errno::EPERM => Self::Permission { missing: MissingPrivilege::of_this_thread() },
            // The sizes are those of every socket map and the number of entries is not zero: only the type is left.
            Errno::EINVAL | Errno::ENOSYS => Self::Unsupported,
            Errno::ENOMEM | Errno::E2BIG => Self::Memory { entries },
            errno => Self::Kernel { entries, cause: io_error(errno) },
        }
    }
}

/// Why a socket map that somebody else made could not be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MapOpenError {
    /// It is something else.
    #[error(
        "this is no map from queues to AF_XDP sockets (BPF_MAP_TYPE_XSKMAP), but another kind of map, or no map"
    )]
    OtherKind,
    /// There is no map of this number.
    #[error("there is no map with the id {id}: see `bpftool map list`")]
    UnknownId {
        /// The number.
        id: u32,
    },
    /// It was not found by its name.
    #[error(transparent)]
    Pin(#[from] PinError),
    /// The kernel wants a privilege that the thread does not have.
    #[error(
        "not allowed to open a map by its id: it needs CAP_SYS_ADMIN; a pinned map needs permission on the file only"
    )]
    Permission,
    /// Another error of the kernel's.
    #[error("the kernel refused to open a socket map")]
    Kernel {
        /// What the kernel answered.
        #[source]
        cause: io::Error,
    },
}

impl MapOpenError {
    pub(super) fn from_errno(errno: Errno) -> Self {
        match errno {
            Errno::EPERM => Self::Permission,
            // A descriptor of something that bpf(2) does not know.
            Errno::EINVAL | Errno::EBADF => Self::OtherKind,
            errno => Self::Kernel { cause: io_error(errno) },
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
    /// The socket cannot receive: newer kernels, 7.2 for one, take only sockets with an rx ring.
    #[error(
        "the socket that shall get the packets of queue {queue} has no rx ring: open it for receiving, or make the \
         ring first"
    )]
    NoRxRing {
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
    pub(super) fn from_errno(errno: Errno, queue: QueueId, entries: u32) -> Self {
        match errno {
            Errno::E2BIG => Self::OutOfRange { queue, entries },
            Errno::EEXIST => Self::Taken { queue },
            Errno::ENOBUFS => Self::NoRxRing { queue },
            // The map itself is open, so a bad descriptor is the socket's: one opened with O_PATH, for instance.
            Errno::ENOTSOCK | Errno::EOPNOTSUPP | Errno::EBADF => Self::NotXdpSocket { queue },
            Errno::EPERM => Self::Permission { missing: MissingPrivilege::of_this_thread() },
            errno => Self::Kernel { queue, entries, cause: io_error(errno) },
        }
    }
}
