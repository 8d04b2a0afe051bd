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
