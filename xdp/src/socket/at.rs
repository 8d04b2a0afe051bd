//! Single steps of setting up a socket, and what their error numbers mean there.

use std::os::fd::{BorrowedFd, OwnedFd};

use xdp_sys::Errno;
use xdp_sys::if_xdp::{
    AF_XDP, XDP_UMEM_TX_METADATA_LEN, XDP_UMEM_TX_SW_CSUM, XDP_UMEM_UNALIGNED_CHUNK_FLAG, xdp_umem_reg,
};

use crate::QueueId;
use crate::device::Interface;
use crate::device::occupant::occupant;
use crate::diagnosis::causes::RefusedCall;
use crate::diagnosis::{Config, Finding};
use crate::metadata::{Reserve, TX_METADATA_LEN};
use crate::socket::error::{BindError, Step};
use crate::socket::options::Mode;
use crate::sys;
use crate::umem::Umem;

/// Where a socket is being set up, for errors.
#[derive(Debug)]
pub(crate) struct At<'a> {
    pub(crate) interface: &'a Interface,
    pub(crate) queue: QueueId,
    /// The settings, for what an error number may come from.
    pub(crate) config: &'a Config,
}

impl At<'_> {
    pub(crate) fn socket(&self) -> Result<OwnedFd, BindError> {
        sys::socket(AF_XDP, libc::SOCK_RAW, 0).map_err(|errno| match errno {
            Errno::EPERM | Errno::EACCES => BindError::Permission { step: Step::Socket },
            Errno::EAFNOSUPPORT => BindError::NoAfXdp,
            other => self.error(Step::Socket, other),
        })
    }

    pub(crate) fn register(&self, fd: BorrowedFd<'_>, umem: &Umem) -> Result<(), BindError> {
        let layout = umem.layout();
        let shape = xdp_umem_reg {
            chunk_size: layout.chunk_bytes(),
            flags: if layout.is_unaligned() { XDP_UMEM_UNALIGNED_CHUNK_FLAG } else { 0 },
            headroom: layout.headroom(),
            ..xdp_umem_reg::default()
        };
        let registered = match umem.home().reserve {
            Reserve::Nothing => sys::register_umem(fd, umem.home().memory(), shape),
            reserve => {
                return self.register_with_metadata(fd, umem, shape, reserve);
            }
        };
        registered.map_err(|errno| self.registration_error(umem, errno))
    }

    /// As [`At::register`], with room for requests in front of frames that are sent.
    ///
    /// Since Linux 6.11 a flag says that the length is meant; from 6.8 on the length alone says so, and the flag is
    /// refused; before, the length is padding that nobody looks at, and every frame with a request would be dropped.
    /// So where the flag is refused, a length that no kernel takes shows whether it is looked at.
    fn register_with_metadata(
        &self,
        fd: BorrowedFd<'_>,
        umem: &Umem,
        shape: xdp_umem_reg,
        reserve: Reserve,
    ) -> Result<(), BindError> {
        const NO_LENGTH: u32 = TX_METADATA_LEN - 1;
        let attempt = |tx_metadata_len, flags| {
            let shape = xdp_umem_reg { tx_metadata_len, flags: shape.flags | flags, ..shape };
            sys::register_umem(fd, umem.home().memory(), shape)
        };
        // As old as the metadata itself.
        let software = if reserve == Reserve::SoftwareChecksum { XDP_UMEM_TX_SW_CSUM } else { 0 };
        let registered = match attempt(TX_METADATA_LEN, XDP_UMEM_TX_METADATA_LEN | software) {
            Err(Errno::EINVAL) => match attempt(NO_LENGTH, 0) {
                Ok(()) => return Err(BindError::NoTxMetadata),
                Err(Errno::EINVAL) => attempt(TX_METADATA_LEN, software),
                other => other,
            },
            other => other,
        };
        registered.map_err(|errno| self.registration_error(umem, errno))
    }

    fn registration_error(&self, umem: &Umem, errno: Errno) -> BindError {
        let layout = umem.layout();
        match errno {
            // The kernel says "no buffer space" when the limit of locked memory is hit (`xdp_umem_account_pages`).
            Errno::ENOBUFS => BindError::LockedMemory {
                needed: layout.bytes() as u64,
                limit: sys::memlock_limit().ok().and_then(|limit| limit.soft).unwrap_or(u64::MAX),
            },
            other => self.error(Step::RegisterUmem, other),
        }
    }

    pub(crate) fn bind_error(&self, errno: Errno, mode: Mode) -> BindError {
        let interface = || self.interface.name().to_owned();
        match errno {
            Errno::EBUSY => BindError::QueueBusy {
                interface: interface(),
                queue: self.queue,
                occupant: occupant(self.interface.index(), self.queue.0),
            },
            Errno::EPERM => BindError::Permission { step: Step::Bind },
            Errno::ENODEV => BindError::InterfaceGone { interface: interface() },
            Errno::ENETDOWN => BindError::InterfaceDown { interface: interface() },
            other if mode == Mode::ZeroCopy => BindError::NoZeroCopy {
                interface: interface(),
                queue: self.queue,
                causes: self.causes(Step::Bind, other),
                cause: sys::io_error(other),
            },
            other => self.error(Step::Bind, other),
        }
    }

    pub(crate) fn error(&self, step: Step, errno: Errno) -> BindError {
        let interface = self.interface.name().to_owned();
        let causes = self.causes(step, errno);
        BindError::Kernel { step, interface, queue: self.queue, causes, cause: sys::io_error(errno) }
    }

    fn causes(&self, step: Step, errno: Errno) -> Vec<Finding> {
        RefusedCall { step, errno, interface: self.interface, config: self.config }.causes()
    }
}
