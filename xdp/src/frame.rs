//! One frame in your hands: the bytes of one descriptor, and the right to its chunk.
//!
//! - M1 a `Frame` is made only for a chunk that the custody table has just passed to "hands", and there is one a chunk.
//! - M2 `data` and `data + len` lie in the chunk (or at its end), kept by every edit.

#![allow(unsafe_code, reason = "turns a chunk into a slice, exclusive by M1 and in bounds by M2")]

use std::fmt;
use std::io;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::slice;

use xdp_core::desc::{Addr, Desc, Options};
use xdp_core::frames::Seat;
use xdp_core::layout::Chunk;
use xdp_core::metadata::{FromMetadata, MOST_RX_METADATA, TxMetadata, rx_start};

use crate::umem::{HomeRef, Umem};

/// The bytes of one descriptor, owned: keep it, edit it, send it, hand it to another thread.
///
/// Moving a frame moves 24 bytes and counts nothing. Dropping it returns its chunk to the UMEM: correct from any
/// thread, but a compare-and-swap each; loops use the borrowed flow or give frames back in bulk
/// ([`Rx::recycle`](crate::Rx::recycle)).
///
/// ```
/// # let umem = xdp::Umem::builder().chunks(64).build()?;
/// # let (mut socket, mut nic) = xdp::fake::socket(&umem, 32)?;
/// # assert!(nic.deliver(b"payload"));
/// let mut frame = socket.rx().recv(1).next().unwrap();
/// assert_eq!(&frame[..], b"payload");
/// frame.push_front(4)?.copy_from_slice(b"head");            // encapsulate, in place
/// frame.extend_from_slice(b"tail")?;
/// assert_eq!(&frame[..], b"headpayloadtail");
/// frame.pop_front(4)?;
/// frame.truncate(7);
/// assert_eq!(&frame[..], b"payload");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Frame {
    home: HomeRef,
    /// The first byte of the frame.
    data: NonNull<u8>,
    len: u32,
    seat: Seat,
}

// SAFETY: the frame has its chunk alone (M1); memory and table behind `home` may be used from any thread.
unsafe impl Send for Frame {}

// SAFETY: a shared frame gives out nothing but shared slices of bytes.
unsafe impl Sync for Frame {}

const _: () = assert!(size_of::<Frame>() == 24);

/// Why a frame cannot be edited that way; the frame is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RoomError {
    /// There is too little room before the frame.
    #[error(
        "{wanted} bytes do not fit in front of the frame, where {room} are free: build the umem with more \
         headroom"
    )]
    Front {
        /// Bytes wanted.
        wanted: usize,
        /// Bytes free.
        room: u32,
    },
    /// There is too little room behind the frame: its chunk ends.
    #[error(
        "{wanted} bytes do not fit behind the frame, where {room} are free: use larger chunks or less headroom"
    )]
    Back {
        /// Bytes wanted.
        wanted: usize,
        /// Bytes free.
        room: u32,
    },
    /// The frame is shorter than what should be cut off.
    #[error("{wanted} bytes cannot be cut off a frame of {len}")]
    Short {
        /// Bytes wanted.
        wanted: usize,
        /// Bytes in the frame.
        len: u32,
    },
}

impl Frame {
    /// Takes charge of a chunk that the custody table has passed to "hands" just now (M1), for bytes that begin at
    /// `data` and end inside it (M2).
    #[inline]
    pub(crate) fn new(home: HomeRef, seat: Seat, data: NonNull<u8>, len: u32) -> Self {
        Self { home, data, len, seat }
    }

    /// Bytes in front of the frame that can be claimed: to the start of the chunk, or to the room for TX metadata if
    /// the UMEM has that.
    pub fn headroom(&self) -> u32 {
        // The kernel sends no frame of such a UMEM that leaves no room for metadata, with or without a request.
        self.offset().saturating_sub(self.home.reserve.bytes())
    }

    /// Bytes behind the frame that can be claimed: to the end of the chunk, wherever an XDP program moved the frame.
    pub fn tailroom(&self) -> u32 {
        self.home.layout.chunk_bytes() - self.offset() - self.len
    }

    /// The number of the chunk that the frame lives in.
    pub fn chunk(&self) -> Chunk {
        Chunk(self.home.layout.chunk_number(self.addr()) as u32)
    }

    /// Whether the frame lives in this UMEM.
    pub fn belongs_to(&self, umem: &Umem) -> bool {
        self.home == umem.home_ref()
    }

    /// Grows the frame to the front by `n` bytes and gives them to write; they hold what was there.
    ///
    /// # Errors
    ///
    /// [`RoomError::Front`] when fewer are free; the frame stays as it was.
    pub fn push_front(&mut self, n: usize) -> Result<&mut [u8], RoomError> {
        let room = self.headroom();
        match u32::try_from(n) {
            Ok(n) if n <= room => {
                // SAFETY: the chunk has `room` bytes or more in front of `data` (M2), and no fewer than `n`.
                self.data = unsafe { self.data.sub(n as usize) };
                self.len += n;
            }
            _ => return Err(RoomError::Front { wanted: n, room }),
        }
        Ok(&mut self[..n])
    }

    /// Cuts `n` bytes off the front; they become headroom.
    ///
    /// # Errors
    ///
    /// [`RoomError::Short`] when the frame is shorter; it stays as it was.
    pub fn pop_front(&mut self, n: usize) -> Result<(), RoomError> {
        match u32::try_from(n) {
            Ok(n) if n <= self.len => {
                // SAFETY: the frame has `len` bytes from `data` on, all of them in the chunk (M2), and no fewer than
                // `n`.
                self.data = unsafe { self.data.add(n as usize) };
                self.len -= n;
                Ok(())
            }
            _ => Err(RoomError::Short { wanted: n, len: self.len }),
        }
    }

    /// Grows the frame to the back by `n` bytes and gives them to write; they hold what was there.
    ///
    /// # Errors
    ///
    /// [`RoomError::Back`] when fewer are free; the frame stays as it was.
    pub fn extend(&mut self, n: usize) -> Result<&mut [u8], RoomError> {
        let room = self.tailroom();
        let start = self.len as usize;
        match u32::try_from(n) {
            Ok(n) if n <= room => self.len += n,
            _ => return Err(RoomError::Back { wanted: n, room }),
        }
        Ok(&mut self[start..])
    }

    /// Appends bytes.
    ///
    /// # Errors
    ///
    /// [`RoomError::Back`] when they do not fit; nothing is appended then.
    pub fn extend_from_slice(&mut self, bytes: &[u8]) -> Result<(), RoomError> {
        self.extend(bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    /// Cuts the frame to `len` bytes; a frame that is no longer stays as it is.
    pub fn truncate(&mut self, len: usize) {
        self.len = u32::try_from(len).unwrap_or(u32::MAX).min(self.len);
    }

    /// Sets the length: shorter, or longer into the tailroom, where the bytes hold what was there.
    ///
    /// # Errors
    ///
    /// [`RoomError::Back`] when the chunk ends before; the frame stays as it was.
    pub fn set_len(&mut self, len: usize) -> Result<(), RoomError> {
        match len.checked_sub(self.len as usize) {
            Some(more) => self.extend(more).map(drop),
            None => {
                self.truncate(len);
                Ok(())
            }
        }
    }

    /// What an XDP program has put in front of a received frame, in a layout that both agree on: see
    /// [`FromMetadata`]. None if it says that nothing was put there, or there is no room for it.
    ///
    /// Read it before the frame is edited at its front: it is what stands right before the first byte *now*. Only the
    /// first frame of a packet has metadata.
    ///
    /// Minimum kernel: 5.1 for programs that write it (`bpf_xdp_adjust_meta`).
    pub fn metadata<T: FromMetadata>(&self) -> Option<T> {
        const { assert!(T::LEN % 4 == 0 && T::LEN <= MOST_RX_METADATA as usize, "no metadata has that length") };
        let start = rx_start(&self.home.layout, self.desc(), T::LEN as u32)?;
        let data = self.home.pointer(start);
        // SAFETY: `LEN` bytes from `start` end where the frame begins, and begin inside its chunk by the check of
        // `rx_start`; they are initialised, and nobody writes them as long as `self` is borrowed (M1).
        T::from_metadata(unsafe { slice::from_raw_parts(data.as_ptr(), T::LEN) })
    }

    /// Puts TX metadata in front of the frame, and gives the address of it.
    pub(crate) fn put_metadata(&mut self, metadata: &TxMetadata) -> Option<u64> {
        let start = self.first().checked_sub(metadata.len() as u64).filter(|start| *start >= self.addr())?;
        let target = self.home.pointer(start).cast::<TxMetadata>();
        // SAFETY: the bytes end where the frame begins, and begin inside its chunk by the check above; the chunk is
        // ours alone (M1). An array of bytes needs no alignment.
        unsafe { target.write(*metadata) };
        Some(start)
    }

    /// The address of the chunk's first byte.
    #[inline]
    pub(crate) fn addr(&self) -> u64 {
        self.home.custody.start(self.seat)
    }

    /// The address of the frame's first byte.
    #[inline]
    fn first(&self) -> u64 {
        (self.data.as_ptr().addr() - self.home.base().as_ptr().addr()) as u64
    }

    /// Bytes from the start of the chunk to the frame's first byte.
    #[inline]
    pub(crate) fn offset(&self) -> u32 {
        // M2: at most the chunk size.
        (self.first() - self.addr()) as u32
    }

    /// The seat of the chunk in the custody table of its UMEM; whoever asks has the chunk now.
    #[inline]
    pub(crate) fn into_seat(self) -> Seat {
        ManuallyDrop::new(self).seat
    }

    /// The descriptor of the frame's bytes.
    #[inline]
    pub(crate) fn desc(&self) -> Desc {
        Desc { addr: Addr(self.first()), len: self.len, options: Options::NONE }
    }

    #[inline]
    pub(crate) fn home(&self) -> HomeRef {
        self.home
    }
}

impl Deref for Frame {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: M2 keeps the bytes inside the chunk, which lies in the mapping; the mapping was zeroed, so they are
        // initialised; M1: nobody writes them, and the borrow of `self` keeps it so.
        unsafe { slice::from_raw_parts(self.data.as_ptr(), self.len as usize) }
    }
}

impl DerefMut for Frame {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`, and exclusive: M1, and the borrow of `self` is.
        unsafe { slice::from_raw_parts_mut(self.data.as_ptr(), self.len as usize) }
    }
}

impl AsRef<[u8]> for Frame {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl AsMut<[u8]> for Frame {
    fn as_mut(&mut self) -> &mut [u8] {
        self
    }
}

/// Appends to the frame, as much as the tailroom takes.
impl io::Write for Frame {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = bytes.len().min(self.tailroom() as usize);
        self.extend_from_slice(&bytes[..n]).map_err(io::Error::other)?;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("chunk", &self.chunk().0)
            .field("offset", &self.offset())
            .field("len", &self.len)
            .finish()
    }
}

impl Drop for Frame {
    #[inline]
    fn drop(&mut self) {
        self.home.take_home(self.seat);
    }
}

#[cfg(all(test, feature = "fake-kernel"))]
mod tests;
