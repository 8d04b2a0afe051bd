//! What each queue has counted.

use xdp_sys::netdev::{
    NETDEV_A_QSTATS_IFINDEX, NETDEV_A_QSTATS_QUEUE_ID, NETDEV_A_QSTATS_QUEUE_TYPE,
    NETDEV_A_QSTATS_RX_ALLOC_FAIL, NETDEV_A_QSTATS_RX_BYTES, NETDEV_A_QSTATS_RX_HW_DROP_OVERRUNS,
    NETDEV_A_QSTATS_RX_HW_DROPS, NETDEV_A_QSTATS_RX_PACKETS, NETDEV_A_QSTATS_SCOPE, NETDEV_A_QSTATS_TX_BYTES,
    NETDEV_A_QSTATS_TX_HW_DROPS, NETDEV_A_QSTATS_TX_PACKETS, NETDEV_A_QSTATS_TX_STOP,
    NETDEV_A_QSTATS_TX_WAKE, NETDEV_CMD_QSTATS_GET, NETDEV_QSTATS_SCOPE_QUEUE, NETDEV_QUEUE_TYPE_RX,
    NETDEV_QUEUE_TYPE_TX,
};

use super::QueueSide;
use crate::QueueId;
use crate::device::family::{FamilySocket, attributes};
use crate::device::netlink::Attributes;
use crate::device::{Interface, InterfaceError};

/// What a driver has counted for one queue since the interface was made. Minimum kernel: 6.9.
///
/// Each driver counts what it likes: `None` is not counted, which is not zero.
#[doc(alias = "NETDEV_CMD_QSTATS_GET")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueCounters {
    id: QueueId,
    side: QueueSide,
    packets: Option<u64>,
    bytes: Option<u64>,
    allocation_failures: Option<u64>,
    hardware_drops: Option<u64>,
    hardware_overruns: Option<u64>,
    stops: Option<u64>,
    wakes: Option<u64>,
}

impl QueueCounters {
    /// Reads the counters of all queues in use, receive queues first; `None` if the driver does not tell, or the
    /// kernel is too old.
    pub fn of(interface: &Interface) -> Result<Option<Vec<Self>>, InterfaceError> {
        let Some(mut family) = FamilySocket::netdev(interface)? else { return Ok(None) };
        let request = family
            .netdev_dump(NETDEV_CMD_QSTATS_GET, NETDEV_A_QSTATS_IFINDEX)
            .value(NETDEV_A_QSTATS_SCOPE, &u64::from(NETDEV_QSTATS_SCOPE_QUEUE));
        let answers = family.ask(&request).map_err(|cause| interface.query_failed("the counters", cause))?;
        let Some(answers) = answers else { return Ok(None) };
        let mut all: Vec<_> = answers.iter().filter_map(|answer| Self::read(attributes(answer)?)).collect();
        all.sort_by_key(|counters| (counters.side, counters.id));
        Ok(Some(all))
    }

    /// Reads the attributes of an answer; `None` if it is about no queue of a known kind.
    pub(crate) fn read(attributes: Attributes<'_>) -> Option<Self> {
        let small = |kind| attributes.find(kind)?.value::<u32>();
        let number = |kind| attributes.find(kind)?.number();
        let side = match small(NETDEV_A_QSTATS_QUEUE_TYPE)? {
            NETDEV_QUEUE_TYPE_RX => QueueSide::Rx,
            NETDEV_QUEUE_TYPE_TX => QueueSide::Tx,
            _ => return None,
        };
        let by_side = |rx, tx| number(if side == QueueSide::Rx { rx } else { tx });
        Some(Self {
            id: QueueId(small(NETDEV_A_QSTATS_QUEUE_ID)?),
            side,
            packets: by_side(NETDEV_A_QSTATS_RX_PACKETS, NETDEV_A_QSTATS_TX_PACKETS),
            bytes: by_side(NETDEV_A_QSTATS_RX_BYTES, NETDEV_A_QSTATS_TX_BYTES),
            allocation_failures: number(NETDEV_A_QSTATS_RX_ALLOC_FAIL),
            hardware_drops: by_side(NETDEV_A_QSTATS_RX_HW_DROPS, NETDEV_A_QSTATS_TX_HW_DROPS),
            hardware_overruns: number(NETDEV_A_QSTATS_RX_HW_DROP_OVERRUNS),
            stops: number(NETDEV_A_QSTATS_TX_STOP),
            wakes: number(NETDEV_A_QSTATS_TX_WAKE),
        })
    }

    /// The queue's number, from 0 on each side.
    pub fn id(&self) -> QueueId {
        self.id
    }

    /// Which way its packets go.
    pub fn side(&self) -> QueueSide {
        self.side
    }

    /// Packets received or sent.
    pub fn packets(&self) -> Option<u64> {
        self.packets
    }

    /// Bytes received or sent.
    pub fn bytes(&self) -> Option<u64> {
        self.bytes
    }

    /// Received packets that were lost for want of memory.
    pub fn allocation_failures(&self) -> Option<u64> {
        self.allocation_failures
    }

    /// Packets that the NIC dropped.
    pub fn hardware_drops(&self) -> Option<u64> {
        self.hardware_drops
    }

    /// Of received packets that the NIC dropped, those for want of descriptors: the driver came too late.
    pub fn hardware_overruns(&self) -> Option<u64> {
        self.hardware_overruns
    }

    /// How often a full transmit queue was stopped.
    pub fn stops(&self) -> Option<u64> {
        self.stops
    }

    /// How often a stopped transmit queue was started again.
    pub fn wakes(&self) -> Option<u64> {
        self.wakes
    }
}
