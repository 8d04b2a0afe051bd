//! What the kernel is asked to do with a frame that is sent. The invariant D1 stands in `metadata`.

/// Bytes of TX metadata in front of a frame: the kernel's `xsk_tx_metadata` with its launch time. Kernels from 6.8 to 6.14
/// read the first 16 of them.
pub const TX_METADATA_LEN: u32 = 24;

/// TX metadata as it lies in front of a frame, in the machine's byte order.
pub type TxMetadata = [u8; TX_METADATA_LEN as usize];

/// Where the parts lie, in bytes from the start: flags, the two numbers of the checksum, the launch time. The kernel
/// writes the timestamp over the numbers of the checksum.
const FLAGS: usize = 0;
const CHECKSUM_START: usize = 8;
const CHECKSUM_OFFSET: usize = 10;
const TIMESTAMP: usize = 8;
const LAUNCH_TIME: usize = 16;

/// The bits of the flags: `XDP_TXMD_FLAGS_TIMESTAMP` and its neighbours.
const XDP_TXMD_FLAGS_TIMESTAMP: u64 = 1 << 0;
const XDP_TXMD_FLAGS_CHECKSUM: u64 = 1 << 1;
const XDP_TXMD_FLAGS_LAUNCH_TIME: u64 = 1 << 2;

/// Bytes of a checksum.
const CHECKSUM_BYTES: u32 = 2;

/// A one's-complement checksum of 16 bits, as IPv4, TCP and UDP have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checksum {
    /// The first byte that is summed, counted from the start of the frame; the sum goes on to the packet's end.
    pub start: u16,
    /// Where the sum is stored, counted from `start`.
    pub offset: u16,
}

/// What the kernel or the NIC is asked to do with one packet. Minimum kernel: 6.8.
///
/// ```
/// use xdp_core::metadata::TxRequest;
///
/// // UDP over IPv4 without options: the header begins at byte 34, its checksum 6 bytes on.
/// let request = TxRequest::new().checksum(34, 6).timestamp(7);
/// assert!(request.check(60, 24).is_ok());
/// assert!(request.check(41, 24).is_err());                   // the frame ends in the middle of the checksum
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[must_use = "a request does nothing until it is sent with a frame"]
pub struct TxRequest {
    checksum: Option<Checksum>,
    token: Option<u64>,
    launch_time: Option<u64>,
}

/// Why a request cannot go with a frame; the kernel would refuse it, and send nothing more from that ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The checksum's field does not end inside the frame.
    #[error(
        "the checksum would be stored at bytes {at} and {next} of a frame of {len} bytes: it must lie in the packet's \
         first frame",
        next = .at + 1
    )]
    Checksum {
        /// Where it would be stored, in bytes from the start of the frame.
        at: u32,
        /// Bytes in the frame.
        len: u32,
    },
    /// There is too little room in front of the frame.
    #[error(
        "TX metadata needs {needed} bytes in front of the frame, where {room} are free: leave it some headroom"
    )]
    Room {
        /// Bytes needed.
        needed: u32,
        /// Bytes free.
        room: u32,
    },
}

impl TxRequest {
    /// Asks for nothing.
    pub const fn new() -> Self {
        Self { checksum: None, token: None, launch_time: None }
    }

    /// Asks for a checksum of everything from byte `start` of the frame to the packet's end, stored `offset` bytes
    /// behind `start`, where the sum of the pseudo header (TCP and UDP) or zero must stand already.
    #[doc(alias = "XDP_TXMD_FLAGS_CHECKSUM")]
    pub const fn checksum(self, start: u16, offset: u16) -> Self {
        Self { checksum: Some(Checksum { start, offset }), ..self }
    }

    /// Asks for the time of transmission. `token` comes back with it, to tell the packets apart.
    #[doc(alias = "XDP_TXMD_FLAGS_TIMESTAMP")]
    pub const fn timestamp(self, token: u64) -> Self {
        Self { token: Some(token), ..self }
    }

    /// Asks for transmission at a time in nanoseconds of the NIC's clock, and not before. Minimum kernel: 6.15, and a
    /// driver with support (igc and stmmac have it).
    ///
    /// The queue is a line: whatever is sent behind waits, too.
    #[doc(alias = "XDP_TXMD_FLAGS_LAUNCH_TIME")]
    pub const fn launch_time(self, nanoseconds: u64) -> Self {
        Self { launch_time: Some(nanoseconds), ..self }
    }

    /// The checksum that is asked for.
    pub const fn wants_checksum(&self) -> Option<Checksum> {
        self.checksum
    }

    /// The token of the timestamp that is asked for.
    pub const fn wants_timestamp(&self) -> Option<u64> {
        self.token
    }

    /// The launch time that is asked for, in nanoseconds of the NIC's clock.
    pub const fn wants_launch_time(&self) -> Option<u64> {
        self.launch_time
    }

    /// Whether nothing is asked for: then the frame goes without metadata.
    pub const fn is_empty(&self) -> bool {
        self.checksum.is_none() && self.token.is_none() && self.launch_time.is_none()
    }

    /// Checks the request against the packet's first frame: its length, and the bytes free in front of it, down to
    /// the start of its chunk (D1).
    ///
    /// # Errors
    ///
    /// [`RequestError`] says what does not fit.
    pub const fn check(&self, len: u32, room: u32) -> Result<(), RequestError> {
        if let Some(Checksum { start, offset }) = self.checksum {
            let at = start as u32 + offset as u32;
            if at + CHECKSUM_BYTES > len {
                return Err(RequestError::Checksum { at, len });
            }
        }
        if room < TX_METADATA_LEN && !self.is_empty() {
            return Err(RequestError::Room { needed: TX_METADATA_LEN, room });
        }
        Ok(())
    }

    /// The bytes that go in front of the frame; its descriptor gets
    /// [`Options::METADATA`](crate::Options::METADATA).
    #[must_use]
    pub fn metadata(&self) -> TxMetadata {
        let mut bytes = TxMetadata::default();
        let mut flags = 0;
        if let Some(Checksum { start, offset }) = self.checksum {
            flags |= XDP_TXMD_FLAGS_CHECKSUM;
            bytes[CHECKSUM_START..][..2].copy_from_slice(&start.to_ne_bytes());
            bytes[CHECKSUM_OFFSET..][..2].copy_from_slice(&offset.to_ne_bytes());
        }
        if self.token.is_some() {
            flags |= XDP_TXMD_FLAGS_TIMESTAMP;
        }
        if let Some(launch_time) = self.launch_time {
            flags |= XDP_TXMD_FLAGS_LAUNCH_TIME;
            bytes[LAUNCH_TIME..].copy_from_slice(&launch_time.to_ne_bytes());
        }
        bytes[FLAGS..][..8].copy_from_slice(&flags.to_ne_bytes());
        bytes
    }

    /// The time of transmission in nanoseconds, from what stands in front of the frame after its completion; none if
    /// the kernel or the driver wrote nothing there.
    ///
    /// In copy mode it is the time of `CLOCK_TAI` at which the kernel let go of the packet, in zero-copy mode that of
    /// the NIC's clock.
    #[must_use]
    pub fn timestamp_in(&self, completed: &TxMetadata) -> Option<u64> {
        // The timestamp takes the place of the checksum's numbers.
        let word = |bytes: &TxMetadata| bytes[TIMESTAMP..].first_chunk().copied().map(u64::from_ne_bytes);
        word(completed).filter(|told| Some(*told) != word(&self.metadata()))
    }
}
