//! AF_XDP sockets in safe Rust, without C.
#![deny(unsafe_code)]

pub mod device;
#[cfg(feature = "lab")]
pub mod lab;
pub mod program;
mod sys;

/// A queue of a NIC, counted from 0.
///
/// Checked against the queues of the interface before bind: the kernel itself keeps only sixteen bits of it, so that
/// binding queue 65536 would succeed and silently take queue 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueId(pub u32);

impl core::fmt::Display for QueueId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}
