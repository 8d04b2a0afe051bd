//! How received packets are spread over queues.

use xdp_sys::Plain;
use xdp_sys::ethtool_netlink::{
    ETHTOOL_A_RSS_HFUNC, ETHTOOL_A_RSS_HKEY, ETHTOOL_A_RSS_INDIR, ETHTOOL_MSG_RSS_GET,
};

use crate::device::family::{FamilySocket, attributes};
use crate::device::netlink::Attributes;
use crate::device::{Interface, InterfaceError};

/// How a NIC spreads received packets over its queues (`ethtool -x`): the queue of each remainder of a packet's hash.
///
/// A socket receives only what its own queue gets. Minimum kernel: 6.2.
#[doc(alias = "ETHTOOL_MSG_RSS_GET")]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RssTable {
    entries: Vec<u32>,
    key_len: usize,
    hash_functions: Option<u32>,
}

impl RssTable {
    /// Asks the driver; `None` if it has no such table or does not say, or the kernel is too old.
    pub fn of(interface: &Interface) -> Result<Option<Self>, InterfaceError> {
        let Some(mut family) = FamilySocket::ethtool(interface)? else { return Ok(None) };
        let request = family.ethtool_request(ETHTOOL_MSG_RSS_GET);
        let answers = family.ask(&request).map_err(|cause| interface.query_failed("the RSS table", cause))?;
        let answer = answers.as_deref().and_then(<[_]>::first).and_then(attributes);
        Ok(answer.map(Self::read).filter(|table| !table.entries.is_empty()))
    }

    /// Reads the attributes of an answer.
    pub(crate) fn read(attributes: Attributes<'_>) -> Self {
        let payload = |kind| attributes.find(kind).map_or(&[][..], |attribute| attribute.payload);
        Self {
            entries: payload(ETHTOOL_A_RSS_INDIR).chunks_exact(4).filter_map(u32::read).collect(),
            key_len: payload(ETHTOOL_A_RSS_HKEY).len(),
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

    /// Length of the hash's key, in bytes.
    pub fn key_len(&self) -> usize {
        self.key_len
    }

    /// Bits of the hash functions in use, 1 for Toeplitz for example; `None` if the driver does not say.
    #[doc(alias("ETH_RSS_HASH_TOP", "ETHTOOL_A_RSS_HFUNC"))]
    pub fn hash_functions(&self) -> Option<u32> {
        self.hash_functions
    }
}
