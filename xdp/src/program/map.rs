//! The map from queue to socket that a redirecting program looks into.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use xdp_sys::Errno;
use xdp_sys::bpf::{BPF_ANY, BPF_NOEXIST};

use super::bpf::{self, MapFd, MapShape, ObjectName};
use super::{Pin, PinError, pin};
use crate::QueueId;
use crate::sys::io_error;

mod error;

pub use error::{MapCreateError, MapError, MapOpenError};

/// A map from the queue that a packet came in by to the AF_XDP socket that gets it.
///
/// A slot holds no reference that keeps a socket alive: closing the socket empties every slot that it is in. The
/// kernel accepts a socket with an rx ring (before 7.x without one, too) that is not bound yet, and drops packets
/// redirected to it, or to a socket that is bound to another queue, without counting them in the socket's statistics.
///
/// Minimum kernel: 5.3 for sockets in any state (4.18 took bound ones only).
#[derive(Debug)]
#[doc(alias = "BPF_MAP_TYPE_XSKMAP")]
pub struct XskMap {
    map: MapFd,
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
        match MapFd::create(&MapShape::sockets(entries), &name) {
            Ok(map) => Ok(Self { map, entries }),
            Err(errno) => Err(MapCreateError::from_errno(errno, entries)),
        }
    }

    /// Takes a socket map that somebody else made, by its descriptor.
    ///
    /// ```no_run
    /// use std::os::fd::AsFd;
    /// use xdp::{QueueId, Receive, Socket, program::XskMap};
    ///
    /// // A program of aya, libbpf or libxdp looks into this map. Our socket joins it.
    /// let map = XskMap::open("/sys/fs/bpf/xsks_map")?;
    /// let socket = Socket::open("eth0", QueueId(2), Receive::Nothing)?;
    /// map.insert(QueueId(2), socket.as_fd())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_fd(fd: OwnedFd) -> Result<Self, MapOpenError> {
        match MapFd::adopt_sockets(fd) {
            Ok(Some((map, entries))) => Ok(Self { map, entries }),
            Ok(None) => Err(MapOpenError::OtherKind),
            Err(errno) => Err(MapOpenError::from_errno(errno)),
        }
    }

    /// Takes a socket map that somebody else made, by the kernel's number for it: `bpftool map list`.
    ///
    /// Needs `CAP_SYS_ADMIN`.
    pub fn by_id(id: u32) -> Result<Self, MapOpenError> {
        let fd = bpf::map_by_id(id).map_err(|errno| match errno {
            Errno::ENOENT => MapOpenError::UnknownId { id },
            errno => MapOpenError::from_errno(errno),
        })?;
        Self::from_fd(fd)
    }

    /// Takes a socket map that somebody else made, by its name in the BPF file system.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, MapOpenError> {
        Self::from_fd(pin::open(path.as_ref())?)
    }

    /// Gives the map a name in the BPF file system, by which other programs find it.
    pub fn pin(&self, path: impl AsRef<Path>) -> Result<Pin, PinError> {
        Pin::new(self.as_fd(), path.as_ref())
    }

    /// The kernel's number for the map, unique in the machine while it exists: `bpftool map show id`.
    pub fn id(&self) -> io::Result<u32> {
        self.map.id().map_err(io_error)
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
        self.map
            .delete(&queue.0.to_ne_bytes())
            .map_err(|errno| MapError::from_errno(errno, queue, self.entries))
    }

    fn write(&self, queue: QueueId, socket: BorrowedFd<'_>, flags: u64) -> Result<(), MapError> {
        self.check(queue)?;
        self.map
            .update(&queue.0.to_ne_bytes(), &socket.as_raw_fd().to_ne_bytes(), flags)
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
