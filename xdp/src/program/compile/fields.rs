//! The fields of a packet: where each is on the stack, and which of them rules ask for.

use crate::program::Size;
use crate::program::filter::{Node, Side, Test};
use crate::program::rules::{Rule, Spread, Target, Verdict};
use crate::program::sets::prefix_key::PrefixKey;

/// A place on the stack, in bytes from r10.
///
/// The flags are not at a multiple of 8: there, newer verifiers remember numbers that they know, and would follow
/// each way through the headers apart to the end of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) offset: i16,
    pub(super) size: Size,
}

const fn field(offset: i16, size: Size) -> Field {
    Field { offset, size }
}

pub(super) const FLAGS: Field = field(-4, Size::Word);
pub(super) const ETHERNET_TYPE: Field = field(-6, Size::Half);
pub(super) const OUTER_VLAN: Field = field(-10, Size::Half);
pub(super) const INNER_VLAN: Field = field(-12, Size::Half);
pub(super) const PROTOCOL: Field = field(-13, Size::Byte);
pub(super) const ICMP_TYPE: Field = field(-14, Size::Byte);
/// The length of an extension header on its way through the stack, which makes the verifier forget how it came about.
pub(super) const SCRATCH: Field = field(-20, Size::Half);

/// The words that are zero before the first part, so that none is read before it is written: from the lowest one up.
pub(super) const LOWEST: i16 = DESTINATION_KEY;

const SOURCE_MAC: i16 = -32;
const DESTINATION_MAC: i16 = -40;
/// Addresses are kept as keys of a [`PrefixKey`] trie.
const SOURCE_KEY: i16 = -64;
const DESTINATION_KEY: i16 = -88;

/// The stack's places of what a packet has two of.
pub(super) fn port(side: Side) -> Field {
    field(if side == Side::Source { -22 } else { -24 }, Size::Half)
}

pub(super) fn mac(side: Side) -> [Field; 2] {
    let offset = if side == Side::Source { SOURCE_MAC } else { DESTINATION_MAC };
    [field(offset, Size::Word), field(offset + 4, Size::Half)]
}

pub(super) fn key(side: Side) -> i16 {
    if side == Side::Source { SOURCE_KEY } else { DESTINATION_KEY }
}

/// The four words of an address, the first of which is all of an IPv4 address.
pub(super) fn address(side: Side) -> [Field; 4] {
    let start = key(side) + PrefixKey::ADDRESS;
    [0, 4, 8, 12].map(|offset| field(start + offset, Size::Word))
}

/// Bits of the flags: which fields are there.
pub(super) mod flag {
    /// Always set: a word that is never zero is one that the verifier knows nothing about.
    pub(in crate::program::compile) const WALKED: i32 = 1;
    pub(in crate::program::compile) const MACS: i32 = 1 << 1;
    pub(in crate::program::compile) const ONE_TAG: i32 = 1 << 2;
    pub(in crate::program::compile) const TWO_TAGS: i32 = 1 << 3;
    pub(in crate::program::compile) const ETHERNET_TYPE: i32 = 1 << 4;
    pub(in crate::program::compile) const IPV4: i32 = 1 << 5;
    pub(in crate::program::compile) const IPV6: i32 = 1 << 6;
    pub(in crate::program::compile) const PROTOCOL: i32 = 1 << 7;
    /// Any fragment.
    pub(in crate::program::compile) const FRAGMENT: i32 = 1 << 8;
    /// Not the first one.
    pub(in crate::program::compile) const LATER: i32 = 1 << 9;
    pub(in crate::program::compile) const PORTS: i32 = 1 << 10;
    pub(in crate::program::compile) const ICMP: i32 = 1 << 11;
}

/// Which fields rules ask for. One needs all those before it on the way there, but for its neighbours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// How deep the walk goes.
    pub(super) depth: Depth,
    pub(super) macs: bool,
    pub(super) vlan_ids: bool,
    pub(super) addresses: bool,
    pub(super) icmp: bool,
}

/// How deep into a packet a walk goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Depth {
    #[default]
    Nothing,
    Addresses,
    Type,
    Network,
    Protocol,
    Transport,
}

impl Needs {
    pub(super) fn of(rules: &[Rule]) -> Self {
        let mut needs = Self::default();
        for rule in rules {
            for node in rule.filter.nodes() {
                if let Node::Test(test) = node {
                    needs.add(test);
                }
            }
            if let Verdict::Redirect(Target::Spread { by: Spread::Flow, .. }) = rule.verdict {
                needs.addresses = true;
                needs.reach(Depth::Transport);
            }
        }
        needs
    }

    fn add(&mut self, test: &Test) {
        let depth = match test {
            Test::Always | Test::Never | Test::Length(..) => Depth::Nothing,
            Test::Mac(..) => {
                self.macs = true;
                Depth::Addresses
            }
            Test::EthernetType(_) | Test::VlanTags(_) => Depth::Type,
            Test::OuterVlan(_) | Test::InnerVlan(_) => {
                self.vlan_ids = true;
                Depth::Type
            }
            Test::Ipv4 | Test::Ipv6 => Depth::Network,
            Test::Address(..) | Test::AddressIn(..) => {
                self.addresses = true;
                Depth::Network
            }
            Test::Protocol(_) | Test::Fragments(_) => Depth::Protocol,
            Test::Port(..) | Test::PortIn(..) => Depth::Transport,
            Test::IcmpType(..) => {
                self.icmp = true;
                Depth::Transport
            }
        };
        self.reach(depth);
    }

    fn reach(&mut self, depth: Depth) {
        self.depth = self.depth.max(depth);
    }
}
