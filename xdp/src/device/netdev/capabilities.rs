//! What an interface can do for AF_XDP.

use xdp_sys::netdev::{
    NETDEV_A_DEV_IFINDEX, NETDEV_A_DEV_XDP_FEATURES, NETDEV_A_DEV_XDP_RX_METADATA_FEATURES,
    NETDEV_A_DEV_XDP_ZC_MAX_SEGS, NETDEV_A_DEV_XSK_FEATURES, NETDEV_CMD_DEV_GET,
};

use super::flags::{Flags, RxMetadata, TxOffloads, XdpFeatures};
use super::guess;
use crate::device::family::{FamilySocket, attributes};
use crate::device::kernel_release::KernelRelease;
use crate::device::netlink::Attributes;
use crate::device::{Interface, InterfaceError};

/// What an interface can do for AF_XDP, as the kernel says, or as it is guessed where the kernel cannot be asked.
///
/// ```no_run
/// use xdp::device::{Capabilities, Interface};
///
/// let nic = Interface::by_name("eth0")?;
/// match Capabilities::of(&nic)?.xdp().zero_copy() {
///     Some(true) => println!("zero-copy"),
///     Some(false) => println!("copies"),
///     None => println!("this kernel does not tell; bind to find out"),
/// }
/// # Ok::<(), xdp::device::InterfaceError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    source: CapabilitySource,
    xdp: XdpFeatures,
    zero_copy_segments: Option<u32>,
    rx_metadata: RxMetadata,
    tx_offloads: TxOffloads,
}

/// Where [`Capabilities`] come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CapabilitySource {
    /// The kernel was asked. Minimum kernel: 6.3.
    Kernel,
    /// The kernel cannot be asked: a guess from the driver's name and the age of the kernel. Only a trial shows more.
    Guess,
}

impl Capabilities {
    /// Asks the kernel; guesses where it cannot be asked.
    pub fn of(interface: &Interface) -> Result<Self, InterfaceError> {
        let Some(mut family) = FamilySocket::netdev(interface)? else {
            return Ok(Self::guess(interface.driver(), KernelRelease::running()));
        };
        let request = family.netdev_request(NETDEV_CMD_DEV_GET, NETDEV_A_DEV_IFINDEX);
        let answers =
            family.ask(&request).map_err(|cause| interface.query_failed("the capabilities", cause))?;
        let answer = answers.as_deref().and_then(<[_]>::first).and_then(attributes);
        Ok(answer.map_or_else(|| Self::guess(interface.driver(), KernelRelease::running()), Self::read))
    }

    /// Reads the attributes of an answer.
    pub(crate) fn read(attributes: Attributes<'_>) -> Self {
        let bits = |kind| Flags::all(attributes.find(kind).and_then(|attribute| attribute.number()));
        Self {
            source: CapabilitySource::Kernel,
            xdp: XdpFeatures(bits(NETDEV_A_DEV_XDP_FEATURES)),
            zero_copy_segments: attributes.find(NETDEV_A_DEV_XDP_ZC_MAX_SEGS).and_then(|most| most.value()),
            rx_metadata: RxMetadata(bits(NETDEV_A_DEV_XDP_RX_METADATA_FEATURES)),
            tx_offloads: TxOffloads(bits(NETDEV_A_DEV_XSK_FEATURES)),
        }
    }

    fn guess(driver: Option<&str>, kernel: Option<KernelRelease>) -> Self {
        Self {
            source: CapabilitySource::Guess,
            xdp: XdpFeatures(guess::xdp_features(driver, kernel)),
            zero_copy_segments: None,
            rx_metadata: RxMetadata::default(),
            tx_offloads: TxOffloads::default(),
        }
    }

    /// Whether the kernel said so or it is a guess.
    pub fn source(&self) -> CapabilitySource {
        self.source
    }

    /// What its driver does for XDP programs.
    pub fn xdp(&self) -> XdpFeatures {
        self.xdp
    }

    /// Of how many descriptors a packet may consist in zero-copy mode; `None` without zero-copy, or if unknown.
    /// Minimum kernel: 6.6.
    #[doc(alias = "NETDEV_A_DEV_XDP_ZC_MAX_SEGS")]
    pub fn zero_copy_segments(&self) -> Option<u32> {
        self.zero_copy_segments
    }

    /// What its driver tells XDP programs about a received packet.
    pub fn rx_metadata(&self) -> RxMetadata {
        self.rx_metadata
    }

    /// What its driver does to packets that a socket sends.
    pub fn tx_offloads(&self) -> TxOffloads {
        self.tx_offloads
    }
}
