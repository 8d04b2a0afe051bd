//! The devices that interfaces belong to.

use std::fs;

use xdp::device::Interface;

use crate::lab;
use crate::truth::every_kind;

#[test]
fn an_interface_without_hardware_has_no_device_and_no_node() {
    let Some(lab) = lab("an_interface_without_hardware_has_no_device_and_no_node") else { return };
    let _inside = lab.enter().unwrap();
    for name in every_kind() {
        let interface = crate::interface(&name);
        assert_eq!((interface.parent(), interface.numa_node()), (None, None), "{name}");
    }
}

#[test]
fn the_device_and_the_node_of_a_nic_are_those_that_sys_shows() {
    let test = "the_device_and_the_node_of_a_nic_are_those_that_sys_shows";
    // Read on a thread of the machine's namespace, whose interfaces /sys shows.
    let nics = Interface::all().unwrap().into_iter().filter(|nic| nic.parent().is_some());
    let mut compared = 0;
    for nic in nics {
        let parent = nic.parent().unwrap();
        let shown = fs::canonicalize(format!("/sys/class/net/{}/device", nic.name()));
        let Ok(shown) = shown else { continue };
        assert_eq!(shown.file_name().and_then(|name| name.to_str()), Some(parent.name()));
        let above = shown.ancestors().find_map(|path| fs::read_to_string(path.join("numa_node")).ok());
        let node = above.and_then(|node| node.trim().parse::<i32>().ok()).filter(|&node| node >= 0);
        assert_eq!(nic.numa_node().map(|node| node as i32), node, "{parent}");
        compared += 1;
    }
    if compared == 0 {
        eprintln!("SKIPPED {test}: no interface here belongs to a device that /sys shows");
    }
}
