//! A lab on the running kernel: what is inside, what is not outside, and that nothing remains.

mod remains;

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::time::Duration;
use std::{env, fs, thread};

use xdp_sys::if_link::{
    IFLA_ADDRESS, IFLA_IFNAME, IFLA_INFO_KIND, IFLA_LINKINFO, IFLA_STATS64, rtnl_link_stats64,
};
use xdp_sys::netlink::{NLM_F_CREATE, NLM_F_EXCL};
use xdp_sys::rtnetlink::RTM_GETLINK;
use xdp_sys::{Plain, syscall};

use super::*;
use crate::device::netlink::Attributes;
use crate::sys::{self, PollFd};

/// Runs a test on a thread with an empty namespace of its own, so that "outside" is known to be empty too.
fn outside(test: impl FnOnce() + Send + 'static) {
    let thread = thread::spawn(|| {
        syscall::unshare_net().expect("the lab needed the same privilege");
        test();
    });
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

fn names() -> Vec<String> {
    let all = Interface::all().expect("interfaces can be listed");
    all.iter().map(|interface| interface.name().to_owned()).collect()
}

fn own_namespace() -> String {
    fs::read_link("/proc/thread-self/ns/net").expect("proc is mounted").to_string_lossy().into_owned()
}

#[test]
fn links_are_inside_and_not_outside() {
    if !require("links_are_inside_and_not_outside") {
        return;
    }
    outside(|| {
        let lab = Lab::builder().pairs(2).build().expect("a lab");
        assert_eq!(names(), ["lo"], "outside");
        let inside = lab.run(names).expect("inside");
        // The kernel makes a peer first, so that only the set of names is ours to tell.
        let mut inside = inside;
        inside.sort();
        assert_eq!(inside, ["lo", "veth0a", "veth0b", "veth1a", "veth1b"]);
    });
}

#[test]
fn ends_are_as_the_builder_was_told() {
    if !require("ends_are_as_the_builder_was_told") {
        return;
    }
    let lab = Lab::builder().pairs(2).queues(3).mtu(3000).with_addresses().build().expect("a lab");
    for pair in lab.pairs() {
        for end in [pair.a(), pair.b()] {
            let interface = lab.interface(end).expect("it is there");
            assert_eq!(interface.name(), end.name());
            assert_eq!(interface.mac(), Some(end.mac()));
            assert_eq!(interface.mtu(), 3000);
            assert_eq!((interface.queues().rx, interface.queues().tx), (3, 3));
            assert_eq!(interface.kind(), Some("veth"));
            assert!(interface.is_up() && interface.has_carrier());
        }
    }
    assert_eq!(lab.pair(1).b().address().expect("an address").to_string(), "10.118.1.2");
    // The stack knows the address as its own: only then can it be bound.
    let bound = lab.run(|| std::net::UdpSocket::bind("10.118.1.2:0").map(drop)).expect("inside");
    bound.expect("the address is there");
    std::net::UdpSocket::bind("10.118.1.2:0").expect_err("and outside it is not");
}

#[test]
fn the_loopback_stays_down() {
    if !require("the_loopback_stays_down") {
        return;
    }
    let lab = Lab::new().expect("a lab");
    let loopback = lab.run(|| Interface::by_name("lo")).expect("inside").expect("every namespace has one");
    assert!(!loopback.is_up());
}

#[test]
fn two_labs_have_the_same_names_and_nothing_in_common() {
    if !require("two_labs_have_the_same_names_and_nothing_in_common") {
        return;
    }
    let (one, two) = (Lab::new().expect("a lab"), Lab::new().expect("another"));
    assert_eq!(one.pair(0).a().name(), two.pair(0).a().name());
    assert_ne!(one.run(own_namespace).expect("inside"), two.run(own_namespace).expect("inside"));

    one.set_down(one.pair(0).a()).expect("set down");
    assert!(!one.interface(one.pair(0).a()).expect("there").is_up());
    assert!(two.interface(two.pair(0).a()).expect("there").is_up(), "the other lab's is untouched");
}

#[test]
fn a_thread_is_back_where_it_was_after_the_guard() {
    if !require("a_thread_is_back_where_it_was_after_the_guard") {
        return;
    }
    let lab = Lab::new().expect("a lab");
    let before = own_namespace();
    let inside = lab.enter().expect("inside");
    assert_ne!(own_namespace(), before);
    let inherited = thread::spawn(own_namespace).join().expect("no panic");
    assert_eq!(inherited, own_namespace(), "a thread starts where its parent is");
    drop(inside);
    assert_eq!(own_namespace(), before);
}

#[test]
fn guards_dropped_out_of_order_panic_and_leave_the_thread_at_home() {
    if !require("guards_dropped_out_of_order_panic_and_leave_the_thread_at_home") {
        return;
    }
    let (one, two) = (Lab::new().expect("a lab"), Lab::new().expect("another"));
    let home = own_namespace();
    let outer = one.enter().expect("inside");
    let inner = two.enter().expect("further inside");
    let panic = catch_unwind(AssertUnwindSafe(|| drop(outer))).expect_err("the inner guard is alive");
    let message = panic.downcast_ref::<&str>().expect("text");
    assert!(message.contains("reverse order"), "{message}");
    assert_eq!(own_namespace(), home);
    drop(inner);
    assert_eq!(own_namespace(), home);

    let again = one.enter().expect("inside");
    let within = two.enter().expect("further inside");
    drop(within);
    drop(again);
    assert_eq!(own_namespace(), home, "in order nobody complains");
}

#[test]
fn a_removed_pair_is_gone_and_the_others_stay() {
    if !require("a_removed_pair_is_gone_and_the_others_stay") {
        return;
    }
    let lab = Lab::builder().pairs(2).build().expect("a lab");
    lab.remove_pair(0).expect("removed");
    for end in [lab.pair(0).a(), lab.pair(0).b()] {
        assert!(matches!(lab.interface(end), Err(InterfaceError::Gone { .. })), "{}", end.name());
    }
    assert!(lab.interface(lab.pair(1).a()).expect("the other pair").has_carrier());
    let again = lab.remove_pair(0).expect_err("it is gone");
    assert_eq!(
        again.to_string(),
        "veth0a was removed from the lab: make another lab, or a lab of more pairs"
    );
}

#[test]
fn an_end_of_another_lab_is_refused() {
    if !require("an_end_of_another_lab_is_refused") {
        return;
    }
    let (lab, other) = (Lab::new().expect("a lab"), Lab::new().expect("another"));
    let (end, twin) = (lab.pair(0).a(), other.pair(0).a());
    assert_eq!((end.name(), end.index(), end.mac()), (twin.name(), twin.index(), twin.mac()), "twins");
    if end.namespace.is_none() {
        eprintln!(
            "SKIPPED an_end_of_another_lab_is_refused: this kernel numbers no namespaces (before 5.14)"
        );
        return;
    }
    for refused in [other.set_down(end), other.set_up(end), other.set_mtu(end, 1400)] {
        assert!(matches!(refused, Err(LabError::OtherLab { .. })), "{refused:?}");
    }
    assert!(matches!(other.interface(end), Err(InterfaceError::OtherNamespace { .. })));
    let untouched = other.interface(twin).expect("there");
    assert!(untouched.is_up() && untouched.mtu() == 1500);
}

/// Makes a veth pair inside with the indexes of a pair's ends, as `ip link add index N` does.
fn make_strangers(lab: &Lab, pair: &Pair, mac: Option<[u8; 6]>) {
    let mut request =
        Request::new(xdp_sys::rtnetlink::RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL).fixed(&header(pair.a()));
    request.body().text(IFLA_IFNAME, "stranger0");
    if let Some(mac) = mac {
        request.body().value(IFLA_ADDRESS, &mac);
    }
    let request = request.nest(IFLA_LINKINFO, |info| info.text(IFLA_INFO_KIND, "veth"));
    lab.route().request(&request).expect("made");
}

#[test]
fn an_interface_that_got_the_index_of_an_end_is_not_touched() {
    if !require("an_interface_that_got_the_index_of_an_end_is_not_touched") {
        return;
    }
    let lab = Lab::builder().pairs(2).build().expect("a lab");
    // One pair is removed by the lab, and a stranger with its very address comes; one is removed by somebody else.
    lab.remove_pair(0).expect("removed");
    make_strangers(&lab, lab.pair(0), Some(lab.pair(0).a().mac()));
    let theirs =
        |lab: &Lab| lab.run(|| Interface::by_name("stranger0")).expect("inside").expect("it is still there");
    assert_eq!(theirs(&lab).index(), lab.pair(0).a().index(), "the index is taken again");
    let gone = lab.remove_pair(0).expect_err("removed before");
    assert!(matches!(gone, LabError::Gone { .. }), "{gone}");
    assert!(lab.set_up(lab.pair(0).a()).is_err() && !theirs(&lab).is_up());

    let removal = Request::new(RTM_DELLINK, 0);
    let stranger = ifinfomsg { ifi_index: lab.pair(0).a().index().cast_signed(), ..ifinfomsg::default() };
    lab.route().request(&removal.clone().fixed(&stranger)).expect("removed");
    let end = lab.pair(1).a();
    lab.route().request(&removal.fixed(&header(end))).expect("removed");
    make_strangers(&lab, lab.pair(1), None);
    assert_eq!(theirs(&lab).index(), end.index(), "the index is taken again");
    for refused in [lab.remove_pair(1), lab.set_up(end), lab.set_mtu(end, 1400)] {
        assert!(matches!(refused, Err(LabError::Gone { .. })), "{refused:?}");
    }
    assert!(matches!(lab.interface(end), Err(InterfaceError::Gone { .. })));
    assert!(!theirs(&lab).is_up() && theirs(&lab).mtu() == 1500);
}

#[test]
fn a_panic_in_run_reaches_the_caller() {
    if !require("a_panic_in_run_reaches_the_caller") {
        return;
    }
    let lab = Lab::new().expect("a lab");
    let panic = catch_unwind(AssertUnwindSafe(|| lab.run(|| panic!("inside")))).expect_err("it goes on");
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"inside"));
    assert_eq!(lab.run(|| 7).expect("the lab still works"), 7);
}

/// Set for the child processes of tests, which run the same test from its start.
const CHILD: &str = "XDP_LAB_TEST_CHILD";

#[test]
fn without_privilege_the_error_names_the_capability() {
    if env::var_os(CHILD).is_some() {
        let error = Lab::new().expect_err("nobody may not");
        assert!(matches!(error, LabError::Privilege { capability: "CAP_SYS_ADMIN", .. }), "{error}");
        assert!(error.to_string().contains("run as root"), "{error}");
        assert!(!require("nobody"), "a test that cannot run says so");
        return;
    }
    if !require("without_privilege_the_error_names_the_capability") {
        return;
    }
    // A copy where anybody may run it: the build folder may be closed to others.
    let copy = env::temp_dir().join(format!("xdp-lab-test-{}", std::process::id()));
    fs::copy(env::current_exe().expect("we have a path"), &copy).expect("a copy");
    let output = Command::new(&copy)
        .args(["--exact", "lab::tests::without_privilege_the_error_names_the_capability", "--nocapture"])
        .env(CHILD, "1")
        .env_remove("XDP_TEST_REQUIRE")
        .current_dir("/")
        .uid(65_534)
        .gid(65_534)
        .output();
    fs::remove_file(&copy).expect("the copy is ours");
    let output = output.expect("a child");
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("1 passed"), "{text}{errors}");
    assert!(
        errors.contains("SKIPPED nobody: cannot make a network namespace without CAP_SYS_ADMIN"),
        "{errors}"
    );
}

#[test]
fn impossible_labs_are_refused_in_words() {
    let refused = |builder: LabBuilder| builder.build().expect_err("impossible").to_string();
    assert_eq!(refused(Lab::builder().queues(0)), "a lab cannot have 0 queues: choose 1 to 4096");
    assert_eq!(refused(Lab::builder().pairs(257)), "a lab cannot have 257 pairs: choose 0 to 256");
    assert_eq!(refused(Lab::builder().mtu(67)), "a lab cannot have 67 bytes of MTU: choose 68 to 65535");
}

/// `sockaddr_ll` of an interface for all protocols (`linux/if_packet.h`).
fn packet_address(index: u32) -> [u8; 20] {
    let mut address = [0; 20];
    address[..2].copy_from_slice(&(libc::AF_PACKET as u16).to_ne_bytes());
    address[2..4].copy_from_slice(&(libc::ETH_P_ALL as u16).to_be_bytes());
    address[4..8].copy_from_slice(&index.to_ne_bytes());
    address
}

fn packet_socket(end: &End) -> OwnedFd {
    let socket = sys::socket(libc::AF_PACKET, libc::SOCK_RAW, 0).expect("a packet socket");
    sys::bind(socket.as_fd(), &packet_address(end.index())).expect("bound");
    socket
}

fn sent(lab: &Lab, end: &End) -> u64 {
    let request = Request::new(RTM_GETLINK, 0).fixed(&header(end));
    let answer = lab.route().request_one(&request).expect("an answer");
    let (_, attributes) = Attributes::after::<ifinfomsg>(&answer.payload).expect("a link");
    let statistics = attributes.find(IFLA_STATS64).expect("counters").payload;
    rtnl_link_stats64::read(statistics).expect("counters").tx_packets
}

#[test]
fn an_idle_lab_is_quiet_and_a_busy_one_delivers() {
    if !require("an_idle_lab_is_quiet_and_a_busy_one_delivers") {
        return;
    }
    let lab = Lab::builder().with_addresses().build().expect("a lab");
    let _inside = lab.enter().expect("inside");
    let (a, b) = (lab.pair(0).a(), lab.pair(0).b());
    let (from, to) = (packet_socket(a), packet_socket(b));
    // Neighbour discovery and its relatives speak within a second of a link's coming up.
    let mut waiting = [PollFd::new(to.as_fd(), libc::POLLIN), PollFd::new(from.as_fd(), libc::POLLIN)];
    assert_eq!(sys::poll(&mut waiting, Some(Duration::from_millis(1500))), Ok(0), "nobody speaks");
    assert_eq!((sent(&lab, a), sent(&lab, b)), (0, 0), "and nobody has spoken");

    let mut frame = [0; 60];
    frame[..6].copy_from_slice(&b.mac());
    frame[6..12].copy_from_slice(&a.mac());
    assert_eq!(sys::send(from.as_fd(), &frame, 0), Ok(60));
    assert_eq!(sys::poll(&mut waiting[..1], Some(Duration::from_secs(10))), Ok(1), "it arrives");
    assert_eq!((sent(&lab, a), sent(&lab, b)), (1, 0));
}
