//! What can be asked for packets that a socket sends.

use xdp_core::metadata::TxRequest;

use super::{RequestError, Reserve};
use crate::ObtainedMode;
use crate::device::{Capabilities, Interface};
use crate::umem::Umem;

/// What can be asked for packets that a socket sends. Nothing, if its UMEM has no room for requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Requestable {
    /// Checksums. In copy mode the kernel sees to it, in zero-copy mode the NIC.
    pub checksum: bool,
    /// The time at which a packet left. In copy mode it is the kernel's, in zero-copy mode the NIC's.
    pub timestamp: bool,
    /// Sending at a given time. Minimum kernel: 6.15, and a driver with support, in either mode.
    pub launch_time: bool,
}

impl Requestable {
    /// What can be asked on a socket that was bound.
    pub(crate) fn on(umem: &Umem, mode: ObtainedMode, interface: &Interface) -> Self {
        match umem.home().reserve {
            Reserve::Nothing => Self::default(),
            reserve => Self::of(reserve, mode, Capabilities::of(interface).ok().as_ref()),
        }
    }

    /// What kernel and driver do, of a UMEM that the kernel has registered with room for requests. What is not known
    /// counts as missing: zero-copy mode has no errors, only packets without what was asked for.
    fn of(reserve: Reserve, mode: ObtainedMode, capabilities: Option<&Capabilities>) -> Self {
        if reserve == Reserve::Nothing {
            return Self::default();
        }
        let copies = mode == ObtainedMode::Copy;
        let driver = capabilities.map(Capabilities::tx_offloads).unwrap_or_default();
        Self {
            checksum: copies || driver.checksum() == Some(true),
            timestamp: copies || driver.timestamp() == Some(true),
            launch_time: driver.launch_time() == Some(true),
        }
    }

    /// Everything that a kernel can: what a fake one does.
    #[cfg(feature = "fake-kernel")]
    pub(crate) fn all_in(reserve: Reserve) -> Self {
        let can = reserve != Reserve::Nothing;
        Self { checksum: can, timestamp: can, launch_time: can }
    }

    /// Refuses what is not there.
    #[inline]
    pub(crate) fn check(self, request: &TxRequest, interface: &str) -> Result<(), RequestError> {
        let missing = [
            ("checksum", request.wants_checksum().is_some() && !self.checksum),
            ("timestamp", request.wants_timestamp().is_some() && !self.timestamp),
            ("launch time", request.wants_launch_time().is_some() && !self.launch_time),
        ];
        match missing.into_iter().find(|(_, is_missing)| *is_missing) {
            Some((what, _)) => Err(RequestError::Unsupported { what, interface: interface.to_owned() }),
            None => Ok(()),
        }
    }
}
