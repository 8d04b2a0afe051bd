//! Drivers with known faults, by the kernel's version.

use crate::device::kernel_release::KernelRelease;

/// Drivers that restart their queues when a program comes or goes. Source: cilium issue 18636, reports on i40e and ice.
pub(super) const RESETS_LINK: [&str; 6] = ["i40e", "ice", "ixgbe", "mlx5_core", "igc", "bnxt_en"];

/// A fault of a driver in some versions of Linux. Distributions repair old kernels, so what is said is a warning.
#[derive(Debug)]
pub(super) struct KnownFault {
    driver: &'static str,
    /// First version that has it, and first that has it no more.
    from: KernelRelease,
    until: Option<KernelRelease>,
    /// Whether it is one of zero-copy only.
    pub(super) of_zero_copy: bool,
    pub(super) fault: &'static str,
    pub(super) source: &'static str,
    pub(super) remedy: &'static str,
}

const FAULTS: [KnownFault; 4] = [
    KnownFault {
        driver: "veth",
        from: KernelRelease::new(4, 18),
        until: Some(KernelRelease::new(6, 2)),
        of_zero_copy: false,
        fault: "packets may be received with the bytes of others",
        source: "repaired in Linux 6.2: \"veth: Fix race with AF_XDP exposing old or uninitialized descriptors\"",
        remedy: "run Linux 6.2 or a stable release with that change",
    },
    KnownFault {
        driver: "igb",
        from: KernelRelease::new(6, 14),
        until: Some(KernelRelease::new(6, 15)),
        of_zero_copy: false,
        fault: "receiving stops when a program in the driver passes packets on",
        source: "reported for Linux 6.14 (xdp-tutorial issue 466)",
        remedy: "AttachMode::Generic, or another kernel",
    },
    KnownFault {
        driver: "ice",
        from: KernelRelease::new(4, 18),
        until: Some(KernelRelease::new(4, 19)),
        of_zero_copy: true,
        fault: "zero-copy loses packets with the 4.18 of RHEL 8",
        source: "reported to Firedancer (issue 273)",
        remedy: "Mode::Copy, or a newer kernel",
    },
    KnownFault {
        driver: "ena",
        from: KernelRelease::new(4, 18),
        until: None,
        of_zero_copy: true,
        fault: "zero-copy of the out-of-tree driver resets the NIC under load",
        source: "reported to amzn-drivers (issue 221)",
        remedy: "Mode::Copy",
    },
];

/// What is known of a driver on the running kernel.
pub(super) fn known_faults(driver: Option<&str>) -> impl Iterator<Item = &'static KnownFault> {
    faults_of(driver.unwrap_or_default(), KernelRelease::running())
}

fn faults_of(driver: &str, kernel: Option<KernelRelease>) -> impl Iterator<Item = &'static KnownFault> {
    FAULTS.iter().filter(move |known| {
        let inside = |kernel| kernel >= known.from && known.until.is_none_or(|until| kernel < until);
        known.driver == driver && kernel.is_some_and(inside)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_told_for_its_versions_only() {
        let count = |driver, major, minor| faults_of(driver, Some(KernelRelease::new(major, minor))).count();
        assert_eq!((count("veth", 5, 15), count("veth", 6, 2), count("veth", 6, 18)), (1, 0, 0));
        assert_eq!((count("igb", 6, 13), count("igb", 6, 14), count("i40e", 6, 14)), (0, 1, 0));
        assert_eq!(faults_of("veth", None).count(), 0, "nothing is said of a kernel of unknown age");
    }
}
