//! Frames that go with a request.

use xdp_core::desc::{Desc, Options};
use xdp_core::metadata::{TX_METADATA_LEN, TxRequest};

use super::Tx;
use crate::error::SendError;
use crate::frame::Frame;
use crate::metadata::{RequestError, Timestamps};

impl Tx {
    /// As [`Tx::send`], and asks for something: see [`crate::metadata`]. A request for nothing is no request.
    ///
    /// Minimum kernel: 6.8.
    ///
    /// # Errors
    ///
    /// As [`Tx::send`]; and [`SendError::Request`] with the frame when the request does not fit it, the UMEM has no
    /// room for it, or it would be left undone.
    pub fn send_with(&mut self, mut frame: Frame, request: TxRequest) -> Result<(), SendError> {
        if request.is_empty() {
            return self.send(frame);
        }
        if frame.home() != self.pool.home() {
            return Err(SendError::Foreign(frame));
        }
        if frame.is_empty() {
            return Err(SendError::Empty(frame));
        }
        let desc = frame.desc();
        if let Err(why) = self.check_request(&request, desc.len, frame.offset()) {
            return Err(SendError::Request(frame, why));
        }
        // Whether there is room; the descriptor itself comes last.
        if !self.ring.write_ahead(self.staged, Desc::default()) {
            return Err(SendError::Full(frame));
        }
        let (home, metadata) = (self.pool.home(), frame.put_metadata(&request.metadata()));
        if let (Some(stamps), Some(metadata)) = (&mut self.stamps, metadata) {
            stamps.note(&home, metadata, &request);
            stamps.sent(&home, metadata);
        }
        self.ring.write_ahead(self.staged, Desc { options: Options::METADATA, ..desc });
        home.custody.view().set_seat(frame.into_seat(), self.holder);
        self.staged += 1;
        Ok(())
    }

    /// The times of packets that have completed since the last call, of those for which
    /// [`TxRequest::timestamp`] was asked. Completions are taken by [`kick`](Tx::kick), [`reap`](Tx::reap) and the
    /// waits.
    ///
    /// As many as the UMEM has chunks are kept for you; see [`Tx::lost_timestamps`].
    pub fn timestamps(&mut self) -> Timestamps<'_> {
        match &mut self.stamps {
            Some(stamps) => stamps.told(),
            None => Timestamps::none(),
        }
    }

    /// Times that were dropped since nobody fetched them.
    pub fn lost_timestamps(&self) -> u64 {
        self.stamps.as_ref().map_or(0, |stamps| stamps.lost())
    }

    /// Whether a request can go with a frame of `len` bytes, with `room` bytes of its chunk in front.
    pub(super) fn check_request(&self, request: &TxRequest, len: u32, room: u32) -> Result<(), RequestError> {
        if self.stamps.is_none() {
            return Err(RequestError::NoMetadata);
        }
        let report = self.port.report();
        report.requestable.check(request, &report.interface)?;
        Ok(request.check(len, room)?)
    }

    /// Reads the times of the first `n` frames that the completion ring names.
    #[inline(never)]
    pub(super) fn collect_stamps(&mut self, n: u32) {
        if let Some(stamps) = &mut self.stamps {
            stamps.collect(self.pool.home_ref(), self.holder, self.completion.seen(n));
        }
    }

    /// Packets that were committed by a batch, some with requests, named by their descriptors.
    #[cold]
    pub(super) fn note_sent(&mut self, n: u32) {
        let Some(stamps) = &mut self.stamps else { return };
        let mut slots = self.ring.reserve(n);
        let (first, second) = slots.runs();
        for desc in first.iter().chain(&*second).filter(|desc| desc.options.contains(Options::METADATA)) {
            stamps.sent(self.pool.home_ref(), desc.addr.0 - u64::from(TX_METADATA_LEN));
        }
    }
}
