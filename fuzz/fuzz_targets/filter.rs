//! Filters and rules from any bytes, on any packet: the matcher keeps the laws of logic, and the compiler answers.

#![no_main]

use std::net::IpAddr;

use xdp::program::{Action, CompileError, Filter, Fragments, Prefix, Program, Rules, Target, Verdict};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&length, rest)) = bytes.split_first() else { return };
    let (packet, code) = rest.split_at(rest.len().min(usize::from(length)));
    let mut code = code.iter().copied();
    let mut filters = Vec::new();
    while let Some(kind) = code.next() {
        let filter = match kind % 32 {
            0..8 => {
                let (Some(left), Some(right)) = (filters.pop(), filters.pop()) else { continue };
                join(kind, left, right, packet)
            }
            other => term(other, &mut code),
        };
        assert_eq!(filter.clone().not().matches(packet), !filter.matches(packet));
        filters.push(filter);
    }
    let verdicts = [Verdict::Redirect(Target::Queue), Verdict::Drop, Verdict::Pass, Verdict::Transmit];
    let rules = filters.iter().zip(verdicts.iter().cycle());
    let rules = rules.fold(Rules::new(), |rules, (filter, &verdict)| rules.rule(filter.clone(), verdict));
    let first = filters.iter().position(|filter| filter.matches(packet));
    assert_eq!(rules.decide(packet).map(|(number, _)| number), first);
    match Program::rules(rules).otherwise(Action::Drop).instructions() {
        Ok(instructions) => assert!((1..=4096).contains(&instructions.len())),
        Err(CompileError::TooLarge { instructions, most }) => assert!(instructions > most),
        Err(error) => panic!("{error}"),
    }
});

fn join(kind: u8, left: Filter, right: Filter, packet: &[u8]) -> Filter {
    let (one, other) = (left.matches(packet), right.matches(packet));
    let (filter, expected) =
        if kind % 2 == 0 { (left.and(right), one && other) } else { (left.or(right), one || other) };
    assert_eq!(filter.matches(packet), expected);
    filter
}

fn term(kind: u8, code: &mut impl Iterator<Item = u8>) -> Filter {
    let mut byte = || code.next().unwrap_or(0);
    let any = Filter::any();
    match kind {
        8 => any,
        9 => Filter::none(),
        10 => Filter::ethernet_type(u16::from_be_bytes([byte(), byte()])),
        11 => Filter::protocol(byte()),
        12 => Filter::ip(),
        13 => Filter::neighbor_discovery(),
        14 => any.vlan(u16::from_be_bytes([byte(), byte()])),
        15 => any.inner_vlan(u16::from_be_bytes([byte(), byte()])),
        16 => any.vlan_tags(byte()),
        17 => any.src_mac([byte(), byte(), byte(), byte(), byte(), byte()]),
        18 => any.length(u32::from(byte())..u32::from(byte())),
        19 => any.fragments([Fragments::None, Fragments::First, Fragments::Later][usize::from(byte() % 3)]),
        20 => any.icmp_type(byte()..=byte()),
        21..25 => {
            let ranges = (0..byte() % 16).map(|_| {
                let ends = [byte(), byte(), byte(), byte()];
                u16::from_be_bytes([ends[0], ends[1]])..=u16::from_be_bytes([ends[2], ends[3]])
            });
            any.port(ranges.collect::<Vec<_>>())
        }
        25..28 => {
            let address = IpAddr::from([byte(), byte(), byte(), byte()]);
            Prefix::new(address, byte()).map_or_else(|_| Filter::none(), |prefix| any.src(prefix))
        }
        _ => {
            let address = IpAddr::from(std::array::from_fn::<u8, 16, _>(|_| byte()));
            Prefix::new(address, byte()).map_or_else(|_| Filter::none(), |prefix| any.address(prefix))
        }
    }
}
