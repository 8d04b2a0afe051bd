//! What interfaces can do for AF_XDP.

use xdp::device::{Capabilities, CapabilitySource, Features};

use crate::truth::every_kind;
use crate::{interface, lab};

/// The capabilities, if this kernel tells them and they are no guess.
fn told(test: &str, name: &str) -> Option<Capabilities> {
    let capabilities = Capabilities::of(&interface(name)).unwrap();
    let told = capabilities.source() == CapabilitySource::Kernel;
    if !told {
        eprintln!("SKIPPED {test}: this kernel does not tell (before 6.3)");
    }
    told.then_some(capabilities)
}

#[test]
fn a_veth_runs_programs_and_has_neither_zero_copy_nor_offload() {
    let test = "a_veth_runs_programs_and_has_neither_zero_copy_nor_offload";
    let Some(lab) = lab(test) else { return };
    let _inside = lab.enter().unwrap();
    let Some(capabilities) = told(test, "veth0a") else { return };
    let xdp = capabilities.xdp();
    assert_eq!((xdp.basic(), xdp.redirect(), xdp.rx_fragments()), (Some(true), Some(true), Some(true)));
    assert_eq!((xdp.zero_copy(), xdp.hardware_offload()), (Some(false), Some(false)));
    assert_eq!(capabilities.zero_copy_segments(), None);
    // Since 6.7 and 6.8: told or unknown, but never the opposite.
    let metadata = capabilities.rx_metadata();
    assert!([metadata.timestamp(), metadata.hash()].iter().all(|known| *known != Some(false)));
    assert_ne!(capabilities.tx_offloads().launch_time(), Some(true));
}

#[test]
fn a_veth_can_be_redirected_to_once_its_peer_polls() {
    let test = "a_veth_can_be_redirected_to_once_its_peer_polls";
    let Some(lab) = lab(test) else { return };
    let _inside = lab.enter().unwrap();
    let Some(before) = told(test, "veth0a") else { return };
    assert_eq!(before.xdp().redirect_target(), Some(false));
    let polls = Features::change().on("gro").until_dropped(&interface("veth0b")).unwrap();
    let with = Capabilities::of(&interface("veth0a")).unwrap();
    assert_eq!(with.xdp().redirect_target(), Some(true));
    polls.restore().unwrap();
    assert_eq!(Capabilities::of(&interface("veth0a")).unwrap(), before);
}

#[test]
fn no_interface_without_hardware_has_zero_copy() {
    let test = "no_interface_without_hardware_has_zero_copy";
    let Some(lab) = lab(test) else { return };
    let _inside = lab.enter().unwrap();
    for name in every_kind() {
        let Some(capabilities) = told(test, &name) else { return };
        assert_eq!(capabilities.xdp().zero_copy(), Some(false), "{name}");
        assert_eq!(capabilities.zero_copy_segments(), None, "{name}");
    }
    let loopback = Capabilities::of(&interface("lo")).unwrap().xdp();
    assert_eq!(
        (loopback.basic(), loopback.redirect()),
        (Some(false), Some(false)),
        "a loopback has no driver"
    );
}
