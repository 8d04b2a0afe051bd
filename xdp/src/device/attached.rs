//! Which XDP programs an interface has.

use std::fmt;

use xdp_sys::if_link::{
    IFLA_XDP_ATTACHED, IFLA_XDP_DRV_PROG_ID, IFLA_XDP_HW_PROG_ID, IFLA_XDP_PROG_ID, IFLA_XDP_SKB_PROG_ID,
    XDP_ATTACHED_DRV, XDP_ATTACHED_HW, XDP_ATTACHED_SKB,
};

use super::netlink::Attributes;

/// The XDP programs attached to an interface, by the place where they run; the numbers are the kernel's program ids.
///
/// Source: attribute `IFLA_XDP` of a link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AttachedXdp {
    pub(crate) driver: Option<u32>,
    pub(crate) generic: Option<u32>,
    pub(crate) hardware: Option<u32>,
}

impl AttachedXdp {
    pub(crate) fn read(attributes: Attributes<'_>) -> Self {
        let id =
            |kind| attributes.find(kind).and_then(|attribute| attribute.value::<u32>()).filter(|&id| id != 0);
        let place = attributes.find(IFLA_XDP_ATTACHED).and_then(|attribute| attribute.value::<u8>());
        // Kernels before 4.19 give one id, and the place beside it; newer ones give each place its own.
        let only = |wanted| if place == Some(wanted) { id(IFLA_XDP_PROG_ID) } else { None };
        Self {
            driver: id(IFLA_XDP_DRV_PROG_ID).or_else(|| only(XDP_ATTACHED_DRV)),
            generic: id(IFLA_XDP_SKB_PROG_ID).or_else(|| only(XDP_ATTACHED_SKB)),
            hardware: id(IFLA_XDP_HW_PROG_ID).or_else(|| only(XDP_ATTACHED_HW)),
        }
    }

    /// Whether no program is attached.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// The program that runs in the driver ("native").
    pub fn driver(&self) -> Option<u32> {
        self.driver
    }

    /// The program that runs before the kernel's stack, on any interface ("generic", "skb").
    pub fn generic(&self) -> Option<u32> {
        self.generic
    }

    /// The program that runs in the NIC ("offload").
    pub fn hardware(&self) -> Option<u32> {
        self.hardware
    }
}

impl fmt::Display for AttachedXdp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() {
            return f.write_str("no program");
        }
        let places = [("driver", self.driver), ("generic", self.generic), ("hardware", self.hardware)];
        let mut separator = "";
        for (place, id) in places.into_iter().filter_map(|(place, id)| Some((place, id?))) {
            write!(f, "{separator}program {id} in {place} mode")?;
            separator = ", ";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use xdp_sys::if_link::XDP_ATTACHED_MULTI;

    use super::*;
    use crate::device::netlink::Request;

    /// What the kernel would say: the place, the one id, and the ids by place.
    fn read(place: u8, ids: &[(u16, u32)]) -> AttachedXdp {
        let mut request = Request::new(0, 0).value(IFLA_XDP_ATTACHED, &place);
        for (kind, id) in ids {
            request = request.value(*kind, id);
        }
        let bytes = request.bytes(0, 0).expect("short");
        AttachedXdp::read(Attributes::new(&bytes[16..]))
    }

    #[test]
    fn no_program_is_none() {
        assert!(read(0, &[]).is_none());
        assert!(read(0, &[(IFLA_XDP_PROG_ID, 0)]).is_none(), "zero is no program");
        assert_eq!(read(0, &[]).to_string(), "no program");
    }

    #[test]
    fn kernels_before_4_19_give_one_program_and_its_place() {
        assert_eq!(read(XDP_ATTACHED_DRV, &[(IFLA_XDP_PROG_ID, 7)]).driver(), Some(7));
        assert_eq!(read(XDP_ATTACHED_SKB, &[(IFLA_XDP_PROG_ID, 7)]).generic(), Some(7));
        assert_eq!(read(XDP_ATTACHED_HW, &[(IFLA_XDP_PROG_ID, 7)]).hardware(), Some(7));
    }

    #[test]
    fn several_programs_are_told_apart() {
        let several = read(XDP_ATTACHED_MULTI, &[(IFLA_XDP_DRV_PROG_ID, 7), (IFLA_XDP_SKB_PROG_ID, 8)]);
        assert_eq!((several.driver(), several.generic(), several.hardware()), (Some(7), Some(8), None));
        assert_eq!(several.to_string(), "program 7 in driver mode, program 8 in generic mode");
    }
}
