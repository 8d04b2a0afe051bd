//! Changing how large the rings of a NIC are.

use std::os::fd::AsFd;

use xdp_sys::Errno;
use xdp_sys::ethtool::ethtool_ringparam;
use xdp_sys::ethtool_netlink::{
    ETHTOOL_A_RINGS_RX, ETHTOOL_A_RINGS_TCP_DATA_SPLIT, ETHTOOL_A_RINGS_TX, ETHTOOL_MSG_RINGS_SET,
    ETHTOOL_TCP_DATA_SPLIT_DISABLED, ETHTOOL_TCP_DATA_SPLIT_ENABLED, ETHTOOL_TCP_DATA_SPLIT_UNKNOWN,
};

use super::{NicRings, parts};
use crate::device::change::{Change, Outcome, Restore};
use crate::device::family::FamilySocket;
use crate::device::netlink::{NetlinkError, Protocol};
use crate::device::{ChangeError, Interface};
use crate::sys;

/// New sizes of the rings of a NIC (`ethtool -G`), made by [`NicRings::change`]; what is not named stays.
///
/// Most drivers stop the interface for a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use = "nothing changes before `apply` or `until_dropped`"]
pub struct NicRingsChange {
    rx: Option<u32>,
    tx: Option<u32>,
    tcp_data_split: Option<u8>,
}

const WHAT: &str = "the rings";

impl NicRingsChange {
    /// How many descriptors each receive ring has.
    pub fn rx(self, descriptors: u32) -> Self {
        Self { rx: Some(descriptors), ..self }
    }

    /// How many descriptors each transmit ring has.
    pub fn tx(self, descriptors: u32) -> Self {
        Self { tx: Some(descriptors), ..self }
    }

    /// Lets headers of TCP packets arrive in buffers of their own. Minimum kernel: 6.1.
    pub fn split_tcp_data(self) -> Self {
        Self { tcp_data_split: Some(ETHTOOL_TCP_DATA_SPLIT_ENABLED), ..self }
    }

    /// Lets whole packets arrive, as XDP programs need them. Minimum kernel: 6.1.
    pub fn join_tcp_data(self) -> Self {
        Self { tcp_data_split: Some(ETHTOOL_TCP_DATA_SPLIT_DISABLED), ..self }
    }

    /// Changes the rings, for good. Needs `CAP_NET_ADMIN`.
    pub fn apply(self, interface: &Interface) -> Result<(), ChangeError> {
        self.until_dropped(interface).map(Restore::keep)
    }

    /// Changes the rings until the guard is dropped. Needs `CAP_NET_ADMIN`.
    pub fn until_dropped(self, interface: &Interface) -> Result<Restore, ChangeError> {
        let now = NicRings::of(interface)?.ok_or_else(|| ChangeError::unsupported(WHAT, interface))?;
        let former = self.before(now);
        let (apply, undo) = (self.action(interface)?, former.action(interface)?);
        Change::new(WHAT, interface).apply(self.to_string(), apply).undo(former.to_string(), undo).make()
    }

    /// What this changes, as it is now.
    fn before(self, now: NicRings) -> Self {
        let split = match now.tcp_data_split() {
            Some(true) => ETHTOOL_TCP_DATA_SPLIT_ENABLED,
            Some(false) => ETHTOOL_TCP_DATA_SPLIT_DISABLED,
            // Asks the driver to do what it did before anyone chose.
            None => ETHTOOL_TCP_DATA_SPLIT_UNKNOWN,
        };
        Self {
            rx: self.rx.and(now.rx()).map(|count| count.current),
            tx: self.tx.and(now.tx()).map(|count| count.current),
            tcp_data_split: self.tcp_data_split.map(|_| split),
        }
    }

    fn action(self, interface: &Interface) -> Result<impl FnMut() -> Outcome + use<>, ChangeError> {
        let mut family = FamilySocket::ethtool(interface)?.filter(|family| family.has(ETHTOOL_MSG_RINGS_SET));
        let by_name = (interface.socket(Protocol::Route)?, interface.raw_name().to_owned());
        Ok(move || match &mut family {
            Some(family) => self.by_netlink(family),
            None => self.by_ioctl(by_name.0.as_fd(), &by_name.1).map(|()| None),
        })
    }

    fn by_netlink(&self, family: &mut FamilySocket) -> Outcome {
        let mut request = family.ethtool_request(ETHTOOL_MSG_RINGS_SET);
        for (kind, value) in [(ETHTOOL_A_RINGS_RX, self.rx), (ETHTOOL_A_RINGS_TX, self.tx)] {
            if let Some(value) = value {
                request = request.value(kind, &value);
            }
        }
        if let Some(split) = self.tcp_data_split {
            request = request.value(ETHTOOL_A_RINGS_TCP_DATA_SPLIT, &split);
        }
        family.tell(&request)
    }

    /// As kernels before 5.7 must be told: all numbers at once, and none of the newer ones.
    pub(super) fn by_ioctl(&self, socket: impl AsFd, name: &[u8]) -> Result<(), NetlinkError> {
        let refused = |errno| NetlinkError::refused(errno, None);
        if self.tcp_data_split.is_some() {
            return Err(refused(Errno::EOPNOTSUPP));
        }
        let mut rings = sys::ethtool::<ethtool_ringparam>(socket.as_fd(), name).map_err(refused)?;
        rings.rx_pending = self.rx.unwrap_or(rings.rx_pending);
        rings.tx_pending = self.tx.unwrap_or(rings.tx_pending);
        sys::ethtool_set_rings(socket.as_fd(), name, rings).map_err(refused)
    }
}

impl std::fmt::Display for NicRingsChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let numbers = [("rx", self.rx), ("tx", self.tx)];
        let numbers = numbers.iter().filter_map(|(name, value)| Some(format!("{name} {}", (*value)?)));
        let split = self.tcp_data_split.map(|split| match split {
            ETHTOOL_TCP_DATA_SPLIT_ENABLED => "tcp-data-split on".to_owned(),
            ETHTOOL_TCP_DATA_SPLIT_DISABLED => "tcp-data-split off".to_owned(),
            _ => "tcp-data-split as the driver chooses".to_owned(),
        });
        f.write_str(&parts(numbers.chain(split)))
    }
}
