//! Which network namespace a socket is in.

use std::fs::File;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::MetadataExt;

use crate::sys;

/// A network namespace, told from all others for as long as this lives.
#[derive(Debug)]
pub(crate) struct Namespace {
    /// Its cookie (Minimum kernel: 5.14), on older kernels its inode number; none where neither can be had.
    pub(crate) id: Option<u64>,
    /// An inode number is used again when its namespace is gone, so the namespace is held.
    _held: Option<File>,
}

impl Namespace {
    /// The namespace of a socket that the calling thread has just made.
    pub(crate) fn of(socket: BorrowedFd<'_>) -> Self {
        if let Ok((cookie, _)) = sys::option::<u64>(socket, libc::SOL_SOCKET, libc::SO_NETNS_COOKIE) {
            return Self { id: Some(cookie), _held: None };
        }
        let held = File::open("/proc/thread-self/ns/net").ok();
        let inode = held.as_ref().and_then(|file| file.metadata().ok()).map(|metadata| metadata.ino());
        Self { id: inode, _held: held }
    }
}
