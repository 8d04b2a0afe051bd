//! `linux/if_xdp.h`: the socket address, the options and the shapes of rings and memory of AF_XDP.
//!
//! Source of every name: `include/uapi/linux/if_xdp.h` of the kernel; version remarks come from its history. A
//! constant that a kernel does not know is refused by it, mostly with `EINVAL`. One exception: flags of an [`xdp_umem_reg`]
//! that is passed too short are silently ignored, see there.
#![allow(
    non_camel_case_types,
    reason = "C spelling, so that the kernel's documentation can be searched for the name"
)]

use core::fmt;

/// Socket family of AF_XDP. Minimum kernel: 4.18.
pub const AF_XDP: i32 = 44;
/// Level of every AF_XDP option in setsockopt(2) and getsockopt(2) (`linux/socket.h`).
pub const SOL_XDP: i32 = 283;

// Flags of bind(2): `sockaddr_xdp::sxdp_flags`.

/// Use the UMEM (and on the same queue also the fill and completion rings) of another socket.
pub const XDP_SHARED_UMEM: u16 = 1 << 0;
/// Demand copy mode.
pub const XDP_COPY: u16 = 1 << 1;
/// Demand zero-copy mode.
pub const XDP_ZEROCOPY: u16 = 1 << 2;
/// The kernel says in the ring's flags when it must be woken. Minimum kernel: 5.4.
pub const XDP_USE_NEED_WAKEUP: u16 = 1 << 3;
/// Packets may be spread over several descriptors. Minimum kernel: 6.6.
pub const XDP_USE_SG: u16 = 1 << 4;

// Flags of `xdp_umem_reg::flags`.

/// Chunks need not be aligned to their size. Minimum kernel: 5.4.
pub const XDP_UMEM_UNALIGNED_CHUNK_FLAG: u32 = 1 << 0;
/// Compute requested TX checksums in software: copy mode only, for tests. Minimum kernel: 6.8.
pub const XDP_UMEM_TX_SW_CSUM: u32 = 1 << 1;
/// `tx_metadata_len` is meant. Minimum kernel: 6.11; from 6.8 to 6.10 the length alone is enough and the flag is
/// refused.
pub const XDP_UMEM_TX_METADATA_LEN: u32 = 1 << 2;

// Options of getsockopt(2) and setsockopt(2) at level `SOL_XDP`.

/// Get: where the words and the descriptors of each ring lie in its mapping.
pub const XDP_MMAP_OFFSETS: i32 = 1;
/// Set: entries of the rx ring.
pub const XDP_RX_RING: i32 = 2;
/// Set: entries of the tx ring.
pub const XDP_TX_RING: i32 = 3;
/// Set: register memory as the UMEM of this socket.
pub const XDP_UMEM_REG: i32 = 4;
/// Set: entries of the fill ring.
pub const XDP_UMEM_FILL_RING: i32 = 5;
/// Set: entries of the completion ring.
pub const XDP_UMEM_COMPLETION_RING: i32 = 6;
/// Get: counters of the socket.
pub const XDP_STATISTICS: i32 = 7;
/// Get: whether zero-copy was obtained. Minimum kernel: 5.3.
pub const XDP_OPTIONS: i32 = 8;
/// Set: descriptors that one sendto(2) moves in copy mode, 32 by default. Minimum kernel: 6.17.
pub const XDP_MAX_TX_SKB_BUDGET: i32 = 9;

/// Bit of `xdp_options::flags`: the socket is in zero-copy mode.
pub const XDP_OPTIONS_ZEROCOPY: u32 = 1 << 0;

/// Bit of a ring's flags word: the kernel sleeps and must be woken by a system call. Minimum kernel: 5.4.
pub const XDP_RING_NEED_WAKEUP: u32 = 1 << 0;

// Offsets of mmap(2) that choose the ring.

/// Offset, in bytes, at which the rx ring is mapped.
pub const XDP_PGOFF_RX_RING: u64 = 0;
/// Offset, in bytes, at which the tx ring is mapped.
pub const XDP_PGOFF_TX_RING: u64 = 0x8000_0000;
/// Offset, in bytes, at which the fill ring is mapped.
pub const XDP_UMEM_PGOFF_FILL_RING: u64 = 0x1_0000_0000;
/// Offset, in bytes, at which the completion ring is mapped.
pub const XDP_UMEM_PGOFF_COMPLETION_RING: u64 = 0x1_8000_0000;

// Addresses in unaligned mode: 48 bits of base, 16 bits of offset.

/// Position of the offset in an address of unaligned mode, in bits.
pub const XSK_UNALIGNED_BUF_OFFSET_SHIFT: u32 = 48;
/// Bits of the base in an address of unaligned mode.
pub const XSK_UNALIGNED_BUF_ADDR_MASK: u64 = (1 << XSK_UNALIGNED_BUF_OFFSET_SHIFT) - 1;

// Bits of `xdp_desc::options`.

/// The packet continues in the next descriptor. Minimum kernel: 6.6.
pub const XDP_PKT_CONTD: u32 = 1 << 0;
/// Metadata lies right before the frame. Minimum kernel: 6.8.
pub const XDP_TX_METADATA: u32 = 1 << 1;

// Bits of `xsk_tx_metadata::flags`.

/// Ask for the time of transmission, in nanoseconds; it is written back on completion. Minimum kernel: 6.8.
pub const XDP_TXMD_FLAGS_TIMESTAMP: u64 = 1 << 0;
/// Ask for a checksum. Minimum kernel: 6.8.
pub const XDP_TXMD_FLAGS_CHECKSUM: u64 = 1 << 1;
/// Ask for transmission at a given time of the NIC's clock. Minimum kernel: 6.15.
pub const XDP_TXMD_FLAGS_LAUNCH_TIME: u64 = 1 << 2;

/// What bind(2) takes: which queue of which interface, and how.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct sockaddr_xdp {
    /// [`AF_XDP`].
    pub sxdp_family: u16,
    /// [`XDP_SHARED_UMEM`] and its neighbours.
    pub sxdp_flags: u16,
    /// Index of the interface.
    pub sxdp_ifindex: u32,
    /// Queue of the interface. The kernel keeps 16 bits of it and does not refuse more.
    pub sxdp_queue_id: u32,
    /// With [`XDP_SHARED_UMEM`]: descriptor of the socket whose UMEM is used.
    pub sxdp_shared_umem_fd: u32,
}

assert_layout!(sockaddr_xdp, 16, {
    sxdp_family: u16 => 0, sxdp_flags: u16 => 2, sxdp_ifindex: u32 => 4, sxdp_queue_id: u32 => 8,
    sxdp_shared_umem_fd: u32 => 12,
});

/// Where the parts of one ring lie, in bytes from the start of its mapping.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct xdp_ring_offset {
    /// The producer index, a `u32`.
    pub producer: u64,
    /// The consumer index, a `u32`.
    pub consumer: u64,
    /// The first descriptor (rx, tx) or address (fill, completion).
    pub desc: u64,
    /// The flags word, a `u32`. Minimum kernel: 5.4.
    pub flags: u64,
}

assert_layout!(xdp_ring_offset, 32, { producer: u64 => 0, consumer: u64 => 8, desc: u64 => 16, flags: u64 => 24 });

/// Answer of [`XDP_MMAP_OFFSETS`] since kernel 5.4.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct xdp_mmap_offsets {
    /// The rx ring.
    pub rx: xdp_ring_offset,
    /// The tx ring.
    pub tx: xdp_ring_offset,
    /// The fill ring.
    pub fr: xdp_ring_offset,
    /// The completion ring.
    pub cr: xdp_ring_offset,
}

assert_layout!(xdp_mmap_offsets, 128, {
    rx: xdp_ring_offset => 0, tx: xdp_ring_offset => 32, fr: xdp_ring_offset => 64, cr: xdp_ring_offset => 96,
});

/// Where the parts of one ring lie on kernels before 5.4, which have no flags word.
///
/// Private to the kernel's `net/xdp/xsk.h`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct xdp_ring_offset_v1 {
    /// The producer index, a `u32`.
    pub producer: u64,
    /// The consumer index, a `u32`.
    pub consumer: u64,
    /// The first descriptor (rx, tx) or address (fill, completion).
    pub desc: u64,
}

assert_layout!(xdp_ring_offset_v1, 24, { producer: u64 => 0, consumer: u64 => 8, desc: u64 => 16 });

/// Answer of [`XDP_MMAP_OFFSETS`] before kernel 5.4, told from the newer one by its length of 96 bytes.
///
/// Private to the kernel's `net/xdp/xsk.h`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct xdp_mmap_offsets_v1 {
    /// The rx ring.
    pub rx: xdp_ring_offset_v1,
    /// The tx ring.
    pub tx: xdp_ring_offset_v1,
    /// The fill ring.
    pub fr: xdp_ring_offset_v1,
    /// The completion ring.
    pub cr: xdp_ring_offset_v1,
}

assert_layout!(xdp_mmap_offsets_v1, 96, {
    rx: xdp_ring_offset_v1 => 0, tx: xdp_ring_offset_v1 => 24, fr: xdp_ring_offset_v1 => 48, cr: xdp_ring_offset_v1 => 72,
});

impl From<xdp_ring_offset_v1> for xdp_ring_offset {
    /// Takes the word after the consumer index for the flags: it lies in the mapping, and such a kernel leaves it zero.
    fn from(old: xdp_ring_offset_v1) -> Self {
        let after_consumer = old.consumer.saturating_add(size_of::<u32>() as u64);
        Self { producer: old.producer, consumer: old.consumer, desc: old.desc, flags: after_consumer }
    }
}

impl From<xdp_mmap_offsets_v1> for xdp_mmap_offsets {
    fn from(old: xdp_mmap_offsets_v1) -> Self {
        Self { rx: old.rx.into(), tx: old.tx.into(), fr: old.fr.into(), cr: old.cr.into() }
    }
}

/// What [`XDP_UMEM_REG`] takes: the memory and how it is cut into chunks.
///
/// Always pass all 32 bytes: with 24 to 31 the kernel takes it for the first version and silently ignores `flags`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct xdp_umem_reg {
    /// First byte of the memory, aligned to a page.
    pub addr: u64,
    /// Length of the memory, in bytes.
    pub len: u64,
    /// Size of a chunk, in bytes.
    pub chunk_size: u32,
    /// Bytes of each chunk before the kernel's own headroom that it leaves alone.
    pub headroom: u32,
    /// [`XDP_UMEM_UNALIGNED_CHUNK_FLAG`] and its neighbours. Minimum kernel: 5.4.
    pub flags: u32,
    /// Bytes of metadata before each tx frame. Minimum kernel: 6.8; padding before.
    pub tx_metadata_len: u32,
}

assert_layout!(xdp_umem_reg, 32, {
    addr: u64 => 0, len: u64 => 8, chunk_size: u32 => 16, headroom: u32 => 20, flags: u32 => 24,
    tx_metadata_len: u32 => 28,
});

/// What [`XDP_UMEM_REG`] took before kernel 5.4. Private to the kernel's `net/xdp/xsk.c`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct xdp_umem_reg_v1 {
    /// First byte of the memory, aligned to a page.
    pub addr: u64,
    /// Length of the memory, in bytes.
    pub len: u64,
    /// Size of a chunk, in bytes.
    pub chunk_size: u32,
    /// Bytes of each chunk before the kernel's own headroom that it leaves alone.
    pub headroom: u32,
}

assert_layout!(xdp_umem_reg_v1, 24, { addr: u64 => 0, len: u64 => 8, chunk_size: u32 => 16, headroom: u32 => 20 });

/// Answer of [`XDP_STATISTICS`] since kernel 5.9: counters since the socket was made.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct xdp_statistics {
    /// Packets dropped on reception for other reasons than an invalid descriptor or a full rx ring.
    pub rx_dropped: u64,
    /// Always zero: the kernel reads the counter of the rx ring, on which it writes itself. An invalid address on the fill
    /// ring is counted nowhere (`xsk_getsockopt` in the kernel's `net/xdp/xsk.c`).
    pub rx_invalid_descs: u64,
    /// Descriptors refused on the tx ring.
    pub tx_invalid_descs: u64,
    /// Packets dropped for a full rx ring. Minimum kernel: 5.9.
    pub rx_ring_full: u64,
    /// Times the kernel found the fill ring empty. Minimum kernel: 5.9.
    pub rx_fill_ring_empty_descs: u64,
    /// Times the kernel found the tx ring empty. Minimum kernel: 5.9.
    pub tx_ring_empty_descs: u64,
}

assert_layout!(xdp_statistics, 48, {
    rx_dropped: u64 => 0, rx_invalid_descs: u64 => 8, tx_invalid_descs: u64 => 16, rx_ring_full: u64 => 24,
    rx_fill_ring_empty_descs: u64 => 32, tx_ring_empty_descs: u64 => 40,
});

/// Answer of [`XDP_STATISTICS`] before kernel 5.9: the first 24 bytes of the newer one.
///
/// Here `rx_dropped` counts packets dropped for a full rx ring too.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct xdp_statistics_v1 {
    /// Packets dropped on reception for other reasons than an invalid descriptor.
    pub rx_dropped: u64,
    /// Always zero: the kernel reads the counter of the rx ring, on which it writes itself. An invalid address on the fill
    /// ring is counted nowhere (`xsk_getsockopt` in the kernel's `net/xdp/xsk.c`).
    pub rx_invalid_descs: u64,
    /// Descriptors refused on the tx ring.
    pub tx_invalid_descs: u64,
}

assert_layout!(xdp_statistics_v1, 24, { rx_dropped: u64 => 0, rx_invalid_descs: u64 => 8, tx_invalid_descs: u64 => 16 });

/// Answer of [`XDP_OPTIONS`]. Minimum kernel: 5.3.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct xdp_options {
    /// [`XDP_OPTIONS_ZEROCOPY`] or nothing.
    pub flags: u32,
}

assert_layout!(xdp_options, 4, { flags: u32 => 0 });

/// A descriptor on the rx and tx rings. On the fill and completion rings a bare address stands instead.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct xdp_desc {
    /// Offset of the first byte in the UMEM (in unaligned mode base and offset, see
    /// [`XSK_UNALIGNED_BUF_OFFSET_SHIFT`]).
    pub addr: u64,
    /// Length of the frame, in bytes.
    pub len: u32,
    /// [`XDP_PKT_CONTD`] and [`XDP_TX_METADATA`]; any other bit makes the descriptor invalid.
    pub options: u32,
}

assert_layout!(xdp_desc, 16, { addr: u64 => 0, len: u32 => 8, options: u32 => 12 });

/// Metadata that lies `tx_metadata_len` bytes before a tx frame.
///
/// Minimum kernel: 6.8, where it is 16 bytes long and ends before the launch time; 24 bytes since 6.15.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct xsk_tx_metadata {
    /// [`XDP_TXMD_FLAGS_TIMESTAMP`] and its neighbours.
    pub flags: u64,
    /// The request before transmission, the answer after it.
    pub body: xsk_tx_metadata_body,
}

assert_layout!(xsk_tx_metadata, 24, { flags: u64 => 0, body: xsk_tx_metadata_body => 8 });

impl fmt::Debug for xsk_tx_metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("xsk_tx_metadata").field("flags", &self.flags).finish_non_exhaustive()
    }
}

/// The second part of [`xsk_tx_metadata`]; anonymous in C.
#[repr(C)]
#[derive(Clone, Copy)]
pub union xsk_tx_metadata_body {
    /// What user space asks for, read by the kernel.
    pub request: xsk_tx_metadata_request,
    /// What the kernel answers before it puts the address on the completion ring.
    pub completion: xsk_tx_metadata_completion,
}

const _: () = assert!(size_of::<xsk_tx_metadata_body>() == 16);

impl fmt::Debug for xsk_tx_metadata_body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("xsk_tx_metadata_body").finish_non_exhaustive()
    }
}

/// What user space asks for in [`xsk_tx_metadata`].
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct xsk_tx_metadata_request {
    /// First byte that is summed, counted from the start of the frame.
    pub csum_start: u16,
    /// Where the sum is stored, counted from `csum_start`.
    pub csum_offset: u16,
    /// Implicit padding in C.
    pub _pad: u32,
    /// When to send, in nanoseconds of the NIC's clock. Minimum kernel: 6.15.
    pub launch_time: u64,
}

assert_layout!(xsk_tx_metadata_request, 16, {
    csum_start: u16 => 0, csum_offset: u16 => 2, _pad: u32 => 4, launch_time: u64 => 8,
});

/// What the kernel answers in [`xsk_tx_metadata`].
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct xsk_tx_metadata_completion {
    /// When the frame left, in nanoseconds.
    pub tx_timestamp: u64,
}

assert_layout!(xsk_tx_metadata_completion, 8, { tx_timestamp: u64 => 0 });
