//! The facts of an interface of any kind are those that other programs see.

use xdp::device::Interface;

use crate::truth::{self, every_kind, ip};
use crate::{interface, lab};

#[test]
fn an_interface_of_any_kind_is_as_ip_and_ethtool_show_it() {
    let Some(lab) = lab("an_interface_of_any_kind_is_as_ip_and_ethtool_show_it") else { return };
    let _inside = lab.enter().unwrap();
    let names = every_kind();
    for name in &names {
        agrees(&interface(name), &truth::link(name));
    }
    assert_eq!(Interface::all().unwrap().len(), names.len(), "and there are no others");
}

#[test]
fn a_change_of_an_interface_is_seen_as_ip_shows_it() {
    let Some(lab) = lab("a_change_of_an_interface_is_seen_as_ip_shows_it") else { return };
    let _inside = lab.enter().unwrap();
    let before = interface("veth0a");
    assert_eq!(before.is_promiscuous(), Some(false));
    for change in [
        "link set veth0a promisc on",
        "link set veth0a mtu 1234",
        "link set veth0b down",
        "link set veth0a address 02:00:00:00:00:77",
        "link property add dev veth0a altname the-second-name-of-this-interface",
        "link set veth0a down",
        "link set veth0a name renamed",
    ] {
        ip(change);
        let now = Interface::by_index(before.index()).unwrap();
        agrees(&now, &truth::link(now.name()));
    }
    assert_eq!(Interface::by_index(before.index()).unwrap().is_promiscuous(), Some(true));
}

#[test]
fn the_interfaces_of_the_machine_are_as_ip_shows_them() {
    if !truth::require("the_interfaces_of_the_machine_are_as_ip_shows_them", &["ip", "ethtool"]) {
        return;
    }
    // Looked at and not touched. Other tests of the machine may make and remove interfaces meanwhile.
    for name in ["lo", "eth0"] {
        match Interface::by_name(name) {
            Ok(interface) => agrees(&interface, &truth::link(name)),
            Err(error) => eprintln!("{name}: {error}"),
        }
    }
}

/// Compares each fact that `ip` and `ethtool` tell.
fn agrees(ours: &Interface, truth: &serde_json::Value) {
    let name = ours.name();
    let number = |key: &str| truth[key].as_u64().map(|number| number as u32);
    let text = |key: &str| truth[key].as_str();
    let flags = truth["flags"].as_array().unwrap();
    let has = |flag: &str| flags.iter().any(|each| each == flag);

    assert_eq!(text("ifname"), Some(name));
    assert_eq!(number("ifindex"), Some(ours.index()), "{name}");
    assert_eq!(number("mtu"), Some(ours.mtu()), "{name}");
    assert_eq!(has("UP"), ours.is_up(), "{name}: {flags:?}");
    assert_eq!(has("LOWER_UP"), ours.has_carrier(), "{name}: {flags:?}");
    let mac = ours.mac().map(|mac| mac.map(|byte| format!("{byte:02x}")).join(":"));
    assert_eq!(text("address"), mac.as_deref(), "{name}");
    assert_eq!(truth["linkinfo"]["info_kind"].as_str(), ours.kind(), "{name}");
    assert_eq!(number("promiscuity").map(|users| users != 0), ours.is_promiscuous(), "{name}");
    let allocated = ours.allocated_queues();
    assert_eq!(
        (number("num_rx_queues"), number("num_tx_queues")),
        (Some(allocated.rx), Some(allocated.tx)),
        "{name}"
    );
    let alternative = truth["altnames"].as_array().into_iter().flatten();
    let alternative: Vec<_> = alternative.map(|name| name.as_str().unwrap()).collect();
    assert_eq!(alternative, ours.alternative_names(), "{name}");

    let index_of = |key: &str| Some(truth::link(text(key)?)["ifindex"].as_u64()? as u32);
    assert_eq!(index_of("master"), ours.master(), "{name}");
    let related = ours.lower().or(ours.peer());
    assert_eq!(
        index_of("link").or_else(|| number("link_index")),
        related.map(|other| other.index()),
        "{name}"
    );
    let namespace = truth["link_netnsid"].as_i64().map(|id| id as i32);
    assert_eq!(namespace, related.and_then(|other| other.namespace_id()), "{name}");
    let parent = ours.parent().map(|parent| (parent.bus(), parent.name()));
    assert_eq!(text("parentbus").zip(text("parentdev")), parent, "{name}");

    let said = truth::ethtool("-i", name);
    let driver = said.as_deref().and_then(|said| said.lines().find_map(|line| line.strip_prefix("driver: ")));
    assert_eq!(driver, ours.driver(), "{name}");
}
