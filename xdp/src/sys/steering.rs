//! The ioctl(2) commands about rules that steer received packets.
#![allow(unsafe_code, reason = "proves to ioctl(2) how much each of its commands writes")]

use std::os::fd::{AsRawFd, BorrowedFd};

use xdp_sys::ethtool_rxnfc::{
    ETHTOOL_GRXCLSRLALL, ETHTOOL_GRXCLSRLCNT, ETHTOOL_GRXCLSRULE, ETHTOOL_SRXCLSRLDEL, ETHTOOL_SRXCLSRLINS,
    ethtool_rxnfc,
};
use xdp_sys::{Errno, Plain, Result, syscall};

use super::interface_name;

/// Locations that are listed at most.
const LOCATIONS: usize = 16 << 10;
/// Words of [`ethtool_rxnfc`] before its locations.
const HEAD: usize = 188 / size_of::<u32>();

/// Asks or tells about one rule, or how many there are; the answer is left in `value`. Other commands are refused with
/// `EINVAL`.
pub(crate) fn steer(socket: BorrowedFd<'_>, interface: &[u8], value: &mut ethtool_rxnfc) -> Result<()> {
    let commands = [ETHTOOL_GRXCLSRLCNT, ETHTOOL_GRXCLSRULE, ETHTOOL_SRXCLSRLDEL, ETHTOOL_SRXCLSRLINS];
    if !commands.contains(&value.cmd) {
        return Err(Errno::EINVAL);
    }
    let name = interface_name(interface)?;
    // SAFETY: `BorrowedFd` keeps the descriptor open during the call. `ethtool_get_rxnfc` and `ethtool_set_rxnfc` of
    // the kernel's net/ethtool/ioctl.c copy at most one `struct ethtool_rxnfc` back for the four commands that were let
    // through above; only the fifth, below, appends something.
    unsafe { syscall::ioctl_ethtool(socket.as_raw_fd(), &name, value) }
}

/// The locations of `count` rules, and for how many the table has room, where the driver says.
pub(crate) fn rule_locations(
    socket: BorrowedFd<'_>,
    interface: &[u8],
    count: u32,
) -> Result<(Vec<u32>, u64)> {
    let name = interface_name(interface)?;
    let room = usize::try_from(count).unwrap_or(LOCATIONS).min(LOCATIONS);
    let mut words = [0_u32; HEAD + LOCATIONS];
    let mut head = ethtool_rxnfc { cmd: ETHTOOL_GRXCLSRLALL, ..ethtool_rxnfc::zeroed() };
    head.rule_cnt = room as u32;
    words.as_bytes_mut()[..size_of::<ethtool_rxnfc>()].copy_from_slice(head.as_bytes());
    // SAFETY: `BorrowedFd` keeps the descriptor open during the call. The kernel copies one `struct ethtool_rxnfc` back
    // and, over its end, no more locations than the kernel itself made room for: those asked for, `room`, which
    // `words` has room for.
    unsafe { syscall::ioctl_ethtool(socket.as_raw_fd(), &name, &mut words) }?;
    let answer = ethtool_rxnfc::read(words.as_bytes()).ok_or(Errno::EINVAL)?;
    let told = usize::try_from(answer.rule_cnt).unwrap_or(room).min(room);
    Ok((words[HEAD..HEAD + told].to_vec(), answer.data))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_command_that_may_write_more_is_refused() {
        let socket = crate::sys::socket(libc::AF_NETLINK, libc::SOCK_RAW, 0).expect("no privilege needed");
        let mut value = ethtool_rxnfc { cmd: ETHTOOL_GRXCLSRLALL, ..ethtool_rxnfc::zeroed() };
        assert_eq!(steer(socket.as_fd(), b"lo", &mut value), Err(Errno::EINVAL));
    }

    #[test]
    fn a_device_without_rules_says_so() {
        let socket = crate::sys::socket(libc::AF_NETLINK, libc::SOCK_RAW, 0).expect("no privilege needed");
        let mut value = ethtool_rxnfc { cmd: ETHTOOL_GRXCLSRLCNT, ..ethtool_rxnfc::zeroed() };
        assert_eq!(steer(socket.as_fd(), b"lo", &mut value), Err(Errno::EOPNOTSUPP));
        assert_eq!(rule_locations(socket.as_fd(), b"lo", 4), Err(Errno::EOPNOTSUPP));
    }
}
