//! Asking one generic netlink family about one interface.

use xdp_sys::Errno;
use xdp_sys::ethtool_netlink::{
    ETHTOOL_A_HEADER, ETHTOOL_A_HEADER_DEV_INDEX, ETHTOOL_GENL_NAME, ETHTOOL_GENL_VERSION,
};
use xdp_sys::genetlink::genlmsghdr;
use xdp_sys::netdev::{NETDEV_FAMILY_NAME, NETDEV_FAMILY_VERSION};

use super::change::Outcome;
use super::netlink::{Answer, Attributes, Family, NetlinkError, NetlinkSocket, Protocol, Request};
use super::{Interface, InterfaceError};

/// A family, open for questions about one interface in the network namespace that it was found in.
#[derive(Debug)]
pub(crate) struct FamilySocket {
    socket: NetlinkSocket,
    family: Family,
    version: u8,
    index: u32,
}

impl FamilySocket {
    /// The family that tells what an interface can do; `None` before Linux 6.3.
    pub(crate) fn netdev(interface: &Interface) -> Result<Option<Self>, InterfaceError> {
        Self::open(interface, NETDEV_FAMILY_NAME, NETDEV_FAMILY_VERSION)
    }

    /// The family that speaks to drivers; `None` before Linux 5.6, or in a kernel built without it.
    pub(crate) fn ethtool(interface: &Interface) -> Result<Option<Self>, InterfaceError> {
        Self::open(interface, ETHTOOL_GENL_NAME, ETHTOOL_GENL_VERSION)
    }

    fn open(interface: &Interface, name: &str, version: u8) -> Result<Option<Self>, InterfaceError> {
        let mut socket = match interface.socket(Protocol::Generic) {
            // Kernels played by a program, as some containers have, know no families at all.
            Err(InterfaceError::Query { cause: NetlinkError::Socket { cause, .. }, .. })
                if cause.raw_os_error() == Some(libc::EPROTONOSUPPORT) =>
            {
                return Ok(None);
            }
            other => other?,
        };
        match Family::find(&mut socket, name) {
            Ok(family) => Ok(Some(Self { socket, family, version, index: interface.index() })),
            Err(error) if error.refusal() == Some(Errno::ENOENT) => Ok(None),
            Err(cause) => Err(interface.query_failed("the abilities", cause)),
        }
    }

    /// Whether this kernel's family has an operation.
    pub(crate) fn has(&self, command: u8) -> bool {
        self.family.has(command)
    }

    /// A request to the family that names no interface.
    pub(crate) fn request(&self, command: u8) -> Request {
        self.family.request(command, self.version)
    }

    /// A request to the family; each command of `netdev` has a number of its own for the interface.
    pub(crate) fn netdev_request(&self, command: u8, index_attribute: u16) -> Request {
        self.request(command).value(index_attribute, &self.index)
    }

    /// The same, asking for all there are.
    pub(crate) fn netdev_dump(&self, command: u8, index_attribute: u16) -> Request {
        self.family.dump(command, self.version).value(index_attribute, &self.index)
    }

    /// A request of `ethtool`, which begins with the interface.
    pub(crate) fn ethtool_request(&self, command: u8) -> Request {
        self.request(command)
            .nest(ETHTOOL_A_HEADER, |header| header.value(ETHTOOL_A_HEADER_DEV_INDEX, &self.index))
    }

    /// Sends a request; `None` where the kernel has no such command, or the driver nothing to say to it.
    pub(crate) fn ask(&mut self, request: &Request) -> Result<Option<Vec<Answer>>, NetlinkError> {
        match self.socket.request(request) {
            Ok(answers) => Ok(Some(answers)),
            Err(error) if error.refusal() == Some(Errno::EOPNOTSUPP) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends a request whose refusal is told whatever it is.
    pub(crate) fn tell(&mut self, request: &Request) -> Outcome {
        self.socket.request(request)?;
        Ok(self.socket.warning().map(str::to_owned))
    }
}

/// The attributes of an answer of a generic family.
pub(crate) fn attributes(answer: &Answer) -> Option<Attributes<'_>> {
    generic_attributes(&answer.payload)
}

/// The same of the bytes after the netlink header.
pub(crate) fn generic_attributes(payload: &[u8]) -> Option<Attributes<'_>> {
    Attributes::after::<genlmsghdr>(payload).map(|(_, attributes)| attributes)
}
