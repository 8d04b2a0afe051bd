//! The times at which packets left: asked for with a frame, found in front of its bytes when the frame has completed.
//!
//! - E1 the bytes in front of a frame are read between its completion and the moment its chunk goes back to the pool:
//!   only then the chunk is neither the kernel's nor anybody else's.

#![allow(unsafe_code, reason = "reads and writes the bytes in front of frames that are sent (E1)")]

use std::collections::VecDeque;
use std::collections::vec_deque::Drain;

use xdp_core::frames::Holder;
use xdp_core::metadata::{Checksum, TxMetadata, TxRequest};

use crate::umem::Home;

/// When a packet left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TxTimestamp {
    /// What was given to [`TxRequest::timestamp`].
    pub token: u64,
    /// The time in nanoseconds: of `CLOCK_TAI` in copy mode, of the NIC's clock in zero-copy mode. None where the
    /// packet completed without: the driver did not tell (virtio_net in copy mode before Linux 6.18, for example).
    pub time: Option<u64>,
}

/// The times of packets that have completed, in that order; see [`Tx::timestamps`](crate::Tx::timestamps).
#[derive(Debug)]
pub struct Timestamps<'a>(Option<Drain<'a, TxTimestamp>>);

impl Timestamps<'_> {
    pub(crate) fn none() -> Self {
        Self(None)
    }
}

impl Iterator for Timestamps<'_> {
    type Item = TxTimestamp;

    fn next(&mut self) -> Option<TxTimestamp> {
        self.0.as_mut()?.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.as_ref().map_or((0, Some(0)), Iterator::size_hint)
    }
}

impl ExactSizeIterator for Timestamps<'_> {}

/// The requests of one sending half whose answers are awaited.
#[derive(Debug)]
pub(crate) struct Stamps {
    /// By chunk.
    awaited: Box<[Awaited]>,
    /// Of those, how many are with the kernel.
    sent: u32,
    told: VecDeque<TxTimestamp>,
    /// Times that were not fetched before too many others came.
    lost: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Awaited {
    token: u64,
    checksum: Option<Checksum>,
    /// Bytes from the start of the chunk to the metadata, if a timestamp was asked for.
    offset: Option<u16>,
    is_sent: bool,
}

impl Stamps {
    pub(crate) fn new(chunks: u32) -> Self {
        let awaited = vec![Awaited::default(); chunks as usize].into_boxed_slice();
        Self { awaited, sent: 0, told: VecDeque::new(), lost: 0 }
    }

    /// Notes what goes with the frame of a chunk, whose metadata lies at this address; it counts once it is sent.
    pub(crate) fn note(&mut self, home: &Home, metadata: u64, request: &TxRequest) {
        let Some(awaited) = self.of(home, metadata) else { return };
        let (offset, token) = (home.layout.offset(metadata) as u16, request.wants_timestamp());
        *awaited = Awaited {
            token: token.unwrap_or_default(),
            checksum: request.wants_checksum(),
            offset: token.map(|_| offset),
            is_sent: false,
        };
    }

    /// A frame with metadata was handed to the kernel, by an address in its chunk.
    pub(crate) fn sent(&mut self, home: &Home, addr: u64) {
        if let Some(awaited) = self.of(home, addr).filter(|awaited| awaited.offset.is_some()) {
            awaited.is_sent = true;
            self.sent += 1;
        }
    }

    /// Reads the times of frames that have completed, before their chunks go on: those that `holder` has, named by
    /// the completion ring just now and not taken from it yet.
    pub(crate) fn collect(&mut self, home: &Home, holder: Holder, completed: (&[u64], &[u64])) {
        for &addr in completed.0.iter().chain(completed.1) {
            if self.sent == 0 {
                return;
            }
            // What cannot be believed is refused later; a chunk that is named twice has told already.
            let Some(awaited) = self.of(home, addr).filter(|awaited| awaited.is_sent) else { continue };
            if home.custody.holder_at(addr) != Some(holder) {
                continue;
            }
            let Awaited { token, checksum, offset, .. } = std::mem::take(awaited);
            let Some(offset) = offset else { continue };
            let request = TxRequest::new().timestamp(token);
            let request = checksum.map_or(request, |sum| request.checksum(sum.start, sum.offset));
            let metadata =
                home.pointer(home.layout.chunk_start(addr) + u64::from(offset)).cast::<TxMetadata>();
            // SAFETY: E1: the table says that the kernel has the chunk to send from, and it has just been named by
            // the completion ring, which the caller has not moved on. The metadata was written there when it was
            // noted, so it lies inside the chunk. An array of bytes needs no alignment, and the memory was zeroed.
            let completed = unsafe { metadata.read() };
            self.sent -= 1;
            self.tell(TxTimestamp { token, time: request.timestamp_in(&completed) });
        }
    }

    /// Keeps the newest, as many as there are chunks.
    fn tell(&mut self, stamp: TxTimestamp) {
        if self.told.len() >= self.awaited.len() {
            self.told.pop_front();
            self.lost += 1;
        }
        self.told.push_back(stamp);
    }

    pub(crate) fn told(&mut self) -> Timestamps<'_> {
        Timestamps(Some(self.told.drain(..)))
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    fn of(&mut self, home: &Home, addr: u64) -> Option<&mut Awaited> {
        self.awaited.get_mut(home.layout.chunk(addr)?.0 as usize)
    }
}
