//! Why a setting of an interface was not changed.

use xdp_sys::Errno;

use super::netlink::NetlinkError;
use super::{Interface, InterfaceError};

/// Why a setting of an interface was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// The interface could not be asked how it is now.
    #[error(transparent)]
    Interface(#[from] InterfaceError),
    /// A capability is missing.
    #[error(
        "cannot change {what} of {} without CAP_NET_ADMIN: run as root, or grant the program that capability with \
         setcap(8)",
        interface.escape_debug()
    )]
    Privilege {
        /// What was to be changed, "the channels" for example.
        what: &'static str,
        /// Name of the interface.
        interface: String,
    },
    /// The driver or the kernel cannot change this.
    #[error(
        "{what} of {} cannot be changed: its driver does not do it, or this kernel is too old for it",
        interface.escape_debug()
    )]
    Unsupported {
        /// What was to be changed.
        what: &'static str,
        /// Name of the interface.
        interface: String,
        /// What the kernel said, if it was asked.
        #[source]
        cause: Option<NetlinkError>,
    },
    /// The kernel or the driver did not accept the values.
    #[error("the kernel refused to change {what} of {} to {values}", interface.escape_debug())]
    Refused {
        /// What was to be changed.
        what: &'static str,
        /// Name of the interface.
        interface: String,
        /// What it was to be changed to.
        values: String,
        /// What the kernel said.
        #[source]
        cause: NetlinkError,
    },
    /// There is no such feature.
    #[error(
        "this kernel knows no feature \"{}\": see the names with `ethtool -k {}`",
        feature.escape_debug(),
        interface.escape_debug()
    )]
    UnknownFeature {
        /// The name that was asked for.
        feature: String,
        /// Name of the interface.
        interface: String,
    },
    /// The driver never changes the feature.
    #[error("feature {feature} of {} is fixed: its driver never changes it", interface.escape_debug())]
    FixedFeature {
        /// The kernel's name of the feature.
        feature: String,
        /// Name of the interface.
        interface: String,
    },
    /// The kernel took the request and left the feature as it was; what else was asked for was undone.
    #[error(
        "feature {feature} of {} stayed as it was, since it depends on another one or the driver needs it so: see \
         `ethtool -k {}` and what the kernel says (dmesg)",
        interface.escape_debug(),
        interface.escape_debug()
    )]
    Ineffective {
        /// The kernel's name of the feature.
        feature: String,
        /// Name of the interface.
        interface: String,
    },
}

impl ChangeError {
    pub(crate) fn unsupported(what: &'static str, interface: &Interface) -> Self {
        Self::Unsupported { what, interface: interface.name().to_owned(), cause: None }
    }

    /// What the kernel's refusal of a request means.
    pub(crate) fn refused(
        what: &'static str,
        interface: &str,
        index: u32,
        values: String,
        cause: NetlinkError,
    ) -> Self {
        let interface = interface.to_owned();
        match cause.refusal() {
            Some(Errno::ENODEV) => Self::Interface(InterfaceError::Gone { name: interface, index }),
            Some(Errno::EPERM) => Self::Privilege { what, interface },
            Some(Errno::EOPNOTSUPP) => Self::Unsupported { what, interface, cause: Some(cause) },
            _ => Self::Refused { what, interface, values, cause },
        }
    }
}
