//! Facts about interfaces, as other tools see them.

use serde_json::Value;

use crate::{finding, furnish, interface, lab_for, output_of, printed, report, run};

#[test]
fn every_interface_is_told_as_ip_tells_it() {
    let Some(lab) = lab_for("every_interface_is_told_as_ip_tells_it", &["ip"]) else { return };
    let _inside = lab.enter().unwrap();
    let names = furnish(&lab);
    let links: Value = serde_json::from_str(&output_of("ip -d -j link show").unwrap()).unwrap();
    let report = report(&[]);
    let links = links.as_array().unwrap();
    assert_eq!(report["interfaces"].as_array().unwrap().len(), links.len(), "all, and each once");
    for name in &names {
        let link = links.iter().find(|link| link["ifname"] == **name).unwrap();
        let ours = interface(&report, name);
        assert_eq!(ours["index"], link["ifindex"], "{name}");
        assert_eq!(ours["mtu"], link["mtu"], "{name}");
        assert_eq!(ours["kind"], kind_of(link), "{name}");
        if link["link_type"] == "ether" {
            assert_eq!(ours["mac"], link["address"], "{name}");
        }
        assert_eq!(ours["master"], link["master"], "{name}");
        let flags = link["flags"].as_array().unwrap();
        assert_eq!(ours["is_up"], flags.iter().any(|flag| flag == "UP"), "{name}");
        assert_eq!(ours["has_carrier"], flags.iter().any(|flag| flag == "LOWER_UP"), "{name}");
        // The other end of a pair and the interface below are the same attribute.
        let related = [&ours["peer"], &ours["lower"]].into_iter().find(|related| !related.is_null());
        assert_eq!(related.unwrap_or(&Value::Null), &link["link"], "{name}");
        assert_eq!(ours["queues"]["rx"], link["num_rx_queues"], "{name}: all are in use here");
    }
}

/// Older versions of ip print a tun's kind so, too.
fn kind_of(link: &Value) -> Value {
    link["linkinfo"]["info_kind"].clone()
}

#[test]
fn drivers_queues_and_offloads_are_those_that_ethtool_tells() {
    let Some(lab) = lab_for("drivers_queues_and_offloads_are_those_that_ethtool_tells", &["ip", "ethtool"])
    else {
        return;
    };
    let _inside = lab.enter().unwrap();
    let names = furnish(&lab);
    let a = lab.pair(0).a().name();
    for change in [format!("ethtool -L {a} rx 1 tx 1"), format!("ethtool -K {a} gro on")] {
        output_of(&change).unwrap();
    }
    let report = report(&[]);
    let mut compared = 0;
    for name in &names {
        let ours = interface(&report, name);
        if let Some(driver) = output_of(&format!("ethtool -i {name}")) {
            assert_eq!(ours["driver"], *value_of(&driver, "driver"), "{name}");
            compared += 1;
        }
        if let Some(channels) = output_of(&format!("ethtool -l {name}")) {
            // First the most that there can be, then how many there are.
            let (most, now) = channels.split_once("Current hardware settings").unwrap();
            let number = |text: &str, key| value_of(text, key).parse::<u64>().unwrap_or(0);
            for (side, key) in [("rx", "RX"), ("tx", "TX")] {
                let both = |text: &str| number(text, key) + number(text, "Combined");
                // Of a tun that nobody has open the driver counts none; the kernel has made one.
                if both(now) == 0 {
                    assert_eq!(ours["driver"], "tun", "{name}");
                    continue;
                }
                assert_eq!(ours["queues"][side], both(now), "{name}");
                assert_eq!(ours["queues"][format!("{side}_max")], both(most), "{name}");
            }
            compared += 1;
        }
        let features = output_of(&format!("ethtool -k {name}")).unwrap();
        for offload in ours["offloads"].as_array().unwrap() {
            // ethtool has names of its own for the old ones.
            let key = match offload["name"].as_str().unwrap() {
                "rx-lro" => "large-receive-offload",
                "rx-gro" => "generic-receive-offload",
                "rx-ntuple-filter" => "ntuple-filters",
                "rx-checksum" => "rx-checksumming",
                "rx-vlan-hw-parse" => "rx-vlan-offload",
                other => other,
            };
            let theirs = value_of(&features, key);
            assert_eq!(offload["is_on"], theirs.starts_with("on"), "{name}: {key} is {theirs}");
            assert_eq!(offload["is_fixed"], theirs.contains("[fixed]"), "{name}: {key} is {theirs}");
            compared += 1;
        }
    }
    assert!(compared > 3 * names.len(), "{compared} facts of {} interfaces", names.len());
    assert_eq!(interface(&report, a)["queues"]["rx"], 1);
    assert_eq!(interface(&report, a)["queues"]["rx_max"], 2);
}

/// What stands behind a key and a colon.
fn value_of<'a>(text: &'a str, key: &str) -> &'a str {
    let mut lines = text.lines().filter_map(|line| line.trim().split_once(':'));
    lines.find(|(name, _)| *name == key).map_or("", |(_, value)| value.trim())
}

#[test]
fn every_interface_is_told_as_a_fresh_sys_tells_it() {
    let test = "every_interface_is_told_as_a_fresh_sys_tells_it";
    let Some(lab) = lab_for(test, &["ip", "unshare", "mount"]) else { return };
    let _inside = lab.enter().unwrap();
    let names = furnish(&lab);
    // The /sys that is there shows the namespace in which it was mounted.
    let script = "mount -t sysfs none /sys && cd /sys/class/net && for each in *; do echo $each $(cat $each/ifindex) \
                  $(cat $each/mtu) $(ls -d $each/queues/rx-* | wc -l); done";
    let listing = std::process::Command::new("unshare").args(["-m", "sh", "-c", script]).output().unwrap();
    assert!(listing.status.success(), "{}", String::from_utf8_lossy(&listing.stderr));
    let listing = String::from_utf8(listing.stdout).unwrap();
    let report = report(&[]);
    let mut compared = 0;
    for line in listing.lines() {
        let words: Vec<_> = line.split(' ').collect();
        let [name, index, mtu, queues] = words[..] else { panic!("{line}") };
        // A file of the bonding driver lies among the interfaces.
        if !names.iter().any(|each| each == name) {
            continue;
        }
        let ours = interface(&report, name);
        assert_eq!(ours["index"], index.parse::<u64>().unwrap(), "{name}");
        assert_eq!(ours["mtu"], mtu.parse::<u64>().unwrap(), "{name}");
        assert_eq!(ours["queues"]["rx"], queues.parse::<u64>().unwrap(), "{name}");
        compared += 1;
    }
    assert_eq!(compared, names.len());
}

#[test]
fn what_is_in_the_way_is_said_with_what_to_do() {
    let Some(lab) = lab_for("what_is_in_the_way_is_said_with_what_to_do", &["ip"]) else { return };
    let _inside = lab.enter().unwrap();
    furnish(&lab);
    let (a, b) = (lab.pair(0).a().name(), lab.pair(0).b().name());
    let report = report(&[]);
    assert_eq!(finding(interface(&report, "lo"), "InterfaceDown")["remedies"][0], "ip link set lo up");
    assert_eq!(finding(interface(&report, b), "HasMaster")["severity"], "note");
    let bridge = finding(interface(&report, "br0"), "UpperDevice");
    assert!(bridge["remedies"][0].as_str().unwrap().ends_with(b), "{bridge}");
    assert_eq!(finding(interface(&report, a), "NoZeroCopy")["severity"], "note");
    // The same for people.
    let text = printed(&run(&[]));
    for said in ["-> ip link set lo up", "br0 is a bridge", "no carrier", "native", "Linux "] {
        assert!(text.contains(said), "{said:?} is not in:\n{text}");
    }
}

#[test]
fn one_interface_is_told_alone_and_an_unknown_one_is_one_clear_line() {
    let Some(lab) = lab_for("one_interface_is_told_alone_and_an_unknown_one_is_one_clear_line", &[]) else {
        return;
    };
    let _inside = lab.enter().unwrap();
    let a = lab.pair(0).a().name();
    let report = report(&["--interface", a]);
    assert_eq!(report["interfaces"].as_array().unwrap().len(), 1);
    assert_eq!(interface(&report, a)["peer"], lab.pair(0).b().name());
    let unknown = run(&["--interface", "nosuch0"]);
    assert_eq!(unknown.status.code(), Some(1));
    let said = String::from_utf8(unknown.stderr).unwrap();
    assert!(
        said.starts_with("doctor: no interface is named \"nosuch0\"") && said.lines().count() == 1,
        "{said}"
    );
}
