//! One interface, as it was when it was looked up.

mod query;

use xdp_sys::Errno;
use xdp_sys::rtnetlink::{IFF_LOWER_UP, IFF_UP};

use super::netlink::{NetlinkError, NetlinkSocket, Protocol};
use super::{AttachedXdp, InterfaceAddress, InterfaceError, InterfaceRef, ParentDevice, RelatedInterface};

/// A network interface, as it was when it was looked up: a snapshot, brought up to date by
/// [`refresh`](Self::refresh).
///
/// Lookups see the network namespace of the calling thread. What was found remembers it: an interface that is used
/// where another namespace is at work is refused, and never taken for the one that has its index there.
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
    allocated_queues: Queues,
    xdp: AttachedXdp,
    master: Option<u32>,
    /// What `IFLA_LINK` names: the interface below, or the peer of a pair.
    related: Option<RelatedInterface>,
    promiscuity: Option<u32>,
    parent: Option<ParentDevice>,
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

    /// A netlink socket that speaks to the network namespace the interface was found in, which must be the calling
    /// thread's.
    pub(crate) fn socket(&self, protocol: Protocol) -> Result<NetlinkSocket, InterfaceError> {
        let what = || format!("interface {}", self.name.escape_debug());
        let failed = |cause| InterfaceError::Query { what: what(), cause };
        let socket = NetlinkSocket::open(protocol).map_err(failed)?;
        match self.namespace.zip(socket.namespace()) {
            Some((found_in, here)) if found_in != here => {
                Err(InterfaceError::OtherNamespace { name: self.name.clone() })
            }
            _ => Ok(socket),
        }
    }

    /// Why the kernel did not tell `what` of this interface.
    pub(crate) fn query_failed(&self, what: &str, cause: NetlinkError) -> InterfaceError {
        if cause.refusal() == Some(Errno::ENODEV) {
            return InterfaceError::Gone { name: self.name.clone(), index: self.index };
        }
        InterfaceError::Query { what: format!("{what} of {}", self.name.escape_debug()), cause }
    }

    /// The name, `eth0` for example. The kernel allows names that are not UTF-8: they are shown with U+FFFD in them,
    /// and such an interface is looked up by its index.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name as the kernel has it.
    pub(crate) fn raw_name(&self) -> &[u8] {
        &self.raw_name
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

    /// How many queues are allocated, which is the most that can be in use without making the interface anew.
    #[doc(alias("IFLA_NUM_RX_QUEUES", "IFLA_NUM_TX_QUEUES"))]
    pub fn allocated_queues(&self) -> Queues {
        self.allocated_queues
    }

    /// The index of the interface that this one is a part of: the bridge of a port, the bond of a member.
    #[doc(alias = "IFLA_MASTER")]
    pub fn master(&self) -> Option<u32> {
        self.master
    }

    /// The interface that this one is built on: the NIC below a VLAN, for example.
    ///
    /// AF_XDP reaches hardware, and so zero-copy, only through the lowest interface.
    #[doc(alias = "IFLA_LINK")]
    pub fn lower(&self) -> Option<RelatedInterface> {
        self.related.filter(|_| !self.is_one_of_a_pair())
    }

    /// The other end of a pair: of a veth, a netkit or a vxcan.
    #[doc(alias = "IFLA_LINK")]
    pub fn peer(&self) -> Option<RelatedInterface> {
        self.related.filter(|_| self.is_one_of_a_pair())
    }

    /// Kinds whose `IFLA_LINK` is the other end and not something below.
    fn is_one_of_a_pair(&self) -> bool {
        matches!(self.kind(), Some("veth" | "netkit" | "vxcan"))
    }

    /// Whether it takes packets that are for other hardware addresses; `None` if the kernel does not say.
    #[doc(alias = "IFLA_PROMISCUITY")]
    pub fn is_promiscuous(&self) -> Option<bool> {
        self.promiscuity.map(|users| users != 0)
    }

    /// The device on a bus that the interface belongs to; virtual interfaces have none. Minimum kernel: 5.14, before
    /// it PCI devices only.
    #[doc(alias("IFLA_PARENT_DEV_NAME", "IFLA_PARENT_DEV_BUS_NAME"))]
    pub fn parent(&self) -> Option<&ParentDevice> {
        self.parent.as_ref()
    }

    /// The NUMA node that the NIC is attached to; `None` if that is unknown, or the machine has but one.
    pub fn numa_node(&self) -> Option<u32> {
        self.parent()?.numa_node()
    }

    /// The addresses that it has now, IPv4 first.
    pub fn addresses(&self) -> Result<Vec<InterfaceAddress>, InterfaceError> {
        InterfaceAddress::of(self)
    }

    /// The interface that the default route leaves by, of IPv4, and if there is none of IPv6; `None` if there is
    /// neither.
    ///
    /// Of several the one that the kernel would take: that with the least metric in the main table, the first way of
    /// it if there are several.
    pub fn default_route() -> Result<Option<Self>, InterfaceError> {
        super::route::default_interface()
    }

    /// The attached XDP programs.
    pub fn xdp(&self) -> AttachedXdp {
        self.xdp
    }
}
