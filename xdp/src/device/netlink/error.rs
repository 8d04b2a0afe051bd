//! Why a netlink request failed.

use std::io;

use xdp_sys::Errno;

use crate::sys;

/// Why the kernel's netlink interface did not answer a question or carry out a request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetlinkError {
    /// A system call on the netlink socket failed.
    #[error("cannot {step} a netlink socket")]
    Socket {
        /// What was to be done, "open" for example.
        step: &'static str,
        /// What the system call returned.
        #[source]
        cause: io::Error,
    },
    /// The kernel refused the request.
    #[error("the kernel refused the request{}", said(text))]
    Refused {
        /// What the kernel said in words, if it did (kernels before 4.12 do not).
        text: Option<String>,
        /// The number it returned.
        #[source]
        cause: io::Error,
    },
    /// No answer came.
    #[error("the kernel did not answer a netlink request within {seconds} s")]
    Silent {
        /// How long was waited, in seconds.
        seconds: u64,
    },
    /// What was listed changed each time while it was listed.
    #[error(
        "what the kernel lists changed during each of {attempts} attempts to read it: try again when it is calmer"
    )]
    Interrupted {
        /// How often it was tried.
        attempts: u32,
    },
    /// The answer cannot be read.
    #[error("the kernel's netlink answer is damaged: {what}")]
    Damaged {
        /// What does not fit.
        what: &'static str,
    },
    /// The request does not fit the format.
    #[error("a netlink request is longer than the format allows: shorten the names in it")]
    TooLong,
}

fn said(text: &Option<String>) -> String {
    text.as_ref().map(|text| format!(": {text}")).unwrap_or_default()
}

impl NetlinkError {
    pub(crate) fn socket(step: &'static str, errno: Errno) -> Self {
        Self::Socket { step, cause: sys::io_error(errno) }
    }

    pub(crate) fn refused(errno: Errno, text: Option<String>) -> Self {
        Self::Refused { text, cause: sys::io_error(errno) }
    }

    /// The number that the kernel refused the request with, if it did.
    pub(crate) fn refusal(&self) -> Option<Errno> {
        match self {
            Self::Refused { cause, .. } => cause.raw_os_error().map(Errno::from_raw),
            _ => None,
        }
    }
}
