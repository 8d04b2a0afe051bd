//! The number a system call fails with.
//!
//! Not here: what the number means for a certain call. `EINVAL` of bind(2) and `EINVAL` of mmap(2) need different
//! remedies, and only the caller knows the arguments.

use core::fmt;

/// What every function of this crate that asks the kernel for something returns.
pub type Result<T> = core::result::Result<T, Errno>;

/// An error number of the kernel, such as `EBUSY`.
///
/// `Display` gives the symbolic name and a short text, which is what an operator searches for:
///
/// ```
/// use xdp_sys::Errno;
/// assert_eq!(Errno::EBUSY.to_string(), "EBUSY: device or resource busy");
/// assert_eq!(Errno::from_raw(4000).to_string(), "errno 4000");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(i32);

impl Errno {
    /// `EPERM`: a capability is missing, or a limit of the user namespace applies.
    pub const EPERM: Self = Self(libc::EPERM);
    /// `ENOENT`: what was named does not exist.
    pub const ENOENT: Self = Self(libc::ENOENT);
    /// `EINTR`: a signal arrived first.
    pub const EINTR: Self = Self(libc::EINTR);
    /// `EIO`: input or output failed.
    pub const EIO: Self = Self(libc::EIO);
    /// `ENXIO`: the socket is not bound, or its device is gone.
    pub const ENXIO: Self = Self(libc::ENXIO);
    /// `E2BIG`: an index or an argument is too large.
    pub const E2BIG: Self = Self(libc::E2BIG);
    /// `EBADF`: not an open descriptor of the right kind.
    pub const EBADF: Self = Self(libc::EBADF);
    /// `EAGAIN`: nothing to do now, or more to do than one call does.
    pub const EAGAIN: Self = Self(libc::EAGAIN);
    /// `ENOMEM`: the kernel has no memory for this.
    pub const ENOMEM: Self = Self(libc::ENOMEM);
    /// `EACCES`: refused by permission, or (for AF_XDP's budget option) by range.
    pub const EACCES: Self = Self(libc::EACCES);
    /// `EFAULT`: a pointer that is not the caller's memory.
    pub const EFAULT: Self = Self(libc::EFAULT);
    /// `EBUSY`: taken by somebody else, or set already.
    pub const EBUSY: Self = Self(libc::EBUSY);
    /// `EEXIST`: it is there already.
    pub const EEXIST: Self = Self(libc::EEXIST);
    /// `ENODEV`: no such device.
    pub const ENODEV: Self = Self(libc::ENODEV);
    /// `EINVAL`: an argument the kernel does not accept.
    pub const EINVAL: Self = Self(libc::EINVAL);
    /// `EMFILE`: this process has too many open files.
    pub const EMFILE: Self = Self(libc::EMFILE);
    /// `ENFILE`: the system has too many open files.
    pub const ENFILE: Self = Self(libc::ENFILE);
    /// `ENOSPC`: a table or a map is full.
    pub const ENOSPC: Self = Self(libc::ENOSPC);
    /// `ERANGE`: a result does not fit.
    pub const ERANGE: Self = Self(libc::ERANGE);
    /// `ENOLINK`: what was attached is not any more.
    pub const ENOLINK: Self = Self(libc::ENOLINK);
    /// `ENOSYS`: the kernel has no such system call.
    pub const ENOSYS: Self = Self(libc::ENOSYS);
    /// `EPROTO`: the other side broke the protocol.
    pub const EPROTO: Self = Self(libc::EPROTO);
    /// `EBADMSG`: a message that cannot be read.
    pub const EBADMSG: Self = Self(libc::EBADMSG);
    /// `EOVERFLOW`: a value too large for its type.
    pub const EOVERFLOW: Self = Self(libc::EOVERFLOW);
    /// `ENOTSOCK`: a descriptor that is not a socket.
    pub const ENOTSOCK: Self = Self(libc::ENOTSOCK);
    /// `EMSGSIZE`: a message longer than the buffer or the limit.
    pub const EMSGSIZE: Self = Self(libc::EMSGSIZE);
    /// `ENOPROTOOPT`: an option this kernel does not know.
    pub const ENOPROTOOPT: Self = Self(libc::ENOPROTOOPT);
    /// `EPROTONOSUPPORT`: a protocol this kernel does not have.
    pub const EPROTONOSUPPORT: Self = Self(libc::EPROTONOSUPPORT);
    /// `ESOCKTNOSUPPORT`: a socket type this family does not have.
    pub const ESOCKTNOSUPPORT: Self = Self(libc::ESOCKTNOSUPPORT);
    /// `EOPNOTSUPP`: the driver or the kernel cannot do this.
    pub const EOPNOTSUPP: Self = Self(libc::EOPNOTSUPP);
    /// `EAFNOSUPPORT`: a socket family this kernel does not have.
    pub const EAFNOSUPPORT: Self = Self(libc::EAFNOSUPPORT);
    /// `EADDRINUSE`: the address is taken.
    pub const EADDRINUSE: Self = Self(libc::EADDRINUSE);
    /// `ENETDOWN`: the interface is down.
    pub const ENETDOWN: Self = Self(libc::ENETDOWN);
    /// `ENOBUFS`: a queue is full, or a memory limit is reached.
    pub const ENOBUFS: Self = Self(libc::ENOBUFS);
    /// `ETIMEDOUT`: it took too long.
    pub const ETIMEDOUT: Self = Self(libc::ETIMEDOUT);

    /// Wraps a number as errno(3) holds it, so positive.
    pub const fn from_raw(raw: i32) -> Self {
        Self(raw)
    }

    /// The number, as errno(3) holds it.
    pub const fn raw(self) -> i32 {
        self.0
    }

    /// The symbolic name and a short text, for the numbers that the calls of this crate return.
    const fn known(self) -> Option<(&'static str, &'static str)> {
        Some(match self {
            Self::EPERM => ("EPERM", "operation not permitted"),
            Self::ENOENT => ("ENOENT", "no such object"),
            Self::EINTR => ("EINTR", "interrupted by a signal"),
            Self::EIO => ("EIO", "input or output failed"),
            Self::ENXIO => ("ENXIO", "not bound, or the device is gone"),
            Self::E2BIG => ("E2BIG", "argument or index too large"),
            Self::EBADF => ("EBADF", "bad file descriptor"),
            Self::EAGAIN => ("EAGAIN", "try again"),
            Self::ENOMEM => ("ENOMEM", "out of memory"),
            Self::EACCES => ("EACCES", "permission denied"),
            Self::EFAULT => ("EFAULT", "bad address"),
            Self::EBUSY => ("EBUSY", "device or resource busy"),
            Self::EEXIST => ("EEXIST", "exists already"),
            Self::ENOLINK => ("ENOLINK", "not attached any more"),
            Self::ENODEV => ("ENODEV", "no such device"),
            Self::EINVAL => ("EINVAL", "invalid argument"),
            Self::EMFILE => ("EMFILE", "too many open files in this process"),
            Self::ENFILE => ("ENFILE", "too many open files in the system"),
            Self::ENOSPC => ("ENOSPC", "no space left"),
            Self::ERANGE => ("ERANGE", "result out of range"),
            Self::ENOSYS => ("ENOSYS", "system call not in this kernel"),
            Self::EPROTO => ("EPROTO", "protocol error"),
            Self::EBADMSG => ("EBADMSG", "malformed message"),
            Self::EOVERFLOW => ("EOVERFLOW", "value too large"),
            Self::ENOTSOCK => ("ENOTSOCK", "not a socket"),
            Self::EMSGSIZE => ("EMSGSIZE", "message too long"),
            Self::ENOPROTOOPT => ("ENOPROTOOPT", "option not in this kernel"),
            Self::EPROTONOSUPPORT => ("EPROTONOSUPPORT", "protocol not supported"),
            Self::ESOCKTNOSUPPORT => ("ESOCKTNOSUPPORT", "socket type not supported"),
            Self::EOPNOTSUPP => ("EOPNOTSUPP", "operation not supported"),
            Self::EAFNOSUPPORT => ("EAFNOSUPPORT", "address family not in this kernel"),
            Self::EADDRINUSE => ("EADDRINUSE", "address in use"),
            Self::ENETDOWN => ("ENETDOWN", "network is down"),
            Self::ENOBUFS => ("ENOBUFS", "no buffer space, or a limit is reached"),
            Self::ETIMEDOUT => ("ETIMEDOUT", "timed out"),
            _ => return None,
        })
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known() {
            Some((name, text)) => write!(f, "{name}: {text}"),
            None => write!(f, "errno {}", self.0),
        }
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known() {
            Some((name, _)) => f.write_str(name),
            None => write!(f, "Errno({})", self.0),
        }
    }
}

impl core::error::Error for Errno {}
