//! Waiting for a socket, without missing that its interface goes away.
//!
//! After an interface was removed, `poll` on its socket reports nothing at all, not even an error. So each half
//! listens to the kernel's link messages beside its socket.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use xdp_sys::Errno;

use crate::device::monitor::{LinkChange, LinkMonitor};
use crate::error::WaitError;
use crate::socket::port::Port;
use crate::sys;

/// What a half waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// A packet has arrived.
    Readable,
    /// The tx ring is at most half full.
    Writable,
    /// A frame has completed: the kernel has no event for that, but being asked makes it look at the tx ring.
    Completed,
}

/// The link messages of one interface.
#[derive(Debug)]
pub(crate) struct Waiter {
    /// None where the messages cannot be had (or there is no interface): then removal is noticed when the time is up.
    monitor: Option<LinkMonitor>,
}

impl Waiter {
    pub(crate) fn new(monitor: Option<LinkMonitor>) -> Self {
        Self { monitor }
    }

    /// Waits until `ready` is true, at most `timeout`; whether it is. `until` is what the kernel is asked to report.
    pub(crate) fn wait(
        &mut self,
        port: &Port,
        until: Until,
        timeout: Duration,
        ready: impl Fn() -> bool,
    ) -> Result<bool, WaitError> {
        let Some(fd) = port.kernel() else { return Ok(ready()) };
        let events = match until {
            Until::Readable => libc::POLLIN,
            Until::Writable => libc::POLLOUT,
            Until::Completed => 0,
        };
        let gone = || WaitError::InterfaceGone { interface: port.interface_name() };
        let failed = |cause| WaitError::Kernel { interface: port.interface_name(), cause };
        // A deadline beyond what the clock can tell is none.
        let deadline = Instant::now().checked_add(timeout);
        if port.is_gone() {
            return Err(gone());
        }
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            // Without a monitor the second entry is the socket once more, and only the first is asked about.
            let link = self.monitor.as_ref().map_or(fd, AsFd::as_fd);
            let mut wanted = [sys::PollFd::new(fd, events), sys::PollFd::new(link, libc::POLLIN)];
            let used = 1 + usize::from(self.monitor.is_some());
            let reported = match sys::poll(&mut wanted[..used], left) {
                // A signal does not end the wait: handlers set a flag, and the timeout bounds how late it is seen.
                Err(Errno::EINTR) => continue,
                other => other.map_err(|errno| failed(sys::io_error(errno)))?,
            };
            if ready() {
                return Ok(true);
            }
            let has_news = wanted[1].events() != 0;
            let has_error = wanted[0].events() & !(libc::POLLIN | libc::POLLOUT) != 0;
            let removed = has_news
                && self.monitor.as_mut().is_some_and(|monitor| monitor.drain() == LinkChange::Removed);
            // A socket whose interface was unregistered has ENETDOWN pending, which nothing but a look reports.
            if removed
                || ((reported == 0 || has_error || has_news) && pending_error(fd) == Some(Errno::ENETDOWN))
            {
                port.set_gone();
                return Err(gone());
            }
            // Also when something was reported that is not what was waited for: the deadline holds.
            if reported == 0 || left.is_some_and(|left| left.is_zero()) {
                return Ok(false);
            }
        }
    }
}

/// The error that waits to be told by the socket's next call; reading it clears it.
fn pending_error(fd: BorrowedFd<'_>) -> Option<Errno> {
    let (raw, _) = sys::option::<i32>(fd, libc::SOL_SOCKET, libc::SO_ERROR).ok()?;
    (raw != 0).then(|| Errno::from_raw(raw))
}
