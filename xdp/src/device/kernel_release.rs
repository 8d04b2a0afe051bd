//! Which kernel runs, for the few facts that nothing but its age tells.

use std::fs;

/// The release of a kernel. Distributions give old releases new abilities, so that one says what a kernel has at
/// least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KernelRelease {
    major: u32,
    minor: u32,
}

impl KernelRelease {
    pub(crate) const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }

    /// That of the running kernel.
    pub(crate) fn running() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/sys/kernel/osrelease").ok()?)
    }

    /// Reads `6.18.44-something`.
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.trim().split(|c: char| !c.is_ascii_digit());
        let mut next = || numbers.next()?.parse().ok();
        Some(Self { major: next()?, minor: next()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_and_compared_by_number() {
        let read = |text| KernelRelease::parse(text).expect(text);
        assert_eq!(read("6.18.44-fc\n"), KernelRelease::new(6, 18));
        assert_eq!(read("5.4.0-150-generic"), KernelRelease::new(5, 4));
        assert_eq!(read("7.0-rc1"), KernelRelease::new(7, 0));
        assert!(read("6.3.1") < read("6.18.0") && read("5.19") < read("6.0.0"));
        for nonsense in ["", "6", "six.four", ".5", "6.", "99999999999.1"] {
            assert_eq!(KernelRelease::parse(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn the_running_kernel_has_a_release() {
        assert!(KernelRelease::running().expect("proc is mounted") >= KernelRelease::new(4, 18));
    }
}
