//! What a NIC and its driver do to packets, and whether that can be turned off.

use std::collections::BTreeMap;
use std::fmt;

use xdp_sys::ethtool_netlink::{
    ETHTOOL_A_BITSET_BIT_INDEX, ETHTOOL_A_BITSET_BIT_NAME, ETHTOOL_A_BITSET_BIT_VALUE, ETHTOOL_A_BITSET_BITS,
    ETHTOOL_A_BITSET_BITS_BIT, ETHTOOL_A_BITSET_NOMASK, ETHTOOL_A_FEATURES_ACTIVE, ETHTOOL_A_FEATURES_HW,
    ETHTOOL_A_FEATURES_NOCHANGE, ETHTOOL_A_FEATURES_WANTED, ETHTOOL_MSG_FEATURES_GET,
};

use super::FeaturesChange;
use crate::device::family::{FamilySocket, attributes};
use crate::device::netlink::Attributes;
use crate::device::{Interface, InterfaceError};

/// The features of an interface, as the kernel names them (`ethtool -k`). Minimum kernel: 5.7.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Features {
    all: Vec<Feature>,
}

/// One feature of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    name: String,
    active: bool,
    wanted: bool,
    changeable: bool,
}

impl Features {
    /// Asks the kernel; `None` if it is too old.
    pub fn of(interface: &Interface) -> Result<Option<Self>, InterfaceError> {
        let Some(mut family) = FamilySocket::ethtool(interface)? else { return Ok(None) };
        let request = family.ethtool_request(ETHTOOL_MSG_FEATURES_GET);
        let answers = family.ask(&request).map_err(|cause| interface.query_failed("the features", cause))?;
        Ok(answers.as_deref().and_then(<[_]>::first).and_then(attributes).map(Self::read))
    }

    /// Reads the attributes of an answer.
    pub(crate) fn read(attributes: Attributes<'_>) -> Self {
        let set = |kind| attributes.find(kind).map(|set| Bitset::read(set.nested())).unwrap_or_default();
        let [hardware, wanted, active, fixed] = [
            ETHTOOL_A_FEATURES_HW,
            ETHTOOL_A_FEATURES_WANTED,
            ETHTOOL_A_FEATURES_ACTIVE,
            ETHTOOL_A_FEATURES_NOCHANGE,
        ]
        .map(set);
        let all = hardware.bits.iter().map(|(name, &can_change)| Feature {
            name: name.clone(),
            active: active.has(name),
            wanted: wanted.has(name),
            changeable: can_change && !fixed.has(name),
        });
        Self { all: all.collect() }
    }

    /// Features to turn on and off, to be completed and applied.
    pub fn change() -> FeaturesChange {
        FeaturesChange::default()
    }

    /// A feature by the kernel's name, `rx-gro-hw` for example, or the short one of `ethtool -K` where that stands
    /// for one feature only: `gro`, `gro-hw`, `lro`, `ntuple`. `None` if this kernel knows none of that name.
    pub fn get(&self, name: &str) -> Option<&Feature> {
        let name = match name {
            "gro" => "rx-gro",
            "gro-hw" => "rx-gro-hw",
            "lro" => "rx-lro",
            "ntuple" => "rx-ntuple-filter",
            name => name,
        };
        self.all.iter().find(|feature| feature.name == name)
    }

    /// All features that this kernel knows, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Feature> {
        self.all.iter()
    }

    /// Large receive offload: the NIC joins packets, which XDP programs cannot work with.
    pub fn lro(&self) -> Option<&Feature> {
        self.get("lro")
    }

    /// Receive offload in the NIC, of packets that could be taken apart again.
    pub fn gro_hw(&self) -> Option<&Feature> {
        self.get("gro-hw")
    }

    /// Receive offload in the kernel. A veth polls, and so runs XDP programs on what is sent to it, if this is on.
    pub fn gro(&self) -> Option<&Feature> {
        self.get("gro")
    }

    /// Rules that direct packets to queues.
    pub fn ntuple(&self) -> Option<&Feature> {
        self.get("ntuple")
    }

    /// Whether checksums of sent packets are computed by the NIC, of any kind of packet.
    pub fn has_tx_checksum(&self) -> Option<bool> {
        const KINDS: [&str; 3] = ["tx-checksum-ip-generic", "tx-checksum-ipv4", "tx-checksum-ipv6"];
        let known: Vec<_> = KINDS.iter().filter_map(|kind| self.get(kind)).collect();
        (!known.is_empty()).then(|| known.iter().any(|feature| feature.is_active()))
    }
}

impl Feature {
    /// The kernel's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is on now.
    pub fn is_active(&self) -> bool {
        self.active
    }

    /// Whether it was asked for; one that depends on another may be off all the same.
    pub fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Whether it can be turned neither on nor off.
    pub fn is_fixed(&self) -> bool {
        !self.changeable
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.active { "on" } else { "off" };
        let fixed = if self.is_fixed() { " [fixed]" } else { "" };
        write!(f, "{}: {state}{fixed}", self.name.escape_debug())
    }
}

/// Bits by name: those of the mask with their values, or without a mask just those that are on.
#[derive(Debug, Default)]
struct Bitset {
    bits: BTreeMap<String, bool>,
}

impl Bitset {
    fn read(attributes: Attributes<'_>) -> Self {
        let is_list = attributes.find(ETHTOOL_A_BITSET_NOMASK).is_some();
        let bits = attributes.find(ETHTOOL_A_BITSET_BITS).map(|bits| bits.nested());
        let bits = bits.into_iter().flatten().filter(|bit| bit.kind == ETHTOOL_A_BITSET_BITS_BIT);
        let read = bits.filter_map(|bit| {
            let bit = bit.nested();
            bit.find(ETHTOOL_A_BITSET_BIT_INDEX)?;
            let value = is_list || bit.find(ETHTOOL_A_BITSET_BIT_VALUE).is_some();
            Some((bit.find(ETHTOOL_A_BITSET_BIT_NAME)?.text(), value))
        });
        Self { bits: read.collect() }
    }

    fn has(&self, name: &str) -> bool {
        self.bits.get(name).copied().unwrap_or(false)
    }
}
