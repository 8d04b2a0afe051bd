//! The headers of a packet, read in the plainest way there is: what the compiled programs are held against.

use std::net::IpAddr;

use super::fragments::Part;
use super::number::*;

/// How many IPv6 extension headers are followed to find the protocol.
pub(in crate::program) const EXTENSION_HEADERS: usize = 8;

/// The headers of a packet, as far as they are there.
#[derive(Debug, Default)]
pub(in crate::program) struct Headers<'a> {
    pub(in crate::program) length: usize,
    pub(in crate::program) destination: Option<&'a [u8]>,
    pub(in crate::program) source: Option<&'a [u8]>,
    pub(in crate::program) vlans: Vec<u16>,
    pub(in crate::program) ethernet_type: Option<u16>,
    pub(in crate::program) addresses: Option<Addresses>,
    pub(in crate::program) protocol: Option<u8>,
    pub(in crate::program) fragment: Option<Part>,
    pub(in crate::program) ports: Option<Ends<u16>>,
    pub(in crate::program) icmp_type: Option<u8>,
}

/// Something that a packet has two of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::program) struct Ends<T> {
    pub(in crate::program) source: T,
    pub(in crate::program) destination: T,
}

pub(in crate::program) type Addresses = Ends<IpAddr>;

impl<'a> Headers<'a> {
    pub(in crate::program) fn read(packet: &'a [u8]) -> Self {
        let mut headers = Self { length: packet.len(), ..Self::default() };
        // Whatever is missing ends the reading: what was found before stays.
        let _ = headers.ethernet(packet);
        headers
    }

    fn ethernet(&mut self, packet: &'a [u8]) -> Option<()> {
        let header = packet.get(..14)?;
        self.destination = Some(&header[..6]);
        self.source = Some(&header[6..12]);
        let mut number = half(header, 12)?;
        let mut rest = &packet[14..];
        while [VLAN, SERVICE_VLAN].contains(&number) && self.vlans.len() < 2 {
            let tag = rest.get(..4)?;
            self.vlans.push(half(tag, 0)? & 0xfff);
            number = half(tag, 2)?;
            rest = &rest[4..];
        }
        self.ethernet_type = Some(number);
        match number {
            IPV4 => self.ipv4(rest),
            IPV6 => self.ipv6(rest),
            _ => None,
        }
    }

    fn ipv4(&mut self, packet: &'a [u8]) -> Option<()> {
        let header = packet.get(..20)?;
        let (version, words) = (header[0] >> 4, usize::from(header[0] & 15));
        if version != 4 || words < 5 {
            return None;
        }
        let address = |at: usize| header[at..at + 4].first_chunk::<4>().map(|octets| IpAddr::from(*octets));
        self.addresses = Some(Ends { source: address(12)?, destination: address(16)? });
        self.protocol = Some(header[9]);
        let (more_follow, offset) = (half(header, 6)? & 0x2000 != 0, half(header, 6)? & 0x1fff);
        self.note_fragment(offset, more_follow);
        self.transport(header[9], packet.get(words * 4..)?)
    }

    fn ipv6(&mut self, packet: &'a [u8]) -> Option<()> {
        let header = packet.get(..40)?;
        if header[0] >> 4 != 6 {
            return None;
        }
        let address = |at: usize| header[at..at + 16].first_chunk::<16>().map(|octets| IpAddr::from(*octets));
        self.addresses = Some(Ends { source: address(8)?, destination: address(24)? });
        let (mut next, mut rest) = (header[6], &packet[40..]);
        for _ in 0..EXTENSION_HEADERS {
            if !is_extension_header(next) || self.fragment == Some(Part::Later) {
                break;
            }
            let header = rest.get(..8)?;
            let bytes = match next {
                44 => {
                    self.note_fragment(half(header, 2)? >> 3, half(header, 2)? & 1 != 0);
                    8
                }
                51 => (usize::from(header[1]) + 2) * 4,
                _ => (usize::from(header[1]) + 1) * 8,
            };
            next = header[0];
            rest = rest.get(bytes..).unwrap_or(&[]);
        }
        // What follows the header of a later fragment is no header, whatever its number says.
        if is_extension_header(next) && self.fragment != Some(Part::Later) {
            return None;
        }
        self.protocol = Some(next);
        self.transport(next, rest)
    }

    fn note_fragment(&mut self, offset: u16, more_follow: bool) {
        if offset != 0 {
            self.fragment = Some(Part::Later);
        } else if more_follow {
            self.fragment = Some(Part::First);
        }
    }

    fn transport(&mut self, protocol: u8, packet: &'a [u8]) -> Option<()> {
        if self.fragment == Some(Part::Later) {
            return None;
        }
        let start = packet.get(..4)?;
        match protocol {
            TCP | UDP | SCTP => {
                self.ports = Some(Ends { source: half(start, 0)?, destination: half(start, 2)? });
            }
            ICMP if self.ethernet_type == Some(IPV4) => self.icmp_type = Some(start[0]),
            ICMPV6 if self.ethernet_type == Some(IPV6) => self.icmp_type = Some(start[0]),
            _ => {}
        }
        Some(())
    }
}

/// Whether this number of an IPv6 header's next header is one that another header follows: RFC 7045, without ESP,
/// which hides what follows, and the two numbers for experiments.
pub(in crate::program) fn is_extension_header(number: u8) -> bool {
    [0, 43, 44, 51, 60, 135, 139, 140].contains(&number)
}

/// Two bytes in network order.
fn half(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.first_chunk().map(|pair| u16::from_be_bytes(*pair))
}
