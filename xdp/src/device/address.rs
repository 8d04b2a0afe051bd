//! The addresses of an interface.

use std::fmt;
use std::net::IpAddr;

use xdp_sys::Plain;
use xdp_sys::rtnetlink::{IFA_ADDRESS, IFA_LOCAL, RTM_GETADDR, ifaddrmsg};

use super::netlink::{Attributes, Protocol, Request};
use super::{Interface, InterfaceError};

/// An address of an interface, with the length of its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceAddress {
    address: IpAddr,
    prefix: u8,
}

impl InterfaceAddress {
    /// Asks the kernel: IPv4 first, otherwise in the kernel's order.
    pub(crate) fn of(interface: &Interface) -> Result<Vec<Self>, InterfaceError> {
        let mut socket = interface.socket(Protocol::Route)?;
        let index = interface.index();
        let about_us =
            |payload: &[u8]| ifaddrmsg::read(payload).is_some_and(|header| header.ifa_index == index);
        let request = Request::dump(RTM_GETADDR).fixed(&ifaddrmsg::default());
        let answers = socket
            .request_some(&request, about_us)
            .map_err(|cause| interface.query_failed("the addresses", cause))?;
        let mut all: Vec<_> = answers.iter().filter_map(|answer| Self::read(&answer.payload)).collect();
        all.sort_by_key(|own| own.address.is_ipv6());
        Ok(all)
    }

    /// Reads the payload of `RTM_NEWADDR`.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let (header, attributes) = Attributes::after::<ifaddrmsg>(payload)?;
        // On links to one peer `IFA_ADDRESS` is the peer's; IPv6 leaves the other out where there is no peer.
        let bytes = attributes.find(IFA_LOCAL).or_else(|| attributes.find(IFA_ADDRESS))?;
        let address = match i32::from(header.ifa_family) {
            libc::AF_INET => IpAddr::from(bytes.value::<[u8; 4]>()?),
            libc::AF_INET6 => IpAddr::from(bytes.value::<[u8; 16]>()?),
            _ => return None,
        };
        Some(Self { address, prefix: header.ifa_prefixlen })
    }

    /// The address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// How many bits of it all machines of its network have in common.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }
}

impl fmt::Display for InterfaceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::device::netlink::script::attributes;

    fn answer(family: i32, prefix: u8, kinds: &[(u16, &[u8])]) -> Vec<u8> {
        attributes(|body| {
            body.fixed(&ifaddrmsg {
                ifa_family: family as u8,
                ifa_prefixlen: prefix,
                ..ifaddrmsg::default()
            });
            kinds.iter().for_each(|(kind, bytes)| body.bytes(*kind, bytes));
        })
    }

    #[test]
    fn the_own_address_is_taken_and_not_that_of_the_peer() {
        let both: [(u16, &[u8]); 2] = [(IFA_ADDRESS, &[192, 0, 2, 2]), (IFA_LOCAL, &[192, 0, 2, 1])];
        let read = InterfaceAddress::read(&answer(libc::AF_INET, 30, &both)).expect("an address");
        assert_eq!(read.to_string(), "192.0.2.1/30");
        let alone: [(u16, &[u8]); 1] = [(IFA_ADDRESS, &[0xfd; 16])];
        let read = InterfaceAddress::read(&answer(libc::AF_INET6, 64, &alone)).expect("an address");
        assert!(read.address().is_ipv6() && read.prefix() == 64);
    }

    #[test]
    fn an_address_of_the_wrong_length_or_family_is_none() {
        let short: [(u16, &[u8]); 1] = [(IFA_LOCAL, &[192, 0, 2])];
        assert_eq!(InterfaceAddress::read(&answer(libc::AF_INET, 24, &short)), None);
        assert_eq!(InterfaceAddress::read(&answer(libc::AF_INET6, 24, &short)), None);
        let whole: [(u16, &[u8]); 1] = [(IFA_LOCAL, &[192, 0, 2, 1])];
        assert_eq!(InterfaceAddress::read(&answer(libc::AF_UNIX, 24, &whole)), None);
        assert_eq!(InterfaceAddress::read(&answer(libc::AF_INET, 24, &[])), None);
    }

    proptest! {
        #[test]
        fn an_address_read_from_any_bytes_does_not_panic(payload in vec(any::<u8>(), 0..80)) {
            let _ = InterfaceAddress::read(&payload);
        }
    }
}
