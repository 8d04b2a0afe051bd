//! Options of a new socket that make it faster where the kernel lets them.

use std::os::fd::BorrowedFd;

use xdp_sys::if_xdp::{SOL_XDP, XDP_MAX_TX_SKB_BUDGET};

use crate::sys;

/// Packets that one system call sends in copy mode, unless the kernel is told otherwise (`TX_BATCH_SIZE` in
/// `net/xdp/xsk.c`).
pub(crate) const DEFAULT_TX_BUDGET: u32 = 32;

/// Bytes that the kernel charges for a packet beside its data: its descriptor, and what lies in front and behind.
const PACKET_OVERHEAD: u64 = 1024;

/// Raises the packets that one system call sends, where the kernel can; returns the number in force.
pub(crate) fn raise_tx_budget(fd: BorrowedFd<'_>, budget: u32) -> u32 {
    if budget < DEFAULT_TX_BUDGET {
        return DEFAULT_TX_BUDGET;
    }
    match sys::set_option(fd, SOL_XDP, XDP_MAX_TX_SKB_BUDGET, &budget) {
        Ok(()) => budget,
        Err(_) => DEFAULT_TX_BUDGET, // an older kernel: the kick goes round more often
    }
}

/// The send buffer that takes as many packets as the tx ring: a packet's memory is rounded up to a power of two.
pub(crate) fn send_buffer_of(tx_entries: u32, chunk_bytes: u32) -> u32 {
    let packet = (u64::from(chunk_bytes) + PACKET_OVERHEAD).next_power_of_two();
    u32::try_from(packet * u64::from(tx_entries)).unwrap_or(u32::MAX)
}

/// Sets the bytes of packets that may be on their way in copy mode; returns the number in force, none if the kernel
/// does not tell. `exact` is set whatever it is, `enough` only where the kernel's own is less.
pub(crate) fn set_send_buffer(fd: BorrowedFd<'_>, exact: Option<u32>, enough: u32) -> Option<u32> {
    let now = || {
        let (bytes, _) = sys::option::<i32>(fd, libc::SOL_SOCKET, libc::SO_SNDBUF).ok()?;
        u32::try_from(bytes).ok()
    };
    let wanted = exact.or_else(|| now().is_some_and(|now| now < enough).then_some(enough));
    if let Some(wanted) = wanted {
        // The kernel doubles it.
        let half = i32::try_from(wanted / 2).unwrap_or(i32::MAX);
        // Without CAP_NET_ADMIN up to net.core.wmem_max. What cannot be had costs system calls, and the report says
        // so.
        let set = |option| sys::set_option(fd, libc::SOL_SOCKET, option, &half).is_ok();
        let _is_set = set(libc::SO_SNDBUFFORCE) || set(libc::SO_SNDBUF);
    }
    now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_send_buffer_takes_the_largest_packets_that_the_ring_holds() {
        assert_eq!(send_buffer_of(2048, 4096), 2048 * 8192);
        assert_eq!(send_buffer_of(1, 2048), 4096);
        assert_eq!(send_buffer_of(1 << 22, 4096), u32::MAX);
    }
}
