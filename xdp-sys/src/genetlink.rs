//! `linux/genetlink.h`: families that are found by name.
#![allow(
    non_camel_case_types,
    reason = "C spelling, so that the kernel's documentation can be searched for the name"
)]

/// Message type of the controller, the one family with a fixed number.
pub const GENL_ID_CTRL: u16 = 0x10;

/// Controller: ask for a family by name.
pub const CTRL_CMD_GETFAMILY: u8 = 3;

/// Controller: the message type of the family, a `u16`.
pub const CTRL_ATTR_FAMILY_ID: u16 = 1;
/// Controller: the name of the family, ended by a zero byte.
pub const CTRL_ATTR_FAMILY_NAME: u16 = 2;
/// Controller: the version of the family, a `u32`.
pub const CTRL_ATTR_VERSION: u16 = 3;
/// Controller: the largest attribute number of a request, a `u32`.
pub const CTRL_ATTR_MAXATTR: u16 = 5;
/// Controller: nest of nests, one for each operation.
pub const CTRL_ATTR_OPS: u16 = 6;
/// Controller: nest of nests, one for each multicast group.
pub const CTRL_ATTR_MCAST_GROUPS: u16 = 7;

/// In [`CTRL_ATTR_OPS`]: the number of the command, a `u32`.
pub const CTRL_ATTR_OP_ID: u16 = 1;

/// In [`CTRL_ATTR_MCAST_GROUPS`]: the name of the group, ended by a zero byte.
pub const CTRL_ATTR_MCAST_GRP_NAME: u16 = 1;
/// In [`CTRL_ATTR_MCAST_GROUPS`]: the number to join, a `u32`.
pub const CTRL_ATTR_MCAST_GRP_ID: u16 = 2;

/// What follows the netlink header.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct genlmsghdr {
    /// Command of the family.
    pub cmd: u8,
    /// Version of the family that is spoken.
    pub version: u8,
    /// Zero.
    pub reserved: u16,
}

assert_layout!(genlmsghdr, 4, { cmd: u8 => 0, version: u8 => 1, reserved: u16 => 2 });
