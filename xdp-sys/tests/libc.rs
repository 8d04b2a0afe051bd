//! The ABI held against the `libc` crate, where that crate has it.

use std::mem::offset_of;

use xdp_sys::if_link::*;
use xdp_sys::if_xdp::*;
use xdp_sys::netlink::*;
use xdp_sys::rtnetlink::*;
use xdp_sys::{Errno, Plain, ethtool, genetlink};

/// Asserts that two structs have one size, and the named fields one place.
macro_rules! assert_same {
    ($ours:path, $theirs:path, { $($our_field:ident = $their_field:ident),+ $(,)? }) => {
        assert_eq!(size_of::<$ours>(), size_of::<$theirs>(), "size of {}", stringify!($ours));
        $(assert_eq!(
            offset_of!($ours, $our_field),
            offset_of!($theirs, $their_field),
            "offset of {} in {}", stringify!($our_field), stringify!($ours),
        );)+
    };
}

#[test]
fn af_xdp_structs_have_the_layout_of_libc() {
    assert_same!(sockaddr_xdp, libc::sockaddr_xdp, {
        sxdp_family = sxdp_family, sxdp_flags = sxdp_flags, sxdp_ifindex = sxdp_ifindex, sxdp_queue_id = sxdp_queue_id,
        sxdp_shared_umem_fd = sxdp_shared_umem_fd,
    });
    assert_same!(xdp_ring_offset, libc::xdp_ring_offset, {
        producer = producer, consumer = consumer, desc = desc, flags = flags,
    });
    assert_same!(xdp_mmap_offsets, libc::xdp_mmap_offsets, { rx = rx, tx = tx, fr = fr, cr = cr });
    assert_same!(xdp_ring_offset_v1, libc::xdp_ring_offset_v1, { producer = producer, consumer = consumer, desc = desc });
    assert_same!(xdp_mmap_offsets_v1, libc::xdp_mmap_offsets_v1, { rx = rx, tx = tx, fr = fr, cr = cr });
    assert_same!(xdp_umem_reg, libc::xdp_umem_reg, {
        addr = addr, len = len, chunk_size = chunk_size, headroom = headroom, flags = flags,
        tx_metadata_len = tx_metadata_len,
    });
    assert_same!(xdp_umem_reg_v1, libc::xdp_umem_reg_v1, {
        addr = addr, len = len, chunk_size = chunk_size, headroom = headroom,
    });
    assert_same!(xdp_statistics, libc::xdp_statistics, {
        rx_dropped = rx_dropped, rx_invalid_descs = rx_invalid_descs, tx_invalid_descs = tx_invalid_descs,
        rx_ring_full = rx_ring_full, rx_fill_ring_empty_descs = rx_fill_ring_empty_descs,
        tx_ring_empty_descs = tx_ring_empty_descs,
    });
    assert_same!(xdp_statistics_v1, libc::xdp_statistics_v1, {
        rx_dropped = rx_dropped, rx_invalid_descs = rx_invalid_descs, tx_invalid_descs = tx_invalid_descs,
    });
    assert_same!(xdp_options, libc::xdp_options, { flags = flags });
    assert_same!(xdp_desc, libc::xdp_desc, { addr = addr, len = len, options = options });
}

#[test]
fn netlink_structs_have_the_layout_of_libc() {
    assert_same!(nlmsghdr, libc::nlmsghdr, {
        nlmsg_len = nlmsg_len, nlmsg_type = nlmsg_type, nlmsg_flags = nlmsg_flags, nlmsg_seq = nlmsg_seq,
        nlmsg_pid = nlmsg_pid,
    });
    assert_same!(nlmsgerr, libc::nlmsgerr, { error = error, msg = msg });
    assert_same!(nlattr, libc::nlattr, { nla_len = nla_len, nla_type = nla_type });
    assert_same!(genetlink::genlmsghdr, libc::genlmsghdr, { cmd = cmd, version = version, reserved = reserved });
    assert_eq!(size_of::<sockaddr_nl>(), size_of::<libc::sockaddr_nl>());
}

#[test]
fn af_xdp_constants_are_those_of_libc() {
    assert_eq!((AF_XDP, SOL_XDP), (libc::AF_XDP, libc::SOL_XDP));
    assert_eq!(
        [XDP_SHARED_UMEM, XDP_COPY, XDP_ZEROCOPY, XDP_USE_NEED_WAKEUP, XDP_USE_SG],
        [
            libc::XDP_SHARED_UMEM,
            libc::XDP_COPY,
            libc::XDP_ZEROCOPY,
            libc::XDP_USE_NEED_WAKEUP,
            libc::XDP_USE_SG
        ],
    );
    assert_eq!(
        [
            XDP_UMEM_UNALIGNED_CHUNK_FLAG,
            XDP_UMEM_TX_SW_CSUM,
            XDP_UMEM_TX_METADATA_LEN,
            XDP_RING_NEED_WAKEUP,
            XDP_OPTIONS_ZEROCOPY,
            XDP_PKT_CONTD,
            XDP_TX_METADATA,
        ],
        [
            libc::XDP_UMEM_UNALIGNED_CHUNK_FLAG,
            libc::XDP_UMEM_TX_SW_CSUM,
            libc::XDP_UMEM_TX_METADATA_LEN,
            libc::XDP_RING_NEED_WAKEUP,
            libc::XDP_OPTIONS_ZEROCOPY,
            libc::XDP_PKT_CONTD,
            libc::XDP_TX_METADATA,
        ],
    );
    assert_eq!(
        [
            XDP_MMAP_OFFSETS,
            XDP_RX_RING,
            XDP_TX_RING,
            XDP_UMEM_REG,
            XDP_UMEM_FILL_RING,
            XDP_UMEM_COMPLETION_RING,
            XDP_STATISTICS,
            XDP_OPTIONS,
        ],
        [
            libc::XDP_MMAP_OFFSETS,
            libc::XDP_RX_RING,
            libc::XDP_TX_RING,
            libc::XDP_UMEM_REG,
            libc::XDP_UMEM_FILL_RING,
            libc::XDP_UMEM_COMPLETION_RING,
            libc::XDP_STATISTICS,
            libc::XDP_OPTIONS,
        ],
    );
    assert_eq!(
        [XDP_PGOFF_RX_RING, XDP_PGOFF_TX_RING, XDP_UMEM_PGOFF_FILL_RING, XDP_UMEM_PGOFF_COMPLETION_RING],
        [
            libc::XDP_PGOFF_RX_RING as u64,
            libc::XDP_PGOFF_TX_RING as u64,
            libc::XDP_UMEM_PGOFF_FILL_RING,
            libc::XDP_UMEM_PGOFF_COMPLETION_RING,
        ],
    );
    assert_eq!(XSK_UNALIGNED_BUF_OFFSET_SHIFT as i32, libc::XSK_UNALIGNED_BUF_OFFSET_SHIFT);
    assert_eq!(XSK_UNALIGNED_BUF_ADDR_MASK, libc::XSK_UNALIGNED_BUF_ADDR_MASK);
    assert_eq!(XDP_TXMD_FLAGS_TIMESTAMP, u64::from(libc::XDP_TXMD_FLAGS_TIMESTAMP));
    assert_eq!(XDP_TXMD_FLAGS_CHECKSUM, u64::from(libc::XDP_TXMD_FLAGS_CHECKSUM));
}

#[test]
fn netlink_constants_are_those_of_libc() {
    assert_eq!(
        [AF_NETLINK, SOL_NETLINK, NETLINK_ROUTE, NETLINK_SOCK_DIAG, NETLINK_GENERIC],
        [
            libc::AF_NETLINK,
            libc::SOL_NETLINK,
            libc::NETLINK_ROUTE,
            libc::NETLINK_SOCK_DIAG,
            libc::NETLINK_GENERIC
        ],
    );
    assert_eq!(
        [NETLINK_ADD_MEMBERSHIP, NETLINK_CAP_ACK, NETLINK_EXT_ACK],
        [libc::NETLINK_ADD_MEMBERSHIP, libc::NETLINK_CAP_ACK, libc::NETLINK_EXT_ACK],
    );
    let types = [NLMSG_NOOP, NLMSG_ERROR, NLMSG_DONE, NLMSG_OVERRUN].map(i32::from);
    assert_eq!(types, [libc::NLMSG_NOOP, libc::NLMSG_ERROR, libc::NLMSG_DONE, libc::NLMSG_OVERRUN]);
    let flags =
        [NLM_F_REQUEST, NLM_F_MULTI, NLM_F_ACK, NLM_F_DUMP_INTR, NLM_F_DUMP, NLM_F_EXCL, NLM_F_CREATE];
    assert_eq!(
        flags.map(i32::from),
        [
            libc::NLM_F_REQUEST,
            libc::NLM_F_MULTI,
            libc::NLM_F_ACK,
            libc::NLM_F_DUMP_INTR,
            libc::NLM_F_DUMP,
            libc::NLM_F_EXCL,
            libc::NLM_F_CREATE,
        ],
    );
    assert_eq!(
        [NLA_F_NESTED, NLA_F_NET_BYTEORDER, NLA_TYPE_MASK],
        [libc::NLA_F_NESTED as u16, libc::NLA_F_NET_BYTEORDER as u16, libc::NLA_TYPE_MASK as u16],
    );
    assert_eq!(
        [RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK, RTM_NEWADDR],
        [libc::RTM_NEWLINK, libc::RTM_DELLINK, libc::RTM_GETLINK, libc::RTM_SETLINK, libc::RTM_NEWADDR],
    );
    assert_eq!([IFA_ADDRESS, IFA_LOCAL], [libc::IFA_ADDRESS, libc::IFA_LOCAL]);
    assert_eq!(IFNAMSIZ, libc::IFNAMSIZ);
    let link = [IFF_UP, IFF_LOOPBACK, IFF_RUNNING, IFF_NOARP];
    assert_eq!(
        link,
        [libc::IFF_UP, libc::IFF_LOOPBACK, libc::IFF_RUNNING, libc::IFF_NOARP].map(|flag| flag as u32)
    );
    assert_eq!(
        [
            IFLA_ADDRESS,
            IFLA_IFNAME,
            IFLA_MTU,
            IFLA_LINK,
            IFLA_LINKINFO,
            IFLA_STATS64,
            IFLA_XDP,
            IFLA_ALT_IFNAME
        ],
        [
            libc::IFLA_ADDRESS,
            libc::IFLA_IFNAME,
            libc::IFLA_MTU,
            libc::IFLA_LINK,
            libc::IFLA_LINKINFO,
            libc::IFLA_STATS64,
            libc::IFLA_XDP,
            libc::IFLA_ALT_IFNAME,
        ],
    );
    assert_eq!(
        [IFLA_MASTER, IFLA_PROMISCUITY, IFLA_LINK_NETNSID, IFLA_PARENT_DEV_NAME, IFLA_PARENT_DEV_BUS_NAME],
        [
            libc::IFLA_MASTER,
            libc::IFLA_PROMISCUITY,
            libc::IFLA_LINK_NETNSID,
            libc::IFLA_PARENT_DEV_NAME,
            libc::IFLA_PARENT_DEV_BUS_NAME,
        ],
    );
    assert_eq!(
        [RTM_GETADDR, RTM_NEWROUTE, RTM_GETROUTE],
        [libc::RTM_GETADDR, libc::RTM_NEWROUTE, libc::RTM_GETROUTE],
    );
    assert_eq!(
        [RTA_DST, RTA_OIF, RTA_PRIORITY, RTA_MULTIPATH, RTA_TABLE],
        [libc::RTA_DST, libc::RTA_OIF, libc::RTA_PRIORITY, libc::RTA_MULTIPATH, libc::RTA_TABLE],
    );
    assert_eq!((RT_TABLE_MAIN, RTN_UNICAST), (libc::RT_TABLE_MAIN.into(), libc::RTN_UNICAST));
    assert_eq!(i128::from(RTM_F_CLONED), i128::from(libc::RTM_F_CLONED));
    assert_eq!(i128::from(ethtool::SIOCETHTOOL), i128::from(libc::SIOCETHTOOL));
    assert_eq!(i32::from(genetlink::GENL_ID_CTRL), libc::GENL_ID_CTRL);
    assert_eq!(i32::from(genetlink::CTRL_CMD_GETFAMILY), libc::CTRL_CMD_GETFAMILY);
}

#[test]
fn a_value_survives_the_way_through_its_bytes() {
    let desc = xdp_desc { addr: u64::MAX - 7, len: 60, options: XDP_PKT_CONTD };
    assert_eq!(xdp_desc::read(desc.as_bytes()), Some(desc));
    assert_eq!(xdp_desc::read(&desc.as_bytes()[..15]), None, "too few bytes are not a value");
    assert_eq!(xdp_desc::zeroed(), xdp_desc::default());
}

#[test]
fn an_unknown_error_number_is_shown_as_a_number() {
    assert_eq!(Errno::from_raw(libc::EBUSY), Errno::EBUSY);
    assert_eq!(format!("{:?}", Errno::EBUSY), "EBUSY");
    assert_eq!(Errno::from_raw(12345).to_string(), "errno 12345");
}

#[test]
fn old_ring_offsets_get_the_word_after_the_consumer_for_flags() {
    let old = xdp_ring_offset_v1 { producer: 0, consumer: 64, desc: 128 };
    let old = xdp_mmap_offsets_v1 { rx: old, tx: old, fr: old, cr: old };
    let new = xdp_mmap_offsets::from(old);
    assert_eq!(new.cr, xdp_ring_offset { producer: 0, consumer: 64, desc: 128, flags: 68 });
    assert!([new.rx, new.tx, new.fr].iter().all(|ring| *ring == new.cr));
}
