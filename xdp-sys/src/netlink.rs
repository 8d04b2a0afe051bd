//! `linux/netlink.h`: the envelope of every netlink message.
#![allow(
    non_camel_case_types,
    reason = "C spelling, so that the kernel's documentation can be searched for the name"
)]

/// Socket family of netlink.
pub const AF_NETLINK: i32 = 16;
/// Level of netlink's options in setsockopt(2) (`linux/socket.h`).
pub const SOL_NETLINK: i32 = 270;

// Protocols.

/// Links, addresses and routes.
pub const NETLINK_ROUTE: i32 = 0;
/// State of sockets.
pub const NETLINK_SOCK_DIAG: i32 = 4;
/// The envelope of families that are found by name.
pub const NETLINK_GENERIC: i32 = 16;

// Options at level `SOL_NETLINK`.

/// Join a multicast group.
pub const NETLINK_ADD_MEMBERSHIP: i32 = 1;
/// Leave the request out of an acknowledgement of failure. Minimum kernel: 4.3.
pub const NETLINK_CAP_ACK: i32 = 10;
/// Explain a failure in words. Minimum kernel: 4.12.
pub const NETLINK_EXT_ACK: i32 = 11;
/// Apply all filters of a dump request, and refuse those that are not understood. Minimum kernel: 4.20.
pub const NETLINK_GET_STRICT_CHK: i32 = 12;

// Message types below `NLMSG_MIN_TYPE`.

/// To be ignored.
pub const NLMSG_NOOP: u16 = 1;
/// A failure, or with error 0 an acknowledgement.
pub const NLMSG_ERROR: u16 = 2;
/// The end of a dump.
pub const NLMSG_DONE: u16 = 3;
/// Data was lost.
pub const NLMSG_OVERRUN: u16 = 4;

// Bits of `nlmsghdr::nlmsg_flags`.

/// This is a request.
pub const NLM_F_REQUEST: u16 = 0x01;
/// Part of several messages that [`NLMSG_DONE`] ends.
pub const NLM_F_MULTI: u16 = 0x02;
/// Acknowledge this request.
pub const NLM_F_ACK: u16 = 0x04;
/// The dump is inconsistent, since what it lists changed meanwhile.
pub const NLM_F_DUMP_INTR: u16 = 0x10;
/// The dump was filtered as asked.
pub const NLM_F_DUMP_FILTERED: u16 = 0x20;
/// Return the whole table.
pub const NLM_F_ROOT: u16 = 0x100;
/// Return all that match.
pub const NLM_F_MATCH: u16 = 0x200;
/// Return all of it.
pub const NLM_F_DUMP: u16 = NLM_F_ROOT | NLM_F_MATCH;
/// In a request that makes something: fail if it exists.
pub const NLM_F_EXCL: u16 = 0x200;
/// In a request that makes something: make it if it does not exist.
pub const NLM_F_CREATE: u16 = 0x400;

// Bits of `nlmsghdr::nlmsg_flags` in an acknowledgement: the same numbers mean other things there.

/// The request was left out of the acknowledgement.
pub const NLM_F_CAPPED: u16 = 0x100;
/// Attributes that explain the failure follow.
pub const NLM_F_ACK_TLVS: u16 = 0x200;

// Attributes of an acknowledgement: `enum nlmsgerr_attrs`.

/// Text, ended by a zero byte.
pub const NLMSGERR_ATTR_MSG: u16 = 1;
/// Offset, in bytes, of the attribute of the request that is wrong.
pub const NLMSGERR_ATTR_OFFS: u16 = 2;
/// Type of an attribute that is missing. Minimum kernel: 6.1.
pub const NLMSGERR_ATTR_MISS_TYPE: u16 = 5;

// Attribute types.

/// Bit of `nlattr::nla_type`: the payload is a list of attributes.
pub const NLA_F_NESTED: u16 = 1 << 15;
/// Bit of `nlattr::nla_type`: the payload is in network byte order.
pub const NLA_F_NET_BYTEORDER: u16 = 1 << 14;
/// The bits of `nlattr::nla_type` that are the type.
pub const NLA_TYPE_MASK: u16 = !(NLA_F_NESTED | NLA_F_NET_BYTEORDER);

/// Messages start at multiples of this, in bytes.
pub const NLMSG_ALIGNTO: usize = 4;
/// Attributes start at multiples of this, in bytes.
pub const NLA_ALIGNTO: usize = 4;

/// Address of a netlink socket.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct sockaddr_nl {
    /// [`AF_NETLINK`].
    pub nl_family: u16,
    /// Zero.
    pub nl_pad: u16,
    /// Port: zero is the kernel, or in bind(2) "choose one".
    pub nl_pid: u32,
    /// Multicast groups 1 to 32, one bit each.
    pub nl_groups: u32,
}

assert_layout!(sockaddr_nl, 12, { nl_family: u16 => 0, nl_pad: u16 => 2, nl_pid: u32 => 4, nl_groups: u32 => 8 });

/// What every message begins with.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct nlmsghdr {
    /// Length of the message including this header, in bytes.
    pub nlmsg_len: u32,
    /// [`NLMSG_ERROR`] and its neighbours, or what the protocol defines.
    pub nlmsg_type: u16,
    /// [`NLM_F_REQUEST`] and its neighbours.
    pub nlmsg_flags: u16,
    /// Number of the request; its answers repeat it.
    pub nlmsg_seq: u32,
    /// Port of the requesting socket.
    pub nlmsg_pid: u32,
}

assert_layout!(nlmsghdr, 16, {
    nlmsg_len: u32 => 0, nlmsg_type: u16 => 4, nlmsg_flags: u16 => 6, nlmsg_seq: u32 => 8, nlmsg_pid: u32 => 12,
});

/// Payload of [`NLMSG_ERROR`].
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct nlmsgerr {
    /// Zero, or the error number negated.
    pub error: i32,
    /// Header of the request this answers.
    pub msg: nlmsghdr,
}

assert_layout!(nlmsgerr, 20, { error: i32 => 0, msg: nlmsghdr => 4 });

/// What every attribute begins with.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct nlattr {
    /// Length of the attribute including this header but not its padding, in bytes.
    pub nla_len: u16,
    /// Type, with [`NLA_F_NESTED`] and [`NLA_F_NET_BYTEORDER`] as flags.
    pub nla_type: u16,
}

assert_layout!(nlattr, 4, { nla_len: u16 => 0, nla_type: u16 => 2 });
