//! `linux/netdev.h`: the generic netlink family that tells what an interface can do. Minimum kernel: 6.3.
//!
//! Dumps of this family carry no `NLM_F_MULTI`; they end at `NLMSG_DONE` all the same.

/// Name of the family.
pub const NETDEV_FAMILY_NAME: &str = "netdev";
/// Version of the family.
pub const NETDEV_FAMILY_VERSION: u8 = 1;
/// Multicast group of changes of a device.
pub const NETDEV_MCGRP_MGMT: &str = "mgmt";

// Commands: `enum` of the header, `NETDEV_CMD_*`.

/// Features of a device.
pub const NETDEV_CMD_DEV_GET: u8 = 1;
/// A device appeared.
pub const NETDEV_CMD_DEV_ADD_NTF: u8 = 2;
/// A device went away.
pub const NETDEV_CMD_DEV_DEL_NTF: u8 = 3;
/// Features of a device changed.
pub const NETDEV_CMD_DEV_CHANGE_NTF: u8 = 4;
/// Page pools. Minimum kernel: 6.8.
pub const NETDEV_CMD_PAGE_POOL_GET: u8 = 5;
/// Counters of page pools. Minimum kernel: 6.8.
pub const NETDEV_CMD_PAGE_POOL_STATS_GET: u8 = 9;
/// Queues of a device. Minimum kernel: 6.8.
pub const NETDEV_CMD_QUEUE_GET: u8 = 10;
/// NAPI contexts of a device. Minimum kernel: 6.8.
pub const NETDEV_CMD_NAPI_GET: u8 = 11;
/// Counters of queues. Minimum kernel: 6.9.
pub const NETDEV_CMD_QSTATS_GET: u8 = 12;
/// Bind device memory to rx queues. Minimum kernel: 6.12.
pub const NETDEV_CMD_BIND_RX: u8 = 13;
/// Tune a NAPI context. Minimum kernel: 6.13.
pub const NETDEV_CMD_NAPI_SET: u8 = 14;
/// Bind device memory to tx. Minimum kernel: 6.16.
pub const NETDEV_CMD_BIND_TX: u8 = 15;
/// Lease a queue to another namespace. Minimum kernel: 7.1.
pub const NETDEV_CMD_QUEUE_CREATE: u8 = 16;

// Attributes of a device.

/// Index of the interface, a `u32`.
pub const NETDEV_A_DEV_IFINDEX: u16 = 1;
/// Padding.
pub const NETDEV_A_DEV_PAD: u16 = 2;
/// [`NETDEV_XDP_ACT_BASIC`] and its neighbours, a `u64`.
pub const NETDEV_A_DEV_XDP_FEATURES: u16 = 3;
/// Most descriptors of one packet in zero-copy mode, a `u32`; absent without zero-copy. Minimum kernel: 6.6.
pub const NETDEV_A_DEV_XDP_ZC_MAX_SEGS: u16 = 4;
/// [`NETDEV_XDP_RX_METADATA_TIMESTAMP`] and its neighbours, a `u64`. Minimum kernel: 6.7.
pub const NETDEV_A_DEV_XDP_RX_METADATA_FEATURES: u16 = 5;
/// [`NETDEV_XSK_FLAGS_TX_TIMESTAMP`] and its neighbours, a `u64`. Minimum kernel: 6.8.
pub const NETDEV_A_DEV_XSK_FEATURES: u16 = 6;

// Bits of `NETDEV_A_DEV_XDP_FEATURES`: `enum netdev_xdp_act`.

/// Drop, pass and send back.
pub const NETDEV_XDP_ACT_BASIC: u64 = 1 << 0;
/// Redirect to other places.
pub const NETDEV_XDP_ACT_REDIRECT: u64 = 1 << 1;
/// Can be the target of a redirect now.
pub const NETDEV_XDP_ACT_NDO_XMIT: u64 = 1 << 2;
/// AF_XDP in zero-copy mode.
pub const NETDEV_XDP_ACT_XSK_ZEROCOPY: u64 = 1 << 3;
/// Programs in the NIC.
pub const NETDEV_XDP_ACT_HW_OFFLOAD: u64 = 1 << 4;
/// Reception of packets in several parts.
pub const NETDEV_XDP_ACT_RX_SG: u64 = 1 << 5;
/// Can be the target of a redirect of packets in several parts.
pub const NETDEV_XDP_ACT_NDO_XMIT_SG: u64 = 1 << 6;

// Bits of `NETDEV_A_DEV_XDP_RX_METADATA_FEATURES`: `enum netdev_xdp_rx_metadata`.

/// Time of reception.
pub const NETDEV_XDP_RX_METADATA_TIMESTAMP: u64 = 1 << 0;
/// Hash of the flow.
pub const NETDEV_XDP_RX_METADATA_HASH: u64 = 1 << 1;
/// Stripped VLAN tag.
pub const NETDEV_XDP_RX_METADATA_VLAN_TAG: u64 = 1 << 2;

// Bits of `NETDEV_A_DEV_XSK_FEATURES`: `enum netdev_xsk_flags`.

/// Time of transmission.
pub const NETDEV_XSK_FLAGS_TX_TIMESTAMP: u64 = 1 << 0;
/// Checksums on transmission.
pub const NETDEV_XSK_FLAGS_TX_CHECKSUM: u64 = 1 << 1;
/// Transmission at a given time. Minimum kernel: 6.15.
pub const NETDEV_XSK_FLAGS_TX_LAUNCH_TIME_FIFO: u64 = 1 << 2;

// Attributes of a queue.

/// Number of the queue, a `u32`.
pub const NETDEV_A_QUEUE_ID: u16 = 1;
/// Index of the interface, a `u32`.
pub const NETDEV_A_QUEUE_IFINDEX: u16 = 2;
/// [`NETDEV_QUEUE_TYPE_RX`] or [`NETDEV_QUEUE_TYPE_TX`], a `u32`.
pub const NETDEV_A_QUEUE_TYPE: u16 = 3;
/// NAPI context that serves the queue, a `u32`.
pub const NETDEV_A_QUEUE_NAPI_ID: u16 = 4;
/// Nest, present when device memory is bound.
pub const NETDEV_A_QUEUE_DMABUF: u16 = 5;
/// Nest, present when io_uring receives into its own memory.
pub const NETDEV_A_QUEUE_IO_URING: u16 = 6;
/// Empty nest, present when an AF_XDP socket is bound. Minimum kernel: 6.15.
pub const NETDEV_A_QUEUE_XSK: u16 = 7;
/// Nest, present when the queue is lent to another interface. Minimum kernel: 7.1.
pub const NETDEV_A_QUEUE_LEASE: u16 = 8;

/// Value of [`NETDEV_A_QUEUE_TYPE`]: reception.
pub const NETDEV_QUEUE_TYPE_RX: u32 = 0;
/// Value of [`NETDEV_A_QUEUE_TYPE`]: transmission.
pub const NETDEV_QUEUE_TYPE_TX: u32 = 1;

// Attributes of a NAPI context.

/// Index of the interface, a `u32`.
pub const NETDEV_A_NAPI_IFINDEX: u16 = 1;
/// Number of the context, a `u32`.
pub const NETDEV_A_NAPI_ID: u16 = 2;
/// Interrupt, a `u32`.
pub const NETDEV_A_NAPI_IRQ: u16 = 3;
/// Thread that polls, when threaded, a `u32`.
pub const NETDEV_A_NAPI_PID: u16 = 4;
/// Empty polls before interrupts are enabled again, a `u32`. Minimum kernel: 6.13.
pub const NETDEV_A_NAPI_DEFER_HARD_IRQS: u16 = 5;
/// Time until the next poll with interrupts deferred, in nanoseconds. Minimum kernel: 6.13.
pub const NETDEV_A_NAPI_GRO_FLUSH_TIMEOUT: u16 = 6;
/// Time that interrupts stay suspended while user space polls, in nanoseconds. Minimum kernel: 6.13.
pub const NETDEV_A_NAPI_IRQ_SUSPEND_TIMEOUT: u16 = 7;
/// Whether a thread polls, a `u32`. Minimum kernel: 6.17.
pub const NETDEV_A_NAPI_THREADED: u16 = 8;

// Attributes of counters.

/// Index of the interface, a `u32`.
pub const NETDEV_A_QSTATS_IFINDEX: u16 = 1;
/// [`NETDEV_QUEUE_TYPE_RX`] or [`NETDEV_QUEUE_TYPE_TX`], a `u32`.
pub const NETDEV_A_QSTATS_QUEUE_TYPE: u16 = 2;
/// Number of the queue, a `u32`.
pub const NETDEV_A_QSTATS_QUEUE_ID: u16 = 3;
/// [`NETDEV_QSTATS_SCOPE_QUEUE`], or absent for sums of the device.
pub const NETDEV_A_QSTATS_SCOPE: u16 = 4;
/// Packets received.
pub const NETDEV_A_QSTATS_RX_PACKETS: u16 = 8;
/// Bytes received.
pub const NETDEV_A_QSTATS_RX_BYTES: u16 = 9;
/// Packets sent.
pub const NETDEV_A_QSTATS_TX_PACKETS: u16 = 10;
/// Bytes sent.
pub const NETDEV_A_QSTATS_TX_BYTES: u16 = 11;
/// Packets lost for want of memory.
pub const NETDEV_A_QSTATS_RX_ALLOC_FAIL: u16 = 12;
/// Packets dropped by the NIC.
pub const NETDEV_A_QSTATS_RX_HW_DROPS: u16 = 13;
/// Packets dropped by the NIC for want of descriptors.
pub const NETDEV_A_QSTATS_RX_HW_DROP_OVERRUNS: u16 = 14;
/// Packets that were not sent for an error or want of room, dropped by the NIC.
pub const NETDEV_A_QSTATS_TX_HW_DROPS: u16 = 24;
/// How often a full queue was stopped.
pub const NETDEV_A_QSTATS_TX_STOP: u16 = 33;
/// How often a stopped queue was started again.
pub const NETDEV_A_QSTATS_TX_WAKE: u16 = 34;

/// Value of [`NETDEV_A_QSTATS_SCOPE`]: one answer for each queue.
pub const NETDEV_QSTATS_SCOPE_QUEUE: u32 = 1;
