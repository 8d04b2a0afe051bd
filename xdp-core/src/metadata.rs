//! Metadata in front of a frame: what the kernel is asked to do with a frame that is sent, and what an XDP program
//! has said of a frame that was received.
//!
//! Both lie right before the frame's first byte and are no part of its length. Nothing but an agreement says that
//! they are there: the length of TX metadata is one number for a whole UMEM ([`TX_METADATA_LEN`] here) and a bit in
//! the descriptor ([`Options::METADATA`](crate::Options::METADATA)), that of RX metadata one that program and reader
//! share.
//!
//! Not here: memory. Everything is computed on copies of the bytes.
//!
//! - D1 a request that [`TxRequest::check`] accepts is one that the kernel accepts: it refuses any other with `EINVAL`
//!   and leaves the descriptor in the ring, which then sends nothing more (`xsk_build_skb` in `net/xdp/xsk.c`).

mod rx;
mod tx;

#[cfg(test)]
mod tests;

pub use rx::{FromMetadata, HashType, MOST_RX_METADATA, RxHash, RxHints, RxVlan, rx_start};
pub use tx::{Checksum, RequestError, TX_METADATA_LEN, TxMetadata, TxRequest};
