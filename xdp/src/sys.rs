//! The system calls behind safe functions: descriptors that stay open, memory that unmaps itself.
//!
//! Not here: what an error means and whether a call is repeated; `EINTR` and `EAGAIN` are returned as they come.
//! With its `memory` the one module of this crate's devices and sockets that opts into unsafe code for system calls.
//!
//! Nothing that is mapped here is there in a forked child (`MADV_DONTFORK`), so a forked child must not touch a
//! socket or a frame; to drop its copies of them is harmless. With the memory it would keep the queue bound after its
//! parent closed the socket, there would be two producers of one ring, and since the pages of a UMEM are pinned, fork
//! itself would copy them all at once.
#![allow(unsafe_code, reason = "proves to the kernel's calls what the types of this file keep true")]

mod memory;
mod steering;

use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use xdp_sys::ethtool::{
    ETHTOOL_GCHANNELS, ETHTOOL_GDRVINFO, ETHTOOL_GRINGPARAM, ETHTOOL_GRXFHINDIR, ETHTOOL_SCHANNELS,
    ETHTOOL_SRINGPARAM, RXFH_INDIR_ENTRIES, ethtool_channels, ethtool_drvinfo, ethtool_ringparam,
    ethtool_rxfh_indir,
};
use xdp_sys::if_xdp::{SOL_XDP, XDP_UMEM_REG, xdp_umem_reg};
use xdp_sys::rtnetlink::IFNAMSIZ;
use xdp_sys::{Errno, Plain, Result, syscall};

pub(crate) use memory::{HUGE_PAGE, Mapping, Pages, RingMapping};
pub(crate) use steering::{rule_locations, steer};

/// A process, so that a forked child's copy of what it made can be told from the original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process(u32);

impl Process {
    /// The calling one.
    pub(crate) fn this() -> Self {
        Self(std::process::id())
    }

    /// Whether it is the calling one.
    pub(crate) fn is_this(self) -> bool {
        self == Self::this()
    }
}

/// The error as the standard library has it, for public signatures.
pub(crate) fn io_error(errno: Errno) -> io::Error {
    io::Error::from_raw_os_error(errno.raw())
}

/// socket(2), close-on-exec.
pub(crate) fn socket(family: i32, kind: i32, protocol: i32) -> Result<OwnedFd> {
    let fd = syscall::socket(family, kind | libc::SOCK_CLOEXEC, protocol)?;
    // SAFETY: the kernel just returned this descriptor to us, so it is open and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// bind(2).
pub(crate) fn bind<A: Plain>(fd: BorrowedFd<'_>, address: &A) -> Result<()> {
    // SAFETY: `BorrowedFd` keeps the descriptor open during the call.
    unsafe { syscall::bind(fd.as_raw_fd(), address) }
}

/// setsockopt(2) with a value that names no memory.
///
/// Registering a UMEM is refused with `EINVAL`: it lets the kernel write to memory, see [`register_umem`].
pub(crate) fn set_option<T: Plain>(fd: BorrowedFd<'_>, level: i32, name: i32, value: &T) -> Result<()> {
    if (level, name) == (SOL_XDP, XDP_UMEM_REG) {
        return Err(Errno::EINVAL);
    }
    // SAFETY: `BorrowedFd` keeps the descriptor open during the call. The one option whose value names memory that
    // the kernel writes to is refused above.
    unsafe { syscall::setsockopt(fd.as_raw_fd(), level, name, value) }
}

/// getsockopt(2): the value, zero where the kernel wrote nothing, and the number of bytes that it wrote.
pub(crate) fn option<T: Plain>(fd: BorrowedFd<'_>, level: i32, name: i32) -> Result<(T, usize)> {
    // SAFETY: `BorrowedFd` keeps the descriptor open during the call.
    unsafe { syscall::getsockopt(fd.as_raw_fd(), level, name) }
}

/// Registers `memory` as the UMEM of a socket; `addr` and `len` of `shape` are taken from it.
///
/// The kernel holds on to the pages themselves, not to their addresses: unmapping early loses packets, never memory.
pub(crate) fn register_umem(fd: BorrowedFd<'_>, memory: &Mapping, shape: xdp_umem_reg) -> Result<()> {
    let addr = memory.ptr().as_ptr().expose_provenance() as u64;
    let registration = xdp_umem_reg { addr, len: memory.len() as u64, ..shape };
    // SAFETY: `BorrowedFd` keeps the descriptor open during the call. The memory named is a whole `Mapping`, and the
    // kernel pins its pages, so that it touches nobody else's memory even after the mapping is gone. Inside it there
    // are references of ours: frames are lent as slices to who owns their chunk. The kernel touches only chunks that
    // were handed to it by the fill or the tx ring, and what is handed over is owned by nobody here until the kernel
    // gives it back: the custody table of `xdp_core::frames` keeps that, chunk by chunk.
    unsafe { syscall::setsockopt(fd.as_raw_fd(), SOL_XDP, XDP_UMEM_REG, &registration) }
}

/// Makes an AF_XDP socket send what is on its tx ring: sendto(2) without data.
#[inline]
pub(crate) fn kick(fd: BorrowedFd<'_>) -> Result<()> {
    send(fd, &[], libc::MSG_DONTWAIT).map(drop)
}

/// Makes an AF_XDP socket look at its fill ring: recvfrom(2) without a buffer.
#[inline]
pub(crate) fn wake_rx(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: `BorrowedFd` keeps the descriptor open during the call.
    unsafe { syscall::recv(fd.as_raw_fd(), &mut [], libc::MSG_DONTWAIT) }.map(drop)
}

/// Returns once every XDP program that ran when it was called has ended, and what it sent to sockets has arrived.
pub(crate) fn await_programs() -> Result<()> {
    syscall::membarrier_global()
}

/// Words of a set of CPUs: for 8192, the most that Linux is built for.
const CPU_WORDS: usize = 128;

/// The CPUs that the calling thread may run on, in order.
pub(crate) fn allowed_cpus() -> Result<Vec<usize>> {
    let mut words = [0; CPU_WORDS];
    syscall::sched_getaffinity(&mut words)?;
    Ok((0..CPU_WORDS * 64).filter(|cpu| words[cpu / 64] >> (cpu % 64) & 1 != 0).collect())
}

/// Keeps the calling thread on one CPU.
pub(crate) fn stay_on(cpu: usize) -> Result<()> {
    let mut words = [0; CPU_WORDS];
    *words.get_mut(cpu / 64).ok_or(Errno::EINVAL)? = 1 << (cpu % 64);
    syscall::sched_setaffinity(&words)
}

/// sendto(2) without an address: the number of bytes taken.
#[inline]
pub(crate) fn send(fd: BorrowedFd<'_>, bytes: &[u8], flags: i32) -> Result<usize> {
    // SAFETY: `BorrowedFd` keeps the descriptor open during the call.
    unsafe { syscall::send(fd.as_raw_fd(), bytes, flags) }
}

/// sendto(2) with an address: what a stranger does to a socket of ours.
#[cfg(test)]
pub(crate) fn send_to<A: Plain>(fd: BorrowedFd<'_>, bytes: &[u8], address: &A) -> Result<usize> {
    let to = address.as_bytes();
    let len = to.len() as libc::socklen_t;
    // SAFETY: both ranges are readable for the lengths passed along and borrowed during the call; `BorrowedFd` keeps
    // the descriptor open during it.
    let sent = unsafe {
        libc::sendto(fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), 0, to.as_ptr().cast(), len)
    };
    usize::try_from(sent).map_err(|_| syscall::errno())
}

/// recvfrom(2): the number of bytes and the sender. With `MSG_TRUNC` the number may be larger than the buffer.
pub(crate) fn receive_from<A: Plain>(fd: BorrowedFd<'_>, bytes: &mut [u8], flags: i32) -> Result<(usize, A)> {
    // SAFETY: `BorrowedFd` keeps the descriptor open during the call.
    unsafe { syscall::recvfrom(fd.as_raw_fd(), bytes, flags) }
}

/// One entry of [`poll`]: a descriptor and the events that are waited for.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub(crate) struct PollFd<'fd> {
    raw: syscall::pollfd,
    fd: PhantomData<BorrowedFd<'fd>>,
}

impl std::fmt::Debug for PollFd<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let syscall::pollfd { fd, events, revents } = self.raw;
        f.debug_struct("PollFd").field("fd", &fd).field("events", &events).field("revents", &revents).finish()
    }
}

impl<'fd> PollFd<'fd> {
    /// Waits for `events`, `libc::POLLIN` for example.
    pub(crate) fn new(fd: BorrowedFd<'fd>, events: i16) -> Self {
        Self { raw: syscall::pollfd { fd: fd.as_raw_fd(), events, revents: 0 }, fd: PhantomData }
    }

    /// What happened, `POLLERR` and `POLLHUP` included.
    pub(crate) fn events(&self) -> i16 {
        let syscall::pollfd { revents, .. } = self.raw;
        revents
    }
}

/// ppoll(2): waits for at most `timeout`, for ever without one; the number of entries that have events.
pub(crate) fn poll(fds: &mut [PollFd<'_>], timeout: Option<Duration>) -> Result<usize> {
    let len = fds.len();
    // SAFETY: `PollFd` is a transparent wrapper of `pollfd`, so both slices have one layout; the new one borrows
    // `fds` exclusively, and whatever the kernel writes is a valid entry.
    let raw = unsafe { std::slice::from_raw_parts_mut(fds.as_mut_ptr().cast::<syscall::pollfd>(), len) };
    // SAFETY: each entry was made from a `BorrowedFd` whose lifetime it carries, so its descriptor is open.
    unsafe { syscall::poll(raw, timeout) }
}

/// ioctl(2) `SIOCETHTOOL` through a socket of any family, in whose namespace `interface` is looked up.
pub(crate) fn ethtool<T: Ethtool>(socket: BorrowedFd<'_>, interface: &[u8]) -> Result<T> {
    let name = interface_name(interface)?;
    let mut value = T::question();
    // SAFETY: `BorrowedFd` keeps the descriptor open during the call, and the command that `question` puts into the
    // first word writes one `T` and no more: promised by each impl of `Ethtool`.
    unsafe { syscall::ioctl_ethtool(socket.as_raw_fd(), &name, &mut value) }?;
    Ok(value)
}

/// The same with `ETHTOOL_SCHANNELS`, which changes the numbers of queues. Needs `CAP_NET_ADMIN`.
pub(crate) fn ethtool_set_channels(
    socket: BorrowedFd<'_>,
    interface: &[u8],
    value: ethtool_channels,
) -> Result<()> {
    ethtool_set(socket, interface, ethtool_channels { cmd: ETHTOOL_SCHANNELS, ..value })
}

/// The same with `ETHTOOL_SRINGPARAM`, which changes the sizes of rings. Needs `CAP_NET_ADMIN`.
pub(crate) fn ethtool_set_rings(
    socket: BorrowedFd<'_>,
    interface: &[u8],
    value: ethtool_ringparam,
) -> Result<()> {
    ethtool_set(socket, interface, ethtool_ringparam { cmd: ETHTOOL_SRINGPARAM, ..value })
}

/// For the two functions above: commands that read one `T` and write nothing.
fn ethtool_set<T: Ethtool>(socket: BorrowedFd<'_>, interface: &[u8], mut value: T) -> Result<()> {
    let name = interface_name(interface)?;
    // SAFETY: `BorrowedFd` keeps the descriptor open during the call. `ethtool_set_channels` and
    // `ethtool_set_ringparam` of the kernel's net/ethtool/ioctl.c copy one `T` in and none out, and only our callers
    // above put the command into it.
    unsafe { syscall::ioctl_ethtool(socket.as_raw_fd(), &name, &mut value) }
}

/// A name as ioctl(2) wants it: with one zero byte at least, to end it.
fn interface_name(interface: &[u8]) -> Result<[u8; IFNAMSIZ]> {
    let mut name = [0; IFNAMSIZ];
    name[..IFNAMSIZ - 1].get_mut(..interface.len()).ok_or(Errno::ENODEV)?.copy_from_slice(interface);
    Ok(name)
}

/// A struct that one ethtool command fills.
///
/// # Safety
///
/// `question` puts a command into the first word to which the kernel answers with one `Self` and no more.
pub(crate) unsafe trait Ethtool: Plain {
    /// The struct with its command, the rest zero.
    fn question() -> Self;
}

// SAFETY: `ethtool_get_channels` in the kernel's net/ethtool/ioctl.c copies one `struct ethtool_channels` back.
unsafe impl Ethtool for ethtool_channels {
    fn question() -> Self {
        Self { cmd: ETHTOOL_GCHANNELS, ..Self::default() }
    }
}

// SAFETY: `ethtool_get_ringparam` in the kernel's net/ethtool/ioctl.c copies one `struct ethtool_ringparam` back.
unsafe impl Ethtool for ethtool_ringparam {
    fn question() -> Self {
        Self { cmd: ETHTOOL_GRINGPARAM, ..Self::default() }
    }
}

// SAFETY: `ethtool_get_rxfh_indir` in the kernel's net/ethtool/ioctl.c copies back the number of entries, and of
// these as many as it has, unless they are more than `size` says that there is room for: then none.
unsafe impl Ethtool for ethtool_rxfh_indir {
    fn question() -> Self {
        Self { cmd: ETHTOOL_GRXFHINDIR, size: RXFH_INDIR_ENTRIES as u32, ..Self::zeroed() }
    }
}

// SAFETY: `ethtool_get_drvinfo` in the kernel's net/ethtool/ioctl.c copies one `struct ethtool_drvinfo` back.
unsafe impl Ethtool for ethtool_drvinfo {
    fn question() -> Self {
        Self { cmd: ETHTOOL_GDRVINFO, ..Self::zeroed() }
    }
}

/// setns(2): moves the calling thread into a network namespace.
#[cfg(feature = "lab")]
pub(crate) fn enter_net(namespace: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: `BorrowedFd` keeps the descriptor open during the call.
    unsafe { syscall::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) }
}

/// How much memory an unprivileged process may lock, in bytes; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MemlockLimit {
    pub(crate) soft: Option<u64>,
    pub(crate) hard: Option<u64>,
}

/// getrlimit(2) of `RLIMIT_MEMLOCK`.
pub(crate) fn memlock_limit() -> Result<MemlockLimit> {
    let limit = syscall::getrlimit(libc::RLIMIT_MEMLOCK as i32)?;
    // On 32-bit targets the C library's type is narrower.
    #[allow(clippy::unnecessary_cast, reason = "the type differs between targets")]
    let bytes = |value: libc::rlim_t| (value != libc::RLIM_INFINITY).then_some(value as u64);
    Ok(MemlockLimit { soft: bytes(limit.rlim_cur), hard: bytes(limit.rlim_max) })
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn sockets_close_on_exec() {
        let socket = socket(libc::AF_NETLINK, libc::SOCK_RAW, 0).expect("netlink needs no privilege");
        let path = format!("/proc/self/fdinfo/{}", socket.as_raw_fd());
        let info = std::fs::read_to_string(path).expect("proc is mounted");
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).map(str::trim).expect("flags");
        let flags = i32::from_str_radix(flags, 8).expect("octal");
        assert_ne!(flags & libc::O_CLOEXEC, 0);
    }

    #[test]
    fn registering_memory_as_a_plain_option_is_refused() {
        let socket = socket(libc::AF_NETLINK, libc::SOCK_RAW, 0).expect("netlink needs no privilege");
        let refused = set_option(socket.as_fd(), SOL_XDP, XDP_UMEM_REG, &xdp_umem_reg::default());
        assert_eq!(refused, Err(Errno::EINVAL));
    }

    #[test]
    fn poll_keeps_its_timeout() {
        let socket = socket(libc::AF_NETLINK, libc::SOCK_RAW, 0).expect("netlink needs no privilege");
        let start = std::time::Instant::now();
        let mut fds = [PollFd::new(socket.as_fd(), libc::POLLIN)];
        assert_eq!(poll(&mut fds, Some(Duration::from_micros(1500))), Ok(0));
        assert!(start.elapsed() >= Duration::from_micros(1500));
        assert_eq!(fds[0].events(), 0);
    }

    #[test]
    fn names_longer_than_an_interface_has_are_unknown() {
        let socket = socket(libc::AF_NETLINK, libc::SOCK_RAW, 0).expect("netlink needs no privilege");
        let answer = ethtool::<ethtool_channels>(socket.as_fd(), b"sixteen-bytes-is");
        assert_eq!(answer.unwrap_err(), Errno::ENODEV);
    }
}
