//! Changing how many queues an interface has.

use std::os::fd::AsFd;

use xdp_sys::ethtool::ethtool_channels;
use xdp_sys::ethtool_netlink::{
    ETHTOOL_A_CHANNELS_COMBINED_COUNT, ETHTOOL_A_CHANNELS_OTHER_COUNT, ETHTOOL_A_CHANNELS_RX_COUNT,
    ETHTOOL_A_CHANNELS_TX_COUNT, ETHTOOL_MSG_CHANNELS_SET,
};

use super::{Channels, parts};
use crate::device::change::{Change, Outcome, Restore};
use crate::device::family::FamilySocket;
use crate::device::netlink::{NetlinkError, Protocol};
use crate::device::{ChangeError, Interface};
use crate::sys;

/// New numbers of queues (`ethtool -L`), made by [`Channels::change`]; what is not named stays.
///
/// Many drivers stop the interface for a moment. The kernel refuses to take away a queue that a zero-copy socket
/// uses, or that the RSS table names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use = "nothing changes before `apply` or `until_dropped`"]
pub struct ChannelsChange {
    rx: Option<u32>,
    tx: Option<u32>,
    other: Option<u32>,
    combined: Option<u32>,
}

const WHAT: &str = "the channels";

impl ChannelsChange {
    /// How many channels only receive.
    pub fn rx(self, channels: u32) -> Self {
        Self { rx: Some(channels), ..self }
    }

    /// How many channels only send.
    pub fn tx(self, channels: u32) -> Self {
        Self { tx: Some(channels), ..self }
    }

    /// How many channels are for other purposes.
    pub fn other(self, channels: u32) -> Self {
        Self { other: Some(channels), ..self }
    }

    /// How many channels receive and send.
    pub fn combined(self, channels: u32) -> Self {
        Self { combined: Some(channels), ..self }
    }

    /// Changes the channels, for good. Needs `CAP_NET_ADMIN`.
    pub fn apply(self, interface: &Interface) -> Result<(), ChangeError> {
        self.until_dropped(interface).map(Restore::keep)
    }

    /// Changes the channels until the guard is dropped. Needs `CAP_NET_ADMIN`.
    pub fn until_dropped(self, interface: &Interface) -> Result<Restore, ChangeError> {
        let now = Channels::of(interface)?.ok_or_else(|| ChangeError::unsupported(WHAT, interface))?;
        let former = Self {
            rx: self.rx.map(|_| now.rx().current),
            tx: self.tx.map(|_| now.tx().current),
            other: self.other.map(|_| now.other().current),
            combined: self.combined.map(|_| now.combined().current),
        };
        let (apply, undo) = (self.action(interface)?, former.action(interface)?);
        Change::new(WHAT, interface).apply(self.to_string(), apply).undo(former.to_string(), undo).make()
    }

    fn action(self, interface: &Interface) -> Result<impl FnMut() -> Outcome + use<>, ChangeError> {
        let mut family =
            FamilySocket::ethtool(interface)?.filter(|family| family.has(ETHTOOL_MSG_CHANNELS_SET));
        let by_name = (interface.socket(Protocol::Route)?, interface.raw_name().to_owned());
        Ok(move || match &mut family {
            Some(family) => self.by_netlink(family),
            None => self.by_ioctl(by_name.0.as_fd(), &by_name.1).map(|()| None),
        })
    }

    fn by_netlink(&self, family: &mut FamilySocket) -> Outcome {
        let mut request = family.ethtool_request(ETHTOOL_MSG_CHANNELS_SET);
        for (kind, value) in [
            (ETHTOOL_A_CHANNELS_RX_COUNT, self.rx),
            (ETHTOOL_A_CHANNELS_TX_COUNT, self.tx),
            (ETHTOOL_A_CHANNELS_OTHER_COUNT, self.other),
            (ETHTOOL_A_CHANNELS_COMBINED_COUNT, self.combined),
        ] {
            if let Some(value) = value {
                request = request.value(kind, &value);
            }
        }
        family.tell(&request)
    }

    /// As kernels before 5.7 must be told: all numbers at once.
    pub(super) fn by_ioctl(&self, socket: impl AsFd, name: &[u8]) -> Result<(), NetlinkError> {
        let refused = |errno| NetlinkError::refused(errno, None);
        let mut channels = sys::ethtool::<ethtool_channels>(socket.as_fd(), name).map_err(refused)?;
        for (field, value) in [
            (&mut channels.rx_count, self.rx),
            (&mut channels.tx_count, self.tx),
            (&mut channels.other_count, self.other),
            (&mut channels.combined_count, self.combined),
        ] {
            *field = value.unwrap_or(*field);
        }
        sys::ethtool_set_channels(socket.as_fd(), name, channels).map_err(refused)
    }
}

impl std::fmt::Display for ChannelsChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let numbers = [("rx", self.rx), ("tx", self.tx), ("other", self.other), ("combined", self.combined)];
        f.write_str(&parts(numbers.iter().filter_map(|(name, value)| Some(format!("{name} {}", (*value)?)))))
    }
}
