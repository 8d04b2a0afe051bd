//! Filters, rules and packets made at random, of few values, so that they meet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use xdp::program::{Filter, Fragments, PortSet, Prefix, PrefixSet, Target, Verdict};

use super::packet::{Extension, MAC_FROM, MAC_TO, Network, Packet, Transport};

/// A filter that can be made in two ways: asking sets, or listing what is in them.
#[derive(Debug, Clone)]
pub(crate) enum Expression {
    Term(Term),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
}

/// A test of one field.
#[derive(Debug, Clone)]
pub(crate) enum Term {
    Any,
    None,
    EthernetType(u16),
    Protocol(u8),
    Named(Named),
    Ports(End, Vec<RangeInclusive<u16>>),
    PortSet(End),
    Prefixes(End, Vec<Prefix>),
    PrefixSet(End),
    Vlan(u16),
    InnerVlan(u16),
    Tags(u8),
    Macs(End, [u8; 6]),
    Length(RangeInclusive<u32>),
    Fragments(Fragments),
    IcmpType(RangeInclusive<u8>),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Named {
    Arp,
    Ipv4,
    Ipv6,
    Ip,
    Tcp,
    Udp,
    Sctp,
    Icmp,
    Icmpv6,
    NeighborDiscovery,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    Source,
    Destination,
    Either,
}

/// What is in the sets, and the sets in the kernel if they are to be asked.
pub(crate) struct Sets<'a> {
    pub(crate) ports: &'a [u16],
    pub(crate) prefixes: &'a [Prefix],
    pub(crate) live: Option<(&'a PortSet, &'a PrefixSet)>,
}

impl Expression {
    pub(crate) fn filter(&self, sets: &Sets<'_>) -> Filter {
        match self {
            Self::Term(term) => term.filter(sets),
            Self::Not(inner) => inner.filter(sets).not(),
            Self::And(left, right) => left.filter(sets).and(right.filter(sets)),
            Self::Or(left, right) => left.filter(sets).or(right.filter(sets)),
        }
    }
}

impl Term {
    fn filter(&self, sets: &Sets<'_>) -> Filter {
        let any = Filter::any();
        match self.clone() {
            Self::Any => any,
            Self::None => Filter::none(),
            Self::EthernetType(number) => Filter::ethernet_type(number),
            Self::Protocol(number) => Filter::protocol(number),
            Self::Named(named) => named.filter(),
            Self::Ports(End::Source, ports) => any.src_port(ports),
            Self::Ports(End::Destination, ports) => any.dst_port(ports),
            Self::Ports(End::Either, ports) => any.port(ports),
            Self::PortSet(end) => {
                let ports = match sets.live {
                    Some((ports, _)) => ports.into(),
                    None => sets.ports.iter().copied().collect(),
                };
                Self::ports(end, ports)
            }
            Self::Prefixes(end, prefixes) => Self::prefixes(end, prefixes.into()),
            Self::PrefixSet(end) => {
                let listed = || sets.prefixes.to_vec().into();
                Self::prefixes(end, sets.live.map_or_else(listed, |(_, prefixes)| prefixes.into()))
            }
            Self::Vlan(id) => any.vlan(id),
            Self::InnerVlan(id) => any.inner_vlan(id),
            Self::Tags(count) => any.vlan_tags(count),
            Self::Macs(End::Source, mac) => any.src_mac(mac),
            Self::Macs(End::Destination, mac) => any.dst_mac(mac),
            Self::Macs(End::Either, mac) => any.clone().src_mac(mac).or(any.dst_mac(mac)),
            Self::Length(bytes) => any.length(bytes),
            Self::Fragments(which) => any.fragments(which),
            Self::IcmpType(types) => any.icmp_type(types),
        }
    }

    fn ports(end: End, ports: xdp::program::Ports) -> Filter {
        match end {
            End::Source => Filter::any().src_port(ports),
            End::Destination => Filter::any().dst_port(ports),
            End::Either => Filter::any().port(ports),
        }
    }

    fn prefixes(end: End, prefixes: xdp::program::Prefixes) -> Filter {
        match end {
            End::Source => Filter::any().src(prefixes),
            End::Destination => Filter::any().dst(prefixes),
            End::Either => Filter::any().address(prefixes),
        }
    }
}

impl Named {
    fn filter(self) -> Filter {
        match self {
            Self::Arp => Filter::arp(),
            Self::Ipv4 => Filter::ipv4(),
            Self::Ipv6 => Filter::ipv6(),
            Self::Ip => Filter::ip(),
            Self::Tcp => Filter::tcp(),
            Self::Udp => Filter::udp(),
            Self::Sctp => Filter::sctp(),
            Self::Icmp => Filter::icmp(),
            Self::Icmpv6 => Filter::icmpv6(),
            Self::NeighborDiscovery => Filter::neighbor_discovery(),
        }
    }
}

const TYPES: [u16; 7] = [0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8, 0x88cc, 46];
const PROTOCOLS: [u8; 12] = [1, 6, 17, 132, 58, 0, 44, 51, 60, 50, 59, 139];
const PORTS: [u16; 8] = [0, 53, 80, 443, 4433, 0x0100, 32768, 65535];
const VLANS: [u16; 5] = [0, 1, 7, 4095, 4096];

pub(crate) fn port() -> impl Strategy<Value = u16> {
    prop_oneof![9 => select(&PORTS[..]), 1 => any::<u16>()]
}

fn address4() -> impl Strategy<Value = Ipv4Addr> {
    let far = [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 255, 0, 2), Ipv4Addr::new(192, 168, 4, 129)];
    prop_oneof![9 => select(far.to_vec()), 1 => any::<Ipv4Addr>()]
}

fn address6() -> impl Strategy<Value = Ipv6Addr> {
    let far = ["fd00::1", "fd00::1:0:0:2", "2001:db8:8000::1", "::ffff:10.0.0.1", "a00:1::"];
    let far = far.map(|text| text.parse().expect("an address"));
    prop_oneof![9 => select(far.to_vec()), 1 => any::<Ipv6Addr>()]
}

pub(crate) fn prefix() -> impl Strategy<Value = Prefix> {
    let address = prop_oneof![address4().prop_map(IpAddr::from), address6().prop_map(IpAddr::from)];
    (address, 0..=128_u8, any::<bool>()).prop_map(|(address, bits, whole)| {
        let most = if address.is_ipv4() { 32 } else { 128 };
        Prefix::new(address, if whole { most } else { bits % (most + 1) }).expect("so many bits")
    })
}

fn end() -> impl Strategy<Value = End> {
    select(vec![End::Source, End::Destination, End::Either])
}

fn term() -> impl Strategy<Value = Term> {
    let named = [
        Named::Arp,
        Named::Ipv4,
        Named::Ipv6,
        Named::Ip,
        Named::Tcp,
        Named::Udp,
        Named::Sctp,
        Named::Icmp,
        Named::Icmpv6,
        Named::NeighborDiscovery,
    ];
    let fragments = [Fragments::None, Fragments::First, Fragments::Later, Fragments::Any];
    // Empty ranges too.
    let range = prop_oneof![
        2 => port().prop_map(|port| port..=port),
        1 => (port(), port()).prop_map(|(first, last)| first..=last)
    ];
    prop_oneof![
        1 => Just(Term::Any),
        1 => Just(Term::None),
        2 => select(&TYPES[..]).prop_map(Term::EthernetType),
        2 => select(&PROTOCOLS[..]).prop_map(Term::Protocol),
        6 => select(named.to_vec()).prop_map(Term::Named),
        4 => (end(), vec(range, 0..5)).prop_map(|(end, ports)| Term::Ports(end, ports)),
        2 => end().prop_map(Term::PortSet),
        4 => (end(), vec(prefix(), 0..3)).prop_map(|(end, prefixes)| Term::Prefixes(end, prefixes)),
        2 => end().prop_map(Term::PrefixSet),
        2 => select(&VLANS[..]).prop_map(Term::Vlan),
        1 => select(&VLANS[..]).prop_map(Term::InnerVlan),
        2 => (0..4_u8).prop_map(Term::Tags),
        1 => (end(), select(vec![MAC_FROM, MAC_TO, [2, 0, 0, 0, 1, 1]]))
            .prop_map(|(end, mac)| Term::Macs(end, mac)),
        2 => (0..140_u32, 0..140_u32).prop_map(|(first, last)| Term::Length(first..=last)),
        1 => select(vec![0..=u32::MAX, 70..=u32::MAX, 1 << 21..=u32::MAX, 0..=1 << 20])
            .prop_map(Term::Length),
        2 => select(fragments.to_vec()).prop_map(Term::Fragments),
        2 => (0..140_u8, 0..140_u8).prop_map(|(first, last)| Term::IcmpType(first..=last)),
    ]
}

pub(crate) fn expression() -> impl Strategy<Value = Expression> {
    term().prop_map(Expression::Term).prop_recursive(5, 24, 2, |inner| {
        let pair = || (inner.clone().prop_map(Box::new), inner.clone().prop_map(Box::new));
        prop_oneof![
            1 => inner.clone().prop_map(|inner| Expression::Not(Box::new(inner))),
            2 => pair().prop_map(|(left, right)| Expression::And(left, right)),
            2 => pair().prop_map(|(left, right)| Expression::Or(left, right)),
        ]
    })
}

/// What rules say: slot 0 of the tests' map holds a socket, slot 1 does not.
pub(crate) fn verdict() -> impl Strategy<Value = Verdict> {
    select(vec![
        Verdict::Redirect(Target::Queue),
        Verdict::Redirect(Target::Slot(1)),
        Verdict::Redirect(Target::Slot(u32::MAX)),
        Verdict::Pass,
        Verdict::Drop,
        Verdict::Transmit,
    ])
}

fn transport() -> impl Strategy<Value = Transport> {
    let ports = (select(vec![6, 17, 17, 132]), port(), port())
        .prop_map(|(protocol, source, destination)| Transport::ports(protocol, source, destination));
    let other = (select(&PROTOCOLS[..]), any::<[u8; 4]>())
        .prop_map(|(protocol, start)| Transport { protocol, start });
    let icmp = (select(vec![1, 58]), 0..140_u8)
        .prop_map(|(protocol, kind)| Transport { protocol, start: [kind, 0, 0, 0] });
    prop_oneof![4 => ports, 1 => other, 2 => icmp]
}

/// None; more to come; one in the middle; the last one; and the flag that says nothing about it.
fn fragment4() -> impl Strategy<Value = u16> {
    prop_oneof![5 => Just(0), 5 => select(vec![0x4000, 0x2000, 0x2001, 0x1fff, 0x8000]), 1 => any::<u16>()]
}

fn extension() -> impl Strategy<Value = Extension> {
    prop_oneof![
        4 => (select(vec![0, 43, 60, 135, 139, 140]), 0..3_u8)
            .prop_map(|(number, units)| Extension::Units(number, units)),
        1 => (select(vec![0, 60]), any::<u8>()).prop_map(|(number, units)| Extension::Units(number, units)),
        1 => prop_oneof![3 => 0..4_u8, 1 => any::<u8>()].prop_map(Extension::Authentication),
        2 => select(vec![0, 1, 6, 8, 9, 0xfff8, 0xffff]).prop_map(Extension::Fragment),
    ]
}

fn network() -> impl Strategy<Value = Network> {
    let v4 = (address4(), address4(), 0..11_usize, fragment4(), transport()).prop_map(
        |(source, destination, options, fragment, payload)| Network::V4 {
            source,
            destination,
            options,
            fragment,
            payload,
        },
    );
    let extensions = prop_oneof![2 => vec(extension(), 0..2), 2 => vec(extension(), 0..11)];
    let v6 = (address6(), address6(), extensions, transport()).prop_map(
        |(source, destination, extensions, payload)| Network::V6 { source, destination, extensions, payload },
    );
    let other =
        (select(&TYPES[..]), vec(any::<u8>(), 0..80)).prop_map(|(kind, bytes)| Network::Other(kind, bytes));
    prop_oneof![5 => v4, 5 => v6, 1 => Just(Network::Arp), 1 => other]
}

/// The bytes of a packet: whole, cut short, or with some byte changed.
pub(crate) fn packet() -> impl Strategy<Value = Vec<u8>> {
    let tag = (select(vec![0x8100_u16, 0x88a8]), prop_oneof![3 => select(&VLANS[..]), 1 => any::<u16>()]);
    let tags = prop_oneof![3 => Just(Vec::new()), 2 => vec(tag, 0..4)];
    let cut = option::weighted(0.15, 14..140_usize);
    let whole = (tags, network(), cut, 0..30_usize)
        .prop_map(|(tags, network, cut, trailer)| Packet { tags, network, cut, trailer }.bytes());
    let change = option::weighted(0.1, (any::<Index>(), any::<u8>()));
    (whole, change).prop_map(|(mut bytes, change)| {
        if let Some((at, value)) = change {
            let at = at.index(bytes.len().min(80));
            bytes[at] = value;
        }
        bytes
    })
}
