//! The addresses of an interface.

use crate::truth::{ip, run};
use crate::{interface, lab};

fn addresses(name: &str) -> Vec<String> {
    interface(name).addresses().unwrap().iter().map(ToString::to_string).collect()
}

#[test]
fn an_interface_has_the_addresses_that_it_was_given() {
    let Some(lab) = lab("an_interface_has_the_addresses_that_it_was_given") else { return };
    let _inside = lab.enter().unwrap();
    assert!(addresses("veth0a").is_empty());
    ip("address add 192.0.2.1/24 dev veth0a");
    ip("address add 192.0.2.9/32 dev veth0a");
    ip("address add 198.51.100.1 peer 198.51.100.2/30 dev veth0a");
    ip("address add 203.0.113.7/25 dev veth0b");
    let mut expected = vec!["192.0.2.1/24", "192.0.2.9/32", "198.51.100.1/30"];
    // A lab is quiet: IPv6 is off until somebody turns it on. This part of /proc shows the thread's own namespace.
    let ipv6 = std::fs::write("/proc/sys/net/ipv6/conf/veth0a/disable_ipv6", "0");
    if ipv6.is_ok() && run("ip address add 2001:db8::5/64 dev veth0a nodad").is_ok() {
        expected.push("2001:db8::5/64");
    } else {
        eprintln!("no IPv6 here: IPv4 only");
    }
    let mut found = addresses("veth0a");
    assert!(!found[..3].iter().any(|address| address.contains("::")), "IPv4 first: {found:?}");
    found.sort();
    expected.sort_unstable();
    assert_eq!(found, expected, "its own and not the peer's, and none of the other end");
    assert_eq!(addresses("veth0b"), ["203.0.113.7/25"]);
    ip("address flush dev veth0a");
    assert!(addresses("veth0a").is_empty());
}

#[test]
fn addresses_of_an_interface_of_another_namespace_are_refused() {
    let Some(lab) = lab("addresses_of_an_interface_of_another_namespace_are_refused") else { return };
    let nic = lab.run(|| interface("veth0a")).unwrap();
    let error = nic.addresses().unwrap_err();
    assert!(matches!(error, xdp::InterfaceError::OtherNamespace { .. }), "{error}");
}
