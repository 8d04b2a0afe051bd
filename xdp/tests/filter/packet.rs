//! Packets made of parts, right or wrong in any of them.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A frame without checksums, which no filter looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) tags: Vec<(u16, u16)>,
    pub(crate) network: Network,
    /// How many bytes are left of it; all if `None`.
    pub(crate) cut: Option<usize>,
    /// Bytes put after it.
    pub(crate) trailer: usize,
}

/// What follows the Ethernet header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Network {
    V4 {
        source: Ipv4Addr,
        destination: Ipv4Addr,
        options: usize,
        fragment: u16,
        payload: Transport,
    },
    V6 {
        source: Ipv6Addr,
        destination: Ipv6Addr,
        extensions: Vec<Extension>,
        payload: Transport,
    },
    #[default]
    Arp,
    /// A type, and bytes that mean nothing, or something else than the type says.
    Other(u16, Vec<u8>),
}

/// An IPv6 extension header: its number, and its length as its own field says it, or the fragment field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extension {
    Units(u8, u8),
    Authentication(u8),
    Fragment(u16),
}

/// A protocol and the first four bytes of its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Transport {
    pub(crate) protocol: u8,
    pub(crate) start: [u8; 4],
}

pub(crate) const MAC_TO: [u8; 6] = [2, 0, 0, 0, 0, 1];
pub(crate) const MAC_FROM: [u8; 6] = [2, 0, 0, 0, 0, 2];

impl Transport {
    pub(crate) fn ports(protocol: u8, source: u16, destination: u16) -> Self {
        let ([a, b], [c, d]) = (source.to_be_bytes(), destination.to_be_bytes());
        Self { protocol, start: [a, b, c, d] }
    }
}

impl Packet {
    pub(crate) fn new(network: Network) -> Self {
        Self { network, ..Self::default() }
    }

    /// UDP over IPv4 from 10.0.0.1 to 10.0.0.2, from port 1000.
    pub(crate) fn udp4(port: u16) -> Self {
        Self::fragment4(0, port)
    }

    /// The same as a fragment: flags and offset as in the header.
    pub(crate) fn fragment4(fragment: u16, port: u16) -> Self {
        Self::new(Network::V4 {
            source: Ipv4Addr::new(10, 0, 0, 1),
            destination: Ipv4Addr::new(10, 0, 0, 2),
            options: 0,
            fragment,
            payload: Transport::ports(17, 1000, port),
        })
    }

    /// The same over IPv6 from fd00::1 to fd00::2.
    pub(crate) fn udp6(extensions: impl Into<Vec<Extension>>, port: u16) -> Self {
        let host = |number| Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, number);
        Self::new(Network::V6 {
            source: host(1),
            destination: host(2),
            extensions: extensions.into(),
            payload: Transport::ports(17, 1000, port),
        })
    }

    pub(crate) fn tagged(mut self, ids: &[u16]) -> Self {
        self.tags = ids.iter().map(|&id| (0x8100, id)).collect();
        self
    }

    pub(crate) fn cut(self, bytes: usize) -> Self {
        Self { cut: Some(bytes), ..self }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = [MAC_TO, MAC_FROM].concat();
        for (kind, control) in &self.tags {
            bytes.extend(kind.to_be_bytes());
            bytes.extend(control.to_be_bytes());
        }
        match &self.network {
            Network::V4 { source, destination, options, fragment, payload } => {
                bytes.extend([8, 0]);
                let words = 5 + options.min(&10);
                bytes.extend([0x40 | words as u8, 0, 0, 60, 0, 0]);
                bytes.extend(fragment.to_be_bytes());
                bytes.extend([64, payload.protocol, 0, 0]);
                bytes.extend(source.octets());
                bytes.extend(destination.octets());
                bytes.resize(bytes.len() + (words - 5) * 4, 1);
                bytes.extend(payload.start);
            }
            Network::V6 { source, destination, extensions, payload } => {
                bytes.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 40]);
                let next = |at: usize| extensions.get(at).map_or(payload.protocol, Extension::number);
                bytes.extend([next(0), 64]);
                bytes.extend(source.octets());
                bytes.extend(destination.octets());
                for (at, extension) in extensions.iter().enumerate() {
                    bytes.push(next(at + 1));
                    extension.write(&mut bytes);
                }
                bytes.extend(payload.start);
            }
            Network::Arp => {
                bytes.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
                bytes.resize(bytes.len() + 20, 0);
            }
            Network::Other(kind, rest) => {
                bytes.extend(kind.to_be_bytes());
                bytes.extend(rest);
            }
        }
        bytes.resize(bytes.len() + self.trailer, 0x5a);
        // The kernel tries nothing shorter than a header, and puts what is longer than a page into a second buffer.
        bytes.truncate(self.cut.unwrap_or(3000).clamp(14, 3000));
        bytes.resize(bytes.len().max(14), 0);
        bytes
    }
}

impl Extension {
    fn number(&self) -> u8 {
        match *self {
            Self::Units(number, _) => number,
            Self::Authentication(_) => 51,
            Self::Fragment(_) => 44,
        }
    }

    /// All but the first byte.
    fn write(&self, bytes: &mut Vec<u8>) {
        match *self {
            Self::Units(_, units) => {
                bytes.push(units);
                bytes.resize(bytes.len() + (usize::from(units) + 1) * 8 - 2, 0);
            }
            Self::Authentication(words) => {
                bytes.push(words);
                bytes.resize(bytes.len() + (usize::from(words) + 2) * 4 - 2, 0);
            }
            Self::Fragment(field) => {
                bytes.push(0);
                bytes.extend(field.to_be_bytes());
                bytes.resize(bytes.len() + 4, 0);
            }
        }
    }
}
