//! How received packets are spread over queues.

use std::os::fd::AsFd;

use xdp_sys::ethtool::ethtool_rxfh_indir;
use xdp_sys::ethtool_netlink::{
    ETHTOOL_A_RSS_HFUNC, ETHTOOL_A_RSS_HKEY, ETHTOOL_A_RSS_INDIR, ETHTOOL_MSG_RSS_GET,
};
use xdp_sys::{Errno, Plain};

use crate::device::family::{FamilySocket, attributes};
use crate::device::netlink::{Attributes, NetlinkError, Protocol};
use crate::device::{Interface, InterfaceError};
use crate::sys;

/// How a NIC spreads received packets over its queues (`ethtool -x`): the queue of each remainder of a packet's hash.
///
/// A socket receives only what its own queue gets. Kernels before 6.2 tell the table alone.
#[doc(alias("ETHTOOL_MSG_RSS_GET", "ETHTOOL_GRXFHINDIR"))]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RssTable {
    entries: Vec<u32>,
    key_len: Option<usize>,
    hash_functions: Option<u32>,
}

impl RssTable {
    /// Asks the driver; `None` if it has no such table or does not say, or the kernel is too old.
    pub fn of(interface: &Interface) -> Result<Option<Self>, InterfaceError> {
        let family = FamilySocket::ethtool(interface)?.filter(|family| family.has(ETHTOOL_MSG_RSS_GET));
        let Some(mut family) = family else { return Self::by_ioctl(interface) };
        let request = family.ethtool_request(ETHTOOL_MSG_RSS_GET);
        let answers = family.ask(&request).map_err(|cause| interface.query_failed("the RSS table", cause))?;
        let answer = answers.as_deref().and_then(<[_]>::first).and_then(attributes);
        Ok(answer.map(Self::read).filter(|table| !table.entries.is_empty()))
    }

    /// Asks as kernels before 6.2 must be.
    pub(super) fn by_ioctl(interface: &Interface) -> Result<Option<Self>, InterfaceError> {
        let socket = interface.socket(Protocol::Route)?;
        match sys::ethtool::<ethtool_rxfh_indir>(socket.as_fd(), interface.raw_name()) {
            Ok(answer) => {
                let told = answer.ring_index.iter().take(answer.size as usize).copied();
                let table = Self { entries: told.collect(), ..Self::default() };
                Ok(Some(table).filter(|table| !table.entries.is_empty()))
            }
            Err(Errno::EOPNOTSUPP) => Ok(None),
            Err(errno) => Err(interface.query_failed("the RSS table", NetlinkError::refused(errno, None))),
        }
    }

    /// Reads the attributes of an answer.
    pub(crate) fn read(attributes: Attributes<'_>) -> Self {
        let table = attributes.find(ETHTOOL_A_RSS_INDIR).map_or(&[][..], |table| table.payload);
        Self {
            entries: table.chunks_exact(size_of::<u32>()).filter_map(u32::read).collect(),
            key_len: attributes.find(ETHTOOL_A_RSS_HKEY).map(|key| key.payload.len()),
            hash_functions: attributes.find(ETHTOOL_A_RSS_HFUNC).and_then(|bits| bits.value()),
        }
    }

    /// The queue of each entry; a packet's entry is its hash modulo their number.
    pub fn entries(&self) -> &[u32] {
        &self.entries
    }

    /// The queues that packets are spread over, in order, each once.
    pub fn queues(&self) -> Vec<u32> {
        let mut queues = self.entries.clone();
        queues.sort_unstable();
        queues.dedup();
        queues
    }

    /// Length of the hash's key, in bytes. Minimum kernel: 6.2.
    pub fn key_len(&self) -> Option<usize> {
        self.key_len
    }

    /// Bits of the hash functions in use, 1 for Toeplitz for example; `None` if the driver does not say. Minimum
    /// kernel: 6.2.
    #[doc(alias("ETH_RSS_HASH_TOP", "ETHTOOL_A_RSS_HFUNC"))]
    pub fn hash_functions(&self) -> Option<u32> {
        self.hash_functions
    }
}
