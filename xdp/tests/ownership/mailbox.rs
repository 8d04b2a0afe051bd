//! Frames on their way from thread to thread.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use xdp::Frame;

/// Frames that a channel holds.
const DEPTH: usize = 16;

/// Where frames for one thread are posted; the channel behind it is replaced now and then.
#[derive(Debug)]
pub(crate) struct Mailbox(Mutex<SyncSender<Frame>>);

impl Mailbox {
    /// A mailbox, and the end that its owner keeps.
    pub(crate) fn new() -> (Self, Receiver<Frame>) {
        let (put, take) = sync_channel(DEPTH);
        (Self(Mutex::new(put)), take)
    }

    /// Posts a frame; it comes back when the channel is full.
    pub(crate) fn post(&self, frame: Frame) -> Option<Frame> {
        let put = self.0.lock().expect("nobody panics while posting").clone();
        match put.try_send(frame) {
            Ok(()) => None,
            // The owner has dropped this channel, and the frames in it, after we had looked.
            Err(TrySendError::Full(frame) | TrySendError::Disconnected(frame)) => Some(frame),
        }
    }

    /// Replaces the channel. The old one is dropped with all that is in it.
    pub(crate) fn replace(&self, taken: &mut Receiver<Frame>) {
        let (put, take) = sync_channel(DEPTH);
        *self.0.lock().expect("nobody panics while posting") = put;
        *taken = take;
    }
}
