//! Why a request cannot go with a frame.

use xdp_core::metadata;

/// Why a request cannot go with a frame. Nothing was sent, and the frame is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The UMEM has no room for requests.
    #[error("the umem has no room for TX metadata: build it with `tx_metadata`")]
    NoMetadata,
    /// Kernel or driver would silently leave it undone.
    #[error(
        "{interface} has no {what} for packets that this socket sends (`requestable` in its report): do without, or try \
         copy mode"
    )]
    Unsupported {
        /// What was asked for: "checksum", "timestamp" or "launch time".
        what: &'static str,
        /// The interface's name.
        interface: String,
    },
    /// The batch has no such packet, or it was not written yet.
    #[error("packet {index} of the batch is not written yet: `peek` it first")]
    NotWritten {
        /// Its number.
        index: u32,
    },
    /// It does not fit the frame.
    #[error(transparent)]
    Invalid(#[from] metadata::RequestError),
}
