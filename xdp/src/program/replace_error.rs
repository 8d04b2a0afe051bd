//! Why a program was not replaced.

use std::io;

use xdp_sys::Errno;

use super::{DriverRefusal, MissingPrivilege, Program};
use crate::device::Interface;
use crate::sys::io_error;

/// Why the program of an attachment could not be replaced: the one that ran before goes on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplaceError {
    /// The sockets are in another map than the one that the new program looks into.
    #[error(
        "the new program on {interface} would look into another socket map, where no socket is registered: load it with \
         ProgramBuilder::sharing"
    )]
    OtherMap {
        /// The interface.
        interface: String,
    },
    /// The new program asks the driver of another interface for hints, or the old one runs in generic mode.
    #[error(
        "the new program on {interface} is bound to the driver of {bound_to}: it runs there only, in driver mode"
    )]
    Bound {
        /// The interface.
        interface: String,
        /// The interface that the program is for.
        bound_to: String,
    },
    /// The link is not on the interface any more.
    #[error(
        "the program is not on {interface} any more: the interface is gone, or somebody detached the link"
    )]
    Detached {
        /// The interface.
        interface: String,
    },
    /// Somebody else replaced the program through the same link; or by netlink, where ours is held without a link.
    #[error("somebody else has replaced the program on {interface} meanwhile, or taken it off")]
    Changed {
        /// The interface.
        interface: String,
    },
    /// The driver would not run the new program.
    #[error("{interface} cannot run the new program: {refusal}")]
    Driver {
        /// The interface.
        interface: String,
        /// Why not.
        refusal: DriverRefusal,
    },
    /// The kernel wants a privilege that the thread does not have.
    #[error("not allowed to replace the program on {interface}: {missing}")]
    Permission {
        /// The interface.
        interface: String,
        /// What is missing.
        missing: MissingPrivilege,
    },
    /// Another error of the kernel's.
    #[error("the kernel refused to replace the program on {interface}")]
    Kernel {
        /// The interface.
        interface: String,
        /// What the kernel answered.
        #[source]
        cause: io::Error,
    },
}

impl ReplaceError {
    pub(super) fn from_errno(errno: Errno, at: &Interface, program: &Program) -> Self {
        let interface = at.name().to_owned();
        match errno {
            // bpf_xdp_link_update: the link has no interface.
            Errno::ENOLINK => Self::Detached { interface },
            // dev_xdp_attach, without a link: the program there is not the one that we said, or there is none.
            Errno::EEXIST => Self::Changed { interface },
            // The program is another than the one that we said runs there: EPERM, which a missing capability gives
            // too.
            Errno::EPERM => match MissingPrivilege::of_this_thread() {
                missing if missing.capabilities().is_empty() => Self::Changed { interface },
                missing => Self::Permission { interface, missing },
            },
            Errno::EOPNOTSUPP | Errno::ERANGE | Errno::EINVAL | Errno::ENOSPC | Errno::ENOMEM => {
                let refusal = DriverRefusal::from_errno(errno, at.mtu(), program.multi_buffer());
                Self::Driver { interface, refusal }
            }
            errno => Self::Kernel { interface, cause: io_error(errno) },
        }
    }
}
