//! Which packets a rule is about.

use std::fmt;
use std::net::IpAddr;

use super::{FlowRule, FlowTarget};
use crate::QueueId;

/// The kind of packets that a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FlowKind {
    /// UDP over IPv4.
    Udp4,
    /// TCP over IPv4.
    Tcp4,
    /// UDP over IPv6.
    Udp6,
    /// TCP over IPv6.
    Tcp6,
    /// Anything, by its Ethernet header.
    Ethernet,
}

/// Which packets a rule is about: a kind, and what their fields must be. Fields that are not named may be anything.
///
/// Drivers differ in what they can match: most want whole ports and addresses, some know no prefixes, VLANs or MAC
/// addresses. Adding the rule tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "nothing is steered before a rule is made of it and added"]
pub struct FlowMatch {
    pub(super) kind: FlowKind,
    pub(super) source: Option<(IpAddr, u8)>,
    pub(super) destination: Option<(IpAddr, u8)>,
    pub(super) source_port: Option<u16>,
    pub(super) destination_port: Option<u16>,
    pub(super) vlan: Option<u16>,
    pub(super) source_mac: Option<[u8; 6]>,
    pub(super) destination_mac: Option<[u8; 6]>,
    pub(super) ethertype: Option<u16>,
}

impl FlowMatch {
    pub(super) fn new(kind: FlowKind) -> Self {
        Self {
            kind,
            source: None,
            destination: None,
            source_port: None,
            destination_port: None,
            vlan: None,
            source_mac: None,
            destination_mac: None,
            ethertype: None,
        }
    }

    /// The source port. UDP and TCP only.
    pub fn src_port(self, port: u16) -> Self {
        Self { source_port: Some(port), ..self }
    }

    /// The destination port. UDP and TCP only.
    pub fn dst_port(self, port: u16) -> Self {
        Self { destination_port: Some(port), ..self }
    }

    /// The source address. UDP and TCP only, and of the kind's IP version.
    pub fn src(self, address: impl Into<IpAddr>) -> Self {
        let address = address.into();
        self.src_net(address, bits(address))
    }

    /// The network that the source address is in: the first `prefix` bits are those of `address`.
    pub fn src_net(self, address: impl Into<IpAddr>, prefix: u8) -> Self {
        Self { source: Some((address.into(), prefix)), ..self }
    }

    /// The destination address. UDP and TCP only, and of the kind's IP version.
    pub fn dst(self, address: impl Into<IpAddr>) -> Self {
        let address = address.into();
        self.dst_net(address, bits(address))
    }

    /// The network that the destination address is in: the first `prefix` bits are those of `address`.
    pub fn dst_net(self, address: impl Into<IpAddr>, prefix: u8) -> Self {
        Self { destination: Some((address.into(), prefix)), ..self }
    }

    /// The VLAN, 0 to 4095.
    pub fn vlan(self, id: u16) -> Self {
        Self { vlan: Some(id), ..self }
    }

    /// The source MAC address. Ethernet only.
    pub fn src_mac(self, address: [u8; 6]) -> Self {
        Self { source_mac: Some(address), ..self }
    }

    /// The destination MAC address.
    pub fn dst_mac(self, address: [u8; 6]) -> Self {
        Self { destination_mac: Some(address), ..self }
    }

    /// The type of what follows the Ethernet header, 0x88f7 for PTP for example. Ethernet only.
    pub fn ethertype(self, number: u16) -> Self {
        Self { ethertype: Some(number), ..self }
    }

    /// A rule that sends these packets to a queue.
    pub fn to_queue(self, queue: QueueId) -> FlowRule {
        FlowRule::new(self, FlowTarget::Queue(queue))
    }

    /// A rule that drops these packets.
    pub fn to_nowhere(self) -> FlowRule {
        FlowRule::new(self, FlowTarget::Drop)
    }

    /// The kind of packets.
    pub fn kind(&self) -> FlowKind {
        self.kind
    }

    /// What cannot be asked of packets of this kind, in words; `None` if all is well.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let is_ethernet = self.kind == FlowKind::Ethernet;
        let has_ip = self.source.or(self.destination).is_some()
            || self.source_port.or(self.destination_port).is_some();
        let is_v6 = matches!(self.kind, FlowKind::Udp6 | FlowKind::Tcp6);
        let addresses = || [self.source, self.destination].into_iter().flatten();
        match () {
            () if is_ethernet && has_ip => Some("an Ethernet rule has no ports and no IP addresses"),
            () if !is_ethernet && self.source_mac.is_some() => {
                Some("a source MAC address is for Ethernet rules")
            }
            () if !is_ethernet && self.ethertype.is_some() => Some("an ethertype is for Ethernet rules"),
            () if addresses().any(|(address, _)| address.is_ipv6() != is_v6) => {
                Some("an address is of another IP version than the rule")
            }
            () if addresses().any(|(address, prefix)| prefix > bits(address)) => {
                Some("a prefix is longer than its address (32 bits of IPv4, 128 of IPv6)")
            }
            () if self.vlan.is_some_and(|id| id > 4095) => Some("a VLAN is a number from 0 to 4095"),
            () => None,
        }
    }
}

/// The length of an address, in bits.
fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

impl fmt::Display for FlowKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp4 => "UDP over IPv4",
            Self::Tcp4 => "TCP over IPv4",
            Self::Udp6 => "UDP over IPv6",
            Self::Tcp6 => "TCP over IPv6",
            Self::Ethernet => "Ethernet",
        })
    }
}

impl fmt::Display for FlowMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        for (word, end, port) in
            [("from", self.source, self.source_port), ("to", self.destination, self.destination_port)]
        {
            match end {
                Some((address, prefix)) if prefix == bits(address) => write!(f, " {word} {address}")?,
                Some((address, prefix)) => write!(f, " {word} {address}/{prefix}")?,
                None if port.is_some() => write!(f, " {word}")?,
                None => {}
            }
            if let Some(port) = port {
                write!(f, " port {port}")?;
            }
        }
        for (word, mac) in [("from", self.source_mac), ("to", self.destination_mac)] {
            if let Some([a, b, c, d, e, g]) = mac {
                write!(f, " {word} {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")?;
            }
        }
        if let Some(number) = self.ethertype {
            write!(f, " of type {number:#06x}")?;
        }
        if let Some(id) = self.vlan {
            write!(f, " in VLAN {id}")?;
        }
        Ok(())
    }
}
