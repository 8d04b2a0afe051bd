//! Reading answers of drivers: those that no interface of a lab gives, and bytes that no kernel sends.

use proptest::collection::vec;
use proptest::prelude::*;
use xdp_sys::ethtool::{ethtool_channels, ethtool_ringparam};
use xdp_sys::ethtool_netlink::{
    ETHTOOL_A_BITSET_BIT_INDEX, ETHTOOL_A_BITSET_BIT_NAME, ETHTOOL_A_BITSET_BIT_VALUE, ETHTOOL_A_BITSET_BITS,
    ETHTOOL_A_BITSET_BITS_BIT, ETHTOOL_A_BITSET_NOMASK, ETHTOOL_A_CHANNELS_COMBINED_COUNT,
    ETHTOOL_A_CHANNELS_COMBINED_MAX, ETHTOOL_A_FEATURES_ACTIVE, ETHTOOL_A_FEATURES_HW,
    ETHTOOL_A_FEATURES_NOCHANGE, ETHTOOL_A_FEATURES_WANTED, ETHTOOL_A_RINGS_RX, ETHTOOL_A_RINGS_RX_BUF_LEN,
    ETHTOOL_A_RINGS_RX_MAX, ETHTOOL_A_RINGS_TCP_DATA_SPLIT, ETHTOOL_A_RINGS_TX, ETHTOOL_A_RSS_HFUNC,
    ETHTOOL_A_RSS_HKEY, ETHTOOL_A_RSS_INDIR, ETHTOOL_TCP_DATA_SPLIT_DISABLED, ETHTOOL_TCP_DATA_SPLIT_ENABLED,
    ETHTOOL_TCP_DATA_SPLIT_UNKNOWN,
};

use super::*;
use crate::device::netlink::script::attributes;
use crate::device::netlink::{Attributes, Body};

#[test]
fn rings_that_are_half_told_are_unknown() {
    let answer = attributes(|body| {
        body.value(ETHTOOL_A_RINGS_RX, &512_u32);
        body.value(ETHTOOL_A_RINGS_RX_MAX, &4096_u32);
        body.value(ETHTOOL_A_RINGS_TX, &256_u32);
        body.value(ETHTOOL_A_RINGS_RX_BUF_LEN, &0_u32);
    });
    let rings = NicRings::read(Attributes::new(&answer));
    assert_eq!(rings.rx(), Some(Count { current: 512, max: 4096 }));
    assert_eq!((rings.tx(), rings.rx_buffer_len(), rings.tcp_data_split()), (None, None, None));
}

#[test]
fn a_driver_that_does_not_say_whether_it_splits_is_not_one_that_does_not() {
    let split = |value: u8| {
        let answer = attributes(|body| body.value(ETHTOOL_A_RINGS_TCP_DATA_SPLIT, &value));
        NicRings::read(Attributes::new(&answer)).tcp_data_split()
    };
    assert_eq!(split(ETHTOOL_TCP_DATA_SPLIT_UNKNOWN), None);
    assert_eq!(split(ETHTOOL_TCP_DATA_SPLIT_DISABLED), Some(false));
    assert_eq!(split(ETHTOOL_TCP_DATA_SPLIT_ENABLED), Some(true));
    assert_eq!(split(77), None);
}

#[test]
fn an_rss_table_names_its_queues_once_and_in_order() {
    let answer = attributes(|body| {
        let table: Vec<u8> = [5_u32, 0, 1, 5, 0, 1].iter().flat_map(|queue| queue.to_ne_bytes()).collect();
        body.bytes(ETHTOOL_A_RSS_INDIR, &table);
        body.bytes(ETHTOOL_A_RSS_HKEY, &[7; 40]);
        body.value(ETHTOOL_A_RSS_HFUNC, &1_u32);
    });
    let table = RssTable::read(Attributes::new(&answer));
    assert_eq!(table.entries(), [5, 0, 1, 5, 0, 1]);
    assert_eq!((table.queues(), table.key_len(), table.hash_functions()), (vec![0, 1, 5], Some(40), Some(1)));
}

#[test]
fn a_table_cut_within_an_entry_has_the_entries_before() {
    let answer = attributes(|body| body.bytes(ETHTOOL_A_RSS_INDIR, &[1, 0, 0, 0, 2, 0]));
    assert_eq!(RssTable::read(Attributes::new(&answer)).entries().len(), 1);
}

/// A set of bits: with a mask those named with their values, without those that are on.
fn bitset(body: &mut Body, kind: u16, is_list: bool, bits: &[(&str, bool)]) {
    body.nest(kind, |set| {
        if is_list {
            set.bytes(ETHTOOL_A_BITSET_NOMASK, &[]);
        }
        set.nest(ETHTOOL_A_BITSET_BITS, |all| {
            for (number, (name, value)) in bits.iter().enumerate() {
                all.nest(ETHTOOL_A_BITSET_BITS_BIT, |bit| {
                    bit.value(ETHTOOL_A_BITSET_BIT_INDEX, &(number as u32));
                    bit.text(ETHTOOL_A_BITSET_BIT_NAME, name);
                    if *value && !is_list {
                        bit.bytes(ETHTOOL_A_BITSET_BIT_VALUE, &[]);
                    }
                });
            }
        });
    });
}

#[test]
fn what_is_off_though_wanted_and_what_never_changes_is_told_apart() {
    let answer = attributes(|body| {
        let hardware = [("rx-lro", true), ("rx-gro-hw", true), ("rx-gro", false), ("highdma", true)];
        bitset(body, ETHTOOL_A_FEATURES_HW, false, &hardware);
        bitset(body, ETHTOOL_A_FEATURES_WANTED, true, &[("rx-lro", true), ("rx-gro-hw", true)]);
        bitset(body, ETHTOOL_A_FEATURES_ACTIVE, true, &[("rx-lro", true), ("rx-gro", true)]);
        bitset(body, ETHTOOL_A_FEATURES_NOCHANGE, false, &[("highdma", true), ("rx-lro", false)]);
    });
    let features = Features::read(Attributes::new(&answer));
    let shown: Vec<_> = features.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["highdma: off [fixed]", "rx-gro: on [fixed]", "rx-gro-hw: off", "rx-lro: on"]);
    assert!(features.gro_hw().expect("told").is_wanted() && !features.gro_hw().expect("told").is_active());
    assert_eq!(features.ntuple(), None, "a kernel that knows no such feature");
    assert_eq!(features.has_tx_checksum(), None);
}

#[test]
fn an_ioctl_tells_the_same_as_netlink() {
    let answer = attributes(|body| {
        body.value(ETHTOOL_A_CHANNELS_COMBINED_COUNT, &2_u32);
        body.value(ETHTOOL_A_CHANNELS_COMBINED_MAX, &8_u32);
    });
    let channels = ethtool_channels { max_combined: 8, combined_count: 2, ..ethtool_channels::default() };
    let (by_netlink, by_ioctl) = (Channels::read(Attributes::new(&answer)), Channels::from_ioctl(channels));
    assert_eq!(by_netlink, by_ioctl);
    assert_eq!((by_ioctl.rx_queues(), by_ioctl.combined().to_string()), (2, "2 of 8".to_owned()));

    let rings = ethtool_ringparam { rx_max_pending: 9, rx_pending: 4, ..ethtool_ringparam::default() };
    let rings = NicRings::from_ioctl(rings);
    assert_eq!((rings.rx(), rings.tx()), (Some(Count { current: 4, max: 9 }), None));
}

#[cfg(feature = "lab")]
#[test]
fn without_netlink_channels_are_told_and_changed_by_ioctl() {
    use std::os::fd::AsFd;

    use xdp_sys::Errno;

    use crate::device::Interface;
    use crate::device::netlink::Protocol;

    if !crate::lab::require("without_netlink_channels_are_told_and_changed_by_ioctl") {
        return;
    }
    let lab = crate::lab::Lab::builder().queues(4).build().expect("a lab");
    let _inside = lab.enter().expect("inside");
    let nic = Interface::find(lab.pair(0).a()).expect("found");
    let socket = nic.socket(Protocol::Route).expect("a socket");
    let told = || (Channels::by_ioctl(&nic).expect("asked"), Channels::of(&nic).expect("asked"));
    let (by_ioctl, by_netlink) = told();
    assert!(by_ioctl.is_some());
    assert_eq!(by_ioctl, by_netlink);

    Channels::change().rx(2).by_ioctl(socket.as_fd(), nic.raw_name()).expect("changed");
    let (by_ioctl, by_netlink) = told();
    assert_eq!(by_ioctl, by_netlink);
    assert_eq!(by_ioctl.map(|now| (now.rx().current, now.tx().current)), Some((2, 4)));
    let refused = Channels::change().rx(9).by_ioctl(socket.as_fd(), nic.raw_name()).expect_err("too many");
    assert_eq!(refused.refusal(), Some(Errno::EINVAL));

    assert_eq!(NicRings::by_ioctl(&nic).expect("asked"), None);
    assert_eq!(RssTable::by_ioctl(&nic).expect("asked"), None);
    for change in [NicRings::change().rx(64), NicRings::change().split_tcp_data()] {
        let refused = change.by_ioctl(socket.as_fd(), nic.raw_name()).expect_err("a veth has no rings");
        assert_eq!(refused.refusal(), Some(Errno::EOPNOTSUPP));
    }
}

#[test]
fn changes_say_in_words_what_they_would_do() {
    let channels = Channels::change().combined(4).rx(1);
    assert_eq!(channels.to_string(), "rx 1, combined 4");
    assert_eq!(NicRings::change().tx(64).join_tcp_data().to_string(), "tx 64, tcp-data-split off");
    assert_eq!(Features::change().on("gro").off("lro").to_string(), "gro on, lro off");
}

/// All readers of answers, on any bytes.
fn read_all(bytes: &[u8]) -> (Channels, NicRings, RssTable, Features) {
    let attributes = Attributes::new(bytes);
    (
        Channels::read(attributes),
        NicRings::read(attributes),
        RssTable::read(attributes),
        Features::read(attributes),
    )
}

proptest! {
    #[test]
    fn answers_of_any_bytes_are_read_without_panic(bytes in vec(any::<u8>(), 0..400)) {
        let (channels, _, table, features) = read_all(&bytes);
        let _ = (channels.rx_queues(), channels.tx_queues(), features.iter().count());
        prop_assert!(table.entries().len() * 4 <= bytes.len() && table.key_len() < Some(bytes.len() + 1));
    }

    #[test]
    fn answers_cut_anywhere_or_with_a_wrong_byte_are_read_without_panic(
        cut in 0_usize..400, at in 0_usize..400, byte: u8,
    ) {
        let mut whole = attributes(|body| {
            body.value(ETHTOOL_A_RINGS_RX_MAX, &4096_u32);
            bitset(body, ETHTOOL_A_FEATURES_HW, false, &[("rx-lro", true), ("rx-gro-hw", true)]);
            bitset(body, ETHTOOL_A_FEATURES_ACTIVE, true, &[("rx-lro", true)]);
            body.bytes(ETHTOOL_A_RSS_HKEY, &[7; 40]);
        });
        let at = at % whole.len();
        whole[at] = byte;
        let _ = read_all(&whole[..cut.min(whole.len())]);
    }
}
