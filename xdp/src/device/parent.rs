//! The device on a bus that an interface belongs to.

use std::fmt;
use std::fs;
use std::path::Path;

use xdp_sys::if_link::{IFLA_PARENT_DEV_BUS_NAME, IFLA_PARENT_DEV_NAME};

use super::netlink::Attributes;

/// The device on a bus that an interface belongs to, `pci/0000:3b:00.0` for example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParentDevice {
    bus: String,
    name: String,
}

impl ParentDevice {
    pub(crate) fn read(attributes: Attributes<'_>) -> Option<Self> {
        let text = |kind| attributes.find(kind).map(|attribute| attribute.text());
        Self::named(text(IFLA_PARENT_DEV_BUS_NAME)?, text(IFLA_PARENT_DEV_NAME)?)
    }

    /// The device that a driver gives as its address, if that is one on PCI.
    pub(crate) fn on_pci(address: String) -> Option<Self> {
        let numbers = address.split([':', '.']);
        let widths = numbers.map(|number| u32::from_str_radix(number, 16).map_or(0, |_| number.len()));
        (widths.collect::<Vec<_>>() == [4, 2, 2, 1]).then_some(Self { bus: "pci".into(), name: address })
    }

    /// Names become parts of a path: one that would lead elsewhere is none.
    fn named(bus: String, name: String) -> Option<Self> {
        let plain = |part: &str| !part.is_empty() && !part.contains('/') && part != "." && part != "..";
        (plain(&bus) && plain(&name)).then_some(Self { bus, name })
    }

    /// The bus: `pci`, `virtio`, `platform`, `usb`.
    pub fn bus(&self) -> &str {
        &self.bus
    }

    /// The device's name on its bus, on PCI its address.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The NUMA node that it is attached to; `None` if the machine has but one, or does not say.
    ///
    /// Devices belong to no network namespace, so this part of `/sys` is true in each of them.
    pub fn numa_node(&self) -> Option<u32> {
        let link = Path::new("/sys/bus").join(&self.bus).join("devices").join(&self.name);
        let device = fs::canonicalize(link).ok()?;
        // A virtio device has no node of its own: the PCI device above it has.
        let above = device.ancestors().take_while(|path| path.starts_with("/sys/devices"));
        let node = above.into_iter().find_map(|path| fs::read_to_string(path.join("numa_node")).ok())?;
        // -1 where there is nothing to tell apart.
        node.trim().parse().ok()
    }
}

impl fmt::Display for ParentDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.bus.escape_debug(), self.name.escape_debug())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_address_of_a_pci_device_is_taken_for_one() {
        let device = ParentDevice::on_pci("0000:3b:00.1".into()).expect("an address");
        assert_eq!(device.to_string(), "pci/0000:3b:00.1");
        for other in
            ["", "usb-0000:00:14.0-1", "0000:3b:00", "tap", "3b:00.1", "0000:3b:xx.1", "0000:3b:00.10"]
        {
            assert_eq!(ParentDevice::on_pci(other.into()), None, "{other}");
        }
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_no_device() {
        for (bus, name) in
            [("", "x"), ("pci", ""), ("..", "x"), ("pci", ".."), ("pci", "../../x"), ("a/b", "x")]
        {
            assert_eq!(ParentDevice::named(bus.into(), name.into()), None, "{bus} {name}");
        }
    }

    #[test]
    fn a_device_that_is_not_there_has_no_node() {
        let device = ParentDevice::named("pci".into(), "ffff:ff:1f.7".into()).expect("plain");
        assert_eq!(device.numa_node(), None);
    }
}
