//! What the kernel really answers, kept for the fuzzer to begin with: see fuzz/seeds.sh.

use std::os::fd::BorrowedFd;
use std::path::Path;

use xdp_sys::Plain;
use xdp_sys::netlink::{AF_NETLINK, NETLINK_GENERIC, nlmsghdr};

use crate::sys;

/// Longer datagrams are left to the fuzzer's imagination, in bytes.
const MOST: usize = 6 << 10;

/// Writes a datagram into the folder that `XDP_SEEDS` names, if it names one; one of each type, command and length.
pub(super) fn keep(fd: BorrowedFd<'_>, datagram: &[u8]) {
    let Some(folder) = std::env::var_os("XDP_SEEDS") else { return };
    // The kernels that tests play are no source of truth.
    let family = sys::option::<i32>(fd, libc::SOL_SOCKET, libc::SO_DOMAIN).map(|(family, _)| family);
    if family != Ok(AF_NETLINK) || datagram.len() > MOST {
        return;
    }
    let protocol =
        sys::option::<i32>(fd, libc::SOL_SOCKET, libc::SO_PROTOCOL).map_or(0, |(number, _)| number);
    let Some(header) = nlmsghdr::read(datagram) else { return };
    // Generic families have their commands behind the header.
    let command = datagram.get(size_of::<nlmsghdr>()).copied().filter(|_| protocol == NETLINK_GENERIC);
    let name = format!("{protocol}-{}-{}-{}", header.nlmsg_type, command.unwrap_or(0), datagram.len());
    std::fs::write(Path::new(&folder).join(name), datagram).expect("the folder can be written to");
}
