//! The part of `linux/ethtool.h` that steers received packets by rules ("ntuple").
//!
//! Ports and addresses are in network byte order, everything else in the machine's.
#![allow(
    non_camel_case_types,
    reason = "C spelling, so that the kernel's documentation can be searched for the name"
)]

/// Command: how many receive rings rules may name, in [`ethtool_rxnfc::data`].
pub const ETHTOOL_GRXRINGS: u32 = 0x2d;
/// Command: how many rules there are, in [`ethtool_rxnfc::rule_cnt`], and room for how many, in
/// [`ethtool_rxnfc::data`].
pub const ETHTOOL_GRXCLSRLCNT: u32 = 0x2e;
/// Command: the rule at a location.
pub const ETHTOOL_GRXCLSRULE: u32 = 0x2f;
/// Command: the locations of all rules, behind the struct.
pub const ETHTOOL_GRXCLSRLALL: u32 = 0x30;
/// Command: remove the rule at a location.
pub const ETHTOOL_SRXCLSRLDEL: u32 = 0x31;
/// Command: add a rule.
pub const ETHTOOL_SRXCLSRLINS: u32 = 0x32;

/// Type of packets: TCP over IPv4, [`ethtool_tcpip4_spec`].
pub const TCP_V4_FLOW: u32 = 0x01;
/// Type of packets: UDP over IPv4, [`ethtool_tcpip4_spec`].
pub const UDP_V4_FLOW: u32 = 0x02;
/// Type of packets: TCP over IPv6, [`ethtool_tcpip6_spec`].
pub const TCP_V6_FLOW: u32 = 0x05;
/// Type of packets: UDP over IPv6, [`ethtool_tcpip6_spec`].
pub const UDP_V6_FLOW: u32 = 0x06;
/// Type of packets: Ethernet, [`ethhdr`].
pub const ETHER_FLOW: u32 = 0x12;
/// Bit of the type: VLAN and data of [`ethtool_flow_ext`] count.
pub const FLOW_EXT: u32 = 0x8000_0000;
/// Bit of the type: the destination of [`ethtool_flow_ext`] counts.
pub const FLOW_MAC_EXT: u32 = 0x4000_0000;
/// Bit of the type: to a set of queues rather than one.
pub const FLOW_RSS: u32 = 0x2000_0000;

/// Destination: drop.
pub const RX_CLS_FLOW_DISC: u64 = u64::MAX;
/// Destination: drop, and wake the machine.
pub const RX_CLS_FLOW_WAKE: u64 = u64::MAX - 1;
/// The bits of a destination that are the queue.
pub const ETHTOOL_RX_FLOW_SPEC_RING: u64 = 0xffff_ffff;
/// The bits of a destination that are the virtual function, 0 for the interface itself.
pub const ETHTOOL_RX_FLOW_SPEC_RING_VF: u64 = 0x00ff_0000_0000;

/// Location: anywhere, in a driver that chooses by itself.
pub const RX_CLS_LOC_ANY: u32 = 0xffff_ffff;
/// Bit of [`ethtool_rxnfc::data`] in answer to [`ETHTOOL_GRXCLSRLCNT`]: the driver can choose the location.
pub const RX_CLS_LOC_SPECIAL: u32 = 0x8000_0000;

/// Ports and addresses of TCP or UDP over IPv4.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ethtool_tcpip4_spec {
    /// Source address.
    pub ip4src: [u8; 4],
    /// Destination address.
    pub ip4dst: [u8; 4],
    /// Source port.
    pub psrc: [u8; 2],
    /// Destination port.
    pub pdst: [u8; 2],
    /// Type of service.
    pub tos: u8,
    /// Implicit padding in C.
    pub __pad: [u8; 3],
}

assert_layout!(ethtool_tcpip4_spec, 16, {
    ip4src: [u8; 4] => 0, ip4dst: [u8; 4] => 4, psrc: [u8; 2] => 8, pdst: [u8; 2] => 10, tos: u8 => 12,
    __pad: [u8; 3] => 13,
});

/// Ports and addresses of TCP or UDP over IPv6.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ethtool_tcpip6_spec {
    /// Source address.
    pub ip6src: [u8; 16],
    /// Destination address.
    pub ip6dst: [u8; 16],
    /// Source port.
    pub psrc: [u8; 2],
    /// Destination port.
    pub pdst: [u8; 2],
    /// Traffic class.
    pub tclass: u8,
    /// Implicit padding in C.
    pub __pad: [u8; 3],
}

assert_layout!(ethtool_tcpip6_spec, 40, {
    ip6src: [u8; 16] => 0, ip6dst: [u8; 16] => 16, psrc: [u8; 2] => 32, pdst: [u8; 2] => 34, tclass: u8 => 36,
    __pad: [u8; 3] => 37,
});

/// The header of Ethernet (`linux/if_ether.h`).
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ethhdr {
    /// Destination.
    pub h_dest: [u8; 6],
    /// Source.
    pub h_source: [u8; 6],
    /// Type of what follows.
    pub h_proto: [u8; 2],
}

assert_layout!(ethhdr, 14, { h_dest: [u8; 6] => 0, h_source: [u8; 6] => 6, h_proto: [u8; 2] => 12 });

/// What may be asked of a packet of any type.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ethtool_flow_ext {
    /// Zero.
    pub padding: [u8; 2],
    /// Destination, under [`FLOW_MAC_EXT`].
    pub h_dest: [u8; 6],
    /// Type of the VLAN tag, under [`FLOW_EXT`].
    pub vlan_etype: [u8; 2],
    /// Content of the VLAN tag, under [`FLOW_EXT`].
    pub vlan_tci: [u8; 2],
    /// What the driver defines, under [`FLOW_EXT`].
    pub data: [u8; 8],
}

assert_layout!(ethtool_flow_ext, 20, {
    padding: [u8; 2] => 0, h_dest: [u8; 6] => 2, vlan_etype: [u8; 2] => 8, vlan_tci: [u8; 2] => 10, data: [u8; 8] => 12,
});

/// A rule: what is asked of a packet, and where it goes.
///
/// The two unions of C are bytes here: [`ethtool_tcpip4_spec`] and its neighbours lie at their start.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ethtool_rx_flow_spec {
    /// [`UDP_V4_FLOW`] and its neighbours, with the bits of [`FLOW_EXT`] and its neighbours.
    pub flow_type: u32,
    /// What fields must be.
    pub h_u: [u8; 52],
    /// What further fields must be.
    pub h_ext: ethtool_flow_ext,
    /// Which bits of the fields count: those that are 1.
    pub m_u: [u8; 52],
    /// Which bits of the further fields count.
    pub m_ext: ethtool_flow_ext,
    /// Implicit padding in C.
    pub __pad: u32,
    /// The queue, or [`RX_CLS_FLOW_DISC`].
    pub ring_cookie: u64,
    /// Where in the driver's table; lower numbers are looked at first.
    pub location: u32,
    /// Implicit padding in C.
    pub __pad2: u32,
}

assert_layout!(ethtool_rx_flow_spec, 168, {
    flow_type: u32 => 0, h_u: [u8; 52] => 4, h_ext: ethtool_flow_ext => 56, m_u: [u8; 52] => 76,
    m_ext: ethtool_flow_ext => 128, __pad: u32 => 148, ring_cookie: u64 => 152, location: u32 => 160, __pad2: u32 => 164,
});

/// A question or a command about rules.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ethtool_rxnfc {
    /// [`ETHTOOL_GRXCLSRLCNT`] and its neighbours.
    pub cmd: u32,
    /// The type of packets, for commands that are not used here.
    pub flow_type: u32,
    /// Depends on the command.
    pub data: u64,
    /// The rule.
    pub fs: ethtool_rx_flow_spec,
    /// Number of rules, or room for how many locations.
    pub rule_cnt: u32,
    /// Implicit padding in C, where the locations of [`ETHTOOL_GRXCLSRLALL`] begin (`rule_locs`).
    pub __pad: u32,
}

assert_layout!(ethtool_rxnfc, 192, {
    cmd: u32 => 0, flow_type: u32 => 4, data: u64 => 8, fs: ethtool_rx_flow_spec => 16, rule_cnt: u32 => 184, __pad: u32 => 188,
});
