//! The interface of the default route.

use xdp::device::Interface;

use crate::lab;
use crate::truth::{ip, run};

fn leaves_by() -> Option<String> {
    Interface::default_route().unwrap().map(|interface| interface.name().to_owned())
}

#[test]
fn the_default_route_with_the_least_metric_of_the_main_table_counts() {
    let Some(lab) = lab("the_default_route_with_the_least_metric_of_the_main_table_counts") else { return };
    let _inside = lab.enter().unwrap();
    assert_eq!(leaves_by(), None, "no route, no interface");
    ip("address add 192.0.2.1/24 dev veth0a");
    ip("address add 198.51.100.1/24 dev veth0b");
    assert_eq!(leaves_by(), None, "a route to a network is none to everywhere");
    ip("route add default via 192.0.2.9 table 77");
    ip("route add unreachable default metric 5000");
    assert_eq!(leaves_by(), None, "of another table, or to nowhere");
    ip("route add default via 192.0.2.9 metric 200");
    assert_eq!(leaves_by().as_deref(), Some("veth0a"));
    ip("route add default via 198.51.100.9 metric 100");
    assert_eq!(leaves_by().as_deref(), Some("veth0b"));
    ip("route del default via 198.51.100.9 metric 100");
    assert_eq!(leaves_by().as_deref(), Some("veth0a"));
}

#[test]
fn of_a_route_with_several_ways_the_first_counts() {
    let Some(lab) = lab("of_a_route_with_several_ways_the_first_counts") else { return };
    let _inside = lab.enter().unwrap();
    ip("address add 192.0.2.1/24 dev veth0a");
    ip("address add 198.51.100.1/24 dev veth0b");
    let ways = "nexthop via 198.51.100.9 dev veth0b nexthop via 192.0.2.9 dev veth0a";
    if let Err(error) = run(&format!("ip route add default {ways}")) {
        eprintln!("SKIPPED of_a_route_with_several_ways_the_first_counts: {error}");
        return;
    }
    assert_eq!(leaves_by().as_deref(), Some("veth0b"));
}

#[test]
fn without_a_default_route_of_ipv4_that_of_ipv6_counts() {
    let Some(lab) = lab("without_a_default_route_of_ipv4_that_of_ipv6_counts") else { return };
    let _inside = lab.enter().unwrap();
    let ipv6 = std::fs::write("/proc/sys/net/ipv6/conf/veth0a/disable_ipv6", "0");
    if ipv6.is_err() || run("ip address add 2001:db8::5/64 dev veth0a nodad").is_err() {
        eprintln!("SKIPPED without_a_default_route_of_ipv4_that_of_ipv6_counts: no IPv6 here");
        return;
    }
    ip("-6 route add default via 2001:db8::9 dev veth0a");
    assert_eq!(leaves_by().as_deref(), Some("veth0a"));
    ip("address add 198.51.100.1/24 dev veth0b");
    ip("route add default via 198.51.100.9");
    assert_eq!(leaves_by().as_deref(), Some("veth0b"), "IPv4 goes first");
}

#[test]
fn the_default_route_of_the_machine_is_that_of_ip() {
    if !crate::truth::require("the_default_route_of_the_machine_is_that_of_ip", &["ip"]) {
        return;
    }
    let said = run("ip -4 route show default").unwrap();
    // Routes to nowhere have no device, and those with several ways name theirs on further lines.
    let routes = said.lines().filter(|line| line.starts_with("default ") && line.contains(" dev "));
    let best = routes.min_by_key(|line| {
        let metric = line.split("metric ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
        metric.unwrap_or(0_u32)
    });
    let Some(best) = best else {
        eprintln!("SKIPPED the_default_route_of_the_machine_is_that_of_ip: it has none by one device");
        return;
    };
    let device = best.split("dev ").nth(1).unwrap().split(' ').next();
    assert_eq!(leaves_by().as_deref(), device);
}
