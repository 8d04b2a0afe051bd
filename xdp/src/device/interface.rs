//! One interface, as it was when it was looked up.

use std::os::fd::AsFd;

use xdp_sys::Errno;
use xdp_sys::ethtool::{ethtool_channels, ethtool_drvinfo};
use xdp_sys::if_link::{
    IFLA_ADDRESS, IFLA_ALT_IFNAME, IFLA_EXT_MASK, IFLA_IFNAME, IFLA_INFO_KIND, IFLA_LINKINFO, IFLA_MTU,
    IFLA_NUM_RX_QUEUES, IFLA_NUM_TX_QUEUES, IFLA_PROP_LIST, IFLA_XDP,
};
use xdp_sys::rtnetlink::{
    ALTIFNAMSIZ, IFF_LOWER_UP, IFF_UP, IFNAMSIZ, RTEXT_FILTER_SKIP_STATS, RTM_GETLINK, ifinfomsg,
};

use super::netlink::{Attributes, NetlinkError, NetlinkSocket, Protocol, Request};
use super::{AttachedXdp, InterfaceError, InterfaceRef};
use crate::sys;

/// A network interface, as it was when it was looked up: a snapshot, brought up to date by
/// [`refresh`](Self::refresh).
///
/// Lookups see the network namespace of the calling thread. What was found remembers it: an interface that is used where
/// another namespace is at work is refused, and never taken for the one that has its index there.
///
/// ```no_run
/// let nic = xdp::device::Interface::by_name("eth0")?;
/// println!("{} has {} receive queues, {}", nic.name(), nic.queues().rx, nic.xdp());
/// # Ok::<(), xdp::device::InterfaceError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    name: String,
    /// The name as the kernel has it, which need not be UTF-8.
    raw_name: Vec<u8>,
    alternative_names: Vec<String>,
    index: u32,
    /// The cookie of the network namespace that it was found in; `None` before Linux 5.14.
    namespace: Option<u64>,
    mtu: u32,
    flags: u32,
    mac: Option<[u8; 6]>,
    kind: Option<String>,
    driver: Option<String>,
    queues: Queues,
    xdp: AttachedXdp,
}

/// How many queues of an interface are in use: valid queue numbers are below these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queues {
    /// Receive queues.
    pub rx: u32,
    /// Transmit queues.
    pub tx: u32,
}

impl Interface {
    /// Looks up an interface by name, alternative name or index.
    pub fn find<'a>(interface: impl Into<InterfaceRef<'a>>) -> Result<Self, InterfaceError> {
        match interface.into() {
            InterfaceRef::Name(name) => Self::by_name(name),
            InterfaceRef::Index(index) => Self::by_index(index),
            InterfaceRef::Known { index, name, namespace } => Self::again(index, name, namespace),
        }
    }

    /// Looks up what was found before, if this thread is where it was found.
    fn again(index: u32, name: &str, namespace: Option<u64>) -> Result<Self, InterfaceError> {
        let failed =
            |cause| InterfaceError::Query { what: format!("interface {}", name.escape_debug()), cause };
        let elsewhere = || InterfaceError::OtherNamespace { name: name.to_owned() };
        let mut socket = NetlinkSocket::open(Protocol::Route).map_err(failed)?;
        let known_place = namespace.zip(socket.namespace());
        if known_place.is_some_and(|(found_in, here)| found_in != here) {
            return Err(elsewhere());
        }
        let found = Self::query_index(&mut socket, index).map_err(failed)?;
        let found = found.ok_or_else(|| InterfaceError::Gone { name: name.to_owned(), index })?;
        // Where the kernel does not tell namespaces apart, an interface that is called as before is the best guess.
        if known_place.is_none() && found.name != name {
            return Err(elsewhere());
        }
        Ok(found)
    }

    /// Looks up an interface by name or alternative name. Minimum kernel for alternative names: 5.5.
    pub fn by_name(name: &str) -> Result<Self, InterfaceError> {
        let failed =
            |cause| InterfaceError::Query { what: format!("interface \"{}\"", name.escape_debug()), cause };
        let mut socket = NetlinkSocket::open(Protocol::Route).map_err(failed)?;
        match Self::query_name(&mut socket, name) {
            Ok(Some(interface)) => Ok(interface),
            Ok(None) => {
                let links = Self::links(&mut socket).unwrap_or_default();
                let known = links.into_iter().map(|interface| interface.name).collect();
                Err(InterfaceError::UnknownName { name: name.to_owned(), known })
            }
            Err(cause) => Err(failed(cause)),
        }
    }

    /// Looks up an interface by index.
    pub fn by_index(index: u32) -> Result<Self, InterfaceError> {
        let failed = |cause| InterfaceError::Query { what: format!("interface {index}"), cause };
        let mut socket = NetlinkSocket::open(Protocol::Route).map_err(failed)?;
        let found = Self::query_index(&mut socket, index).map_err(failed)?;
        found.ok_or(InterfaceError::UnknownIndex { index })
    }

    /// All interfaces, in the order of their indexes.
    pub fn all() -> Result<Vec<Self>, InterfaceError> {
        let failed = |cause| InterfaceError::Query { what: "the interfaces".into(), cause };
        let mut socket = NetlinkSocket::open(Protocol::Route).map_err(failed)?;
        let links = Self::links(&mut socket).map_err(failed)?;
        // Some may be removed while the others are asked.
        let all = links.into_iter().map(|link| link.completed(&mut socket)).filter_map(Result::transpose);
        let mut all = all.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        all.sort_by_key(Self::index);
        Ok(all)
    }

    /// Looks the interface up again, by its index; it may have another name now. Unchanged on error.
    ///
    /// The calling thread must be in the network namespace in which the interface was found.
    pub fn refresh(&mut self) -> Result<(), InterfaceError> {
        *self = Self::find(&*self)?;
        Ok(())
    }

    /// The name, `eth0` for example. The kernel allows names that are not UTF-8: they are shown with U+FFFD in them, and
    /// such an interface is looked up by its index.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Further names of the same interface, without the limit of 15 bytes.
    pub fn alternative_names(&self) -> &[String] {
        &self.alternative_names
    }

    /// The number that stays the same when the interface is renamed.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Which network namespace it was found in, where the kernel tells (5.14).
    pub(crate) fn namespace(&self) -> Option<u64> {
        self.namespace
    }

    /// The largest packet without its link header, in bytes.
    pub fn mtu(&self) -> u32 {
        self.mtu
    }

    /// Whether the administrator has set it up (`ip link set eth0 up`).
    #[doc(alias = "IFF_UP")]
    pub fn is_up(&self) -> bool {
        self.flags & IFF_UP != 0
    }

    /// Whether the driver sees the other side of the cable.
    #[doc(alias = "IFF_LOWER_UP")]
    pub fn has_carrier(&self) -> bool {
        self.flags & IFF_LOWER_UP != 0
    }

    /// Flags as the kernel gives them.
    #[cfg(feature = "lab")]
    pub(crate) fn flags(&self) -> u32 {
        self.flags
    }

    /// The hardware address, if it is one of Ethernet's length.
    pub fn mac(&self) -> Option<[u8; 6]> {
        self.mac
    }

    /// The kind of a virtual interface, `veth` for example; a physical NIC has none.
    #[doc(alias = "IFLA_INFO_KIND")]
    pub fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    /// The driver, `mlx5_core` for example, if it says.
    #[doc(alias = "ETHTOOL_GDRVINFO")]
    pub fn driver(&self) -> Option<&str> {
        self.driver.as_deref()
    }

    /// How many queues are in use.
    ///
    /// Asked of the driver (`ethtool -l`); of a driver that does not say, the queues that are allocated, which may be
    /// more than are in use.
    pub fn queues(&self) -> Queues {
        self.queues
    }

    /// The attached XDP programs.
    pub fn xdp(&self) -> AttachedXdp {
        self.xdp
    }

    /// Looks up by name in the namespace of `socket`.
    pub(crate) fn query_name(socket: &mut NetlinkSocket, name: &str) -> Result<Option<Self>, NetlinkError> {
        if name.is_empty() || name.contains('\0') {
            return Ok(None);
        }
        let mut attributes = Vec::new();
        if name.len() < IFNAMSIZ {
            attributes.push(IFLA_IFNAME);
        }
        if name.len() < ALTIFNAMSIZ {
            attributes.push(IFLA_ALT_IFNAME);
        }
        for attribute in attributes {
            let request = Self::question(0).text(attribute, name);
            let found = Self::query(socket, request, attribute == IFLA_ALT_IFNAME)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Looks up by index in the namespace of `socket`.
    pub(crate) fn query_index(socket: &mut NetlinkSocket, index: u32) -> Result<Option<Self>, NetlinkError> {
        match i32::try_from(index) {
            Ok(index @ 1..) => Self::query(socket, Self::question(index), false),
            _ => Ok(None),
        }
    }

    /// All interfaces in the namespace of `socket`, without what the drivers say.
    fn links(socket: &mut NetlinkSocket) -> Result<Vec<Self>, NetlinkError> {
        let request = Request::dump(RTM_GETLINK)
            .fixed(&ifinfomsg::default())
            .value(IFLA_EXT_MASK, &RTEXT_FILTER_SKIP_STATS);
        let answers = socket.request(&request)?;
        let namespace = socket.namespace();
        let links = answers.iter().filter_map(|answer| Self::read(&answer.payload));
        Ok(links.map(|link| Self { namespace, ..link }).collect())
    }

    fn question(index: i32) -> Request {
        Request::new(RTM_GETLINK, 0)
            .fixed(&ifinfomsg { ifi_index: index, ..ifinfomsg::default() })
            .value(IFLA_EXT_MASK, &RTEXT_FILTER_SKIP_STATS)
    }

    /// `None` if there is no such interface.
    fn query(
        socket: &mut NetlinkSocket,
        request: Request,
        alternative: bool,
    ) -> Result<Option<Self>, NetlinkError> {
        match Self::link(socket, request, alternative)? {
            Some(link) => link.completed(socket),
            None => Ok(None),
        }
    }

    /// The same without what the driver says. Kernels before 5.5 know no alternative names and see a question for
    /// nothing.
    fn link(
        socket: &mut NetlinkSocket,
        request: Request,
        alternative: bool,
    ) -> Result<Option<Self>, NetlinkError> {
        match socket.request_one(&request) {
            Ok(answer) => {
                let link = Self::read(&answer.payload)
                    .ok_or(NetlinkError::Damaged { what: "a link without name or index" })?;
                Ok(Some(Self { namespace: socket.namespace(), ..link }))
            }
            Err(error) => match error.refusal() {
                Some(Errno::ENODEV) => Ok(None),
                Some(Errno::EINVAL | Errno::ERANGE) if alternative => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// Adds what the driver says, `None` if the interface is gone meanwhile.
    ///
    /// A driver is asked by name only, and names change hands: so its answer counts if the interface had the name before
    /// and has it afterwards.
    fn completed(self, socket: &mut NetlinkSocket) -> Result<Option<Self>, NetlinkError> {
        /// Nobody renames an interface more often than that on purpose.
        const ATTEMPTS: u32 = 3;
        let mut link = self;
        for _ in 0..ATTEMPTS {
            let asked = link.clone().ask_driver(socket);
            match Self::link(socket, Self::question(asked.index as i32), false)? {
                Some(now) if now.raw_name == asked.raw_name => return Ok(Some(asked)),
                Some(renamed) => link = renamed,
                None => return Ok(None),
            }
        }
        Ok(Some(link))
    }

    /// Reads the payload of `RTM_NEWLINK`.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let (header, attributes) = Attributes::after::<ifinfomsg>(payload)?;
        let number = |kind| attributes.find(kind).and_then(|attribute| attribute.value::<u32>());
        let properties = attributes.find(IFLA_PROP_LIST).map(|list| list.nested());
        let alternative_names = properties
            .into_iter()
            .flatten()
            .filter(|property| property.kind == IFLA_ALT_IFNAME)
            .map(|property| property.text())
            .collect();
        let kind = attributes.find(IFLA_LINKINFO).and_then(|info| info.nested().find(IFLA_INFO_KIND));
        let name = attributes.find(IFLA_IFNAME)?;
        let mac = attributes.find(IFLA_ADDRESS).map(|address| address.payload);
        Some(Self {
            name: name.text(),
            raw_name: name.name().to_owned(),
            alternative_names,
            index: u32::try_from(header.ifi_index).ok()?,
            namespace: None,
            mtu: number(IFLA_MTU).unwrap_or(0),
            flags: header.ifi_flags,
            mac: mac.and_then(|bytes| <[u8; 6]>::try_from(bytes).ok()),
            kind: kind.map(|kind| kind.text()),
            driver: None,
            queues: Queues {
                rx: number(IFLA_NUM_RX_QUEUES).unwrap_or(1),
                tx: number(IFLA_NUM_TX_QUEUES).unwrap_or(1),
            },
            xdp: attributes.find(IFLA_XDP).map(|xdp| AttachedXdp::read(xdp.nested())).unwrap_or_default(),
        })
    }

    /// Adds what only the driver knows. Not every driver answers, and then what the link said stays.
    fn ask_driver(mut self, socket: &NetlinkSocket) -> Self {
        if let Ok(channels) = sys::ethtool::<ethtool_channels>(socket.as_fd(), &self.raw_name) {
            let queues = Queues {
                rx: channels.combined_count.saturating_add(channels.rx_count),
                tx: channels.combined_count.saturating_add(channels.tx_count),
            };
            // A driver that fills in nothing has not answered.
            if queues.rx != 0 || queues.tx != 0 {
                self.queues = queues;
            }
        }
        if let Ok(info) = sys::ethtool::<ethtool_drvinfo>(socket.as_fd(), &self.raw_name) {
            let name = info.driver.split(|&byte| byte == 0).next().unwrap_or_default();
            self.driver = std::str::from_utf8(name).ok().filter(|name| !name.is_empty()).map(str::to_owned);
        }
        self
    }
}
