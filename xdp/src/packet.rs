//! A packet in your hands: one or more frames, one behind the other.

use std::fmt;
use std::iter::{Chain, Once, once};
use std::{slice, vec};

use crate::error::{BuildError, LinearizeError};
use crate::frame::Frame;
use crate::tx::Tx;

/// A packet of one or more frames, owned: a packet that is longer than a chunk lies in several of them.
///
/// Received by [`Rx::recv_packets`](crate::Rx::recv_packets), sent by [`Tx::send_packet`]; put together from frames by
/// hand ([`From`], [`Packet::push`]) or from bytes ([`Packet::build`]). A packet of one frame allocates nothing. Minimum
/// kernel for more: 6.6, and a socket bound with [`SocketBuilder::multi_buffer`](crate::SocketBuilder::multi_buffer).
///
/// ```
/// use xdp::Packet;
///
/// # let umem = xdp::Umem::builder().chunks(64).build()?;
/// # let (mut socket, mut nic) = xdp::fake::socket_for_packets(&umem, 32, 0, 18)?;
/// let packet = Packet::build(socket.tx(), &[7; 9000])?;      // three chunks of 4 KiB
/// assert_eq!((packet.frame_count(), packet.len()), (3, 9000));
/// socket.tx().send_packet(packet)?;
/// socket.tx().kick()?;
/// # assert_eq!(nic.transmit_packet().unwrap().concat(), [7; 9000]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Packet {
    /// Apart from the others, so that a packet is never without a frame, and one of one frame needs no list.
    first: Frame,
    rest: Vec<Frame>,
}

impl Packet {
    /// Copies bytes into as many free chunks of the sending half as it takes, each filled up behind the UMEM's headroom.
    ///
    /// # Errors
    ///
    /// [`BuildError`] for no bytes, more than the socket sends as one packet, or more than there are free chunks for.
    pub fn build(tx: &mut Tx, bytes: &[u8]) -> Result<Self, BuildError> {
        let layout = tx.umem().layout();
        let room = layout.chunk_bytes() - layout.headroom();
        let most = tx.most_frames();
        let frames = bytes.len().div_ceil(room as usize);
        if frames == 0 {
            return Err(BuildError::Empty);
        }
        if frames > most as usize {
            return Err(BuildError::TooLong { len: bytes.len(), most: u64::from(most) * u64::from(room) });
        }
        let mut packet: Option<Self> = None;
        for (built, bytes) in bytes.chunks(room as usize).enumerate() {
            let filled =
                tx.alloc().and_then(|mut frame| frame.extend_from_slice(bytes).is_ok().then_some(frame));
            let Some(frame) = filled else {
                tx.recycle(packet.into_iter().flatten());
                return Err(BuildError::Chunks { wanted: frames as u32, free: built as u32 });
            };
            match &mut packet {
                Some(packet) => packet.push(frame),
                None => packet = Some(Self::from(frame)),
            }
        }
        packet.ok_or(BuildError::Empty)
    }

    /// Appends a frame.
    pub fn push(&mut self, frame: Frame) {
        self.rest.push(frame);
    }

    /// How many frames, 1 or more.
    pub fn frame_count(&self) -> usize {
        1 + self.rest.len()
    }

    /// Bytes in all frames together.
    pub fn len(&self) -> usize {
        self.frames().map(|frame| frame.len()).sum()
    }

    /// Whether no frame has bytes.
    pub fn is_empty(&self) -> bool {
        self.frames().all(|frame| frame.is_empty())
    }

    /// The frames, in order.
    pub fn frames(&self) -> Chain<Once<&Frame>, slice::Iter<'_, Frame>> {
        once(&self.first).chain(&self.rest)
    }

    /// The frames, in order, to be edited.
    pub fn frames_mut(&mut self) -> Chain<Once<&mut Frame>, slice::IterMut<'_, Frame>> {
        once(&mut self.first).chain(&mut self.rest)
    }

    /// The first frame: where the headers are.
    pub fn first(&self) -> &Frame {
        &self.first
    }

    /// The first frame, to be edited.
    pub fn first_mut(&mut self) -> &mut Frame {
        &mut self.first
    }

    /// Cuts the packet before frame `index`, counted from 0: this one keeps those before, the other is returned. None
    /// if one of them would have no frame.
    pub fn split_off(&mut self, index: usize) -> Option<Self> {
        if index == 0 || index >= self.frame_count() {
            return None;
        }
        let mut behind = self.rest.drain(index - 1..);
        let first = behind.next()?;
        Some(Self { first, rest: behind.collect() })
    }

    /// All bytes, copied into one piece.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len());
        self.frames().for_each(|frame| bytes.extend_from_slice(frame));
        bytes
    }

    /// Moves all bytes into the first frame, whose head- and tailroom they may use up; the other chunks go home.
    ///
    /// # Errors
    ///
    /// The packet comes back, unchanged, when it is longer than the first frame's chunk.
    pub fn linearize(self) -> Result<Frame, LinearizeError> {
        let more: usize = self.rest.iter().map(|frame| frame.len()).sum();
        let (front, back) = (self.first.headroom() as usize, self.first.tailroom() as usize);
        if more > front + back {
            return Err(LinearizeError { fits: self.first.len() + front + back, packet: self });
        }
        let Self { mut first, rest } = self;
        let (len, shift) = (first.len(), more.saturating_sub(back));
        first.push_front(shift).expect("the headroom was looked at");
        first.copy_within(shift.., 0);
        first.truncate(len);
        for frame in &rest {
            first.extend_from_slice(frame).expect("the room was looked at");
        }
        Ok(first)
    }
}

/// A packet of one frame.
impl From<Frame> for Packet {
    fn from(first: Frame) -> Self {
        Self { first, rest: Vec::new() }
    }
}

/// The frames, in order: each is a frame like any other from here on.
impl IntoIterator for Packet {
    type Item = Frame;
    type IntoIter = Chain<Once<Frame>, vec::IntoIter<Frame>>;

    fn into_iter(self) -> Self::IntoIter {
        once(self.first).chain(self.rest)
    }
}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Packet ")?;
        f.debug_list().entries(self.frames()).finish()
    }
}

#[cfg(all(test, feature = "fake-kernel"))]
mod tests;
