//! Why a set could not be made or changed.

use std::io;

use crate::program::MissingPrivilege;

/// Why a set of ports or prefixes could not be made, asked or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetError {
    /// A set for nothing was asked for.
    #[error("a set needs a capacity of at least one")]
    NoCapacity,
    /// The set holds as many as it was made for.
    #[error("the set is full: it was made for {capacity}, make it for more")]
    Full {
        /// How many it was made for.
        capacity: u32,
    },
    /// There is no memory for a set of this size.
    #[error("no kernel memory for a set of {capacity}")]
    Memory {
        /// How many were asked for.
        capacity: u32,
    },
    /// The kernel wants a privilege that the thread does not have.
    #[error("not allowed to make or change a set: {missing}")]
    Permission {
        /// What is missing.
        missing: MissingPrivilege,
    },
    /// Another error of the kernel's.
    #[error("the kernel refused to {step} a set")]
    Kernel {
        /// What was asked of it.
        step: &'static str,
        /// What the kernel answered.
        #[source]
        cause: io::Error,
    },
}
