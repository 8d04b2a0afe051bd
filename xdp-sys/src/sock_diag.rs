//! `linux/sock_diag.h` and `linux/xdp_diag.h`: the AF_XDP sockets of all processes. Minimum kernel: 5.1, with
//! `CONFIG_XDP_SOCKETS_DIAG`; without it a request fails with `ENOENT`.
#![allow(
    non_camel_case_types,
    reason = "C spelling, so that the kernel's documentation can be searched for the name"
)]

/// Ask for sockets of a family; also the type of the answers.
pub const SOCK_DIAG_BY_FAMILY: u16 = 20;

/// Bit of `xdp_diag_req::xdiag_show`: [`xdp_diag_info`] and the user.
pub const XDP_SHOW_INFO: u32 = 1 << 0;
/// Bit of `xdp_diag_req::xdiag_show`: sizes of the rings.
pub const XDP_SHOW_RING_CFG: u32 = 1 << 1;
/// Bit of `xdp_diag_req::xdiag_show`: the UMEM.
pub const XDP_SHOW_UMEM: u32 = 1 << 2;
/// Bit of `xdp_diag_req::xdiag_show`: memory of the socket.
pub const XDP_SHOW_MEMINFO: u32 = 1 << 3;
/// Bit of `xdp_diag_req::xdiag_show`: counters. Minimum kernel: 5.9.
pub const XDP_SHOW_STATS: u32 = 1 << 4;

/// Attribute of an answer: [`xdp_diag_info`].
pub const XDP_DIAG_INFO: u16 = 1;
/// Attribute of an answer: the user who made the socket, a `u32`.
pub const XDP_DIAG_UID: u16 = 2;
/// Attribute of an answer: entries of the rx ring, a `u32`.
pub const XDP_DIAG_RX_RING: u16 = 3;
/// Attribute of an answer: entries of the tx ring, a `u32`.
pub const XDP_DIAG_TX_RING: u16 = 4;
/// Attribute of an answer: [`xdp_diag_umem`].
pub const XDP_DIAG_UMEM: u16 = 5;
/// Attribute of an answer: entries of the fill ring, a `u32`.
pub const XDP_DIAG_UMEM_FILL_RING: u16 = 6;
/// Attribute of an answer: entries of the completion ring, a `u32`.
pub const XDP_DIAG_UMEM_COMPLETION_RING: u16 = 7;
/// Attribute of an answer: memory of the socket, as `SO_MEMINFO` tells it.
pub const XDP_DIAG_MEMINFO: u16 = 8;
/// Attribute of an answer: [`xdp_diag_stats`]. Minimum kernel: 5.9.
pub const XDP_DIAG_STATS: u16 = 9;

/// Bit of `xdp_diag_umem::flags`: the driver reads and writes the memory itself.
pub const XDP_DU_F_ZEROCOPY: u32 = 1 << 0;

/// The request.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct xdp_diag_req {
    /// `AF_XDP`.
    pub sdiag_family: u8,
    /// Zero.
    pub sdiag_protocol: u8,
    /// Zero.
    pub pad: u16,
    /// Inode of the one socket that is asked for; zero in a dump.
    pub xdiag_ino: u32,
    /// [`XDP_SHOW_INFO`] and its neighbours.
    pub xdiag_show: u32,
    /// Cookie of the one socket that is asked for; zero in a dump.
    pub xdiag_cookie: [u32; 2],
}

assert_layout!(xdp_diag_req, 20, {
    sdiag_family: u8 => 0, sdiag_protocol: u8 => 1, pad: u16 => 2, xdiag_ino: u32 => 4, xdiag_show: u32 => 8,
    xdiag_cookie: [u32; 2] => 12,
});

/// What an answer begins with.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct xdp_diag_msg {
    /// `AF_XDP`.
    pub xdiag_family: u8,
    /// `SOCK_RAW`.
    pub xdiag_type: u8,
    /// Zero.
    pub pad: u16,
    /// Inode of the socket, as in `/proc/PID/fd`.
    pub xdiag_ino: u32,
    /// Cookie of the socket.
    pub xdiag_cookie: [u32; 2],
}

assert_layout!(xdp_diag_msg, 16, {
    xdiag_family: u8 => 0, xdiag_type: u8 => 1, pad: u16 => 2, xdiag_ino: u32 => 4, xdiag_cookie: [u32; 2] => 8,
});

/// Where a socket is bound.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct xdp_diag_info {
    /// Index of the interface, zero when not bound.
    pub ifindex: u32,
    /// Queue of the interface.
    pub queue_id: u32,
}

assert_layout!(xdp_diag_info, 8, { ifindex: u32 => 0, queue_id: u32 => 4 });

/// The UMEM of a socket.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct xdp_diag_umem {
    /// Length, in bytes.
    pub size: u64,
    /// Number of the UMEM; sockets that share it have the same.
    pub id: u32,
    /// Pages that it lies on.
    pub num_pages: u32,
    /// Size of a chunk, in bytes.
    pub chunk_size: u32,
    /// Headroom of a chunk, in bytes.
    pub headroom: u32,
    /// Index of the interface that it serves, zero when not bound.
    pub ifindex: u32,
    /// Queue that it serves.
    pub queue_id: u32,
    /// [`XDP_DU_F_ZEROCOPY`].
    pub flags: u32,
    /// Number of its users.
    pub refs: u32,
}

assert_layout!(xdp_diag_umem, 40, {
    size: u64 => 0, id: u32 => 8, num_pages: u32 => 12, chunk_size: u32 => 16, headroom: u32 => 20, ifindex: u32 => 24,
    queue_id: u32 => 28, flags: u32 => 32, refs: u32 => 36,
});

/// Counters of a socket. Minimum kernel: 5.9.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct xdp_diag_stats {
    /// Packets dropped for want of a chunk, or too long.
    pub n_rx_dropped: u64,
    /// Invalid descriptors in the fill ring.
    pub n_rx_invalid: u64,
    /// Packets dropped since the rx ring was full.
    pub n_rx_full: u64,
    /// Packets dropped since the fill ring was empty.
    pub n_fill_ring_empty: u64,
    /// Invalid descriptors in the tx ring.
    pub n_tx_invalid: u64,
    /// Looks at an empty tx ring.
    pub n_tx_ring_empty: u64,
}

assert_layout!(xdp_diag_stats, 48, {
    n_rx_dropped: u64 => 0, n_rx_invalid: u64 => 8, n_rx_full: u64 => 16, n_fill_ring_empty: u64 => 24,
    n_tx_invalid: u64 => 32, n_tx_ring_empty: u64 => 40,
});
