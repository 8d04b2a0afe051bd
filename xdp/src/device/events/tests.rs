//! Events of the running kernel, in a lab.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use xdp_sys::if_link::{IFLA_IFNAME, IFLA_NET_NS_FD};
use xdp_sys::rtnetlink::{RTM_SETLINK, ifinfomsg};

use super::*;
use crate::device::AttachedXdp;
use crate::lab::{End, Lab, require};
use crate::program::{AttachMode, Program};

const PATIENCE: Duration = Duration::from_secs(10);

/// The next event, which must come.
fn next(events: &mut LinkEvents) -> LinkEvent {
    events.next_event(PATIENCE).expect("the kernel tells").expect("an event")
}

fn id(end: &End) -> LinkId {
    LinkId { index: end.index(), name: end.name().into() }
}

/// Changes an end by more than the lab can.
fn change(end: &End, fill: impl FnOnce(Request) -> Request) {
    let header = ifinfomsg { ifi_index: end.index() as i32, ..ifinfomsg::default() };
    let request = fill(Request::new(RTM_SETLINK, 0).fixed(&header));
    NetlinkSocket::open(Protocol::Route).expect("a socket").request(&request).expect("changed");
}

#[test]
fn an_interface_tells_of_its_cable_its_administrator_its_name_and_its_mtu() {
    if !require("an_interface_tells_of_its_cable_its_administrator_its_name_and_its_mtu") {
        return;
    }
    let lab = Lab::builder().pairs(2).build().expect("a lab");
    let _inside = lab.enter().expect("inside");
    let (a, b) = (lab.pair(0).a(), lab.pair(0).b());
    let mut events = LinkEvents::of(a).expect("events");
    assert_eq!(events.next_event(Duration::ZERO).expect("told"), None, "nothing has happened yet");

    lab.set_down(lab.pair(1).a()).expect("set down");
    lab.set_down(b).expect("set down");
    assert_eq!(next(&mut events), LinkEvent::Down { link: id(a), reason: DownReason::Carrier });
    lab.set_up(b).expect("set up");
    assert_eq!(next(&mut events), LinkEvent::Up(id(a)));
    lab.set_mtu(a, 1400).expect("set");
    assert_eq!(next(&mut events), LinkEvent::Mtu { link: id(a), before: 1500, now: 1400 });
    lab.set_down(a).expect("set down");
    assert_eq!(next(&mut events), LinkEvent::Down { link: id(a), reason: DownReason::Administrator });
    change(a, |request| request.text(IFLA_IFNAME, "wan0"));
    let wan = LinkId { index: a.index(), name: "wan0".into() };
    assert_eq!(next(&mut events), LinkEvent::Renamed { link: wan.clone(), before: a.name().into() });
    change(a, |request| request.text(IFLA_IFNAME, a.name()));
    assert_eq!(next(&mut events), LinkEvent::Renamed { link: id(a), before: "wan0".into() });

    lab.remove_pair(0).expect("removed");
    assert_eq!(next(&mut events), LinkEvent::Removed(id(a)));
    let after = events.next_event(Duration::MAX).expect("told");
    assert_eq!(after, None, "the removal is the end, and the end does not wait");
}

#[test]
fn all_interfaces_are_told_of_also_those_that_come_later() {
    if !require("all_interfaces_are_told_of_also_those_that_come_later") {
        return;
    }
    let (lab, other) = (Lab::new().expect("a lab"), Lab::builder().pairs(2).build().expect("another"));
    let inside = lab.enter().expect("inside");
    let mut events = LinkEvents::all().expect("events");
    let here = std::fs::File::open("/proc/thread-self/ns/net").expect("this namespace");
    drop(inside);

    // Opened in the lab, used outside: a veth end moves in from elsewhere.
    let end = other.pair(1).a();
    let there = other.enter().expect("inside the other");
    let mut left = LinkEvents::of(end).expect("events");
    change(end, |request| request.value(IFLA_NET_NS_FD, &std::os::fd::AsRawFd::as_raw_fd(&here)));
    let departure = loop {
        match next(&mut left) {
            LinkEvent::Down { .. } => {}
            other => break other,
        }
    };
    assert_eq!(departure, LinkEvent::Moved(id(end)));
    drop(there);

    let added = next(&mut events);
    let LinkEvent::Added(link) = &added else { panic!("{added}") };
    assert_eq!(link.name, end.name());
    lab.remove_pair(0).expect("removed");
    let mut gone = Vec::new();
    while gone.len() < 2 {
        if let LinkEvent::Removed(link) = next(&mut events) {
            gone.push(link.index);
        }
    }
    let ends = [lab.pair(0).a().index(), lab.pair(0).b().index()];
    assert!(ends.iter().all(|index| gone.contains(index)), "{gone:?}");
}

#[test]
fn a_program_that_the_kernel_says_nothing_of_is_told_of_all_the_same() {
    if !require("a_program_that_the_kernel_says_nothing_of_is_told_of_all_the_same") {
        return;
    }
    let lab = Lab::new().expect("a lab");
    let _inside = lab.enter().expect("inside");
    let end = lab.pair(0).a();
    let mut events = LinkEvents::of(end).expect("events");
    let none = AttachedXdp::default();
    for mode in [AttachMode::Driver, AttachMode::Generic] {
        let program = Program::redirect_all().load().expect("loaded");
        let id_of = Some(program.id());
        let attachment = program.attach(end, mode).expect("attached");
        let there = match mode {
            AttachMode::Generic => AttachedXdp { generic: id_of, ..none },
            _ => AttachedXdp { driver: id_of, ..none },
        };
        assert_eq!(next(&mut events), LinkEvent::Programs { link: id(end), before: none, now: there });
        drop(attachment);
        assert_eq!(next(&mut events), LinkEvent::Programs { link: id(end), before: there, now: none });
    }
    // Who polls by other means looks by itself.
    let program = Program::redirect_all().load().expect("loaded");
    let _attachment = program.attach(end, AttachMode::Driver).expect("attached");
    events.look().expect("a look");
    let event = events.try_next().expect("told");
    assert!(matches!(event, Some(LinkEvent::Programs { .. })), "{event:?}");
}

#[test]
fn more_events_than_the_kernel_keeps_are_lost_and_the_end_is_told() {
    if !require("more_events_than_the_kernel_keeps_are_lost_and_the_end_is_told") {
        return;
    }
    let lab = Lab::new().expect("a lab");
    let _inside = lab.enter().expect("inside");
    let end = lab.pair(0).a();
    let mut events = LinkEvents::of(end).expect("events");
    // The kernel rounds this up to its least.
    sys::set_option(events.as_fd(), libc::SOL_SOCKET, libc::SO_RCVBUF, &1_i32).expect("a small buffer");
    for mtu in 1000..1020 {
        lab.set_mtu(end, mtu).expect("set");
    }
    let mut told = Vec::new();
    loop {
        told.push(next(&mut events));
        if matches!(told.last(), Some(LinkEvent::Mtu { now: 1019, .. })) {
            break;
        }
    }
    assert!(told.contains(&LinkEvent::Lost), "{told:?}");
    assert!(told.len() < 20, "some are missing: {told:?}");
}

#[test]
fn an_event_makes_the_descriptor_readable_until_it_is_taken() {
    if !require("an_event_makes_the_descriptor_readable_until_it_is_taken") {
        return;
    }
    let lab = Lab::new().expect("a lab");
    let _inside = lab.enter().expect("inside");
    let end = lab.pair(0).a();
    let mut events = LinkEvents::of(end).expect("events");
    let ready = |events: &LinkEvents, patience| {
        sys::poll(&mut [PollFd::new(events.as_fd(), libc::POLLIN)], Some(patience)).expect("polled") == 1
    };
    assert!(!ready(&events, Duration::ZERO));
    lab.set_mtu(end, 1400).expect("set");
    assert!(ready(&events, PATIENCE));
    let event = events.try_next().expect("told");
    assert!(matches!(event, Some(LinkEvent::Mtu { .. })), "{event:?}");
    assert_eq!(events.try_next().expect("told"), None);
    assert!(!ready(&events, Duration::ZERO));
    let start = Instant::now();
    assert_eq!(events.next_event(Duration::from_millis(20)).expect("told"), None);
    assert!(start.elapsed() >= Duration::from_millis(20), "the time is waited out");
}
