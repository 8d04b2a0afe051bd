//! The queues of an interface, who polls them, who uses them.

use xdp_sys::netdev::{
    NETDEV_A_QUEUE_DMABUF, NETDEV_A_QUEUE_ID, NETDEV_A_QUEUE_IFINDEX, NETDEV_A_QUEUE_IO_URING,
    NETDEV_A_QUEUE_LEASE, NETDEV_A_QUEUE_NAPI_ID, NETDEV_A_QUEUE_TYPE, NETDEV_A_QUEUE_XSK,
    NETDEV_CMD_QUEUE_GET, NETDEV_QUEUE_TYPE_RX, NETDEV_QUEUE_TYPE_TX,
};

use crate::QueueId;
use crate::device::family::{FamilySocket, attributes};
use crate::device::kernel_release::KernelRelease;
use crate::device::netlink::Attributes;
use crate::device::queue;
use crate::device::{Interface, InterfaceError};

/// A queue of an interface in use. Minimum kernel: 6.8.
#[doc(alias = "NETDEV_CMD_QUEUE_GET")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NicQueue {
    id: QueueId,
    side: QueueSide,
    napi: Option<u32>,
    user: Option<QueueUser>,
    is_free: Option<bool>,
}

/// Which way the packets of a queue go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum QueueSide {
    /// Received.
    Rx,
    /// Sent.
    Tx,
}

/// Who takes the packets of a queue in the place of the kernel's own stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueueUser {
    /// An AF_XDP socket, in copy or zero-copy mode. The kernel tells since 6.15.
    AfXdp,
    /// Memory of a device, a GPU for example. Zero-copy is refused there.
    DeviceMemory,
    /// An io_uring that receives into its own memory. Zero-copy is refused there.
    IoUring,
    /// Another interface to which it is lent.
    Lease,
}

impl NicQueue {
    /// Lists the queues in use, receive queues first; `None` if the kernel is too old.
    ///
    /// An interface that is down uses none.
    pub fn of(interface: &Interface) -> Result<Option<Vec<Self>>, InterfaceError> {
        let Some(mut family) = FamilySocket::netdev(interface)? else { return Ok(None) };
        let request = family.netdev_dump(NETDEV_CMD_QUEUE_GET, NETDEV_A_QUEUE_IFINDEX);
        let answers = family.ask(&request).map_err(|cause| interface.query_failed("the queues", cause))?;
        let Some(answers) = answers else { return Ok(None) };
        let mut all: Vec<_> = answers.iter().filter_map(|answer| Self::read(attributes(answer)?)).collect();
        if all.iter().any(|queue| queue.user == Some(QueueUser::AfXdp)) {
            queue::saw_socket();
        }
        // The age of a kernel tells at least this much, before any socket was seen.
        let tells = |kernel| kernel >= KernelRelease::new(6, 15);
        if queue::tells() || KernelRelease::running().is_some_and(tells) {
            for queue in &mut all {
                queue.is_free = Some(queue.user.is_none());
            }
        }
        all.sort_by_key(|queue| (queue.side, queue.id));
        Ok(Some(all))
    }

    /// Reads the attributes of an answer; `None` if it is no queue of a known kind.
    pub(crate) fn read(attributes: Attributes<'_>) -> Option<Self> {
        let number = |kind| attributes.find(kind)?.value::<u32>();
        let users = [
            (NETDEV_A_QUEUE_XSK, QueueUser::AfXdp),
            (NETDEV_A_QUEUE_DMABUF, QueueUser::DeviceMemory),
            (NETDEV_A_QUEUE_IO_URING, QueueUser::IoUring),
            (NETDEV_A_QUEUE_LEASE, QueueUser::Lease),
        ];
        let user = users.into_iter().find(|(kind, _)| attributes.find(*kind).is_some()).map(|(_, user)| user);
        Some(Self {
            id: QueueId(number(NETDEV_A_QUEUE_ID)?),
            side: match number(NETDEV_A_QUEUE_TYPE)? {
                NETDEV_QUEUE_TYPE_RX => QueueSide::Rx,
                NETDEV_QUEUE_TYPE_TX => QueueSide::Tx,
                _ => return None,
            },
            napi: number(NETDEV_A_QUEUE_NAPI_ID).filter(|&id| id != 0),
            user,
            is_free: user.map(|_| false),
        })
    }

    /// Its number, from 0 on each side.
    pub fn id(&self) -> QueueId {
        self.id
    }

    /// Which way its packets go.
    pub fn side(&self) -> QueueSide {
        self.side
    }

    /// The number of the [`Napi`](super::Napi) that polls it; `None` if the driver does not say.
    pub fn napi(&self) -> Option<u32> {
        self.napi
    }

    /// Who uses it, as far as the kernel tells; see [`is_free`](Self::is_free) before you take `None` for nobody.
    pub fn user(&self) -> Option<QueueUser> {
        self.user
    }

    /// Whether nobody uses it; `None` where the kernel may not tell: before 6.15, unless it told of a socket once.
    pub fn is_free(&self) -> Option<bool> {
        self.is_free
    }
}
