//! Which packets: a condition over the headers of a packet, written in Rust and run in the kernel.
//!
//! What it means in each case stands at [`Filter`], and is read off a packet in `headers`, in the plainest way there
//! is.

use std::ops::{self, Bound, RangeBounds};

mod fragments;
mod headers;
mod ports;
mod prefix;
mod test;

pub use fragments::Fragments;
pub use ports::Ports;
pub use prefix::{Prefix, PrefixError, Prefixes};

pub(super) use headers::{EXTENSION_HEADERS, Headers, is_extension_header};
pub(super) use test::{Side, Test};

/// Ethernet types and protocols that filters have names for.
pub(super) mod number {
    pub(in crate::program) const VLAN: u16 = 0x8100;
    pub(in crate::program) const SERVICE_VLAN: u16 = 0x88a8;
    pub(in crate::program) const IPV4: u16 = 0x0800;
    pub(in crate::program) const IPV6: u16 = 0x86dd;
    pub(in crate::program) const ARP: u16 = 0x0806;
    pub(in crate::program) const ICMP: u8 = 1;
    pub(in crate::program) const TCP: u8 = 6;
    pub(in crate::program) const UDP: u8 = 17;
    pub(in crate::program) const ICMPV6: u8 = 58;
    pub(in crate::program) const SCTP: u8 = 132;
}
use number::*;

/// Which packets: tests of their headers, joined by `and`, `or` and `not`.
///
/// Each method adds a condition to all that stands before it: `a.or(b).vlan(5)` wants VLAN 5 of both.
///
/// ```
/// use xdp::program::Filter;
///
/// let wanted = Filter::udp().dst_port(4433).or(Filter::arp());
/// let from_home = Filter::ip().src("192.168.0.0/16".parse::<xdp::program::Prefix>()?).and(wanted);
/// assert!(!from_home.matches(&[0; 64]));
/// # Ok::<(), xdp::program::PrefixError>(())
/// ```
///
/// A filter is made of tests of one field each. A test is true or false, never unknown: **a field that is not there
/// makes its test false**, and [`not`](Filter::not) makes it true. So `Filter::udp().dst_port(53).not()` matches
/// every ARP packet, and every truncated one. A field is there if all of its header's bytes are, in the first buffer
/// of the packet; what the lengths inside of headers say is not believed, and neither are checksums.
///
/// | field | is there |
/// |---|---|
/// | VLAN tag | after the addresses: types 0x8100 and 0x88a8, at most two; a third one is an Ethernet type |
/// | Ethernet type | after the tags, if all of them are complete |
/// | IPv4 addresses, fragment | with 20 bytes of version 4 and a header length of at least 20 |
/// | IPv6 addresses | with 40 bytes of version 6 |
/// | protocol | in the IPv4 header, or after at most 8 IPv6 extension headers, all of them complete |
/// | ports | in the first 4 bytes after the IP headers: TCP, UDP and SCTP, but for later fragments |
/// | ICMP type | the same, of ICMP over IPv4 and ICMPv6 over IPv6 |
///
/// **Fragments.** Only the first fragment of a packet has ports. The later ones have addresses and a protocol, so
/// `Filter::udp()` matches them and `Filter::udp().dst_port(53)` does not: they stay with the kernel's stack, which
/// then waits for the first one in vain. Ask for [`Filter::fragments`] if your service has to see them. An IPv6
/// packet with a fragment header that is the only fragment of its packet (RFC 6946) counts as whole.
///
/// **VLAN tags** are skipped by every test that does not name them. A NIC that takes the tag off before the program
/// runs leaves nothing to match or skip: `ethtool -K NIC rxvlan off`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a filter does nothing before it is part of a program"]
pub struct Filter {
    /// Operands before operators. No tree, so that no filter is too deep for the stack of a thread.
    nodes: Vec<Node>,
}

/// A part of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Test(Test),
    Not,
    And,
    Or,
}

/// Where a filter begins.
impl Filter {
    /// Every packet.
    pub fn any() -> Self {
        Test::Always.into()
    }

    /// No packet.
    pub fn none() -> Self {
        Test::Never.into()
    }

    /// This type after the Ethernet addresses and VLAN tags: 0x0800 for IPv4.
    pub fn ethernet_type(number: u16) -> Self {
        Test::EthernetType(number).into()
    }

    /// ARP, without which nobody finds an IPv4 host on its network.
    pub fn arp() -> Self {
        Self::ethernet_type(ARP)
    }

    /// IPv4.
    pub fn ipv4() -> Self {
        Test::Ipv4.into()
    }

    /// IPv6.
    pub fn ipv6() -> Self {
        Test::Ipv6.into()
    }

    /// IPv4 or IPv6.
    pub fn ip() -> Self {
        Self::ipv4().or(Self::ipv6())
    }

    /// This protocol over IPv4 or IPv6: 6 for TCP.
    pub fn protocol(number: u8) -> Self {
        Test::Protocol(number).into()
    }

    /// TCP over IPv4 or IPv6, later fragments included.
    pub fn tcp() -> Self {
        Self::protocol(TCP)
    }

    /// UDP over IPv4 or IPv6, later fragments included.
    pub fn udp() -> Self {
        Self::protocol(UDP)
    }

    /// SCTP over IPv4 or IPv6, later fragments included.
    pub fn sctp() -> Self {
        Self::protocol(SCTP)
    }

    /// ICMP over IPv4.
    pub fn icmp() -> Self {
        Self::ipv4().and(Self::protocol(ICMP))
    }

    /// ICMPv6 over IPv6, neighbour discovery included.
    pub fn icmpv6() -> Self {
        Self::ipv6().and(Self::protocol(ICMPV6))
    }

    /// Neighbour discovery (RFC 4861: ICMPv6 types 133 to 137), without which nobody finds an IPv6 host on its
    /// network.
    pub fn neighbor_discovery() -> Self {
        Self::icmpv6().icmp_type(133..=137)
    }
}

/// Further conditions on what stands before.
impl Filter {
    /// From an address of these: an address, a [`Prefix`], several, or a [`PrefixSet`](super::PrefixSet).
    pub fn src(self, from: impl Into<Prefixes>) -> Self {
        self.and(from.into().filter(Side::Source))
    }

    /// To an address of these.
    pub fn dst(self, to: impl Into<Prefixes>) -> Self {
        self.and(to.into().filter(Side::Destination))
    }

    /// From or to an address of these.
    pub fn address(self, either: impl Into<Prefixes>) -> Self {
        let either = either.into();
        self.and(either.clone().filter(Side::Source).or(either.filter(Side::Destination)))
    }

    /// From a port of these: a port, a range, several, or a [`PortSet`](super::PortSet). TCP, UDP and SCTP have
    /// ports.
    pub fn src_port(self, from: impl Into<Ports>) -> Self {
        self.and(from.into().filter(Side::Source))
    }

    /// To a port of these. Later fragments have none: see [`fragments`](Self::fragments).
    pub fn dst_port(self, to: impl Into<Ports>) -> Self {
        self.and(to.into().filter(Side::Destination))
    }

    /// From or to a port of these.
    pub fn port(self, either: impl Into<Ports>) -> Self {
        let either = either.into();
        self.and(either.clone().filter(Side::Source).or(either.filter(Side::Destination)))
    }

    /// Fragments, or none: of IP packets whose protocol is there.
    pub fn fragments(self, which: Fragments) -> Self {
        self.and(Test::Fragments(which).into())
    }

    /// ICMP or ICMPv6 of one of these types.
    pub fn icmp_type(self, types: impl RangeBounds<u8>) -> Self {
        let test = bounds(types, u8::MAX, |number| number.checked_add(1), |number| number.checked_sub(1));
        self.and(test.map_or(Test::Never, |(first, last)| Test::IcmpType(first, last)).into())
    }

    /// The outermost VLAN tag has this number, 0 to 4095: others match nothing.
    pub fn vlan(self, id: u16) -> Self {
        self.and(Test::OuterVlan(id).into())
    }

    /// The second VLAN tag has this number.
    pub fn inner_vlan(self, id: u16) -> Self {
        self.and(Test::InnerVlan(id).into())
    }

    /// As many VLAN tags as this: 0, 1, or 2, which is all that is looked for.
    pub fn vlan_tags(self, count: u8) -> Self {
        self.and(Test::VlanTags(count).into())
    }

    /// From this Ethernet address.
    pub fn src_mac(self, address: [u8; 6]) -> Self {
        self.and(Test::Mac(Side::Source, address).into())
    }

    /// To this Ethernet address.
    pub fn dst_mac(self, address: [u8; 6]) -> Self {
        self.and(Test::Mac(Side::Destination, address).into())
    }

    /// As many bytes as this, Ethernet header included and checksum not, in all buffers of the packet.
    pub fn length(self, bytes: impl RangeBounds<u32>) -> Self {
        let test = bounds(bytes, u32::MAX, |number| number.checked_add(1), |number| number.checked_sub(1));
        self.and(test.map_or(Test::Never, |(least, most)| Test::Length(least, most)).into())
    }
}

/// Joining filters.
impl Filter {
    /// Both.
    pub fn and(self, other: Self) -> Self {
        // The common beginning: what is added to everything is alone.
        if self.nodes == [Node::Test(Test::Always)] { other } else { self.join(other, Node::And) }
    }

    /// Either, or both.
    pub fn or(self, other: Self) -> Self {
        self.join(other, Node::Or)
    }

    /// Every packet that does not match, those without the fields that are asked for included.
    #[expect(clippy::should_implement_trait, reason = "it is implemented too; this one needs no import")]
    pub fn not(mut self) -> Self {
        self.nodes.push(Node::Not);
        self
    }

    /// Whether a packet matches, without the kernel: for tests, for the fake kernel, for frames at hand.
    ///
    /// The packet starts with its Ethernet header. This reads the packet in its own, plain way; that it agrees with
    /// the compiled program is what the tests of this library prove. Sets that can change are asked as they are now.
    pub fn matches(&self, packet: &[u8]) -> bool {
        self.holds_for(&Headers::read(packet))
    }

    pub(super) fn holds_for(&self, headers: &Headers<'_>) -> bool {
        let mut results = Vec::new();
        for node in &self.nodes {
            // Operators come after their operands, so the stack is never empty here: see `join`.
            let mut operand = || results.pop().unwrap_or(false);
            let result = match node {
                Node::Test(test) => test.holds_for(headers),
                Node::Not => !operand(),
                Node::And => operand() & operand(),
                Node::Or => operand() | operand(),
            };
            results.push(result);
        }
        results.pop().unwrap_or(false)
    }

    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    fn join(mut self, other: Self, operator: Node) -> Self {
        self.nodes.extend(other.nodes);
        self.nodes.push(operator);
        self
    }
}

impl From<Test> for Filter {
    fn from(test: Test) -> Self {
        Self { nodes: vec![Node::Test(test)] }
    }
}

impl ops::Not for Filter {
    type Output = Self;

    fn not(self) -> Self {
        Self::not(self)
    }
}

/// The first and last number of a range; `None` if it is empty.
fn bounds<T: Copy + PartialOrd + Default>(
    range: impl RangeBounds<T>,
    most: T,
    next: impl Fn(T) -> Option<T>,
    previous: impl Fn(T) -> Option<T>,
) -> Option<(T, T)> {
    let first = match range.start_bound() {
        Bound::Included(&first) => first,
        Bound::Excluded(&before) => next(before)?,
        Bound::Unbounded => T::default(),
    };
    let last = match range.end_bound() {
        Bound::Included(&last) => last,
        Bound::Excluded(&after) => previous(after)?,
        Bound::Unbounded => most,
    };
    (first <= last).then_some((first, last))
}
