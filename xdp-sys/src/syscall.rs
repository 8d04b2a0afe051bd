//! One thin function for each system call, and no policy: nothing is retried, nothing is rounded, nothing is
//! remembered.
//!
//! `EINTR` is returned like any other error; each function says when that can happen. Descriptors are plain numbers
//! since `core` has no type that keeps them open, so every function that takes one is `unsafe`: the caller keeps it
//! open during the call.
#![allow(unsafe_code, reason = "this file is the boundary to the kernel")]

use core::ffi::{CStr, c_int, c_void};
use core::ptr::{self, NonNull};
use core::time::Duration;

pub use libc::{
    EPOLL_CTL_ADD, EPOLLIN, MAP_ANONYMOUS, MAP_POPULATE, MAP_PRIVATE, MAP_SHARED, MSG_DONTWAIT, PROT_READ,
    PROT_WRITE, SIGINT, SIGTERM, SO_ERROR, SOCK_CLOEXEC, SOCK_RAW, SOL_SOCKET, epoll_event, pollfd, rlimit,
};

use crate::errno::{Errno, Result};
use crate::ethtool::SIOCETHTOOL;
use crate::plain::Plain;
use crate::rtnetlink::IFNAMSIZ;

/// The error number of the call that just failed on this thread.
pub fn errno() -> Errno {
    // SAFETY: it takes no argument and returns the address of this thread's own word, valid while the thread lives.
    let address = unsafe { libc::__errno_location() };
    // SAFETY: the address is this thread's, so nobody writes meanwhile, and this thread lives (it runs this line).
    Errno::from_raw(unsafe { *address })
}

/// Turns the -1 of a call into its error number.
fn check(result: c_int) -> Result<c_int> {
    if result < 0 { Err(errno()) } else { Ok(result) }
}

/// The same for calls that return a length.
fn check_len(result: isize) -> Result<usize> {
    usize::try_from(result).map_err(|_| errno())
}

/// socket(2): returns a new descriptor that the caller owns. Never `EINTR`.
///
/// Flags such as `SOCK_CLOEXEC` are part of `kind`.
pub fn socket(family: c_int, kind: c_int, protocol: c_int) -> Result<c_int> {
    // SAFETY: three numbers; no memory of ours is involved.
    check(unsafe { libc::socket(family, kind, protocol) })
}

/// bind(2) to an address of any family. Never `EINTR` for AF_XDP and netlink.
///
/// # Safety
///
/// `fd` is open and stays open during the call.
pub unsafe fn bind<A: Plain>(fd: c_int, address: &A) -> Result<()> {
    let bytes = address.as_bytes();
    // SAFETY: `bytes` is readable for the length passed along, borrowed for this call; the kernel keeps a copy. The
    // descriptor is the caller's promise.
    check(unsafe { libc::bind(fd, bytes.as_ptr().cast(), bytes.len() as libc::socklen_t) }).map(drop)
}

/// setsockopt(2). Never `EINTR` for the options of AF_XDP, netlink and `SOL_SOCKET`.
///
/// # Safety
///
/// `fd` is open and stays open during the call. If the value holds an address (`XDP_UMEM_REG`), the memory it names
/// is one that the kernel may read and write from now on until the socket is gone.
pub unsafe fn setsockopt<T: Plain>(fd: c_int, level: c_int, name: c_int, value: &T) -> Result<()> {
    let bytes = value.as_bytes();
    // SAFETY: `bytes` is readable for the length passed along, borrowed for this call. The descriptor, and the memory
    // that the value may name, are the caller's promise.
    check(unsafe { libc::setsockopt(fd, level, name, bytes.as_ptr().cast(), bytes.len() as libc::socklen_t) })
        .map(drop)
}

/// getsockopt(2) into a typed value, zero where the kernel wrote nothing; with it the number of bytes that the kernel
/// wrote.
///
/// An older kernel may write less than a newer struct holds: look at the length before you trust a field. Never
/// `EINTR`.
///
/// # Safety
///
/// `fd` is open and stays open during the call.
pub unsafe fn getsockopt<T: Plain>(fd: c_int, level: c_int, name: c_int) -> Result<(T, usize)> {
    let mut value = T::zeroed();
    let bytes = value.as_bytes_mut();
    let mut len = bytes.len() as libc::socklen_t;
    // SAFETY: `bytes` is writable for `len` bytes, borrowed for this call, and any bytes make a valid `T`; `len` is a
    // local. The kernel writes at most `len` bytes. The descriptor is the caller's promise.
    check(unsafe { libc::getsockopt(fd, level, name, bytes.as_mut_ptr().cast(), &raw mut len) })?;
    Ok((value, len as usize))
}

/// mmap(2) of a new range, at an address of the kernel's choice. Never `EINTR`.
///
/// Returns the first byte; `munmap` ends it. `fd` is -1 for anonymous memory. Never replaces a mapping: `MAP_FIXED`
/// is refused with `EINVAL`.
///
/// # Safety
///
/// `fd` is -1, or open and open during the call (the mapping itself outlives it).
pub unsafe fn mmap(
    len: usize,
    protection: c_int,
    flags: c_int,
    fd: c_int,
    offset: u64,
) -> Result<NonNull<u8>> {
    // It would replace memory that somebody else uses.
    if flags & libc::MAP_FIXED != 0 {
        return Err(Errno::EINVAL);
    }
    let offset = libc::off64_t::try_from(offset).map_err(|_| Errno::EOVERFLOW)?;
    // SAFETY: without `MAP_FIXED` (refused above) the kernel chooses a range that nothing uses, so no memory of ours
    // changes. The descriptor is the caller's promise.
    let address = unsafe { libc::mmap64(ptr::null_mut(), len, protection, flags, fd, offset) };
    if address == libc::MAP_FAILED {
        return Err(errno());
    }
    // Address zero is never chosen by the kernel (`vm.mmap_min_addr`); if it were, nobody could use it.
    NonNull::new(address.cast()).ok_or(Errno::EFAULT)
}

/// munmap(2). Never `EINTR`.
///
/// # Safety
///
/// `address` came from [`mmap`] with this length (for huge pages, a multiple of their size), and nobody uses the
/// memory from now on.
pub unsafe fn munmap(address: NonNull<u8>, len: usize) -> Result<()> {
    // SAFETY: the caller promises that the range is a mapping of its own and out of use.
    check(unsafe { libc::munmap(address.as_ptr().cast::<c_void>(), len) }).map(drop)
}

/// madvise(2) `MADV_DONTFORK`: a child that is forked from now on does not get this memory. Never `EINTR`.
///
/// # Safety
///
/// `address` came from [`mmap`] with this length (for huge pages, a multiple of their size), and no forked child of
/// the process counts on the memory.
pub unsafe fn madvise_dontfork(address: NonNull<u8>, len: usize) -> Result<()> {
    // SAFETY: the advice changes nothing in this process, neither the memory nor access to it. What it takes from
    // children is out of use there, as the caller promises.
    check(unsafe { libc::madvise(address.as_ptr().cast::<c_void>(), len, libc::MADV_DONTFORK) }).map(drop)
}

/// sendto(2) without an address. Hands `bytes` to netlink; with no bytes and `MSG_DONTWAIT` it makes an AF_XDP socket
/// send.
///
/// Returns the number of bytes taken. `EINTR` only without `MSG_DONTWAIT`.
///
/// # Safety
///
/// `fd` is open and stays open during the call.
#[inline]
pub unsafe fn send(fd: c_int, bytes: &[u8], flags: c_int) -> Result<usize> {
    // SAFETY: `bytes` is readable for the length passed along, borrowed for this call. The address is null with
    // length zero. The descriptor is the caller's promise.
    check_len(unsafe { libc::sendto(fd, bytes.as_ptr().cast(), bytes.len(), flags, ptr::null(), 0) })
}

/// recvfrom(2) without an address. With no bytes and `MSG_DONTWAIT` it wakes an AF_XDP socket's reception.
///
/// Returns the number of bytes, with `MSG_TRUNC` that of the whole message even if it did not fit. `EINTR` only
/// without `MSG_DONTWAIT`.
///
/// # Safety
///
/// `fd` is open and stays open during the call.
#[inline]
pub unsafe fn recv(fd: c_int, bytes: &mut [u8], flags: c_int) -> Result<usize> {
    // SAFETY: `bytes` is writable for the length passed along, borrowed exclusively for this call; the kernel writes
    // no more than that. The address is null. The descriptor is the caller's promise.
    check_len(unsafe {
        libc::recvfrom(fd, bytes.as_mut_ptr().cast(), bytes.len(), flags, ptr::null_mut(), ptr::null_mut())
    })
}

/// recvfrom(2) with the address of the sender, which netlink needs to tell the kernel from other processes.
///
/// Returns the number of bytes, with `MSG_TRUNC` that of the whole message even if it did not fit. `EINTR` only
/// without `MSG_DONTWAIT`.
///
/// # Safety
///
/// `fd` is open and stays open during the call.
pub unsafe fn recvfrom<A: Plain>(fd: c_int, bytes: &mut [u8], flags: c_int) -> Result<(usize, A)> {
    let mut address = A::zeroed();
    let address_bytes = address.as_bytes_mut();
    let mut address_len = address_bytes.len() as libc::socklen_t;
    // SAFETY: both ranges are writable for the lengths passed along and borrowed exclusively for this call; the
    // kernel writes no more than that into either, and any bytes make a valid `A`. The descriptor is the caller's
    // promise.
    let len = check_len(unsafe {
        libc::recvfrom(
            fd,
            bytes.as_mut_ptr().cast(),
            bytes.len(),
            flags,
            address_bytes.as_mut_ptr().cast(),
            &raw mut address_len,
        )
    })?;
    Ok((len, address))
}

/// membarrier(2) with `MEMBARRIER_CMD_GLOBAL`: returns once everything has ended that ran in the kernel with
/// preemption or softirqs off when it was called (`synchronize_rcu` in kernel/sched/membarrier.c), as XDP programs
/// do.
///
/// Takes milliseconds. `EINVAL` where a CPU runs without ticks (`nohz_full`), `ENOSYS` in a kernel without it.
/// Minimum kernel: 4.3.
pub fn membarrier_global() -> Result<()> {
    const MEMBARRIER_CMD_GLOBAL: c_int = 1;
    // SAFETY: this command reads and writes no memory of ours.
    let answer = unsafe { libc::syscall(libc::SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) };
    if answer < 0 { Err(errno()) } else { Ok(()) }
}

/// sched_setaffinity(2) of the calling thread: it may run on CPU n if bit `n % 64` of word `n / 64` is set.
pub fn sched_setaffinity(cpus: &[u64]) -> Result<()> {
    // SAFETY: the range is readable for the length passed along, borrowed during the call. Thread 0 is the calling
    // one.
    let answer = unsafe { libc::syscall(libc::SYS_sched_setaffinity, 0, size_of_val(cpus), cpus.as_ptr()) };
    if answer < 0 { Err(errno()) } else { Ok(()) }
}

/// sched_getaffinity(2) of the calling thread, as [`sched_setaffinity`] takes it; returns the number of bytes
/// written. `EINVAL` if the kernel may have more CPUs than there are bits.
pub fn sched_getaffinity(cpus: &mut [u64]) -> Result<usize> {
    let bytes = size_of_val(cpus);
    // SAFETY: the range is writable for the length passed along, borrowed exclusively during the call, and any bits
    // make a number. Thread 0 is the calling one.
    let answer = unsafe { libc::syscall(libc::SYS_sched_getaffinity, 0, bytes, cpus.as_mut_ptr()) };
    usize::try_from(answer).map_err(|_| errno())
}

/// ppoll(2) with the signal mask left alone: waits for at most `timeout`, for ever without one.
///
/// Returns the number of entries that have events. `EINTR` when a signal arrives first; the time already waited is
/// lost then.
///
/// # Safety
///
/// Every non-negative descriptor in `fds` is open and stays open during the call.
pub unsafe fn poll(fds: &mut [pollfd], timeout: Option<Duration>) -> Result<usize> {
    let timeout = timeout.map(|timeout| {
        // Longer than any machine runs; the kernel adds it to the current time without overflow.
        let seconds = timeout.as_secs().min(1 << 30) as libc::time_t;
        libc::timespec { tv_sec: seconds, tv_nsec: timeout.subsec_nanos() as _ }
    });
    let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: `fds` is writable for the number of entries passed along, borrowed exclusively for this call; `timeout`
    // is null or a local that outlives the call; the mask is null. The descriptors are the caller's promise.
    check(unsafe { libc::ppoll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, timeout, ptr::null()) })
        .map(|ready| ready as usize)
}

/// epoll_create1(2): returns a new descriptor that the caller owns, close-on-exec. Never `EINTR`.
pub fn epoll_create() -> Result<c_int> {
    // SAFETY: a number; no memory of ours is involved.
    check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })
}

/// epoll_ctl(2): adds, changes or removes (`operation`) what `epoll` watches `fd` for. Never `EINTR`.
///
/// The kernel looks at `fd` when it is added and after it has told of something, not at each wait: unlike [`poll`],
/// waiting does not make an AF_XDP socket send.
///
/// # Safety
///
/// `epoll` and `fd` are open and stay open during the call.
pub unsafe fn epoll_ctl(epoll: c_int, operation: c_int, fd: c_int, mut event: epoll_event) -> Result<()> {
    // SAFETY: `event` is a local, readable during the call; the kernel keeps a copy. The descriptors are the caller's
    // promise.
    check(unsafe { libc::epoll_ctl(epoll, operation, fd, &raw mut event) }).map(drop)
}

/// epoll_wait(2): waits for at most `timeout_ms` milliseconds, for ever if that is negative.
///
/// Returns the number of entries at the start of `events` that were filled. `EINTR` when a signal arrives first.
///
/// # Safety
///
/// `epoll` is open and stays open during the call.
pub unsafe fn epoll_wait(epoll: c_int, events: &mut [epoll_event], timeout_ms: c_int) -> Result<usize> {
    let len = c_int::try_from(events.len()).unwrap_or(c_int::MAX);
    // SAFETY: `events` is writable for the number of entries passed along, borrowed exclusively for this call, and
    // whatever the kernel writes is a valid entry. The descriptor is the caller's promise.
    check(unsafe { libc::epoll_wait(epoll, events.as_mut_ptr(), len, timeout_ms) })
        .map(|ready| ready as usize)
}

/// sigprocmask(2) and signalfd(2): from now on these signals do not interrupt the calling thread, nor the threads
/// that it starts, but make a new descriptor readable, which the caller owns. Never `EINTR`.
///
/// Close-on-exec. A number that is no signal is refused with `EINVAL`.
pub fn signals_to_fd(signals: &[c_int]) -> Result<c_int> {
    let mut set = core::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the call fills the set that it is given, here a local.
    check(unsafe { libc::sigemptyset(set.as_mut_ptr()) })?;
    // SAFETY: filled one line above.
    let mut set = unsafe { set.assume_init() };
    for &signal in signals {
        // SAFETY: the set is a local, initialised; a number that is no signal is an error of the call.
        check(unsafe { libc::sigaddset(&raw mut set, signal) })?;
    }
    // SAFETY: the set is an initialised local; the old mask is not asked for. The mask is this thread's own.
    check(unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()) })?;
    // SAFETY: -1 asks for a new descriptor; the set is an initialised local.
    check(unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC) })
}

/// if_nametoindex(3): the index of an interface in the calling thread's network namespace. Never `EINTR`.
pub fn if_nametoindex(name: &CStr) -> Result<u32> {
    // SAFETY: `name` ends with a zero and is borrowed for this call.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(errno()),
        index => Ok(index),
    }
}

/// ioctl(2) `SIOCETHTOOL`: asks the driver of interface `name` (zero-filled) what the first word of `value` says.
/// Never `EINTR`.
///
/// # Safety
///
/// `fd` is an open socket and stays open during the call. The command in the first word of `value` writes no more
/// than `size_of::<T>()` bytes.
pub unsafe fn ioctl_ethtool<T: Plain>(fd: c_int, name: &[u8; IFNAMSIZ], value: &mut T) -> Result<()> {
    let mut request = libc::ifreq {
        ifr_name: name.map(|byte| byte as core::ffi::c_char),
        ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_data: value.as_bytes_mut().as_mut_ptr().cast() },
    };
    // SAFETY: `request` is a local that outlives the call, and the memory it names is `value`, borrowed exclusively,
    // of which the caller promises that the command stays within. The descriptor is the caller's promise too.
    check(unsafe { libc::ioctl(fd, SIOCETHTOOL as libc::Ioctl, &raw mut request) }).map(drop)
}

/// setns(2): moves the calling thread into the namespace that `fd` names. Never `EINTR`.
///
/// # Safety
///
/// `fd` is open and stays open during the call.
pub unsafe fn setns(fd: c_int, kind: c_int) -> Result<()> {
    // SAFETY: two numbers; the descriptor is the caller's promise.
    check(unsafe { libc::setns(fd, kind) }).map(drop)
}

/// unshare(2) of the network namespace: the calling thread gets a new, empty one. Never `EINTR`.
///
/// Restricted to `CLONE_NEWNET`, which changes no memory and no descriptor of the process; `CLONE_FILES` and others
/// would.
pub fn unshare_net() -> Result<()> {
    // SAFETY: the flag gives this thread another network namespace and touches neither memory nor descriptors.
    check(unsafe { libc::unshare(libc::CLONE_NEWNET) }).map(drop)
}

/// getrlimit(2), for `RLIMIT_MEMLOCK` for example. Never `EINTR`.
pub fn getrlimit(resource: c_int) -> Result<rlimit> {
    let mut limit = rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a local of the type that the call fills.
    check(unsafe { libc::getrlimit(resource as _, &raw mut limit) })?;
    Ok(limit)
}
