//! What stands in front of a frame: what is asked of the kernel when it is sent, and what an XDP program has said of
//! it when it was received.
//!
//! | what | how | Minimum kernel |
//! |---|---|---|
//! | a checksum, computed by kernel or NIC | [`TxRequest::checksum`] | 6.8 |
//! | when a packet left | [`TxRequest::timestamp`], then [`Tx::timestamps`](crate::Tx::timestamps) | 6.8 |
//! | sending at a given time | [`TxRequest::launch_time`] | 6.15, few drivers |
//! | arrival time, hash, VLAN tag | [`RxHints`] by [`Frame::metadata`](crate::Frame::metadata) | 6.3, VLAN 6.8 |
//! | whatever a program of yours writes | [`FromMetadata`] by the same | 5.1 |
//!
//! [`ProgramBuilder::rx_metadata`](crate::program::ProgramBuilder::rx_metadata) makes a program write the hints.
//!
//! Requests need room, which the UMEM is built with ([`UmemBuilder::tx_metadata`](crate::UmemBuilder::tx_metadata)),
//! and go with a frame ([`Tx::send_with`](crate::Tx::send_with), [`TxBatch::request`](crate::TxBatch::request)).
//! Whatever the kernel would refuse, or the NIC silently leave undone, is refused before the system call: an invalid
//! request in the tx ring would stop it for good.
//!
//! ```
//! use xdp::Umem;
//! use xdp::metadata::TxRequest;
//!
//! let umem = Umem::builder().chunks(64).tx_metadata().build()?;
//! # let (mut socket, mut nic) = xdp::fake::socket(&umem, 32)?;
//! let tx = socket.tx();
//! let mut frame = tx.alloc().unwrap();
//! frame.extend_from_slice(b"when does this leave?")?;
//! tx.send_with(frame, TxRequest::new().timestamp(7))?;              // 7 comes back with the time
//! tx.kick()?;
//! # nic.transmit();
//! # tx.reap();
//! for stamp in tx.timestamps() {
//!     println!("packet {} left at {:?} ns", stamp.token, stamp.time);
//! #   assert_eq!(stamp.token, 7);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod requestable;
mod stamps;

pub use xdp_core::metadata::{
    Checksum, FromMetadata, HashType, MOST_RX_METADATA, RxHash, RxHints, RxVlan, TX_METADATA_LEN, TxRequest,
};

pub use error::RequestError;
pub use requestable::Requestable;
pub use stamps::{Timestamps, TxTimestamp};

pub(crate) use stamps::Stamps;

/// What a UMEM has in front of frames that are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Reserve {
    /// Nothing: requests are refused.
    #[default]
    Nothing,
    /// Room for requests.
    Metadata,
    /// The same, and the kernel computes the checksums itself.
    SoftwareChecksum,
}

impl Reserve {
    /// Bytes of each chunk that are kept for it.
    pub(crate) const fn bytes(self) -> u32 {
        match self {
            Self::Nothing => 0,
            Self::Metadata | Self::SoftwareChecksum => TX_METADATA_LEN,
        }
    }
}
