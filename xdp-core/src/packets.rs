//! Packets of several frames: whole or not at all. Minimum kernel: 6.6 (`XDP_USE_SG`).
//!
//! A packet is one or more descriptors, one behind the other; all but the last carry [`Options::CONTINUES`]. A batch of
//! the rx ring may end amid a packet, so a reader that takes descriptors as they come tears packets apart.
//! [`PacketReader`] takes whole ones only, and [`check`] looks at a packet before it goes into the tx ring: what the
//! kernel refuses there it drops, all of it.
//!
//! Not here: whether the bytes lie in the UMEM ([`layout`](crate::layout)), and whose chunks they are
//! ([`frames`](crate::frames)).
//!
//! - Q1 what a reader passes over ends with a packet, or amid one that it has refused: then it remembers, and refuses
//!   the rest of it, too. So the first descriptor of a packet that it yields is the first of that packet.

use core::iter::{Chain, Copied};
use core::slice;

use crate::desc::{Desc, Options};

/// The most frames of a packet in copy mode: the kernel puts all but the first into the fragments of a socket buffer,
/// of which there are 17 unless it was built with another `CONFIG_MAX_SKB_FRAGS` (`xsk_build_skb`).
///
/// In zero-copy mode the driver says how many it takes: `NETDEV_A_DEV_XDP_ZC_MAX_SEGS`.
#[doc(alias = "MAX_SKB_FRAGS")]
pub const COPY_MODE_FRAMES: u32 = 18;

/// Cuts what stands in an rx ring into whole packets.
///
/// ```
/// use xdp_core::packets::PacketReader;
/// use xdp_core::{Desc, Options};
///
/// let frame = |len, options| Desc { len, options, ..Desc::default() };
/// let ring = [frame(4096, Options::CONTINUES), frame(100, Options::NONE), frame(4096, Options::CONTINUES)];
/// let mut reader = PacketReader::new(18, 64);
/// let mut packets = reader.read((&ring, &[]));               // the runs of a peeked range
/// let packet = packets.next().unwrap()?;
/// assert_eq!((packet.frames().count(), packet.bytes()), (2, 4196));
/// assert_eq!(packets.next(), None);                          // the third frame's packet has not arrived whole
/// assert_eq!(packets.take(), 2);                             // as many are to be released
/// # Ok::<(), xdp_core::packets::Refused>(())
/// ```
#[derive(Debug)]
pub struct PacketReader {
    most: u32,
    /// The next descriptor belongs to a packet that was refused (Q1).
    is_skipping: bool,
}

/// Why the next descriptors of a ring are not shown: they are to be released unseen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// A packet has more frames than can be.
    #[error("a packet of more than {most} frames is dropped: {descs} descriptors of it so far")]
    Frames {
        /// Descriptors of it that are here.
        descs: u32,
        /// Frames that a packet can have.
        most: u32,
    },
    /// A packet has more bytes than a `u32` can count.
    #[error("a packet of {descs} frames is dropped: its length is beyond 4 GiB")]
    Bytes {
        /// Descriptors of it.
        descs: u32,
    },
    /// More of a packet that was refused, and counted, before.
    #[error("{descs} more descriptors of a packet that was dropped")]
    Rest {
        /// Descriptors of it that are here.
        descs: u32,
    },
}

impl Refused {
    /// Descriptors that are passed over.
    pub const fn descs(self) -> u32 {
        match self {
            Self::Frames { descs, .. } | Self::Bytes { descs } | Self::Rest { descs } => descs,
        }
    }
}

impl PacketReader {
    /// A reader that starts with the first descriptor of a packet, of a ring of `entries`.
    ///
    /// `most_frames` is what a packet can have: [`COPY_MODE_FRAMES`], or what the driver says. More than the ring has
    /// entries can never arrive, so that is the limit, too; at least 1.
    pub const fn new(most_frames: u32, entries: u32) -> Self {
        let most = if most_frames < entries { most_frames } else { entries };
        Self { most: if most > 0 { most } else { 1 }, is_skipping: false }
    }

    /// Frames that a packet can have: a range that is peeked has to be as long, or a long packet never becomes whole in
    /// it.
    pub const fn most_frames(&self) -> u32 {
        self.most
    }

    /// The packets in a peeked range, which is given as its two runs. Nothing is passed over until
    /// [`Packets::take`].
    #[inline]
    pub fn read<'r>(&mut self, runs: (&'r [Desc], &'r [Desc])) -> Packets<'r, '_> {
        Packets { is_skipping: self.is_skipping, reader: self, rest: runs, passed: 0 }
    }
}

/// Whole packets of a peeked range, and what is to be dropped between them; see [`PacketReader::read`].
///
/// Ends before a packet whose end is not in the range.
#[derive(Debug)]
#[must_use = "nothing is passed over until `take`"]
pub struct Packets<'r, 'p> {
    reader: &'p mut PacketReader,
    rest: (&'r [Desc], &'r [Desc]),
    passed: u32,
    is_skipping: bool,
}

impl<'r> Packets<'r, '_> {
    /// Ends the reading: as many descriptors as were yielded, in packets or as refused, and are to be released now.
    ///
    /// A reading that is dropped instead yields the same again.
    #[inline]
    pub fn take(self) -> u32 {
        self.reader.is_skipping = self.is_skipping;
        self.passed
    }

    /// Splits the next `n` descriptors off.
    #[inline]
    fn pass(&mut self, n: u32) -> Packet<'r> {
        let (first, second) = self.rest;
        let (before, first) = first.split_at(first.len().min(n as usize));
        let (after, second) = second.split_at(n as usize - before.len());
        self.rest = (first, second);
        self.passed += n;
        Packet { runs: (before, after), bytes: 0 }
    }
}

impl<'r> Iterator for Packets<'r, '_> {
    type Item = Result<Packet<'r>, Refused>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (mut descs, mut bytes, mut is_whole) = (0u32, Some(0u32), false);
        for desc in self.rest.0.iter().chain(self.rest.1) {
            descs += 1;
            bytes = bytes.and_then(|bytes| bytes.checked_add(desc.len));
            if !desc.options.contains(Options::CONTINUES) {
                is_whole = true;
                break;
            }
        }
        let most = self.reader.most;
        // A tail of `most` frames that goes on will be too long, whatever comes: waiting for its end could take for
        // ever, as the ring may be full of it.
        let is_hopeless = self.is_skipping || descs >= most;
        if descs == 0 || !is_whole && !is_hopeless {
            return None;
        }
        let packet = self.pass(descs);
        if self.is_skipping {
            self.is_skipping = !is_whole;
            return Some(Err(Refused::Rest { descs }));
        }
        self.is_skipping = !is_whole;
        match bytes {
            _ if descs > most || !is_whole => Some(Err(Refused::Frames { descs, most })),
            None => Some(Err(Refused::Bytes { descs })),
            Some(bytes) => Some(Ok(Packet { bytes, ..packet })),
        }
    }
}

/// The descriptors of one whole packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'r> {
    runs: (&'r [Desc], &'r [Desc]),
    bytes: u32,
}

impl<'r> Packet<'r> {
    /// Its frames, in order.
    #[inline]
    pub fn frames(&self) -> Chain<Copied<slice::Iter<'r, Desc>>, Copied<slice::Iter<'r, Desc>>> {
        self.runs.0.iter().copied().chain(self.runs.1.iter().copied())
    }

    /// Bytes in all frames together.
    #[inline]
    pub const fn bytes(&self) -> u32 {
        self.bytes
    }
}

/// Why a packet cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PacketError {
    /// It has no frames.
    #[error("the packet has no frames")]
    NoFrames,
    /// It has more frames than the kernel or the driver takes: it would drop the whole packet.
    #[error("the packet has more than {most} frames: use larger chunks, or fill them up")]
    Frames {
        /// Frames that a packet can have.
        most: u32,
    },
    /// A frame has no bytes; kernels disagree on what becomes of such a descriptor.
    #[error("frame {index} of the packet is empty: leave it out")]
    Empty {
        /// Its number, counted from 0.
        index: u32,
    },
    /// All frames together have more bytes than a `u32` can count.
    #[error("the packet is longer than 4 GiB: split it")]
    Bytes,
    /// A frame has option bits that the kernel does not know, and would refuse.
    #[error("frame {index} of the packet has option bits {bits:#x}, which no kernel knows")]
    Options {
        /// Its number, counted from 0.
        index: u32,
        /// All its bits.
        bits: u32,
    },
    /// A frame before the last does not go on: what follows would be sent as packets of its own.
    #[error("frame {index} of the packet ends it before its last: set `Options::CONTINUES`, see `join`")]
    EndsEarly {
        /// Its number, counted from 0.
        index: u32,
    },
    /// The last frame goes on: the kernel would wait for the rest, and take the next packet for it.
    #[error("the last frame of the packet goes on: clear `Options::CONTINUES`, see `join`")]
    GoesOn,
    /// A frame after the first says that it has TX metadata, which belongs to the packet and stands before its first.
    #[error("frame {index} of the packet has TX metadata: only the first may")]
    Metadata {
        /// Its number, counted from 0.
        index: u32,
    },
}

/// Checks one packet before its descriptors are submitted to the tx ring; tells its length in bytes.
///
/// `most_frames` is what the mode takes: [`COPY_MODE_FRAMES`], or what the driver says. Submit a packet at once: the
/// kernel holds a part of it until the rest comes.
///
/// # Errors
///
/// [`PacketError`] says which frame is wrong.
pub fn check<'a>(packet: impl IntoIterator<Item = &'a Desc>, most_frames: u32) -> Result<u32, PacketError> {
    let (mut frames, mut bytes, mut goes_on) = (0u32, 0u32, true);
    for desc in packet {
        let index = frames;
        if index > 0 && !goes_on {
            return Err(PacketError::EndsEarly { index: index - 1 });
        }
        if index == most_frames {
            return Err(PacketError::Frames { most: most_frames });
        }
        if desc.len == 0 {
            return Err(PacketError::Empty { index });
        }
        if !desc.options.is_known() {
            return Err(PacketError::Options { index, bits: desc.options.bits() });
        }
        if index > 0 && desc.options.contains(Options::METADATA) {
            return Err(PacketError::Metadata { index });
        }
        bytes = bytes.checked_add(desc.len).ok_or(PacketError::Bytes)?;
        goes_on = desc.options.contains(Options::CONTINUES);
        frames += 1;
    }
    match frames {
        0 => Err(PacketError::NoFrames),
        _ if goes_on => Err(PacketError::GoesOn),
        _ => Ok(bytes),
    }
}

/// Makes one packet of frames: all but the last go on. Other option bits stay.
pub fn join(frames: &mut [Desc]) {
    let last = frames.len().saturating_sub(1);
    for (i, desc) in frames.iter_mut().enumerate() {
        let others = desc.options.bits() & !Options::CONTINUES.bits();
        let goes_on = if i < last { Options::CONTINUES.bits() } else { 0 };
        desc.options = Options::from_bits(others | goes_on);
    }
}

#[cfg(test)]
mod tests;
