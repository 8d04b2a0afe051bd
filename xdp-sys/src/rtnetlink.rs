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
