//! Why a program is not at work on an interface.

use std::io;

use super::{DriverRefusal, ForeignProgram, MissingPrivilege};
use crate::device::InterfaceError;

/// Why a program could not be attached to an interface.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttachError {
    /// The interface could not be found or asked.
    #[error(transparent)]
    Interface(#[from] InterfaceError),
    /// Somebody else's program runs there. It is never replaced.
    #[error(
        "{interface} already runs XDP {program}: drop that attachment if it is this program's own, end the process that \
         attached it, or detach it with `ip link set dev {interface} {} off` (for a link: `bpftool link detach`)",
        program.keyword()
    )]
    Occupied {
        /// The interface.
        interface: String,
        /// The program that runs there.
        program: ForeignProgram,
    },
    /// A program runs on the bond or bridge that the interface belongs to.
    #[error(
        "an interface above {interface} (its bond, bridge or team) already runs an XDP program: detach that first"
    )]
    UpperOccupied {
        /// The interface.
        interface: String,
    },
    /// Driver mode was asked for, and the driver refused.
    #[error("{interface} cannot run the program in driver mode: {refusal}")]
    Driver {
        /// The interface.
        interface: String,
        /// Why not.
        refusal: DriverRefusal,
    },
    /// The program asks the driver of another interface for hints.
    #[error(
        "the program is bound to {bound_to} and cannot run on {interface}: load one with RX metadata of {interface}"
    )]
    OtherInterface {
        /// The interface.
        interface: String,
        /// The interface that the program is for.
        bound_to: String,
    },
    /// Generic mode was asked for, and the program asks the driver for hints.
    #[error("the program asks the driver of {interface} for RX metadata: it cannot run in generic mode")]
    NeedsDriver {
        /// The interface.
        interface: String,
    },
    /// The kernel wants a privilege that the thread does not have.
    #[error("not allowed to attach a program to {interface}: {missing}")]
    Permission {
        /// The interface.
        interface: String,
        /// What is missing.
        missing: MissingPrivilege,
    },
    /// The interface was removed, or moved to another network namespace, in the meantime.
    #[error("{interface} is gone: it was removed or moved to another network namespace in the meantime")]
    Gone {
        /// The interface.
        interface: String,
    },
    /// Another error of the kernel's.
    #[error("the kernel refused to attach the program to {interface}")]
    Kernel {
        /// The interface.
        interface: String,
        /// What the kernel answered.
        #[source]
        cause: io::Error,
    },
}
