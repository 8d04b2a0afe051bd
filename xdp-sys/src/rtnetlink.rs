//! `linux/rtnetlink.h`, `linux/if_addr.h`, `linux/if.h`: requests about links and addresses.
#![allow(
    non_camel_case_types,
    reason = "C spelling, so that the kernel's documentation can be searched for the name"
)]

/// A link: made, changed, or in answer to a request.
pub const RTM_NEWLINK: u16 = 16;
/// A link: remove it, or it was removed.
pub const RTM_DELLINK: u16 = 17;
/// Ask for one link, or with `NLM_F_DUMP` for all.
pub const RTM_GETLINK: u16 = 18;
/// Change a link.
pub const RTM_SETLINK: u16 = 19;
/// An address: add it, or it was added.
pub const RTM_NEWADDR: u16 = 20;
/// Ask for addresses.
pub const RTM_GETADDR: u16 = 22;
/// A route: add it, or it was added.
pub const RTM_NEWROUTE: u16 = 24;
/// Ask for routes.
pub const RTM_GETROUTE: u16 = 26;

/// Multicast group of changes of links.
pub const RTNLGRP_LINK: u32 = 1;

/// Bit of `IFLA_EXT_MASK`: leave statistics out of the answer. Minimum kernel: 4.4.
pub const RTEXT_FILTER_SKIP_STATS: u32 = 1 << 3;

/// Bit of `ifinfomsg::ifi_flags` (`linux/if.h`): set up by the administrator.
pub const IFF_UP: u32 = 1 << 0;
/// Bit of `ifinfomsg::ifi_flags` (`linux/if.h`): a loopback.
pub const IFF_LOOPBACK: u32 = 1 << 3;
/// Bit of `ifinfomsg::ifi_flags` (`linux/if.h`): up and operational.
pub const IFF_RUNNING: u32 = 1 << 6;
/// Bit of `ifinfomsg::ifi_flags` (`linux/if.h`): no address resolution.
pub const IFF_NOARP: u32 = 1 << 7;
/// Bit of `ifinfomsg::ifi_flags` (`linux/if.h`): the driver sees a carrier.
pub const IFF_LOWER_UP: u32 = 1 << 16;

/// Bytes of an interface's name including the final zero byte (`linux/if.h`).
pub const IFNAMSIZ: usize = 16;
/// Bytes of an alternative name including the final zero byte (`linux/if.h`). Minimum kernel: 5.5.
pub const ALTIFNAMSIZ: usize = 128;

/// Attribute of an address: the address, on links with a peer the peer's.
pub const IFA_ADDRESS: u16 = 1;
/// Attribute of an address: the own address.
pub const IFA_LOCAL: u16 = 2;

/// Attribute of a route: where it leads to; absent for everywhere.
pub const RTA_DST: u16 = 1;
/// Attribute of a route: index of the interface that it leaves by, a `u32`.
pub const RTA_OIF: u16 = 4;
/// Attribute of a route: of several to one place the one with the least number is taken, a `u32`.
pub const RTA_PRIORITY: u16 = 6;
/// Attribute of a route: a list of [`rtnexthop`], each followed by attributes.
pub const RTA_MULTIPATH: u16 = 9;
/// Attribute of a route: its table, a `u32`; the header's byte holds small numbers only.
pub const RTA_TABLE: u16 = 15;
/// The table that packets are routed by when no rule says otherwise.
pub const RT_TABLE_MAIN: u32 = 254;
/// Value of `rtmsg::rtm_type`: to a neighbour, as opposed to being dropped, or meant for this machine.
pub const RTN_UNICAST: u8 = 1;
/// Bit of `rtmsg::rtm_flags`: a copy that was made for one destination.
pub const RTM_F_CLONED: u32 = 0x200;

/// What a message about a link begins with.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ifinfomsg {
    /// Zero.
    pub ifi_family: u8,
    /// Implicit padding in C, checked to be zero under `NETLINK_GET_STRICT_CHK`.
    pub __ifi_pad: u8,
    /// Hardware type, `ARPHRD_ETHER` for example.
    pub ifi_type: u16,
    /// Index of the interface.
    pub ifi_index: i32,
    /// [`IFF_UP`] and its neighbours.
    pub ifi_flags: u32,
    /// Which of the flags a request changes.
    pub ifi_change: u32,
}

assert_layout!(ifinfomsg, 16, {
    ifi_family: u8 => 0, __ifi_pad: u8 => 1, ifi_type: u16 => 2, ifi_index: i32 => 4, ifi_flags: u32 => 8,
    ifi_change: u32 => 12,
});

/// What a message about an address begins with (`linux/if_addr.h`).
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ifaddrmsg {
    /// `AF_INET` or `AF_INET6`.
    pub ifa_family: u8,
    /// Length of the prefix, in bits.
    pub ifa_prefixlen: u8,
    /// Flags.
    pub ifa_flags: u8,
    /// Scope; zero is global.
    pub ifa_scope: u8,
    /// Index of the interface.
    pub ifa_index: u32,
}

assert_layout!(ifaddrmsg, 8, {
    ifa_family: u8 => 0, ifa_prefixlen: u8 => 1, ifa_flags: u8 => 2, ifa_scope: u8 => 3, ifa_index: u32 => 4,
});

/// What a message about a route begins with.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct rtmsg {
    /// `AF_INET` or `AF_INET6`.
    pub rtm_family: u8,
    /// Length of the prefix that it leads to, in bits; zero is everywhere.
    pub rtm_dst_len: u8,
    /// Length of the prefix that it is for packets from, in bits.
    pub rtm_src_len: u8,
    /// Type of service.
    pub rtm_tos: u8,
    /// Table, if its number fits.
    pub rtm_table: u8,
    /// Who made it.
    pub rtm_protocol: u8,
    /// How far it leads.
    pub rtm_scope: u8,
    /// [`RTN_UNICAST`] and its neighbours.
    pub rtm_type: u8,
    /// [`RTM_F_CLONED`] and its neighbours.
    pub rtm_flags: u32,
}

assert_layout!(rtmsg, 12, {
    rtm_family: u8 => 0, rtm_dst_len: u8 => 1, rtm_src_len: u8 => 2, rtm_tos: u8 => 3, rtm_table: u8 => 4,
    rtm_protocol: u8 => 5, rtm_scope: u8 => 6, rtm_type: u8 => 7, rtm_flags: u32 => 8,
});

/// One of several ways of a route, in [`RTA_MULTIPATH`].
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct rtnexthop {
    /// Length of this and its attributes, in bytes.
    pub rtnh_len: u16,
    /// Flags.
    pub rtnh_flags: u8,
    /// Share of the packets, less one.
    pub rtnh_hops: u8,
    /// Index of the interface.
    pub rtnh_ifindex: i32,
}

assert_layout!(rtnexthop, 8, { rtnh_len: u16 => 0, rtnh_flags: u8 => 2, rtnh_hops: u8 => 3, rtnh_ifindex: i32 => 4 });
