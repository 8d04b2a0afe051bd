//! What filters mean, case by case: the kernel and the matcher in Rust are asked both.

use std::net::Ipv4Addr;

use xdp::lab;
use xdp::program::{Action, CompileError, Filter, Fragments, LoadError, Prefix, Program, Rules, Verdict};

use super::packet::{Extension, Network, Packet, Transport};

/// Whether the kernel drops what a filter matches, as the matcher in Rust says.
pub(crate) fn matches(filter: &Filter, packet: &[u8]) -> bool {
    let program = Program::rules(Rules::new().drop(filter.clone())).load().unwrap();
    let dropped = program.test_run(packet).unwrap() == Action::Drop;
    assert_eq!(filter.matches(packet), dropped, "{filter:?} on {packet:02x?}");
    dropped
}

/// Whether this kernel has programs for packets of several buffers (5.18).
pub(crate) fn has_multi_buffer() -> bool {
    match Program::redirect_all().multi_buffer().load() {
        Ok(_) => true,
        Err(LoadError::NoMultiBuffer { .. }) => {
            eprintln!("SKIPPED packets of several buffers: this kernel has no programs for them");
            false
        }
        Err(error) => panic!("{error}"),
    }
}

/// Checks which of the packets a filter matches.
fn check(filter: Filter, cases: &[(Packet, bool)]) {
    for (packet, expected) in cases {
        assert_eq!(matches(&filter, &packet.bytes()), *expected, "{filter:?} on {packet:?}");
    }
}

fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

#[test]
fn a_field_that_is_not_there_makes_its_test_false_and_not_makes_it_true() {
    if !lab::require("a_field_that_is_not_there_makes_its_test_false_and_not_makes_it_true") {
        return;
    }
    let dns = || Filter::udp().dst_port(53);
    let cases = [
        (Packet::udp4(53), true),
        (Packet::udp4(54), false),
        (Packet::udp6([], 53), true),
        (Packet::default(), false),
        (Packet::udp4(53).cut(14 + 20 + 3), false),
        (Packet::udp4(53).cut(14 + 20 + 4), true),
        (Packet::udp4(53).cut(14 + 19), false),
        (Packet::udp6([], 53).cut(14 + 39), false),
    ];
    check(dns(), &cases);
    check(dns().not(), &cases.map(|(packet, matched)| (packet, !matched)));
    check(!!dns(), &[(Packet::udp4(53), true)]);
}

#[test]
fn only_the_first_fragment_has_ports_and_all_have_a_protocol() {
    if !lab::require("only_the_first_fragment_has_ports_and_all_have_a_protocol") {
        return;
    }
    let (dont, first, middle, last) = (0x4000, 0x2000, 0x2010, 0x0020);
    let v6 = |field| Packet::udp6([Extension::Fragment(field)], 53);
    let all = |filter: Filter, expected: [bool; 4]| {
        let v4 = [dont, first, middle, last].map(|field| Packet::fragment4(field, 53));
        // Whole: a fragment header for a packet of one fragment.
        let v6 = [0, 1, 0x81, 0x100].map(v6);
        let cases: Vec<_> = v4.into_iter().chain(v6).zip(expected.into_iter().cycle()).collect();
        check(filter, &cases);
    };
    all(Filter::udp(), [true, true, true, true]);
    all(Filter::udp().dst_port(53), [true, true, false, false]);
    all(Filter::udp().fragments(Fragments::None), [true, false, false, false]);
    all(Filter::udp().fragments(Fragments::First), [false, true, false, false]);
    all(Filter::udp().fragments(Fragments::Later), [false, false, true, true]);
    all(Filter::udp().fragments(Fragments::Any), [false, true, true, true]);
    // What it takes to see whole datagrams of a port, whatever their length.
    let later = Filter::udp().fragments(Fragments::Later);
    all(Filter::udp().dst_port(53).or(later), [true, true, true, true]);
    check(Filter::any().fragments(Fragments::None), &[(Packet::default(), false)]);
}

#[test]
fn ipv4_options_are_respected() {
    if !lab::require("ipv4_options_are_respected") {
        return;
    }
    let packet = |options| {
        let host = |number| Ipv4Addr::new(10, 0, 0, number);
        let payload = Transport::ports(6, 1, 443);
        Packet::new(Network::V4 { source: host(1), destination: host(2), options, fragment: 0, payload })
    };
    let filter = || Filter::tcp().dst_port(443).src_port(1).src(prefix("10.0.0.0/24"));
    let cases: Vec<_> = (0..=10).map(|options| (packet(options), true)).collect();
    check(filter(), &cases);
    let mut short = packet(0).bytes();
    short[14] = 0x44;
    assert!(!matches(&Filter::ipv4(), &short), "a header of 16 bytes is none");
}

#[test]
fn ipv6_extension_headers_are_followed_up_to_eight() {
    if !lab::require("ipv6_extension_headers_are_followed_up_to_eight") {
        return;
    }
    let options = |count| vec![Extension::Units(60, 1); count];
    let filter = || Filter::udp().dst_port(53);
    check(
        filter(),
        &[
            (Packet::udp6(options(1), 53), true),
            (Packet::udp6(options(8), 53), true),
            (Packet::udp6(options(9), 53), false),
            (Packet::udp6(options(2), 53).cut(14 + 40 + 16 + 7), false),
            (Packet::udp6([Extension::Units(0, 255), Extension::Authentication(4)], 53), true),
            (Packet::udp6([Extension::Units(139, 0), Extension::Units(135, 2)], 53), true),
            // ESP hides what follows.
            (Packet::udp6([Extension::Units(50, 0)], 53), false),
        ],
    );
    check(Filter::protocol(50), &[(Packet::udp6([Extension::Units(50, 0)], 53), true)]);
    check(Filter::ipv6(), &[(Packet::udp6(options(9), 53), true)]);
}

#[test]
fn vlan_tags_are_skipped_unless_they_are_named() {
    if !lab::require("vlan_tags_are_skipped_unless_they_are_named") {
        return;
    }
    let with = |tags: &[u16]| Packet::udp4(53).tagged(tags);
    let service = Packet { tags: vec![(0x88a8, 0x6000 | 7), (0x8100, 9)], ..Packet::udp4(53) };
    let cases = |expected: [bool; 4]| {
        [with(&[]), with(&[7]), with(&[7, 9]), service.clone()].into_iter().zip(expected).collect::<Vec<_>>()
    };
    check(Filter::udp().dst_port(53), &cases([true; 4]));
    check(Filter::udp().dst_port(53).vlan(7), &cases([false, true, true, true]));
    check(Filter::udp().dst_port(53).inner_vlan(9), &cases([false, false, true, true]));
    check(Filter::any().vlan_tags(0), &cases([true, false, false, false]));
    check(Filter::any().vlan_tags(1), &cases([false, true, false, false]));
    check(Filter::any().vlan_tags(2), &cases([false, false, true, true]));
    // A third tag is a type, and what follows it unknown.
    check(Filter::ethernet_type(0x8100).vlan_tags(2), &[(with(&[1, 2, 3]), true)]);
    check(Filter::udp(), &[(with(&[1, 2, 3]), false)]);
    check(Filter::any().vlan(7), &[(with(&[7]).cut(17), false), (with(&[7]).cut(18), true)]);
}

#[test]
fn icmp_and_neighbour_discovery_belong_to_their_own_family() {
    if !lab::require("icmp_and_neighbour_discovery_belong_to_their_own_family") {
        return;
    }
    let payload = |protocol, kind| Transport { protocol, start: [kind, 0, 0, 0] };
    let v4 = |protocol, kind| {
        let mut packet = Packet::udp4(0);
        if let Network::V4 { payload: inner, .. } = &mut packet.network {
            *inner = payload(protocol, kind);
        }
        packet
    };
    let v6 = |protocol, kind| {
        let mut packet = Packet::udp6([], 0);
        if let Network::V6 { payload: inner, .. } = &mut packet.network {
            *inner = payload(protocol, kind);
        }
        packet
    };
    check(
        Filter::neighbor_discovery(),
        &[
            (v6(58, 132), false),
            (v6(58, 133), true),
            (v6(58, 137), true),
            (v6(58, 138), false),
            (v4(58, 135), false),
        ],
    );
    check(Filter::icmp().icmp_type(8..=8), &[(v4(1, 8), true), (v4(1, 0), false), (v6(1, 8), false)]);
    check(Filter::any().icmp_type(..), &[(v4(1, 8), true), (v6(58, 128), true), (v4(58, 8), false)]);
    check(Filter::arp(), &[(Packet::default(), true), (v4(1, 8), false)]);
}

#[test]
fn the_first_rule_that_matches_decides_and_each_is_counted() {
    if !lab::require("the_first_rule_that_matches_decides_and_each_is_counted") {
        return;
    }
    let rules = Rules::new()
        .pass(Filter::udp().dst_port(53))
        .drop(Filter::udp())
        .rule(Filter::arp(), Verdict::Transmit)
        .redirect(Filter::tcp());
    let program = Program::rules(rules).otherwise(Action::Drop).name("four_rules").load().unwrap();
    assert_eq!(program.name(), "four_rules");
    let decide = |packet: Packet| program.test_run(&packet.bytes()).unwrap();
    for _ in 0..3 {
        assert_eq!(decide(Packet::udp4(53)), Action::Pass);
        assert_eq!(decide(Packet::udp6([], 54)), Action::Drop);
    }
    assert_eq!(decide(Packet::default()), Action::Transmit);
    // No socket is there: what happens otherwise happens to it, and it is the rule's all the same.
    let mut tcp = Packet::udp4(53);
    if let Network::V4 { payload, .. } = &mut tcp.network {
        payload.protocol = 6;
    }
    assert_eq!(decide(tcp), Action::Drop);
    assert_eq!(decide(Packet::new(Network::Other(46, vec![0; 46]))), Action::Drop);
    let counters = program.counters().unwrap();
    assert_eq!((counters.rules, counters.otherwise), (vec![3, 3, 1, 1], 1));
    assert_eq!(Program::redirect_all().load().unwrap().counters().unwrap().rules, []);
}

#[test]
fn the_length_counts_all_buffers_of_a_packet() {
    if !lab::require("the_length_counts_all_buffers_of_a_packet") || !has_multi_buffer() {
        return;
    }
    let long = |least, most| Rules::new().drop(Filter::any().length(least..=most));
    for (least, most) in [(9000, 9000), (0, 9000), (9000, u32::MAX), (4000, 10_000)] {
        let program = Program::rules(long(least, most)).multi_buffer().load().unwrap();
        assert!(program.multi_buffer());
        assert_eq!(program.test_run(&[0; 9000]).unwrap(), Action::Drop, "{least}..={most}");
    }
    for (least, most) in [(9001, u32::MAX), (0, 8999), (u32::MAX, u32::MAX)] {
        let program = Program::rules(long(least, most)).multi_buffer().load().unwrap();
        assert_eq!(program.test_run(&[0; 9000]).unwrap(), Action::Pass, "{least}..={most}");
    }
    // Headers of a packet of several buffers are read in the first one.
    let mut packet = Packet::udp4(53).bytes();
    packet.resize(9000, 0);
    let program =
        Program::rules(Rules::new().drop(Filter::udp().dst_port(53))).multi_buffer().load().unwrap();
    assert_eq!(program.test_run(&packet).unwrap(), Action::Drop);
}

#[test]
fn rules_that_cannot_be_are_refused_before_the_kernel_is_asked() {
    let error = Program::redirect(Filter::arp()).otherwise(Action::Redirect).load().unwrap_err();
    assert!(matches!(error, LoadError::Compile(CompileError::OtherwiseRedirect)), "{error}");
    let error = Program::redirect_all().otherwise(Action::Redirect).load().unwrap_err();
    assert!(matches!(error, LoadError::Compile(CompileError::OtherwiseRedirect)), "{error}");
}

#[test]
fn a_filter_may_be_as_deep_as_its_program_is_long() {
    // Deeper than a thread's stack, were it a tree that is walked or dropped by recursion.
    let mut deep = Filter::arp();
    for _ in 0..500_000 {
        deep = deep.not();
    }
    assert!(deep.matches(&Packet::default().bytes()));
    let instructions = Program::redirect(deep).instructions().unwrap();
    assert!(instructions.len() < 100, "{}", instructions.len());
}
