//! What the running kernel can do, found out by asking it: distributions add features to old versions.

use std::fmt;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};

use xdp_sys::Errno;
use xdp_sys::if_xdp::{
    AF_XDP, SOL_XDP, XDP_MAX_TX_SKB_BUDGET, XDP_MMAP_OFFSETS, XDP_OPTIONS, XDP_STATISTICS,
    XDP_UMEM_UNALIGNED_CHUNK_FLAG, XDP_USE_NEED_WAKEUP, XDP_USE_SG, sockaddr_xdp, xdp_mmap_offsets,
    xdp_options, xdp_statistics, xdp_umem_reg,
};
use xdp_sys::netdev::{NETDEV_CMD_DEV_GET, NETDEV_CMD_QUEUE_GET, NETDEV_FAMILY_NAME};
use xdp_sys::sock_diag::{SOCK_DIAG_BY_FAMILY, xdp_diag_req};

use crate::device::netlink::{Family, NetlinkSocket, Protocol, Request};
use crate::sys::{self, Mapping, Pages};

/// The kernel's version, and which features of AF_XDP it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    release: String,
    features: Vec<KernelFeature>,
}

/// A feature of the kernel, and whether it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KernelFeature {
    /// What it is.
    pub name: &'static str,
    /// The first version of Linux that has it.
    pub since: &'static str,
    /// Whether this one does; none where the thread may not look.
    pub present: Option<bool>,
}

impl Kernel {
    /// Asks the kernel. Nothing is bound, and nothing is left behind. What cannot be asked without privileges is left
    /// open.
    pub fn probe() -> Self {
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let features =
            FEATURES.iter().map(|(name, since, probe)| KernelFeature { name, since, present: probe() });
        Self { release: release.trim().to_owned(), features: features.collect() }
    }

    /// The version, as `uname -r` prints it; empty where /proc does not tell.
    pub fn release(&self) -> &str {
        &self.release
    }

    /// The features, in the order in which Linux got them.
    pub fn features(&self) -> &[KernelFeature] {
        &self.features
    }

    /// Whether there are AF_XDP sockets at all; none where that cannot be found out.
    pub fn has_af_xdp() -> Option<bool> {
        match sys::socket(AF_XDP, libc::SOCK_RAW, 0) {
            // The family is looked up before the privilege is asked for.
            Ok(_) | Err(Errno::EPERM | Errno::EACCES) => Some(true),
            Err(Errno::EAFNOSUPPORT) => Some(false),
            Err(_) => None,
        }
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Linux {}", self.release)?;
        for (answer, label) in [(Some(true), "has"), (Some(false), "lacks"), (None, "not known")] {
            let names = self.features.iter().filter(|feature| feature.present == answer);
            let names: Vec<_> = names.map(|feature| feature.name).collect();
            if !names.is_empty() {
                write!(f, "; {label}: {}", names.join(", "))?;
            }
        }
        Ok(())
    }
}

/// Whether sockets can be bound for packets of several buffers; none if it cannot be told, for want of privilege.
pub(crate) fn has_multi_buffer() -> Option<bool> {
    bind_flag(XDP_USE_SG)
}

type Probe = fn() -> Option<bool>;

const FEATURES: [(&str, &str, Probe); 11] = [
    ("AF_XDP sockets", "4.18", Kernel::has_af_xdp),
    ("who holds a queue (sock_diag)", "5.1", sock_diag),
    ("telling the obtained mode", "5.3", || told::<xdp_options>(XDP_OPTIONS)),
    ("need-wakeup flag", "5.4", need_wakeup),
    ("unaligned chunks", "5.4", || umem_flag(XDP_UMEM_UNALIGNED_CHUNK_FLAG)),
    ("ring counters", "5.9", || told::<xdp_statistics>(XDP_STATISTICS)),
    ("capabilities of interfaces (netdev)", "6.3", || netdev(NETDEV_CMD_DEV_GET)),
    ("packets of several buffers", "6.6", has_multi_buffer),
    ("queues of interfaces (netdev)", "6.8", || netdev(NETDEV_CMD_QUEUE_GET)),
    ("tx metadata", "6.8", tx_metadata),
    ("raised tx budget", "6.17", tx_budget),
];

fn socket() -> Option<OwnedFd> {
    sys::socket(AF_XDP, libc::SOCK_RAW, 0).ok()
}

/// Whether the kernel fills all of a struct that grew.
fn told<T: xdp_sys::Plain>(option: i32) -> Option<bool> {
    let socket = socket()?;
    Some(
        sys::option::<T>(socket.as_fd(), SOL_XDP, option).is_ok_and(|(_, written)| written >= size_of::<T>()),
    )
}

fn need_wakeup() -> Option<bool> {
    Some(told::<xdp_mmap_offsets>(XDP_MMAP_OFFSETS)? && bind_flag(XDP_USE_NEED_WAKEUP)?)
}

/// Binds to an interface that cannot be: flags are looked at before the interface is.
fn bind_flag(flag: u16) -> Option<bool> {
    let socket = socket()?;
    let address = sockaddr_xdp {
        sxdp_family: AF_XDP as u16,
        sxdp_flags: flag,
        sxdp_ifindex: i32::MAX as u32,
        ..sockaddr_xdp::default()
    };
    Some(sys::bind(socket.as_fd(), &address) == Err(Errno::ENODEV))
}

/// Registers one page and forgets it.
fn register(shape: xdp_umem_reg) -> Option<bool> {
    const PAGE: u32 = 4096;
    // Kernels before 5.4 do not read as far as flags, and take whatever is there. They are told by another struct that
    // grew at the same time.
    if !told::<xdp_mmap_offsets>(XDP_MMAP_OFFSETS)? {
        return Some(false);
    }
    let socket = socket()?;
    let memory = Mapping::anonymous(PAGE as usize, Pages::Normal).ok()?;
    let shape = xdp_umem_reg { chunk_size: PAGE, ..shape };
    match sys::register_umem(socket.as_fd(), &memory, shape) {
        Ok(()) => Some(true),
        Err(Errno::EINVAL) => Some(false),
        // No memory may be locked: the flags were not what it fell over.
        Err(_) => None,
    }
}

fn umem_flag(flags: u32) -> Option<bool> {
    register(xdp_umem_reg { flags, ..xdp_umem_reg::default() })
}

/// A length beyond the largest is refused by kernels that look at it. From 6.11 they look only where a flag says so,
/// so first a good length is tried with the flag.
fn tx_metadata() -> Option<bool> {
    const XDP_UMEM_TX_METADATA_LEN: u32 = 4;
    const ODD_LENGTH: u32 = 252;
    let flagged =
        xdp_umem_reg { flags: XDP_UMEM_TX_METADATA_LEN, tx_metadata_len: 16, ..xdp_umem_reg::default() };
    let odd = xdp_umem_reg { tx_metadata_len: ODD_LENGTH, ..xdp_umem_reg::default() };
    Some(register(flagged)? || !register(odd)?)
}

/// There is no tx ring to set it for, which an older kernel does not get as far as to say.
fn tx_budget() -> Option<bool> {
    let socket = socket()?;
    let answer = sys::set_option(socket.as_fd(), SOL_XDP, XDP_MAX_TX_SKB_BUDGET, &32_u32);
    Some(answer != Err(Errno::ENOPROTOOPT))
}

fn netdev(command: u8) -> Option<bool> {
    let mut socket = NetlinkSocket::open(Protocol::Generic).ok()?;
    match Family::find(&mut socket, NETDEV_FAMILY_NAME) {
        Ok(family) => Some(family.has(command)),
        Err(error) => error.refusal().map(|_| false),
    }
}

fn sock_diag() -> Option<bool> {
    let mut socket = NetlinkSocket::open(Protocol::SockDiag).ok()?;
    let question = xdp_diag_req { sdiag_family: AF_XDP as u8, ..xdp_diag_req::default() };
    match socket.request(&Request::dump(SOCK_DIAG_BY_FAMILY).fixed(&question)) {
        Ok(_) => Some(true),
        Err(error) => match error.refusal()? {
            Errno::EPERM | Errno::EACCES => None,
            _ => Some(false),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_is_named_once_with_its_version() {
        let kernel = Kernel::probe();
        let mut names: Vec<_> = kernel.features().iter().map(|feature| feature.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FEATURES.len());
        assert!(kernel.to_string().starts_with("Linux "), "{kernel}");
    }
}
