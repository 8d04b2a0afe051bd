//! Interfaces, changes and queues of the running kernel, in a lab.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use xdp_sys::if_link::{IFLA_ALT_IFNAME, IFLA_IFNAME, IFLA_PROP_LIST};
use xdp_sys::if_xdp::{
    AF_XDP, SOL_XDP, XDP_COPY, XDP_RX_RING, XDP_UMEM_COMPLETION_RING, XDP_UMEM_FILL_RING, sockaddr_xdp,
    xdp_umem_reg,
};
use xdp_sys::netlink::{NLM_F_CREATE, NLM_F_EXCL};
use xdp_sys::rtnetlink::ifinfomsg;

use super::monitor::{LinkChange, LinkMonitor};
use super::netlink::{NetlinkSocket, Protocol, Request};
use super::queue::QueueProbe;
use super::*;
use crate::lab::{End, Lab, require};
use crate::sys::{self, Mapping, Pages, PollFd};

const PATIENCE: Duration = Duration::from_secs(10);

/// Waits for news until the link is as wanted.
fn await_change(monitor: &mut LinkMonitor, wanted: LinkChange) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        assert_ne!(
            sys::poll(&mut [PollFd::new(monitor.as_fd(), libc::POLLIN)], Some(left)),
            Ok(0),
            "{wanted:?}"
        );
        if monitor.drain() == wanted {
            return;
        }
    }
}

#[test]
fn an_interface_is_found_by_name_by_index_and_by_alternative_name() {
    if !require("an_interface_is_found_by_name_by_index_and_by_alternative_name") {
        return;
    }
    const RTM_NEWLINKPROP: u16 = 108;
    let lab = Lab::new().expect("a lab");
    let _inside = lab.enter().expect("inside");
    let end = lab.pair(0).b();
    let long = "an-alternative-name-longer-than-fifteen-bytes";
    let header = ifinfomsg { ifi_index: end.index().cast_signed(), ..ifinfomsg::default() };
    let request = Request::new(RTM_NEWLINKPROP, NLM_F_CREATE | NLM_F_EXCL).fixed(&header);
    let request = request.nest(IFLA_PROP_LIST, |list| {
        list.text(IFLA_ALT_IFNAME, long);
        list.text(IFLA_ALT_IFNAME, "short");
    });
    NetlinkSocket::open(Protocol::Route).expect("a socket").request(&request).expect("names are added");

    let by_name = Interface::by_name(end.name()).expect("by name");
    assert_eq!(by_name.index(), end.index());
    assert_eq!(by_name.alternative_names(), [long, "short"]);
    for found in
        [Interface::find(long), Interface::find("short"), Interface::find(end), Interface::find(&by_name)]
    {
        assert_eq!(found.expect("found"), by_name);
    }
    assert!(Interface::all().expect("all").contains(&by_name));
}

#[test]
fn an_interface_tells_its_state() {
    if !require("an_interface_tells_its_state") {
        return;
    }
    let lab = Lab::builder().queues(2).build().expect("a lab");
    let _inside = lab.enter().expect("inside");
    let (a, b) = (lab.pair(0).a(), lab.pair(0).b());
    let mut interface = Interface::find(a).expect("found");
    assert!(interface.is_up() && interface.has_carrier());
    assert_eq!(interface.queues(), Queues { rx: 2, tx: 2 });
    assert_eq!((interface.kind(), interface.driver()), (Some("veth"), Some("veth")));
    assert!(interface.xdp().is_none());

    lab.set_down(b).expect("set down");
    assert!(interface.has_carrier(), "a snapshot does not change by itself");
    interface.refresh().expect("still there");
    assert!(interface.is_up() && !interface.has_carrier(), "the cable is out");
    lab.set_mtu(a, 2000).expect("set");
    interface.refresh().expect("still there");
    assert_eq!(interface.mtu(), 2000);

    lab.remove_pair(0).expect("removed");
    let gone = interface.refresh().expect_err("gone");
    assert!(matches!(&gone, InterfaceError::Gone { name, .. } if name == "veth0a"), "{gone}");
    assert_eq!(interface.mtu(), 2000, "the last known state stays");
}

#[test]
fn an_interface_of_another_namespace_is_refused_and_its_twin_is_left_alone() {
    if !require("an_interface_of_another_namespace_is_refused_and_its_twin_is_left_alone") {
        return;
    }
    // One lab plays the machine: names, indexes and addresses of both are the same.
    let (machine, lab) = (Lab::new().expect("a lab"), Lab::new().expect("another"));
    let _on_machine = machine.enter().expect("inside");
    let end = lab.pair(0).a();
    let mut nic = lab.run(|| Interface::find(end)).expect("inside").expect("found");
    if nic.namespace().is_none() {
        eprintln!("SKIPPED: this kernel numbers no namespaces (before 5.14)");
        return;
    }
    let twin = Interface::by_name(end.name()).expect("the machine has one too");
    assert_eq!((nic.index(), nic.name(), nic.mac()), (twin.index(), twin.name(), twin.mac()));
    assert_ne!(nic, twin);
    let before = nic.clone();
    for refused in [Interface::find(end), Interface::find(&nic), nic.refresh().map(|()| twin.clone())] {
        let error = refused.expect_err("of another namespace");
        assert!(matches!(error, InterfaceError::OtherNamespace { .. }), "{error}");
        assert!(error.to_string().contains("enter"), "{error}");
    }
    assert_eq!(nic, before, "unchanged");
    lab.run(move || nic.refresh()).expect("inside").expect("it is at home there");
}

#[test]
fn before_namespaces_had_numbers_another_name_betrays_another_interface() {
    if !require("before_namespaces_had_numbers_another_name_betrays_another_interface") {
        return;
    }
    let lab = Lab::new().expect("a lab");
    let _inside = lab.enter().expect("inside");
    let index = lab.pair(0).a().index();
    let known = |name| Interface::find(InterfaceRef::Known { index, name, namespace: None });
    assert_eq!(known("veth0a").expect("the same").index(), index);
    assert!(matches!(known("eth0"), Err(InterfaceError::OtherNamespace { .. })));
}

#[test]
fn an_unknown_name_is_answered_with_the_names_that_there_are() {
    if !require("an_unknown_name_is_answered_with_the_names_that_there_are") {
        return;
    }
    let lab = Lab::new().expect("a lab");
    let _inside = lab.enter().expect("inside");
    for name in ["eth7", "", "nul\0inside", "much-too-long-for-a-name", &"x".repeat(200)] {
        let error = Interface::by_name(name).expect_err("unknown");
        let InterfaceError::UnknownName { known, .. } = &error else { panic!("{error}") };
        assert_eq!(known.len(), 3, "{error}");
    }
    let error = Interface::by_name("eth7").expect_err("unknown").to_string();
    assert!(error.contains("\"eth7\"") && error.contains("veth0a"), "{error}");
    for index in [0, 4_000_000, u32::MAX] {
        let error = Interface::by_index(index).expect_err("unknown");
        assert!(matches!(error, InterfaceError::UnknownIndex { .. }), "{error}");
    }
}

#[test]
fn an_interface_whose_name_is_not_text_is_found_by_its_index() {
    if !require("an_interface_whose_name_is_not_text_is_found_by_its_index") {
        return;
    }
    const RTM_NEWLINK: u16 = 16;
    let lab = Lab::new().expect("a lab");
    let _inside = lab.enter().expect("inside");
    let index = lab.pair(0).a().index();
    lab.set_down(lab.pair(0).a()).expect("set down, to be renamed");
    let header = ifinfomsg { ifi_index: index as i32, ..ifinfomsg::default() };
    let mut request = Request::new(RTM_NEWLINK, 0).fixed(&header);
    request.body().bytes(IFLA_IFNAME, b"bad\xff0\0");
    NetlinkSocket::open(Protocol::Route).expect("a socket").request(&request).expect("renamed");

    let found = Interface::by_index(index).expect("found");
    assert_eq!(found.name(), "bad\u{fffd}0");
    assert_eq!(found.driver(), Some("veth"), "the driver is asked by the bytes of the name");
    assert!(Interface::all().expect("all").contains(&found));
    assert_eq!(Interface::find(&found).expect("again"), found);
}

#[test]
fn going_down_coming_up_and_removal_wake_a_poll() {
    if !require("going_down_coming_up_and_removal_wake_a_poll") {
        return;
    }
    let lab = Lab::builder().pairs(2).build().expect("a lab");
    let _inside = lab.enter().expect("inside");
    let (a, b) = (lab.pair(0).a(), lab.pair(0).b());
    let mut monitor = LinkMonitor::open(a.index()).expect("a monitor");
    assert_eq!(monitor.drain(), LinkChange::Unchanged);

    lab.set_down(a).expect("set down");
    await_change(&mut monitor, LinkChange::Down);
    lab.set_up(a).expect("set up");
    await_change(&mut monitor, LinkChange::Up);
    lab.set_down(b).expect("set down");
    await_change(&mut monitor, LinkChange::Down);
    lab.remove_pair(0).expect("removed");
    await_change(&mut monitor, LinkChange::Removed);
}

#[test]
fn other_links_are_not_told_of() {
    if !require("other_links_are_not_told_of") {
        return;
    }
    let lab = Lab::builder().pairs(2).build().expect("a lab");
    let _inside = lab.enter().expect("inside");
    let mut monitor = LinkMonitor::open(lab.pair(0).a().index()).expect("a monitor");
    lab.remove_pair(1).expect("removed");
    let woken = sys::poll(&mut [PollFd::new(monitor.as_fd(), libc::POLLIN)], Some(PATIENCE));
    assert_eq!(woken, Ok(1), "every link wakes");
    assert_eq!(monitor.drain(), LinkChange::Unchanged);
}

#[test]
fn more_changes_than_fit_are_unknown_and_not_unchanged() {
    if !require("more_changes_than_fit_are_unknown_and_not_unchanged") {
        return;
    }
    let lab = Lab::new().expect("a lab");
    let _inside = lab.enter().expect("inside");
    let end = lab.pair(0).a();
    let mut monitor = LinkMonitor::open(end.index()).expect("a monitor");
    // The kernel rounds this up to its least.
    sys::set_option(monitor.as_fd(), libc::SOL_SOCKET, libc::SO_RCVBUF, &1_i32).expect("a small buffer");
    for mtu in 1000..1020 {
        lab.set_mtu(end, mtu).expect("set");
    }
    assert_eq!(monitor.drain(), LinkChange::Unknown);
    lab.set_mtu(end, 900).expect("set");
    await_change(&mut monitor, LinkChange::Up);
}

/// An AF_XDP socket in copy mode on queue 0, without a ring mapped.
fn bound_socket(end: &End) -> (OwnedFd, Mapping) {
    let socket = sys::socket(AF_XDP, libc::SOCK_RAW, 0).expect("CAP_NET_RAW");
    let memory = Mapping::anonymous(16 * 4096, Pages::Normal).expect("memory");
    let shape = xdp_umem_reg { chunk_size: 4096, ..xdp_umem_reg::default() };
    sys::register_umem(socket.as_fd(), &memory, shape).expect("registered");
    for ring in [XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_RX_RING] {
        sys::set_option(socket.as_fd(), SOL_XDP, ring, &64_u32).expect("a ring");
    }
    let address = sockaddr_xdp {
        sxdp_family: AF_XDP as u16,
        sxdp_flags: XDP_COPY,
        sxdp_ifindex: end.index(),
        ..sockaddr_xdp::default()
    };
    sys::bind(socket.as_fd(), &address).expect("bound");
    (socket, memory)
}

#[test]
fn a_queue_tells_whether_a_socket_is_bound_and_when_the_kernel_has_released_it() {
    if !require("a_queue_tells_whether_a_socket_is_bound_and_when_the_kernel_has_released_it") {
        return;
    }
    let lab = Lab::builder().queues(2).build().expect("a lab");
    let inside = lab.enter().expect("inside");
    let end = lab.pair(0).a();
    let (socket, _memory) = bound_socket(end);
    let Some(probe) = QueueProbe::open(end.index(), 0) else {
        eprintln!("SKIPPED: this kernel has no queue-get (before 6.8)");
        return;
    };
    let Some(bound) = probe.has_socket() else {
        eprintln!("SKIPPED: this kernel does not tell of sockets (before 6.15)");
        return;
    };
    assert!(bound);
    let other = |queue| QueueProbe::open(end.index(), queue).expect("as above").has_socket();
    assert_eq!(other(1), Some(false), "the other queue is free");
    assert_eq!(other(2), None, "there is no such queue");
    drop(inside);
    assert_eq!(probe.has_socket(), Some(true), "a probe keeps to its namespace");

    drop(socket);
    let deadline = Instant::now() + PATIENCE;
    while probe.has_socket() != Some(false) {
        // The release has no event; each question takes the kernel's lock and so lets the release go on.
        assert!(Instant::now() < deadline, "released");
        std::thread::yield_now();
    }
    let _inside = lab.enter().expect("inside");
    let _again = bound_socket(end);
    assert_eq!(probe.has_socket(), Some(true), "released means that it can be bound again");
    lab.set_down(end).expect("set down");
    assert_eq!(probe.has_socket(), None, "an interface that is down does not tell");
}

#[test]
fn a_bound_socket_is_on_the_kernel_s_list_or_the_list_is_not_to_be_had() {
    if !require("a_bound_socket_is_on_the_kernel_s_list_or_the_list_is_not_to_be_had") {
        return;
    }
    let lab = Lab::new().expect("a lab");
    let _inside = lab.enter().expect("inside");
    let end = lab.pair(0).a();
    let (_socket, _memory) = bound_socket(end);
    match sockets() {
        Ok(all) => {
            assert_eq!(all.len(), 1, "{all:?}");
            assert_eq!(all[0].bound, Some((end.index(), crate::QueueId(0))));
            let umem = all[0].umem.as_ref().expect("registered");
            assert_eq!((umem.bytes, umem.chunk_size, umem.references), (16 * 4096, 4096, 1));
        }
        Err(error) => assert!(matches!(error, SocketsError::Unsupported), "{error}"),
    }
}
