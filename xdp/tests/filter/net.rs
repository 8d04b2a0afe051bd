//! Two machines on one cable: two network namespaces, joined by a veth pair, with addresses and a VLAN.
//!
//! Made through rtnetlink by hand, as the lab's own pairs have both ends in one namespace, where the kernel's stack
//! does not speak to itself over the cable.

use std::fs::{self, File};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use xdp::lab::Lab;

/// The number of the VLAN.
pub(crate) const VLAN: u16 = 7;

/// Two machines; interface `cable` on each, and `cable.7` for the VLAN.
pub(crate) struct Net {
    pub(crate) near: Lab,
    pub(crate) far: Lab,
    /// Whether this kernel has IPv6, and VLAN interfaces (`CONFIG_VLAN_8021Q`).
    has: [bool; 2],
}

/// What the machines are called on the cable, near and far: plain and in the VLAN.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addresses {
    pub(crate) near: IpAddr,
    pub(crate) far: IpAddr,
}

/// IPv4 and IPv6, plain and in the VLAN.
fn addresses() -> [Addresses; 4] {
    let v4 = |subnet, host| IpAddr::from(Ipv4Addr::new(10, 77, subnet, host));
    let v6 = |subnet, host| IpAddr::from(Ipv6Addr::new(0xfd77, subnet, 0, 0, 0, 0, 0, host));
    let vlan = VLAN as u8;
    [
        Addresses { near: v4(0, 1), far: v4(0, 2) },
        Addresses { near: v6(0, 1), far: v6(0, 2) },
        Addresses { near: v4(vlan, 1), far: v4(vlan, 2) },
        Addresses { near: v6(VLAN, 1), far: v6(VLAN, 2) },
    ]
}

impl Net {
    pub(crate) fn new() -> Self {
        let empty = || Lab::builder().pairs(0).build().unwrap();
        let mut net = Self { near: empty(), far: empty(), has: [true; 2] };
        let far = net.far.run(|| File::open("/proc/thread-self/ns/net").unwrap()).unwrap();
        net.near.run(|| Route::open().pair("cable", &far)).unwrap();
        for (lab, side) in [(&net.near, 0), (&net.far, 1)] {
            net.has = lab.run(|| set_up(side)).unwrap();
        }
        for (has, what) in net.has.into_iter().zip(["IPv6", "VLAN interfaces"]) {
            if !has {
                eprintln!("SKIPPED a part: this kernel has no {what}");
            }
        }
        net
    }

    /// Where the machines speak to each other.
    pub(crate) fn addresses(&self) -> Vec<Addresses> {
        let [has_ipv6, has_vlan] = self.has;
        let all = addresses().into_iter().enumerate();
        let possible =
            all.filter(|(number, at)| (has_ipv6 || at.near.is_ipv4()) && (has_vlan || *number < 2));
        possible.map(|(_, at)| at).collect()
    }
}

/// Whether there is IPv6, and a VLAN.
fn set_up(side: usize) -> [bool; 2] {
    // The lab's namespaces begin without IPv6.
    let has_ipv6 = fs::exists("/proc/sys/net/ipv6").unwrap();
    for scope in ["all", "default", "cable"].into_iter().filter(|_| has_ipv6) {
        fs::write(format!("/proc/sys/net/ipv6/conf/{scope}/disable_ipv6"), "0").unwrap();
    }
    // A tag is to be in the packet when it reaches the program, as on a wire.
    set_tag_offload("cable", false);
    let mut route = Route::open();
    let cable = index("cable");
    route.up(cable);
    let vlan = route.vlan("cable.7", cable, VLAN).then(|| index("cable.7"));
    if let Some(vlan) = vlan {
        route.up(vlan);
    }
    let links = [Some(cable), Some(cable), vlan, vlan];
    for (addresses, link) in addresses().into_iter().zip(links).filter_map(|(at, link)| Some((at, link?))) {
        let address = if side == 0 { addresses.near } else { addresses.far };
        if has_ipv6 || address.is_ipv4() {
            route.address(link, address);
        }
    }
    [has_ipv6, vlan.is_some()]
}

fn index(name: &str) -> u32 {
    xdp::device::Interface::by_name(name).unwrap().index()
}

/// Turns the sending of VLAN tags beside the packet on or off (`ethtool -K NAME txvlan on`).
pub(crate) fn set_tag_offload(name: &str, on: bool) {
    const ETHTOOL_GFLAGS: u32 = 0x25;
    const ETHTOOL_SFLAGS: u32 = 0x26;
    const TX_VLAN: u32 = 1 << 7;
    const SIOCETHTOOL: libc::c_ulong = 0x8946;
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let mut value = [ETHTOOL_GFLAGS, 0];
    for step in 0..2 {
        // SAFETY: a struct of integers and addresses, for which zero is a value.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
            *to = from as libc::c_char;
        }
        request.ifr_ifru.ifru_data = value.as_mut_ptr().cast();
        // SAFETY: the request names an interface, ended by zero, and points to the two words that these commands read
        // and write; both live on this stack.
        let answer = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL, &raw mut request) };
        assert_eq!(answer, 0, "step {step}: {}", io::Error::last_os_error());
        value = [ETHTOOL_SFLAGS, value[1] & !TX_VLAN | if on { TX_VLAN } else { 0 }];
    }
}

/// A socket to the network configuration of the namespace it was opened in.
struct Route(OwnedFd);

/// A request under construction.
struct Request(Vec<u8>);

const CREATE: u16 = 0x400 | 0x200; // NLM_F_CREATE, NLM_F_EXCL

impl Route {
    fn open() -> Self {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
        // SAFETY: it takes no memory of ours.
        let fd = unsafe { libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_ROUTE) };
        assert!(fd >= 0, "{}", io::Error::last_os_error());
        // SAFETY: the call above just made it, and nobody else owns it.
        Self(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    /// A veth pair, both ends of the same name, one here and one in another namespace.
    fn pair(&mut self, name: &str, other: &File) {
        let descriptor = (other.as_raw_fd() as u32).to_ne_bytes();
        let mut request = Request::link(0, 0);
        request.text(libc::IFLA_IFNAME, name);
        request.nest(libc::IFLA_LINKINFO, |info| {
            info.text(libc::IFLA_INFO_KIND, "veth");
            info.nest(libc::IFLA_INFO_DATA, |data| {
                data.nest(1, |peer| {
                    peer.0.extend([0; 16]);
                    peer.text(libc::IFLA_IFNAME, name);
                    peer.attribute(libc::IFLA_NET_NS_FD, &descriptor);
                });
            });
        });
        self.ask(libc::RTM_NEWLINK, CREATE, request);
    }

    /// `false` where the kernel has none.
    fn vlan(&mut self, name: &str, below: u32, id: u16) -> bool {
        let mut request = Request::link(0, 0);
        request.text(libc::IFLA_IFNAME, name);
        request.attribute(libc::IFLA_LINK, &below.to_ne_bytes());
        request.nest(libc::IFLA_LINKINFO, |info| {
            info.text(libc::IFLA_INFO_KIND, "vlan");
            info.nest(libc::IFLA_INFO_DATA, |data| data.attribute(1, &id.to_ne_bytes()));
        });
        match self.try_ask(libc::RTM_NEWLINK, CREATE, request) {
            Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => false,
            other => other.map(|()| true).unwrap(),
        }
    }

    fn up(&mut self, link: u32) {
        self.ask(libc::RTM_NEWLINK, 0, Request::link(link, libc::IFF_UP as u32));
    }

    fn address(&mut self, link: u32, address: IpAddr) {
        const NODAD: u8 = 2; // ready at once
        let (family, bits, octets) = match address {
            IpAddr::V4(v4) => (libc::AF_INET as u8, 24, v4.octets().to_vec()),
            IpAddr::V6(v6) => (libc::AF_INET6 as u8, 64, v6.octets().to_vec()),
        };
        let mut request = Request(vec![family, bits, NODAD, 0]);
        request.0.extend(link.to_ne_bytes());
        request.attribute(libc::IFA_ADDRESS, &octets);
        request.attribute(libc::IFA_LOCAL, &octets);
        self.ask(libc::RTM_NEWADDR, CREATE, request);
    }

    fn ask(&mut self, kind: u16, flags: u16, request: Request) {
        self.try_ask(kind, flags, request).unwrap_or_else(|error| panic!("request {kind}: {error}"));
    }

    fn try_ask(&mut self, kind: u16, flags: u16, request: Request) -> io::Result<()> {
        let length = 16 + request.0.len();
        let mut message = (length as u32).to_ne_bytes().to_vec();
        message.extend(kind.to_ne_bytes());
        message.extend((flags | 1 | 4).to_ne_bytes()); // NLM_F_REQUEST, NLM_F_ACK
        message.extend([0; 8]);
        message.extend(request.0);
        let fd = self.0.as_raw_fd();
        // SAFETY: the kernel reads so many bytes of the message, which is borrowed during the call.
        let sent = unsafe { libc::send(fd, message.as_ptr().cast(), message.len(), 0) };
        assert_eq!(sent, message.len() as isize, "{}", io::Error::last_os_error());
        let mut answer = [0_u8; 4096];
        // SAFETY: the kernel writes at most so many bytes to the array, which is borrowed during the call.
        let received = unsafe { libc::recv(fd, answer.as_mut_ptr().cast(), answer.len(), 0) };
        assert!(received >= 20, "{}", io::Error::last_os_error());
        let error = i32::from_ne_bytes(*answer[16..].first_chunk().unwrap());
        if error == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(-error)) }
    }
}

impl Request {
    /// A link, and the flags that are to be set.
    fn link(index: u32, flags: u32) -> Self {
        let mut bytes = vec![0; 4];
        for word in [index, flags, flags] {
            bytes.extend(word.to_ne_bytes());
        }
        Self(bytes)
    }

    fn text(&mut self, kind: u16, text: &str) {
        self.attribute(kind, &[text.as_bytes(), &[0]].concat());
    }

    fn attribute(&mut self, kind: u16, bytes: &[u8]) {
        self.nest(kind, |inner| inner.0.extend(bytes));
    }

    fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        let start = self.0.len();
        self.0.extend([0; 4]);
        fill(self);
        let length = (self.0.len() - start) as u16;
        self.0[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        self.0[start + 2..start + 4].copy_from_slice(&kind.to_ne_bytes());
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }
}
