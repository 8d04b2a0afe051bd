//! `linux/if_link.h` and `linux/veth.h`: the attributes of a link.
#![allow(
    non_camel_case_types,
    reason = "C spelling, so that the kernel's documentation can be searched for the name"
)]

/// Hardware address.
pub const IFLA_ADDRESS: u16 = 1;
/// Name, ended by a zero byte.
pub const IFLA_IFNAME: u16 = 3;
/// Largest packet, in bytes, without the link header.
pub const IFLA_MTU: u16 = 4;
/// Index of the link below this one, or of a veth's peer.
pub const IFLA_LINK: u16 = 5;
/// Index of the bridge or bond this one belongs to.
pub const IFLA_MASTER: u16 = 10;
/// Nest: the kind of link and its details.
pub const IFLA_LINKINFO: u16 = 18;
/// [`rtnl_link_stats64`].
pub const IFLA_STATS64: u16 = 23;
/// Nest: settings by address family, one nest each.
pub const IFLA_AF_SPEC: u16 = 26;
/// Descriptor of the network namespace to move the link to.
pub const IFLA_NET_NS_FD: u16 = 28;
/// Bits that choose what an answer holds.
pub const IFLA_EXT_MASK: u16 = 29;
/// How many users asked for promiscuous mode.
pub const IFLA_PROMISCUITY: u16 = 30;
/// Allocated tx queues.
pub const IFLA_NUM_TX_QUEUES: u16 = 31;
/// Allocated rx queues.
pub const IFLA_NUM_RX_QUEUES: u16 = 32;
/// Number that this namespace gives the one that [`IFLA_LINK`] is in, an `i32`; absent if it is the same. Minimum
/// kernel: 3.19.
pub const IFLA_LINK_NETNSID: u16 = 37;
/// Nest: XDP programs.
pub const IFLA_XDP: u16 = 43;
/// In the removal of a link: the network namespace that it was moved to. Minimum kernel: 4.15.
pub const IFLA_NEW_NETNSID: u16 = 45;
/// Nest: alternative names. Minimum kernel: 5.5.
pub const IFLA_PROP_LIST: u16 = 52;
/// An alternative name, ended by a zero byte. Minimum kernel: 5.5.
pub const IFLA_ALT_IFNAME: u16 = 53;
/// Name of the device that the link belongs to, ended by a zero byte. Minimum kernel: 5.14.
pub const IFLA_PARENT_DEV_NAME: u16 = 56;
/// The bus of that device, ended by a zero byte. Minimum kernel: 5.14.
pub const IFLA_PARENT_DEV_BUS_NAME: u16 = 57;

/// In [`IFLA_LINKINFO`]: the kind, `veth` for example.
pub const IFLA_INFO_KIND: u16 = 1;
/// In [`IFLA_LINKINFO`]: what the kind defines.
pub const IFLA_INFO_DATA: u16 = 2;

/// In [`IFLA_INFO_DATA`] of a veth (`linux/veth.h`): an `ifinfomsg` and attributes of the peer.
pub const VETH_INFO_PEER: u16 = 1;

/// In the nest of `AF_INET6` in [`IFLA_AF_SPEC`]: how the link makes itself an address, one byte. Minimum kernel: 3.17.
pub const IFLA_INET6_ADDR_GEN_MODE: u16 = 8;
/// A value of [`IFLA_INET6_ADDR_GEN_MODE`]: not at all.
pub const IN6_ADDR_GEN_MODE_NONE: u8 = 1;

/// In [`IFLA_XDP`]: descriptor of the program to attach.
pub const IFLA_XDP_FD: u16 = 1;
/// In [`IFLA_XDP`]: one of [`XDP_ATTACHED_NONE`] and its neighbours, one byte.
pub const IFLA_XDP_ATTACHED: u16 = 2;
/// In [`IFLA_XDP`]: [`XDP_FLAGS_UPDATE_IF_NOEXIST`] and its neighbours.
pub const IFLA_XDP_FLAGS: u16 = 3;
/// In [`IFLA_XDP`]: the program, when there is just one.
pub const IFLA_XDP_PROG_ID: u16 = 4;
/// In [`IFLA_XDP`]: the program in the driver. Minimum kernel: 4.19.
pub const IFLA_XDP_DRV_PROG_ID: u16 = 5;
/// In [`IFLA_XDP`]: the program before the stack. Minimum kernel: 4.19.
pub const IFLA_XDP_SKB_PROG_ID: u16 = 6;
/// In [`IFLA_XDP`]: the program in the NIC. Minimum kernel: 4.19.
pub const IFLA_XDP_HW_PROG_ID: u16 = 7;
/// In [`IFLA_XDP`]: descriptor of the program that is to be replaced. Minimum kernel: 5.7.
pub const IFLA_XDP_EXPECTED_FD: u16 = 8;

/// No program.
pub const XDP_ATTACHED_NONE: u8 = 0;
/// A program in the driver.
pub const XDP_ATTACHED_DRV: u8 = 1;
/// A program before the stack ("generic").
pub const XDP_ATTACHED_SKB: u8 = 2;
/// A program in the NIC.
pub const XDP_ATTACHED_HW: u8 = 3;
/// Programs in more than one place. Minimum kernel: 4.19.
pub const XDP_ATTACHED_MULTI: u8 = 4;

/// Attach only where nothing is attached.
pub const XDP_FLAGS_UPDATE_IF_NOEXIST: u32 = 1 << 0;
/// Attach before the stack ("generic").
pub const XDP_FLAGS_SKB_MODE: u32 = 1 << 1;
/// Attach in the driver.
pub const XDP_FLAGS_DRV_MODE: u32 = 1 << 2;
/// Attach in the NIC.
pub const XDP_FLAGS_HW_MODE: u32 = 1 << 3;
/// Replace just the program of [`IFLA_XDP_EXPECTED_FD`]. Minimum kernel: 5.7.
pub const XDP_FLAGS_REPLACE: u32 = 1 << 4;

/// The part of [`IFLA_STATS64`] that every kernel has; newer ones append counters.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct rtnl_link_stats64 {
    /// Packets received.
    pub rx_packets: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Bytes received.
    pub rx_bytes: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Packets received with an error.
    pub rx_errors: u64,
    /// Packets not sent for an error.
    pub tx_errors: u64,
    /// Packets dropped on reception.
    pub rx_dropped: u64,
    /// Packets dropped before transmission.
    pub tx_dropped: u64,
}

assert_layout!(rtnl_link_stats64, 64, {
    rx_packets: u64 => 0, tx_packets: u64 => 8, rx_bytes: u64 => 16, tx_bytes: u64 => 24, rx_errors: u64 => 32,
    tx_errors: u64 => 40, rx_dropped: u64 => 48, tx_dropped: u64 => 56,
});
