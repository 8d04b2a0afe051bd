//! Asking the kernel for interfaces, and reading its answers.

use std::os::fd::AsFd;

use xdp_sys::Errno;
use xdp_sys::ethtool::{ethtool_channels, ethtool_drvinfo};
use xdp_sys::if_link::{
    IFLA_ADDRESS, IFLA_ALT_IFNAME, IFLA_EXT_MASK, IFLA_IFNAME, IFLA_INFO_KIND, IFLA_LINKINFO, IFLA_MASTER,
    IFLA_MTU, IFLA_NUM_RX_QUEUES, IFLA_NUM_TX_QUEUES, IFLA_PROMISCUITY, IFLA_PROP_LIST, IFLA_XDP,
};
use xdp_sys::rtnetlink::{ALTIFNAMSIZ, IFNAMSIZ, RTEXT_FILTER_SKIP_STATS, RTM_GETLINK, ifinfomsg};

use super::{Interface, Queues};
use crate::device::netlink::{Attributes, NetlinkError, NetlinkSocket, Request};
use crate::device::{AttachedXdp, ParentDevice, RelatedInterface};
use crate::sys;

impl Interface {
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
    pub(super) fn links(socket: &mut NetlinkSocket) -> Result<Vec<Self>, NetlinkError> {
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
    /// A driver is asked by name only, and names change hands: so its answer counts if the interface had the name
    /// before and has it afterwards.
    pub(super) fn completed(self, socket: &mut NetlinkSocket) -> Result<Option<Self>, NetlinkError> {
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
        let allocated = Queues {
            rx: number(IFLA_NUM_RX_QUEUES).unwrap_or(1),
            tx: number(IFLA_NUM_TX_QUEUES).unwrap_or(1),
        };
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
            queues: allocated,
            allocated_queues: allocated,
            xdp: attributes.find(IFLA_XDP).map(|xdp| AttachedXdp::read(xdp.nested())).unwrap_or_default(),
            master: number(IFLA_MASTER).filter(|&index| index != 0),
            related: RelatedInterface::read(attributes),
            promiscuity: number(IFLA_PROMISCUITY),
            parent: ParentDevice::read(attributes),
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
            self.driver = text(&info.driver);
            // Kernels before 5.14 do not name the device with the link; where it sits on PCI, its driver does.
            self.parent = self.parent.or_else(|| ParentDevice::on_pci(text(&info.bus_info)?));
        }
        self
    }
}

/// A string of the ioctl's, up to its first zero byte; `None` if it is empty or not text.
fn text(bytes: &[u8]) -> Option<String> {
    let name = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    std::str::from_utf8(name).ok().filter(|name| !name.is_empty()).map(str::to_owned)
}
