//! Why a lab could not be made or changed.

use std::io;

use crate::device::{InterfaceError, NetlinkError};

/// Why a lab could not be made, entered or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabError {
    /// A capability is missing.
    #[error(
        "cannot {step} without {capability}: run as root, or grant the program that capability with setcap(8)"
    )]
    Privilege {
        /// What was to be done.
        step: &'static str,
        /// Which capability that takes.
        capability: &'static str,
    },
    /// The builder was asked for something that cannot be.
    #[error("a lab cannot have {value} {what}: choose {least} to {most}")]
    Size {
        /// What was asked for.
        what: &'static str,
        /// How many.
        value: u64,
        /// The least possible.
        least: u64,
        /// The most possible.
        most: u64,
    },
    /// The system has as many network namespaces as it may have.
    #[error(
        "there are too many network namespaces: end what holds them, or raise user.max_net_namespaces (sysctl)"
    )]
    TooMany,
    /// The namespace could not be made or entered.
    #[error("cannot {step}")]
    Namespace {
        /// What was to be done.
        step: &'static str,
        /// What the system call returned.
        #[source]
        cause: io::Error,
    },
    /// The kernel has no veth.
    #[error("this kernel has no veth interfaces: load the module (modprobe veth), or enable CONFIG_VETH")]
    NoVeth,
    /// The namespace could not be spoken to.
    #[error("cannot ask the kernel about the lab")]
    Netlink(#[source] NetlinkError),
    /// An interface could not be made.
    #[error("cannot make {end} in the lab")]
    Make {
        /// Its name.
        end: String,
        /// Why not.
        #[source]
        cause: NetlinkError,
    },
    /// An interface could not be changed.
    #[error("cannot {step} {end} in the lab")]
    Change {
        /// What was to be done.
        step: &'static str,
        /// The interface.
        end: String,
        /// Why not.
        #[source]
        cause: NetlinkError,
    },
    /// An end was removed since.
    #[error("{end} was removed from the lab: make another lab, or a lab of more pairs")]
    Gone {
        /// Its name.
        end: String,
    },
    /// An end is that of another lab.
    #[error("{end} is an end of another lab: ask the lab that made it")]
    OtherLab {
        /// Its name.
        end: String,
    },
    /// An interface that was just made is gone.
    #[error("an interface of the lab cannot be looked up")]
    Interface(#[source] InterfaceError),
    /// An interface did not come up.
    #[error("{end} in the lab did not come up within {seconds} s: see what the kernel says (dmesg)")]
    NotReady {
        /// Its name.
        end: String,
        /// How long was waited, in seconds.
        seconds: u64,
    },
}
