//! How large the rings of a NIC are, and could be.

use std::os::fd::AsFd;

use xdp_sys::Errno;
use xdp_sys::ethtool::ethtool_ringparam;
use xdp_sys::ethtool_netlink::{
    ETHTOOL_A_RINGS_RX, ETHTOOL_A_RINGS_RX_BUF_LEN, ETHTOOL_A_RINGS_RX_MAX, ETHTOOL_A_RINGS_TCP_DATA_SPLIT,
    ETHTOOL_A_RINGS_TX, ETHTOOL_A_RINGS_TX_MAX, ETHTOOL_MSG_RINGS_GET, ETHTOOL_TCP_DATA_SPLIT_DISABLED,
    ETHTOOL_TCP_DATA_SPLIT_ENABLED,
};

use super::{Count, NicRingsChange};
use crate::device::family::{FamilySocket, attributes};
use crate::device::netlink::{Attributes, NetlinkError, Protocol};
use crate::device::{Interface, InterfaceError};
use crate::sys;

/// How many descriptors the rings between driver and NIC have and could have (`ethtool -g`).
///
/// These are not the rings of an AF_XDP socket: they lie below them, and hold what the NIC has in hand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NicRings {
    rx: Option<Count>,
    tx: Option<Count>,
    rx_buffer_len: Option<u32>,
    tcp_data_split: Option<bool>,
}

impl NicRings {
    /// Asks the driver; `None` if it does not say.
    pub fn of(interface: &Interface) -> Result<Option<Self>, InterfaceError> {
        let failed = |cause| interface.query_failed("the rings", cause);
        if let Some(mut family) = FamilySocket::ethtool(interface)? {
            let request = family.ethtool_request(ETHTOOL_MSG_RINGS_GET);
            if let Some(answers) = family.ask(&request).map_err(failed)? {
                return Ok(answers.first().and_then(attributes).map(Self::read));
            }
        }
        Self::by_ioctl(interface)
    }

    /// Asks as kernels before 5.7 must be.
    pub(super) fn by_ioctl(interface: &Interface) -> Result<Option<Self>, InterfaceError> {
        let socket = interface.socket(Protocol::Route)?;
        match sys::ethtool::<ethtool_ringparam>(socket.as_fd(), interface.raw_name()) {
            Ok(answer) => Ok(Some(Self::from_ioctl(answer))),
            Err(Errno::EOPNOTSUPP) => Ok(None),
            Err(errno) => Err(interface.query_failed("the rings", NetlinkError::refused(errno, None))),
        }
    }

    /// Reads the attributes of an answer; what the driver does not have is left out.
    pub(crate) fn read(attributes: Attributes<'_>) -> Self {
        let number = |kind| attributes.find(kind).and_then(|attribute| attribute.value::<u32>());
        let count = |current, max| Some(Count { current: number(current)?, max: number(max)? });
        let split = attributes.find(ETHTOOL_A_RINGS_TCP_DATA_SPLIT).and_then(|split| split.value::<u8>());
        Self {
            rx: count(ETHTOOL_A_RINGS_RX, ETHTOOL_A_RINGS_RX_MAX),
            tx: count(ETHTOOL_A_RINGS_TX, ETHTOOL_A_RINGS_TX_MAX),
            rx_buffer_len: number(ETHTOOL_A_RINGS_RX_BUF_LEN).filter(|&len| len != 0),
            tcp_data_split: split.and_then(|split| match split {
                ETHTOOL_TCP_DATA_SPLIT_DISABLED => Some(false),
                ETHTOOL_TCP_DATA_SPLIT_ENABLED => Some(true),
                _ => None,
            }),
        }
    }

    pub(super) fn from_ioctl(answer: ethtool_ringparam) -> Self {
        // A ring that cannot have a descriptor is none.
        let count = |current, max| (max != 0).then_some(Count { current, max });
        Self {
            rx: count(answer.rx_pending, answer.rx_max_pending),
            tx: count(answer.tx_pending, answer.tx_max_pending),
            ..Self::default()
        }
    }

    /// New sizes, to be completed and applied.
    pub fn change() -> NicRingsChange {
        NicRingsChange::default()
    }

    /// Descriptors of each receive ring.
    pub fn rx(&self) -> Option<Count> {
        self.rx
    }

    /// Descriptors of each transmit ring.
    pub fn tx(&self) -> Option<Count> {
        self.tx
    }

    /// Length of the driver's own receive buffers, in bytes. Minimum kernel: 5.17.
    #[doc(alias = "ETHTOOL_A_RINGS_RX_BUF_LEN")]
    pub fn rx_buffer_len(&self) -> Option<u32> {
        self.rx_buffer_len
    }

    /// Whether headers of TCP packets arrive in buffers of their own, which XDP programs cannot work with. Minimum
    /// kernel: 5.18.
    #[doc(alias = "ETHTOOL_A_RINGS_TCP_DATA_SPLIT")]
    pub fn tcp_data_split(&self) -> Option<bool> {
        self.tcp_data_split
    }
}
