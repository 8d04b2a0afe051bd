//! The rings and the RSS table of NICs. No interface of a lab has either: what is read of a machine's NIC is
//! compared, and nothing of it is changed.

use xdp::device::{ChangeError, Count, Interface, NicRings, RssTable};

use crate::truth::{self, every_kind, maximum_and_current};
use crate::{interface, lab};

fn agrees(name: &str) {
    let (ours, truth) = (NicRings::of(&interface(name)).unwrap(), truth::ethtool("-g", name));
    assert_eq!(ours.is_some(), truth.is_some(), "{name}");
    let Some((ours, table)) = ours.zip(truth) else { return };
    for (row, count) in [("RX", ours.rx()), ("TX", ours.tx())] {
        let Count { current, max } = count.unwrap_or_default();
        assert_eq!((max, current), maximum_and_current(&table, row), "{name} {row}");
    }
    let split = table.lines().find_map(|line| line.strip_prefix("TCP data split:")).map(str::trim);
    let expected = match split {
        Some("on") => Some(true),
        Some("off") => Some(false),
        _ => None,
    };
    assert_eq!(ours.tcp_data_split(), expected, "{name}");
}

#[test]
fn rings_are_as_ethtool_shows_them() {
    let Some(lab) = lab("rings_are_as_ethtool_shows_them") else { return };
    let inside = lab.enter().unwrap();
    for name in every_kind() {
        agrees(&name);
    }
    drop(inside);
    if Interface::by_name("eth0").is_ok() {
        agrees("eth0");
    }
}

#[test]
fn rings_of_what_has_none_cannot_be_changed() {
    let Some(lab) = lab("rings_of_what_has_none_cannot_be_changed") else { return };
    let _inside = lab.enter().unwrap();
    let nic = interface("veth0a");
    assert_eq!(NicRings::of(&nic).unwrap(), None);
    for change in [NicRings::change().rx(512), NicRings::change().tx(64).join_tcp_data()] {
        let error = change.apply(&nic).unwrap_err();
        assert!(matches!(error, ChangeError::Unsupported { .. }), "{error}");
        assert!(error.to_string().contains("veth0a"), "{error}");
    }
}

#[test]
fn an_interface_without_rss_says_that_it_has_none() {
    let Some(lab) = lab("an_interface_without_rss_says_that_it_has_none") else { return };
    let _inside = lab.enter().unwrap();
    for name in every_kind() {
        let table = RssTable::of(&interface(&name)).unwrap();
        let shown = truth::ethtool("-x", &name);
        assert_eq!(table.is_some(), shown.is_some(), "{name}: {shown:?}");
    }
}
