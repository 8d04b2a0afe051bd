//! A test of one field.

use super::fragments::Fragments;
use super::headers::{Ends, Headers};
use super::ports::PortRanges;
use super::prefix::Prefix;
use crate::program::{PortSet, PrefixSet};

/// What a packet must have to match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::program) enum Test {
    Always,
    Never,
    EthernetType(u16),
    VlanTags(u8),
    OuterVlan(u16),
    InnerVlan(u16),
    Mac(Side, [u8; 6]),
    /// Least and most bytes.
    Length(u32, u32),
    Ipv4,
    Ipv6,
    Address(Side, Prefix),
    AddressIn(Side, PrefixSet),
    Protocol(u8),
    Fragments(Fragments),
    Port(Side, PortRanges),
    PortIn(Side, PortSet),
    /// First and last type.
    IcmpType(u8, u8),
}

/// Which of two fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::program) enum Side {
    Source,
    Destination,
}

impl Side {
    fn of<T>(self, ends: Ends<T>) -> T {
        match self {
            Self::Source => ends.source,
            Self::Destination => ends.destination,
        }
    }
}

impl Test {
    pub(super) fn holds_for(&self, packet: &Headers<'_>) -> bool {
        let port = |side: &Side| packet.ports.map(|ports| side.of(ports));
        let address = |side: &Side| packet.addresses.map(|addresses| side.of(addresses));
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::EthernetType(number) => packet.ethernet_type == Some(*number),
            Self::VlanTags(count) => packet.source.is_some() && packet.vlans.len() == usize::from(*count),
            Self::OuterVlan(id) => packet.vlans.first() == Some(id),
            Self::InnerVlan(id) => packet.vlans.get(1) == Some(id),
            Self::Mac(Side::Source, mac) => packet.source == Some(mac),
            Self::Mac(Side::Destination, mac) => packet.destination == Some(mac),
            Self::Length(least, most) => (*least as usize..=*most as usize).contains(&packet.length),
            Self::Ipv4 => packet.addresses.is_some_and(|addresses| addresses.source.is_ipv4()),
            Self::Ipv6 => packet.addresses.is_some_and(|addresses| addresses.source.is_ipv6()),
            Self::Address(side, prefix) => address(side).is_some_and(|address| prefix.contains(address)),
            Self::AddressIn(side, set) => {
                address(side).is_some_and(|address| set.matches(address).unwrap_or(false))
            }
            Self::Protocol(number) => packet.protocol == Some(*number),
            Self::Fragments(which) => packet.protocol.is_some() && which.include(packet.fragment),
            Self::Port(side, ranges) => port(side).is_some_and(|port| ranges.contain(port)),
            Self::PortIn(side, set) => port(side).is_some_and(|port| set.contains(port).unwrap_or(false)),
            Self::IcmpType(first, last) => {
                packet.icmp_type.is_some_and(|number| (*first..=*last).contains(&number))
            }
        }
    }
}
