//! Why a driver would not run a program.

use std::io;

use xdp_sys::Errno;

use crate::sys::io_error;

/// Why a driver did not take a program.
///
/// The kernel gives a number, the text that goes with it reaches tracepoints only: so each variant lists the causes
/// that the number has in the drivers of Linux 6.18, the likeliest first.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DriverRefusal {
    /// The driver has no XDP of its own, or not now (`EOPNOTSUPP`).
    #[error(
        "its driver has no XDP, or not with its present settings (LRO or hardware GRO on: see ethtool -k)"
    )]
    Unsupported,
    /// The driver has no XDP of its own, or not with this MTU (`EOPNOTSUPP`).
    #[error(
        "its driver has no XDP, or not with an MTU of {mtu} bytes for a program that takes packets of one buffer: \
         lower the MTU to 1500, or load the program for several buffers"
    )]
    UnsupportedOrMtu {
        /// The interface's MTU in bytes.
        mtu: u32,
    },
    /// Packets may be longer than one buffer (`ERANGE`, or `EINVAL` with an MTU above 1500 bytes).
    #[error(
        "the MTU is too large for a program that takes packets of one buffer (here {mtu} bytes; of a veth the peer's \
         counts, 3506 bytes at most with pages of 4 KiB): lower the MTU, or load the program for several buffers"
    )]
    Mtu {
        /// The interface's MTU in bytes.
        mtu: u32,
    },
    /// The peer of a veth sends on more queues than this end receives on (`ENOSPC`).
    #[error("its peer has more transmit queues than it has receive queues: make them equal with ethtool -L")]
    Queues,
    /// The driver has no rings or memory left (`ENOMEM`).
    #[error("its driver has no transmit rings or no memory left for XDP: use fewer channels (ethtool -L)")]
    Resources,
    /// Another error of the driver's.
    #[error("its driver refused it: {cause}")]
    Other {
        /// What the driver answered.
        cause: io::Error,
    },
}

impl DriverRefusal {
    /// The MTU that every driver with XDP takes.
    const SAFE_MTU: u32 = 1500;

    pub(super) fn from_errno(errno: Errno, mtu: u32, multi_buffer: bool) -> Self {
        let long_packets = mtu > Self::SAFE_MTU && !multi_buffer;
        match errno {
            Errno::EOPNOTSUPP if long_packets => Self::UnsupportedOrMtu { mtu },
            Errno::EOPNOTSUPP => Self::Unsupported,
            // veth alone says ERANGE, of its peer's MTU.
            Errno::ERANGE => Self::Mtu { mtu },
            Errno::EINVAL if long_packets => Self::Mtu { mtu },
            Errno::ENOSPC => Self::Queues,
            Errno::ENOMEM => Self::Resources,
            errno => Self::Other { cause: io_error(errno) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_mtu_is_named_where_it_can_be_the_cause() {
        let text = |errno, mtu, multi_buffer| DriverRefusal::from_errno(errno, mtu, multi_buffer).to_string();
        assert!(text(Errno::ERANGE, 1500, false).contains("of a veth the peer's counts"));
        assert!(text(Errno::EINVAL, 9000, false).contains("here 9000 bytes"));
        assert!(text(Errno::EOPNOTSUPP, 9000, false).contains("MTU of 9000 bytes"));
        assert!(!text(Errno::EOPNOTSUPP, 9000, true).contains("MTU"));
        assert!(!text(Errno::EINVAL, 1500, false).contains("MTU"));
    }

    #[test]
    fn an_unknown_refusal_keeps_the_number() {
        let refusal = DriverRefusal::from_errno(Errno::EIO, 1500, false);
        assert!(refusal.to_string().contains("os error 5"), "{refusal}");
    }
}
