//! What filters need to be loaded.

use std::io;
use std::thread;

use xdp::lab;
use xdp::program::{
    Action, Filter, Fragments, LoadError, PortSet, PrefixSet, Program, Rules, Spread, Target,
};

use super::packet::Packet;

const CAP_NET_ADMIN: u32 = 12;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

/// Leaves the calling thread, and no other, with these capabilities: the raw call does not tell the rest of the
/// process.
fn keep_only(capabilities: &[u32]) {
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    const VERSION_3: u32 = 0x2008_0522;
    let header = Header { version: VERSION_3, pid: 0 };
    // Two times effective, permitted and inheritable, 32 capabilities each.
    let mut sets = [[0_u32; 3]; 2];
    for &capability in capabilities {
        for set in &mut sets[capability as usize / 32][..2] {
            *set |= 1 << (capability % 32);
        }
    }
    // SAFETY: capset(2) reads the header and, in this version, two sets of three words, all of which live on this
    // stack. Pid 0 is the calling thread.
    let answer = unsafe { libc::syscall(libc::SYS_capset, &raw const header, sets.as_ptr()) };
    assert_eq!(answer, 0, "{}", io::Error::last_os_error());
}

#[test]
fn every_test_and_verdict_is_taken_from_a_thread_without_cap_sys_admin() {
    const TEST: &str = "every_test_and_verdict_is_taken_from_a_thread_without_cap_sys_admin";
    if !lab::require(TEST) {
        return;
    }
    let unprivileged = || {
        keep_only(&[CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON]);
        let (ports, prefixes) = (PortSet::create(8).unwrap(), PrefixSet::create(8).unwrap());
        let host = "2001:db8::/33".parse::<xdp::program::Prefix>().unwrap();
        let everything = Filter::udp()
            .dst_port(&ports)
            .or(Filter::ip().src(&prefixes).address(host))
            .or(Filter::tcp().port([1..=7, 9..=9]).length(60..=1000).fragments(Fragments::None))
            .or(Filter::neighbor_discovery().vlan(7).inner_vlan(8).src_mac([2; 6]));
        let spread = |by| Target::Spread { first: 0, sockets: 3, by };
        let rules = Rules::new()
            .redirect_to(spread(Spread::Flow), everything.clone())
            .redirect_to(spread(Spread::RoundRobin), Filter::arp())
            .redirect_to(Target::Slot(7), everything.clone().not())
            .transmit(Filter::any());
        let program = Program::rules(rules).load().unwrap();
        ports.insert(53).unwrap();
        assert_eq!(program.test_run(&Packet::udp4(53).bytes()).unwrap(), Action::Pass);
        assert_eq!(program.counters().unwrap().rules, [1, 0, 0, 0]);
        assert!(ports.remove(53).unwrap());
    };
    thread::scope(|scope| scope.spawn(unprivileged).join()).unwrap();
}

#[test]
fn where_a_filter_takes_cap_perfmon_the_error_names_it() {
    if !lab::require("where_a_filter_takes_cap_perfmon_the_error_names_it") {
        return;
    }
    let unprivileged = || {
        keep_only(&[CAP_BPF, CAP_NET_ADMIN]);
        let prefixes = PrefixSet::create(8).unwrap();
        let shallow = Filter::ipv6().src(&prefixes).vlan(7).length(60..=1000).or(Filter::arp());
        let turns = Target::Spread { first: 0, sockets: 3, by: Spread::RoundRobin };
        let needs_perfmon = |error: LoadError| {
            let LoadError::Permission { missing, .. } = &error else { panic!("{error}") };
            assert_eq!(missing.capabilities(), ["CAP_PERFMON"]);
            assert!(error.to_string().contains("it needs CAP_PERFMON"), "{error}");
        };
        match Program::rules(Rules::new().redirect_to(turns, shallow)).load() {
            Ok(_) => {}
            // Older kernels, 5.10 for one, do not even let it compare pointers.
            Err(error) => needs_perfmon(error),
        }
        for deep in [Filter::udp(), Filter::any().dst_port(53), Filter::neighbor_discovery()] {
            match Program::redirect(deep).load() {
                // Newer kernels, 7.2 for one, let it add what it has bounds of.
                Ok(_) => {}
                Err(error) => needs_perfmon(error),
            }
        }
    };
    thread::scope(|scope| scope.spawn(unprivileged).join()).unwrap();
}
