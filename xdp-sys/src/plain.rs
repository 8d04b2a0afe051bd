//! Types that are nothing but their bytes.
#![allow(unsafe_code, reason = "promises about the layout of the structs of this crate")]

use core::mem::MaybeUninit;

use crate::{ethtool, ethtool_rxnfc, genetlink, if_link, if_xdp, netlink, rtnetlink, sock_diag};

/// A type that the kernel may read and write byte by byte.
///
/// # Safety
///
/// Every pattern of bytes is a valid value, and no byte of a value is padding (so all are initialized).
pub unsafe trait Plain: Copy + 'static {
    /// The bytes of this value, as the kernel sees them.
    fn as_bytes(&self) -> &[u8] {
        // SAFETY: all bytes are initialized since the trait forbids padding (promised by each impl below), and the
        // slice covers exactly `self`, which it borrows.
        unsafe { core::slice::from_raw_parts(core::ptr::from_ref(self).cast(), size_of::<Self>()) }
    }

    /// The same bytes, to be written by the kernel.
    fn as_bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `as_bytes`, and whatever is written leaves a valid value since every pattern of bytes is one
        // (promised by each impl below); `self` is borrowed exclusively.
        unsafe { core::slice::from_raw_parts_mut(core::ptr::from_mut(self).cast(), size_of::<Self>()) }
    }

    /// A value whose bytes are all zero.
    fn zeroed() -> Self {
        // SAFETY: every pattern of bytes is a valid value (promised by each impl below), so zeros are.
        unsafe { MaybeUninit::zeroed().assume_init() }
    }

    /// Reads a value from the start of `bytes`, aligned or not; `None` if they are too few.
    fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..size_of::<Self>())?;
        let mut value = Self::zeroed();
        value.as_bytes_mut().copy_from_slice(bytes);
        Some(value)
    }
}

// SAFETY: an integer has no padding and no invalid pattern.
unsafe impl Plain for u8 {}
// SAFETY: an integer has no padding and no invalid pattern.
unsafe impl Plain for u16 {}
// SAFETY: an integer has no padding and no invalid pattern.
unsafe impl Plain for u32 {}
// SAFETY: an integer has no padding and no invalid pattern.
unsafe impl Plain for i32 {}
// SAFETY: an integer has no padding and no invalid pattern.
unsafe impl Plain for u64 {}
// SAFETY: an array has no padding between or after its elements, which are plain.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}

// The structs: `repr(C)`, their fields plain, and `assert_layout!` beside each proves that it has no padding.

// SAFETY: fields are integers; no padding, see `assert_layout!` there.
unsafe impl Plain for if_xdp::sockaddr_xdp {}
// SAFETY: fields are integers; no padding, see `assert_layout!` there.
unsafe impl Plain for if_xdp::xdp_ring_offset {}
// SAFETY: fields are plain structs; no padding, see `assert_layout!` there.
unsafe impl Plain for if_xdp::xdp_mmap_offsets {}
// SAFETY: fields are integers; no padding, see `assert_layout!` there.
unsafe impl Plain for if_xdp::xdp_ring_offset_v1 {}
// SAFETY: fields are plain structs; no padding, see `assert_layout!` there.
unsafe impl Plain for if_xdp::xdp_mmap_offsets_v1 {}
// SAFETY: fields are integers; no padding, see `assert_layout!` there.
unsafe impl Plain for if_xdp::xdp_umem_reg {}
// SAFETY: fields are integers; no padding, see `assert_layout!` there.
unsafe impl Plain for if_xdp::xdp_umem_reg_v1 {}
// SAFETY: fields are integers; no padding, see `assert_layout!` there.
unsafe impl Plain for if_xdp::xdp_statistics {}
// SAFETY: fields are integers; no padding, see `assert_layout!` there.
unsafe impl Plain for if_xdp::xdp_statistics_v1 {}
// SAFETY: the field is an integer; no padding, see `assert_layout!` there.
unsafe impl Plain for if_xdp::xdp_options {}
// SAFETY: fields are integers; no padding, see `assert_layout!` there.
unsafe impl Plain for if_xdp::xdp_desc {}
// SAFETY: fields are integers; no padding, see `assert_layout!` there.
unsafe impl Plain for if_xdp::xsk_tx_metadata_request {}
// SAFETY: the field is an integer; no padding, see `assert_layout!` there.
unsafe impl Plain for if_xdp::xsk_tx_metadata_completion {}
// SAFETY: fields are integers; no padding, see `assert_layout!` there.
unsafe impl Plain for netlink::sockaddr_nl {}
// SAFETY: fields are integers; no padding, see `assert_layout!` there.
unsafe impl Plain for netlink::nlmsghdr {}
// SAFETY: fields are plain; no padding, see `assert_layout!` there.
unsafe impl Plain for netlink::nlmsgerr {}
// SAFETY: fields are integers; no padding, see `assert_layout!` there.
unsafe impl Plain for netlink::nlattr {}
// SAFETY: fields are integers; no padding, see `assert_layout!` there.
unsafe impl Plain for rtnetlink::ifinfomsg {}
// SAFETY: fields are integers; no padding, see `assert_layout!` there.
unsafe impl Plain for rtnetlink::ifaddrmsg {}
// SAFETY: fields are integers; no padding, see `assert_layout!` there.
unsafe impl Plain for rtnetlink::rtmsg {}
// SAFETY: fields are integers; no padding, see `assert_layout!` there.
unsafe impl Plain for rtnetlink::rtnexthop {}
// SAFETY: fields are integers; no padding, see `assert_layout!` there.
unsafe impl Plain for if_link::rtnl_link_stats64 {}
// SAFETY: fields are integers; no padding, see `assert_layout!` there.
unsafe impl Plain for genetlink::genlmsghdr {}
// SAFETY: fields are integers and arrays of them; no padding, see `assert_layout!` there.
unsafe impl Plain for sock_diag::xdp_diag_req {}
// SAFETY: fields are integers and arrays of them; no padding, see `assert_layout!` there.
unsafe impl Plain for sock_diag::xdp_diag_msg {}
// SAFETY: fields are integers; no padding, see `assert_layout!` there.
unsafe impl Plain for sock_diag::xdp_diag_info {}
// SAFETY: fields are integers and arrays of them; no padding, see `assert_layout!` there.
unsafe impl Plain for ethtool::ethtool_drvinfo {}
// SAFETY: fields are integers; no padding, see `assert_layout!` there.
unsafe impl Plain for ethtool::ethtool_channels {}
// SAFETY: fields are integers; no padding, see `assert_layout!` there.
unsafe impl Plain for ethtool::ethtool_ringparam {}
// SAFETY: fields are integers and an array of them; no padding, see `assert_layout!` there.
unsafe impl Plain for ethtool::ethtool_rxfh_indir {}
// SAFETY: fields are plain; no padding, see `assert_layout!` there.
unsafe impl Plain for ethtool_rxnfc::ethtool_tcpip4_spec {}
// SAFETY: fields are plain; no padding, see `assert_layout!` there.
unsafe impl Plain for ethtool_rxnfc::ethtool_tcpip6_spec {}
// SAFETY: fields are plain; no padding, see `assert_layout!` there.
unsafe impl Plain for ethtool_rxnfc::ethhdr {}
// SAFETY: fields are plain; no padding, see `assert_layout!` there.
unsafe impl Plain for ethtool_rxnfc::ethtool_flow_ext {}
// SAFETY: fields are plain; no padding, see `assert_layout!` there.
unsafe impl Plain for ethtool_rxnfc::ethtool_rx_flow_spec {}
// SAFETY: fields are plain; no padding, see `assert_layout!` there.
unsafe impl Plain for ethtool_rxnfc::ethtool_rxnfc {}
// SAFETY: fields are integers; no padding, see `assert_layout!` there.
unsafe impl Plain for sock_diag::xdp_diag_umem {}
// SAFETY: fields are integers; no padding, see `assert_layout!` there.
unsafe impl Plain for sock_diag::xdp_diag_stats {}
