//! What a kernel that cannot be asked is likely to do, by the driver's name and the kernel's age.

use xdp_sys::netdev::{NETDEV_XDP_ACT_BASIC, NETDEV_XDP_ACT_REDIRECT, NETDEV_XDP_ACT_XSK_ZEROCOPY};

use super::flags::Flags;
use crate::device::kernel_release::KernelRelease;

/// Drivers with zero-copy, and the first kernel in which they had it.
///
/// Only those older than 6.3: from then on the kernel itself tells.
const ZERO_COPY_SINCE: [(&str, KernelRelease); 9] = [
    ("ixgbe", KernelRelease::new(4, 20)),
    ("i40e", KernelRelease::new(4, 20)),
    ("mlx5_core", KernelRelease::new(5, 3)),
    ("ice", KernelRelease::new(5, 5)),
    ("st_gmac", KernelRelease::new(5, 13)),
    ("st_xgmac", KernelRelease::new(5, 13)),
    ("igc", KernelRelease::new(5, 14)),
    ("nfp", KernelRelease::new(5, 18)),
    ("fsl_dpaa2_eth", KernelRelease::new(6, 2)),
];

/// Drivers of interfaces without hardware, which never had zero-copy.
const NEVER: [&str; 5] = ["veth", "tun", "bridge", "bonding", "802.1Q VLAN Support"];

/// What is guessed of a driver on a kernel; most of it stays unknown.
pub(super) fn xdp_features(driver: Option<&str>, kernel: Option<KernelRelease>) -> Flags {
    let Some(driver) = driver else { return Flags::default() };
    if NEVER.contains(&driver) {
        return Flags::some(NETDEV_XDP_ACT_XSK_ZEROCOPY, 0);
    }
    let listed = ZERO_COPY_SINCE.iter().find(|(name, _)| *name == driver);
    match (listed, kernel) {
        // Whoever does zero-copy does what it is built on.
        (Some((_, since)), Some(kernel)) if kernel >= *since => {
            let able = NETDEV_XDP_ACT_BASIC | NETDEV_XDP_ACT_REDIRECT | NETDEV_XDP_ACT_XSK_ZEROCOPY;
            Flags::some(able, able)
        }
        // Distributions give old kernels new drivers: too old is no proof.
        _ => Flags::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::XdpFeatures;
    use super::*;

    fn zero_copy(driver: &str, major: u32, minor: u32) -> Option<bool> {
        XdpFeatures(xdp_features(Some(driver), Some(KernelRelease::new(major, minor)))).zero_copy()
    }

    #[test]
    fn a_listed_driver_does_zero_copy_from_its_kernel_on() {
        assert_eq!(zero_copy("ice", 5, 5), Some(true));
        assert_eq!(zero_copy("ice", 5, 15), Some(true));
        assert_eq!(zero_copy("ice", 5, 4), None, "a distribution may have given it a newer driver");
    }

    #[test]
    fn what_is_not_listed_is_unknown_and_what_has_no_hardware_never_does_it() {
        assert_eq!(zero_copy("ena", 5, 15), None);
        assert_eq!(zero_copy("veth", 5, 15), Some(false));
        assert_eq!(XdpFeatures(xdp_features(None, None)), XdpFeatures::default());
        assert_eq!(XdpFeatures(xdp_features(Some("ice"), None)).basic(), None, "a kernel of no known age");
    }
}
