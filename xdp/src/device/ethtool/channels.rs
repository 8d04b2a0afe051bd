//! How many queues an interface has, and could have.

use std::os::fd::AsFd;

use xdp_sys::Errno;
use xdp_sys::ethtool::ethtool_channels;
use xdp_sys::ethtool_netlink::{
    ETHTOOL_A_CHANNELS_COMBINED_COUNT, ETHTOOL_A_CHANNELS_COMBINED_MAX, ETHTOOL_A_CHANNELS_OTHER_COUNT,
    ETHTOOL_A_CHANNELS_OTHER_MAX, ETHTOOL_A_CHANNELS_RX_COUNT, ETHTOOL_A_CHANNELS_RX_MAX,
    ETHTOOL_A_CHANNELS_TX_COUNT, ETHTOOL_A_CHANNELS_TX_MAX, ETHTOOL_MSG_CHANNELS_GET,
};

use super::{ChannelsChange, Count};
use crate::device::family::{FamilySocket, attributes};
use crate::device::netlink::{Attributes, NetlinkError, Protocol};
use crate::device::{Interface, InterfaceError};
use crate::sys;

/// How many queues an interface has and could have, by what they do (`ethtool -l`).
///
/// A channel is an interrupt and the queues that it serves: a combined one receives and sends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Channels {
    rx: Count,
    tx: Count,
    other: Count,
    combined: Count,
}

impl Channels {
    /// Asks the driver; `None` if it does not say.
    pub fn of(interface: &Interface) -> Result<Option<Self>, InterfaceError> {
        let failed = |cause| interface.query_failed("the channels", cause);
        if let Some(mut family) = FamilySocket::ethtool(interface)? {
            let request = family.ethtool_request(ETHTOOL_MSG_CHANNELS_GET);
            if let Some(answers) = family.ask(&request).map_err(failed)? {
                return Ok(answers.first().and_then(attributes).map(Self::read));
            }
        }
        Self::by_ioctl(interface)
    }

    /// Asks as kernels before 5.7 must be.
    pub(super) fn by_ioctl(interface: &Interface) -> Result<Option<Self>, InterfaceError> {
        let socket = interface.socket(Protocol::Route)?;
        match sys::ethtool::<ethtool_channels>(socket.as_fd(), interface.raw_name()) {
            Ok(answer) => Ok(Some(Self::from_ioctl(answer))),
            Err(Errno::EOPNOTSUPP) => Ok(None),
            Err(errno) => Err(interface.query_failed("the channels", NetlinkError::refused(errno, None))),
        }
    }

    /// Reads the attributes of an answer; what the driver does not have is left out.
    pub(crate) fn read(attributes: Attributes<'_>) -> Self {
        let number = |kind| attributes.find(kind).and_then(|attribute| attribute.value::<u32>()).unwrap_or(0);
        let count = |current, max| Count { current: number(current), max: number(max) };
        Self {
            rx: count(ETHTOOL_A_CHANNELS_RX_COUNT, ETHTOOL_A_CHANNELS_RX_MAX),
            tx: count(ETHTOOL_A_CHANNELS_TX_COUNT, ETHTOOL_A_CHANNELS_TX_MAX),
            other: count(ETHTOOL_A_CHANNELS_OTHER_COUNT, ETHTOOL_A_CHANNELS_OTHER_MAX),
            combined: count(ETHTOOL_A_CHANNELS_COMBINED_COUNT, ETHTOOL_A_CHANNELS_COMBINED_MAX),
        }
    }

    pub(super) fn from_ioctl(answer: ethtool_channels) -> Self {
        let count = |current, max| Count { current, max };
        Self {
            rx: count(answer.rx_count, answer.max_rx),
            tx: count(answer.tx_count, answer.max_tx),
            other: count(answer.other_count, answer.max_other),
            combined: count(answer.combined_count, answer.max_combined),
        }
    }

    /// New numbers of channels, to be completed and applied.
    pub fn change() -> ChannelsChange {
        ChannelsChange::default()
    }

    /// Channels that only receive.
    pub fn rx(&self) -> Count {
        self.rx
    }

    /// Channels that only send.
    pub fn tx(&self) -> Count {
        self.tx
    }

    /// Channels for other purposes, such as link interrupts.
    pub fn other(&self) -> Count {
        self.other
    }

    /// Channels that receive and send.
    pub fn combined(&self) -> Count {
        self.combined
    }

    /// Receive queues in use: those of the combined channels and the others.
    pub fn rx_queues(&self) -> u32 {
        self.combined.current.saturating_add(self.rx.current)
    }

    /// Transmit queues in use: those of the combined channels and the others.
    pub fn tx_queues(&self) -> u32 {
        self.combined.current.saturating_add(self.tx.current)
    }
}
