//! Abilities as bits, each of them known or not.

use xdp_sys::netdev::{
    NETDEV_XDP_ACT_BASIC, NETDEV_XDP_ACT_HW_OFFLOAD, NETDEV_XDP_ACT_NDO_XMIT, NETDEV_XDP_ACT_NDO_XMIT_SG,
    NETDEV_XDP_ACT_REDIRECT, NETDEV_XDP_ACT_RX_SG, NETDEV_XDP_ACT_XSK_ZEROCOPY, NETDEV_XDP_RX_METADATA_HASH,
    NETDEV_XDP_RX_METADATA_TIMESTAMP, NETDEV_XDP_RX_METADATA_VLAN_TAG, NETDEV_XSK_FLAGS_TX_CHECKSUM,
    NETDEV_XSK_FLAGS_TX_LAUNCH_TIME_FIFO, NETDEV_XSK_FLAGS_TX_TIMESTAMP,
};

/// Bits, some of which may be unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Flags {
    known: u64,
    set: u64,
}

impl Flags {
    /// All bits as the kernel gives them; none is known if it gives none.
    pub(super) fn all(bits: Option<u64>) -> Self {
        bits.map_or(Self::default(), |set| Self { known: u64::MAX, set })
    }

    /// Only some bits.
    pub(super) fn some(known: u64, set: u64) -> Self {
        Self { known, set }
    }

    fn has(self, bit: u64) -> Option<bool> {
        (self.known & bit != 0).then_some(self.set & bit != 0)
    }
}

/// What a driver does for XDP programs. Each answer is `None` where that is unknown.
#[doc(alias("NETDEV_A_DEV_XDP_FEATURES", "netdev_xdp_act"))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct XdpFeatures(pub(super) Flags);

impl XdpFeatures {
    /// Runs programs in the driver, which may drop a packet, pass it on, or send it back.
    #[doc(alias = "NETDEV_XDP_ACT_BASIC")]
    pub fn basic(&self) -> Option<bool> {
        self.0.has(NETDEV_XDP_ACT_BASIC)
    }

    /// Programs in the driver may redirect packets, to AF_XDP sockets for example.
    #[doc(alias = "NETDEV_XDP_ACT_REDIRECT")]
    pub fn redirect(&self) -> Option<bool> {
        self.0.has(NETDEV_XDP_ACT_REDIRECT)
    }

    /// Programs of other interfaces may redirect packets to this one, now: some drivers can once a program is
    /// attached.
    #[doc(alias = "NETDEV_XDP_ACT_NDO_XMIT")]
    pub fn redirect_target(&self) -> Option<bool> {
        self.0.has(NETDEV_XDP_ACT_NDO_XMIT)
    }

    /// AF_XDP in zero-copy mode.
    ///
    /// A driver may say so and refuse all the same, for a reason of the machine's: virtio_net does zero-copy only where
    /// the device obeys the IOMMU (`VIRTIO_F_ACCESS_PLATFORM`), and says so everywhere.
    #[doc(alias = "NETDEV_XDP_ACT_XSK_ZEROCOPY")]
    pub fn zero_copy(&self) -> Option<bool> {
        self.0.has(NETDEV_XDP_ACT_XSK_ZEROCOPY)
    }

    /// Runs programs in the NIC.
    #[doc(alias = "NETDEV_XDP_ACT_HW_OFFLOAD")]
    pub fn hardware_offload(&self) -> Option<bool> {
        self.0.has(NETDEV_XDP_ACT_HW_OFFLOAD)
    }

    /// Programs in the driver see packets of several parts, which an MTU larger than a page needs.
    #[doc(alias = "NETDEV_XDP_ACT_RX_SG")]
    pub fn rx_fragments(&self) -> Option<bool> {
        self.0.has(NETDEV_XDP_ACT_RX_SG)
    }

    /// Programs of other interfaces may redirect packets of several parts to this one.
    #[doc(alias = "NETDEV_XDP_ACT_NDO_XMIT_SG")]
    pub fn redirect_target_fragments(&self) -> Option<bool> {
        self.0.has(NETDEV_XDP_ACT_NDO_XMIT_SG)
    }
}

/// What a driver tells XDP programs about a received packet. Each answer is `None` where that is unknown. Minimum
/// kernel: 6.7.
#[doc(alias("NETDEV_A_DEV_XDP_RX_METADATA_FEATURES", "netdev_xdp_rx_metadata"))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RxMetadata(pub(super) Flags);

impl RxMetadata {
    /// When the NIC received it.
    pub fn timestamp(&self) -> Option<bool> {
        self.0.has(NETDEV_XDP_RX_METADATA_TIMESTAMP)
    }

    /// The hash that chose its queue.
    pub fn hash(&self) -> Option<bool> {
        self.0.has(NETDEV_XDP_RX_METADATA_HASH)
    }

    /// The VLAN tag that the NIC took off it.
    pub fn vlan_tag(&self) -> Option<bool> {
        self.0.has(NETDEV_XDP_RX_METADATA_VLAN_TAG)
    }
}

/// What a driver does in zero-copy mode to packets that a socket sends. Each answer is `None` where that is unknown.
/// Minimum kernel: 6.8.
///
/// In copy mode the kernel itself computes checksums, whatever this says.
#[doc(alias("NETDEV_A_DEV_XSK_FEATURES", "netdev_xsk_flags"))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TxOffloads(pub(super) Flags);

impl TxOffloads {
    /// Tells when the NIC sent it.
    pub fn timestamp(&self) -> Option<bool> {
        self.0.has(NETDEV_XSK_FLAGS_TX_TIMESTAMP)
    }

    /// Computes its checksum.
    pub fn checksum(&self) -> Option<bool> {
        self.0.has(NETDEV_XSK_FLAGS_TX_CHECKSUM)
    }

    /// Sends it at a given time, one after the other. Minimum kernel: 6.15.
    pub fn launch_time(&self) -> Option<bool> {
        self.0.has(NETDEV_XSK_FLAGS_TX_LAUNCH_TIME_FIFO)
    }
}
