//! The ABI held against what the running kernel says of its own types.
//!
//! Needs `/sys/kernel/btf/vmlinux` (`CONFIG_DEBUG_INFO_BTF`). Without it each test says that it skips, and fails under
//! `XDP_TEST_REQUIRE=1`.

mod reader;

use std::mem::offset_of;

use xdp_sys::ethtool::*;
use xdp_sys::ethtool_rxnfc::*;
use xdp_sys::genetlink::*;
use xdp_sys::if_link::*;
use xdp_sys::if_xdp::*;
use xdp_sys::netdev::*;
use xdp_sys::netlink::*;
use xdp_sys::rtnetlink::*;
use xdp_sys::sock_diag::*;

use reader::{Btf, Composite, kernel};

/// Our struct as the reader would describe it.
macro_rules! ours {
    ($name:ident { $($field:ident),+ }) => {
        (stringify!($name), Composite {
            size: size_of::<$name>(),
            members: vec![$((stringify!($field).to_string(), offset_of!($name, $field))),+],
        })
    };
}

#[test]
fn af_xdp_structs_are_those_of_the_running_kernel() {
    let Some(btf) = kernel("af_xdp_structs_are_those_of_the_running_kernel") else { return };
    let structs = [
        ours!(sockaddr_xdp { sxdp_family, sxdp_flags, sxdp_ifindex, sxdp_queue_id, sxdp_shared_umem_fd }),
        ours!(xdp_ring_offset { producer, consumer, desc, flags }),
        ours!(xdp_mmap_offsets { rx, tx, fr, cr }),
        ours!(xdp_ring_offset_v1 { producer, consumer, desc }),
        ours!(xdp_mmap_offsets_v1 { rx, tx, fr, cr }),
        ours!(xdp_umem_reg { addr, len, chunk_size, headroom, flags, tx_metadata_len }),
        ours!(xdp_statistics {
            rx_dropped,
            rx_invalid_descs,
            tx_invalid_descs,
            rx_ring_full,
            rx_fill_ring_empty_descs,
            tx_ring_empty_descs
        }),
        ours!(xdp_options { flags }),
        ours!(xdp_desc { addr, len, options }),
    ];
    for (name, ours) in structs {
        // A field that newer kernels append to the answer of a request leaves what is before it in place.
        let theirs = btf.composites.get(name).unwrap_or_else(|| panic!("the kernel has no struct {name}"));
        assert!(theirs.contains(&ours), "{name}: ours is {ours:?}, the kernel has {theirs:?}");
    }
}

#[test]
fn transmit_metadata_is_that_of_the_running_kernel() {
    let Some(btf) = kernel("transmit_metadata_is_that_of_the_running_kernel") else { return };
    let Some(theirs) = btf.composites.get("xsk_tx_metadata") else {
        eprintln!("SKIPPED: this kernel has no transmit metadata (before 6.8)");
        return;
    };
    // 16 bytes until 6.14, 24 since the launch time was added.
    assert!(matches!(theirs[0].size, 16 | 24), "{theirs:?}");
    assert!(theirs[0].size <= size_of::<xsk_tx_metadata>());
    assert_eq!(theirs[0].members[0], ("flags".to_string(), offset_of!(xsk_tx_metadata, flags)));
    assert_eq!(theirs[0].members[1].1, offset_of!(xsk_tx_metadata, body), "the anonymous union");
}

#[test]
fn netlink_and_ethtool_structs_are_those_of_the_running_kernel() {
    let Some(btf) = kernel("netlink_and_ethtool_structs_are_those_of_the_running_kernel") else { return };
    let structs = [
        ours!(sockaddr_nl { nl_family, nl_pad, nl_pid, nl_groups }),
        ours!(nlmsghdr { nlmsg_len, nlmsg_type, nlmsg_flags, nlmsg_seq, nlmsg_pid }),
        ours!(nlmsgerr { error, msg }),
        ours!(nlattr { nla_len, nla_type }),
        ours!(ifinfomsg { ifi_family, __ifi_pad, ifi_type, ifi_index, ifi_flags, ifi_change }),
        ours!(ifaddrmsg { ifa_family, ifa_prefixlen, ifa_flags, ifa_scope, ifa_index }),
        ours!(genlmsghdr { cmd, version, reserved }),
        ours!(ethtool_channels {
            cmd,
            max_rx,
            max_tx,
            max_other,
            max_combined,
            rx_count,
            tx_count,
            other_count,
            combined_count
        }),
        ours!(ethtool_drvinfo {
            cmd,
            driver,
            version,
            fw_version,
            bus_info,
            erom_version,
            reserved2,
            n_priv_flags,
            n_stats,
            testinfo_len,
            eedump_len,
            regdump_len
        }),
    ];
    for (name, ours) in structs {
        let theirs = btf.composites.get(name).unwrap_or_else(|| panic!("the kernel has no struct {name}"));
        assert!(theirs.contains(&ours), "{name}: ours is {ours:?}, the kernel has {theirs:?}");
    }
}

#[test]
fn structs_of_optional_parts_are_those_of_the_running_kernel_where_it_has_them() {
    let test = "structs_of_optional_parts_are_those_of_the_running_kernel_where_it_has_them";
    let Some(btf) = kernel(test) else { return };
    // `xdp_diag` is a module of its own, so that its types may be absent.
    let structs = [
        ours!(xdp_diag_req { sdiag_family, sdiag_protocol, pad, xdiag_ino, xdiag_show, xdiag_cookie }),
        ours!(xdp_diag_msg { xdiag_family, xdiag_type, pad, xdiag_ino, xdiag_cookie }),
        ours!(xdp_diag_info { ifindex, queue_id }),
        ours!(xdp_diag_umem { size, id, num_pages, chunk_size, headroom, ifindex, queue_id, flags, refs }),
        ours!(xdp_diag_stats {
            n_rx_dropped,
            n_rx_invalid,
            n_rx_full,
            n_fill_ring_empty,
            n_tx_invalid,
            n_tx_ring_empty
        }),
        ours!(ethhdr { h_dest, h_source, h_proto }),
        ours!(ethtool_tcpip4_spec { ip4src, ip4dst, psrc, pdst, tos }),
        ours!(ethtool_tcpip6_spec { ip6src, ip6dst, psrc, pdst, tclass }),
        ours!(ethtool_flow_ext { padding, h_dest, vlan_etype, vlan_tci, data }),
        ours!(ethtool_rx_flow_spec { flow_type, h_u, h_ext, m_u, m_ext, ring_cookie, location }),
    ];
    for (name, ours) in structs {
        if let Some(theirs) = btf.composites.get(name) {
            assert!(theirs.contains(&ours), "{name}: ours is {ours:?}, the kernel has {theirs:?}");
        }
    }
    // Newer kernels append counters here, so only what we name is compared.
    let stats = &btf.composites["rtnl_link_stats64"][0];
    let (_, ours) = ours!(rtnl_link_stats64 {
        rx_packets,
        tx_packets,
        rx_bytes,
        tx_bytes,
        rx_errors,
        tx_errors,
        rx_dropped,
        tx_dropped
    });
    assert_eq!(stats.members[..ours.members.len()], ours.members[..]);
}

/// Our constants by name.
macro_rules! named {
    ($($name:ident),+ $(,)?) => { vec![$((stringify!($name), i64::try_from($name).expect("small"))),+] };
}

#[test]
fn enumerators_are_those_of_the_running_kernel() {
    let Some(btf) = kernel("enumerators_are_those_of_the_running_kernel") else { return };
    let always = named![
        IFLA_ADDRESS,
        IFLA_IFNAME,
        IFLA_MTU,
        IFLA_LINK,
        IFLA_MASTER,
        IFLA_LINKINFO,
        IFLA_STATS64,
        IFLA_EXT_MASK,
        IFLA_PROMISCUITY,
        IFLA_NUM_TX_QUEUES,
        IFLA_NUM_RX_QUEUES,
        IFLA_XDP,
        IFLA_INFO_KIND,
        IFLA_INFO_DATA,
        IFLA_XDP_FD,
        IFLA_XDP_ATTACHED,
        IFLA_XDP_FLAGS,
        IFLA_XDP_PROG_ID,
        RTM_NEWLINK,
        RTM_DELLINK,
        RTM_GETLINK,
        RTM_SETLINK,
        RTM_NEWADDR,
        RTNLGRP_LINK,
        XDP_ATTACHED_NONE,
        XDP_ATTACHED_DRV,
        XDP_ATTACHED_SKB,
        NLMSGERR_ATTR_MSG,
        NLMSGERR_ATTR_OFFS,
        CTRL_CMD_GETFAMILY,
        CTRL_ATTR_FAMILY_ID,
        CTRL_ATTR_FAMILY_NAME,
        CTRL_ATTR_VERSION,
        CTRL_ATTR_MAXATTR,
        CTRL_ATTR_OPS,
        CTRL_ATTR_MCAST_GROUPS,
        CTRL_ATTR_OP_ID,
        CTRL_ATTR_MCAST_GRP_NAME,
        CTRL_ATTR_MCAST_GRP_ID,
        IFA_ADDRESS,
        IFA_LOCAL,
    ];
    for (name, ours) in always {
        assert_eq!(btf.enumerators.get(name), Some(&ours), "{name}");
    }
    // Newer than the oldest kernel, or in a part that can be left out: wrong is an error, absent is not.
    let sometimes = named![
        IFLA_PROP_LIST,
        IFLA_ALT_IFNAME,
        VETH_INFO_PEER,
        XDP_ATTACHED_HW,
        XDP_ATTACHED_MULTI,
        IFLA_XDP_DRV_PROG_ID,
        IFLA_XDP_SKB_PROG_ID,
        IFLA_XDP_HW_PROG_ID,
        IFLA_XDP_EXPECTED_FD,
        NLMSGERR_ATTR_MISS_TYPE,
        XDP_DIAG_INFO,
        XDP_DIAG_UID,
        XDP_DIAG_RX_RING,
        XDP_DIAG_TX_RING,
        XDP_DIAG_UMEM,
        XDP_DIAG_STATS,
        NETDEV_CMD_DEV_GET,
        NETDEV_CMD_DEV_ADD_NTF,
        NETDEV_CMD_DEV_DEL_NTF,
        NETDEV_CMD_DEV_CHANGE_NTF,
        NETDEV_CMD_PAGE_POOL_GET,
        NETDEV_CMD_PAGE_POOL_STATS_GET,
        NETDEV_CMD_QUEUE_GET,
        NETDEV_CMD_NAPI_GET,
        NETDEV_CMD_QSTATS_GET,
        NETDEV_CMD_BIND_RX,
        NETDEV_CMD_NAPI_SET,
        NETDEV_CMD_BIND_TX,
        NETDEV_CMD_QUEUE_CREATE,
        NETDEV_A_DEV_IFINDEX,
        NETDEV_A_DEV_PAD,
        NETDEV_A_DEV_XDP_FEATURES,
        NETDEV_A_DEV_XDP_ZC_MAX_SEGS,
        NETDEV_A_DEV_XDP_RX_METADATA_FEATURES,
        NETDEV_A_DEV_XSK_FEATURES,
        NETDEV_XDP_ACT_BASIC,
        NETDEV_XDP_ACT_REDIRECT,
        NETDEV_XDP_ACT_NDO_XMIT,
        NETDEV_XDP_ACT_XSK_ZEROCOPY,
        NETDEV_XDP_ACT_HW_OFFLOAD,
        NETDEV_XDP_ACT_RX_SG,
        NETDEV_XDP_ACT_NDO_XMIT_SG,
        NETDEV_XDP_RX_METADATA_TIMESTAMP,
        NETDEV_XDP_RX_METADATA_HASH,
        NETDEV_XDP_RX_METADATA_VLAN_TAG,
        NETDEV_XSK_FLAGS_TX_TIMESTAMP,
        NETDEV_XSK_FLAGS_TX_CHECKSUM,
        NETDEV_XSK_FLAGS_TX_LAUNCH_TIME_FIFO,
        NETDEV_A_QUEUE_ID,
        NETDEV_A_QUEUE_IFINDEX,
        NETDEV_A_QUEUE_TYPE,
        NETDEV_A_QUEUE_NAPI_ID,
        NETDEV_A_QUEUE_DMABUF,
        NETDEV_A_QUEUE_IO_URING,
        NETDEV_A_QUEUE_XSK,
        NETDEV_QUEUE_TYPE_RX,
        NETDEV_QUEUE_TYPE_TX,
        NETDEV_A_NAPI_IFINDEX,
        NETDEV_A_NAPI_ID,
        NETDEV_A_NAPI_IRQ,
        NETDEV_A_NAPI_PID,
        NETDEV_A_NAPI_DEFER_HARD_IRQS,
        NETDEV_A_NAPI_GRO_FLUSH_TIMEOUT,
        NETDEV_A_NAPI_IRQ_SUSPEND_TIMEOUT,
        NETDEV_A_NAPI_THREADED,
        NETDEV_A_QSTATS_IFINDEX,
        NETDEV_A_QSTATS_QUEUE_TYPE,
        NETDEV_A_QSTATS_QUEUE_ID,
        NETDEV_A_QSTATS_SCOPE,
        NETDEV_A_QSTATS_RX_PACKETS,
        NETDEV_A_QSTATS_RX_BYTES,
        NETDEV_A_QSTATS_TX_PACKETS,
        NETDEV_A_QSTATS_TX_BYTES,
        NETDEV_A_QSTATS_RX_ALLOC_FAIL,
        NETDEV_A_QSTATS_RX_HW_DROPS,
        NETDEV_A_QSTATS_RX_HW_DROP_OVERRUNS,
        NETDEV_QSTATS_SCOPE_QUEUE,
    ];
    let mut absent = Vec::new();
    for (name, ours) in sometimes {
        match btf.enumerators.get(name) {
            Some(theirs) => assert_eq!(*theirs, ours, "{name}"),
            None => absent.push(name),
        }
    }
    eprintln!("not in this kernel: {}", absent.join(" "));
}

#[test]
fn damaged_type_information_is_an_error_and_not_a_panic() {
    let word = |value: u32| value.to_ne_bytes();
    let header = |types: u32, names: u32| {
        let magic_and_version = [0xeb9f_u16.to_ne_bytes(), [1, 0]].concat();
        [magic_and_version, [24, 0, types, types, names].map(word).concat()].concat()
    };
    assert_eq!(header(0, 0).len(), 24);
    let with = |kind_and_members: u32| {
        [header(12, 1), [1, kind_and_members, 8].map(word).concat(), vec![0]].concat()
    };
    let named = |info: u32| {
        let mut bytes = with(info);
        bytes[24] = 0;
        Btf::parse(&bytes)
    };

    assert!(named(2 << 24).is_ok(), "a pointer without a name is sound");
    assert!(named(31 << 24).is_err(), "an unknown kind");
    assert!(named(4 << 24 | 1).is_err(), "a struct that is shorter than its members");
    assert!(Btf::parse(&with(2 << 24)).is_err(), "a name beyond the names");
    assert!(Btf::parse(&header(12, 1)).is_err(), "a header without what it promises");
    assert!(Btf::parse(&header(u32::MAX, u32::MAX)).is_err(), "lengths beyond the end");
    assert!(Btf::parse(&[]).is_err(), "nothing");
    assert!(Btf::parse(&[0; 24]).is_err(), "another magic number");
}
