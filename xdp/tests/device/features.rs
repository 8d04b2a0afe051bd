//! Features of interfaces, and turning them on and off.

use std::collections::BTreeMap;

use xdp::device::{ChangeError, Features, Interface};

use crate::truth::{self, every_kind};
use crate::{interface, lab};

fn features(name: &str) -> Features {
    Features::of(&interface(name)).unwrap().expect("the kernel has been able to tell since 5.7")
}

/// What `ethtool -k` shows: names to "on", "off [fixed]", "off [requested on]".
fn shown(name: &str) -> BTreeMap<String, String> {
    let table = truth::ethtool("-k", name).unwrap();
    // A few have a name of their own there.
    let renamed = BTreeMap::from([
        ("generic-receive-offload", "rx-gro"),
        ("large-receive-offload", "rx-lro"),
        ("ntuple-filters", "rx-ntuple-filter"),
        ("receive-hashing", "rx-hashing"),
        ("rx-checksumming", "rx-checksum"),
        ("rx-vlan-offload", "rx-vlan-hw-parse"),
        ("tx-vlan-offload", "tx-vlan-hw-insert"),
        ("generic-segmentation-offload", "tx-generic-segmentation"),
    ]);
    let rows = table.lines().filter_map(|line| line.trim().split_once(": "));
    rows.map(|(name, state)| (renamed.get(name).copied().unwrap_or(name).to_owned(), state.to_owned()))
        .collect()
}

fn agrees(name: &str) {
    let (ours, shown) = (features(name), shown(name));
    let mut compared = 0;
    for feature in ours.iter() {
        let Some(truth) = shown.get(feature.name()) else { continue };
        let state = if feature.is_active() { "on" } else { "off" };
        let more = match () {
            () if feature.is_fixed() => " [fixed]",
            () if feature.is_wanted() && !feature.is_active() => " [requested on]",
            () if !feature.is_wanted() && feature.is_active() => " [requested off]",
            () => "",
        };
        assert_eq!(format!("{state}{more}"), *truth, "{name} {}", feature.name());
        compared += 1;
    }
    assert!(compared > 40, "only {compared} features of {name} are known by the same name");
}

#[test]
fn features_are_as_ethtool_shows_them() {
    let Some(lab) = lab("features_are_as_ethtool_shows_them") else { return };
    let _inside = lab.enter().unwrap();
    for name in every_kind() {
        agrees(&name);
    }
    let veth = features("veth0a");
    assert!(veth.lro().unwrap().is_fixed() && !veth.lro().unwrap().is_active());
    assert!(veth.ntuple().unwrap().is_fixed() && veth.gro_hw().unwrap().is_fixed());
    assert!(!veth.gro().unwrap().is_active() && !veth.gro().unwrap().is_fixed());
    assert_eq!(veth.has_tx_checksum(), Some(true));
    assert_eq!(veth.get("no-such-feature"), None);
}

#[test]
fn the_features_of_the_machine_are_as_ethtool_shows_them() {
    if !truth::require("the_features_of_the_machine_are_as_ethtool_shows_them", &["ethtool"]) {
        return;
    }
    for name in ["lo", "eth0"].into_iter().filter(|name| Interface::by_name(name).is_ok()) {
        agrees(name);
    }
}

#[test]
fn features_change_for_good_by_the_names_of_the_kernel_and_of_ethtool() {
    let Some(lab) = lab("features_change_for_good_by_the_names_of_the_kernel_and_of_ethtool") else { return };
    let _inside = lab.enter().unwrap();
    Features::change().on("gro").off("tx-checksum-sctp").apply(&interface("veth0a")).unwrap();
    let now = features("veth0a");
    assert!(now.gro().unwrap().is_active() && !now.get("tx-checksum-sctp").unwrap().is_active());
    agrees("veth0a");
    assert!(!features("veth0b").gro().unwrap().is_active(), "the other end is left alone");
}

#[test]
fn a_guard_puts_features_back_and_leaves_the_others_alone() {
    let Some(lab) = lab("a_guard_puts_features_back_and_leaves_the_others_alone") else { return };
    let _inside = lab.enter().unwrap();
    let nic = interface("veth0a");
    let before = features("veth0a");
    let guard = Features::change().on("gro").off("tx-gre-segmentation").until_dropped(&nic).unwrap();
    assert_ne!(features("veth0a"), before);
    drop(guard);
    assert_eq!(features("veth0a"), before);

    let guard = Features::change().on("gro").until_dropped(&nic).unwrap();
    Features::change().off("tx-gre-segmentation").apply(&nic).unwrap();
    guard.restore().unwrap();
    let now = features("veth0a");
    assert!(!now.gro().unwrap().is_active());
    assert!(!now.get("tx-gre-segmentation").unwrap().is_active(), "changed by somebody else meanwhile");
}

#[test]
fn a_feature_that_is_fixed_or_unknown_is_an_error_that_says_so_and_changes_nothing() {
    let test = "a_feature_that_is_fixed_or_unknown_is_an_error_that_says_so_and_changes_nothing";
    let Some(lab) = lab(test) else { return };
    let _inside = lab.enter().unwrap();
    let nic = interface("veth0a");
    let before = features("veth0a");
    let error = Features::change().on("gro").on("lro").apply(&nic).unwrap_err();
    assert!(matches!(&error, ChangeError::FixedFeature { feature, .. } if feature == "rx-lro"), "{error}");
    let error = Features::change().on("gro").on("warp-drive").apply(&nic).unwrap_err();
    assert!(
        matches!(&error, ChangeError::UnknownFeature { feature, .. } if feature == "warp-drive"),
        "{error}"
    );
    assert_eq!(features("veth0a"), before);
    let fixed = Features::change().off("lro").off("vlan-challenged");
    fixed.clone().apply(&nic).expect("what is fixed as it should be needs no change");
    fixed.on("gro").apply(&nic).expect("nor does it keep others from theirs");
    Features::change().on("gro").off("gro").apply(&nic).expect("the last word counts");
    assert_eq!(features("veth0a"), before);
}

#[test]
fn a_feature_that_depends_on_another_one_is_an_error_and_the_rest_is_undone() {
    let Some(lab) = lab("a_feature_that_depends_on_another_one_is_an_error_and_the_rest_is_undone") else {
        return;
    };
    let _inside = lab.enter().unwrap();
    let nic = interface("veth0a");
    // Without scatter-gather the kernel segments nothing in the driver.
    Features::change().off("tx-scatter-gather").off("tx-tcp-segmentation").apply(&nic).unwrap();
    let before = features("veth0a");
    let error = Features::change().on("gro").on("tx-tcp-segmentation").apply(&nic).unwrap_err();
    assert!(
        matches!(&error, ChangeError::Ineffective { feature, .. } if feature == "tx-tcp-segmentation"),
        "{error}"
    );
    assert_eq!(features("veth0a"), before);
}
