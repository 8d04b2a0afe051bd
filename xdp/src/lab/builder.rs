//! Making a lab.

use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use xdp_sys::Errno;
use xdp_sys::if_link::{
    IFLA_ADDRESS, IFLA_AF_SPEC, IFLA_IFNAME, IFLA_INET6_ADDR_GEN_MODE, IFLA_INFO_DATA, IFLA_INFO_KIND,
    IFLA_LINKINFO, IFLA_MTU, IFLA_NUM_RX_QUEUES, IFLA_NUM_TX_QUEUES, IN6_ADDR_GEN_MODE_NONE, VETH_INFO_PEER,
};
use xdp_sys::netlink::{NLM_F_CREATE, NLM_F_EXCL};
use xdp_sys::rtnetlink::{
    IFA_ADDRESS, IFA_LOCAL, IFF_RUNNING, IFF_UP, RTM_NEWADDR, RTM_NEWLINK, RTM_SETLINK, ifaddrmsg, ifinfomsg,
};

use super::namespace::{Namespace, Sockets};
use super::{End, Lab, LabError, Pair, flags, header};
use crate::device::netlink::{Body, NetlinkError, NetlinkSocket, Request};
use crate::device::{Interface, InterfaceError};
use crate::sys::{self, PollFd};

/// How long the interfaces may take to come up. They take milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a lab shall be like: one pair with one queue each, MTU 1500 and no addresses, unless you say otherwise.
#[derive(Debug, Clone)]
#[must_use]
pub struct LabBuilder {
    pairs: usize,
    queues: u32,
    mtu: u32,
    addresses: bool,
}

impl Default for LabBuilder {
    fn default() -> Self {
        Self { pairs: 1, queues: 1, mtu: 1500, addresses: false }
    }
}

impl LabBuilder {
    /// How many pairs, 0 to 256.
    pub fn pairs(mut self, pairs: usize) -> Self {
        self.pairs = pairs;
        self
    }

    /// How many receive and transmit queues each end has, 1 to 4096.
    pub fn queues(mut self, queues: u32) -> Self {
        self.queues = queues;
        self
    }

    /// The MTU of each end, in bytes, 68 to 65535.
    pub fn mtu(mut self, mtu: u32) -> Self {
        self.mtu = mtu;
        self
    }

    /// Gives the ends of pair N the addresses 10.118.N.1 and 10.118.N.2, each with a prefix of 24 bits.
    ///
    /// Both are in one namespace, so the kernel's own stack takes each for its own and does not route between them.
    pub fn with_addresses(mut self) -> Self {
        self.addresses = true;
        self
    }

    /// Makes the lab; all pairs are up and ready when this returns.
    pub fn build(self) -> Result<Lab, LabError> {
        within("pairs", self.pairs as u64, 0, 256)?;
        within("queues", self.queues.into(), 1, 4096)?;
        within("bytes of MTU", self.mtu.into(), 68, 65_535)?;

        let (namespace, mut sockets) = Namespace::make()?;
        let mut pairs = Vec::with_capacity(self.pairs);
        for number in 0..self.pairs {
            pairs.push(self.make(&mut sockets.route, number as u8)?);
        }
        for end in pairs.iter().flat_map(|pair| [&pair.a, &pair.b]) {
            await_ready(&mut sockets, end)?;
        }
        let removed = pairs.iter().map(|_| AtomicBool::new(false)).collect();
        Ok(Lab { namespace, route: Mutex::new(sockets.route), pairs, removed })
    }

    /// Makes one pair and sets it up.
    fn make(&self, route: &mut NetlinkSocket, number: u8) -> Result<Pair, LabError> {
        let [a, b] = [0, 1].map(|side| self.plan(number, side));
        route.request(&self.new_pair(&a, &b)).map_err(|cause| match cause.refusal() {
            Some(Errno::EPERM) => {
                LabError::Privilege { step: "make a network interface", capability: "CAP_NET_ADMIN" }
            }
            Some(Errno::EOPNOTSUPP) => LabError::NoVeth,
            _ => LabError::Make { end: a.name.clone(), cause },
        })?;
        let mut found = |mut end: End| {
            let interface = look_up(route, &end)?;
            (end.index, end.namespace) = (interface.index(), interface.namespace());
            Ok::<_, LabError>(end)
        };
        let pair = Pair { a: found(a)?, b: found(b)? };
        for end in [&pair.a, &pair.b] {
            let failed = |step| move |cause| LabError::Change { step, end: end.name.clone(), cause };
            if let Some(address) = end.address {
                route.request(&new_address(end, address)).map_err(failed("give an address to"))?;
            }
            match route.request(&without_ipv6_address(end)) {
                // No IPv6 in this kernel, or none on an MTU below its least: there is nothing to silence.
                Err(error) if error.refusal() == Some(Errno::EAFNOSUPPORT) => {}
                other => drop(other.map_err(failed("silence"))?),
            }
            route.request(&flags(end, IFF_UP)).map_err(failed("set up"))?;
        }
        Ok(pair)
    }

    /// An end that is to be made: everything but its index and namespace.
    fn plan(&self, number: u8, side: u8) -> End {
        End {
            name: format!("veth{number}{}", if side == 0 { 'a' } else { 'b' }),
            index: 0,
            namespace: None,
            // Locally administered, and readable in a capture: "xdp", the pair, the side.
            mac: [0x02, b'x', b'd', b'p', number, side],
            address: self.addresses.then(|| Ipv4Addr::new(10, 118, number, 1 + side)),
        }
    }

    fn new_pair(&self, a: &End, b: &End) -> Request {
        let mut request = Request::new(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL).fixed(&ifinfomsg::default());
        self.describe(request.body(), a);
        request.nest(IFLA_LINKINFO, |info| {
            info.text(IFLA_INFO_KIND, "veth");
            info.nest(IFLA_INFO_DATA, |data| {
                data.nest(VETH_INFO_PEER, |peer| {
                    peer.fixed(&ifinfomsg::default());
                    self.describe(peer, b);
                });
            });
        })
    }

    fn describe(&self, body: &mut Body, end: &End) {
        body.text(IFLA_IFNAME, &end.name);
        body.value(IFLA_ADDRESS, &end.mac);
        body.value(IFLA_MTU, &self.mtu);
        body.value(IFLA_NUM_RX_QUEUES, &self.queues);
        body.value(IFLA_NUM_TX_QUEUES, &self.queues);
    }
}

fn within(what: &'static str, value: u64, least: u64, most: u64) -> Result<(), LabError> {
    if (least..=most).contains(&value) { Ok(()) } else { Err(LabError::Size { what, value, least, most }) }
}

fn new_address(end: &End, address: Ipv4Addr) -> Request {
    let header = ifaddrmsg {
        ifa_family: libc::AF_INET as u8,
        ifa_prefixlen: 24,
        ifa_index: end.index,
        ..ifaddrmsg::default()
    };
    let octets = address.octets();
    Request::new(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL)
        .fixed(&header)
        .value(IFA_LOCAL, &octets)
        .value(IFA_ADDRESS, &octets)
}

/// A request that keeps an end from making itself an IPv6 address when it comes up, and from telling its neighbours.
fn without_ipv6_address(end: &End) -> Request {
    Request::new(RTM_SETLINK, 0).fixed(&header(end)).nest(IFLA_AF_SPEC, |families| {
        families.nest(libc::AF_INET6 as u16, |ipv6| {
            ipv6.value(IFLA_INET6_ADDR_GEN_MODE, &IN6_ADDR_GEN_MODE_NONE);
        });
    })
}

fn look_up(route: &mut NetlinkSocket, end: &End) -> Result<Interface, LabError> {
    let found = Interface::query_name(route, &end.name);
    let found = found.map_err(|cause| LabError::Make { end: end.name.clone(), cause })?;
    let gone = || InterfaceError::UnknownName { name: end.name.clone(), known: Vec::new() };
    found.ok_or_else(|| LabError::Interface(gone()))
}

/// Waits until the kernel itself would send on an end.
///
/// That both ends are up is not enough: the kernel starts a link's queue a little later, from a worker, and drops
/// until then what its own stack sends. It says `IFF_RUNNING` when that is done.
fn await_ready(sockets: &mut Sockets, end: &End) -> Result<(), LabError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        // First what happened so far is read, then the state: what happens after the look wakes the wait.
        sockets.monitor.drain();
        if look_up(&mut sockets.route, end)?.flags() & IFF_RUNNING != 0 {
            return Ok(());
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(LabError::NotReady { end: end.name.clone(), seconds: PATIENCE.as_secs() });
        }
        match sys::poll(&mut [PollFd::new(sockets.monitor.as_fd(), libc::POLLIN)], Some(left)) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(LabError::Netlink(NetlinkError::socket("wait for", errno))),
        }
    }
}
