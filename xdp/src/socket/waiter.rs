//! Waiting for a socket, without missing that its interface goes away.
//!
//! After an interface was removed, `poll` on its socket reports nothing at all, not even an error. So each half
//! listens to the kernel's link messages beside its socket. Of programs that a `bpf_link` attached the kernel says
//! nothing, so a receiving half that waits in vain looks after its program five times a second.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use xdp_sys::Errno;

use crate::device::AttachedXdp;
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

/// How often a wait without packets looks whether the program is still there.
const PROGRAM_LOOK: Duration = Duration::from_millis(200);

/// The link messages of one interface.
#[derive(Debug)]
pub(crate) struct Waiter {
    /// None where the messages cannot be had (or there is no interface): then removal is noticed when the time is up.
    monitor: Option<LinkMonitor>,
    next_look: Instant,
}

impl Waiter {
    pub(crate) fn new(monitor: Option<LinkMonitor>) -> Self {
        Self { monitor, next_look: Instant::now() + PROGRAM_LOOK }
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
        let needs_program = until == Until::Readable && self.monitor.is_some() && port.has_programs();
        loop {
            let now = Instant::now();
            let left = deadline.map(|deadline| deadline.saturating_duration_since(now));
            let to_look = needs_program.then(|| self.next_look.saturating_duration_since(now));
            let nap = [left, to_look].into_iter().flatten().min();
            // Without a monitor the second entry is the socket once more, and only the first is asked about.
            let link = self.monitor.as_ref().map_or(fd, AsFd::as_fd);
            let mut wanted = [sys::PollFd::new(fd, events), sys::PollFd::new(link, libc::POLLIN)];
            let used = 1 + usize::from(self.monitor.is_some());
            let reported = match sys::poll(&mut wanted[..used], nap) {
                // A signal does not end the wait: handlers set a flag, and the timeout bounds how late it is seen.
                Err(Errno::EINTR) => continue,
                other => other.map_err(|errno| failed(sys::io_error(errno)))?,
            };
            if ready() {
                return Ok(true);
            }
            let has_news = wanted[1].events() != 0;
            let has_error = wanted[0].events() & !(libc::POLLIN | libc::POLLOUT) != 0;
            let news = self.news(needs_program.then_some(port), has_news);
            let removed = news == News::Removed;
            // A socket whose interface was unregistered has ENETDOWN pending, which nothing but a look reports.
            if removed
                || ((reported == 0 || has_error || has_news) && pending_error(fd) == Some(Errno::ENETDOWN))
            {
                port.set_gone();
                return Err(gone());
            }
            if let News::WithoutProgram(now) = news {
                return Err(WaitError::ProgramGone { interface: port.interface_name(), now });
            }
            // Also when something was reported that is not what was waited for: the deadline holds.
            if left.is_some_and(|left| left.is_zero()) || reported == 0 && nap == left {
                return Ok(false);
            }
        }
    }
}

/// What became of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum News {
    /// Nothing that ends a wait.
    None,
    /// It was removed.
    Removed,
    /// None of the programs that were to send packets here is on it; these are.
    WithoutProgram(AttachedXdp),
}

impl Waiter {
    /// Reads what was told, if there is something, and asks for the programs of `port` when it is time.
    fn news(&mut self, port: Option<&Port>, has_news: bool) -> News {
        let Some(monitor) = &mut self.monitor else { return News::None };
        if has_news && monitor.drain() == LinkChange::Removed {
            return News::Removed;
        }
        let Some(port) = port else { return News::None };
        let lacks = |now: Option<AttachedXdp>| now.filter(|&now| port.lacks_programs(now));
        let is_suspect = has_news && lacks(monitor.programs()).is_some();
        if !is_suspect && Instant::now() < self.next_look {
            return News::None;
        }
        self.next_look = Instant::now() + PROGRAM_LOOK;
        // What was told may be older than a program that was attached since; the answer is not. What cannot be asked now
        // is asked next time.
        if monitor.ask().is_ok() && monitor.drain() == LinkChange::Removed {
            return News::Removed;
        }
        let lost = lacks(monitor.programs());
        if lost.is_some() {
            // So that the next wait does not take as long to say so again.
            self.next_look = Instant::now();
        }
        lost.map_or(News::None, News::WithoutProgram)
    }
}

/// The error that waits to be told by the socket's next call; reading it clears it.
fn pending_error(fd: BorrowedFd<'_>) -> Option<Errno> {
    let (raw, _) = sys::option::<i32>(fd, libc::SOL_SOCKET, libc::SO_ERROR).ok()?;
    (raw != 0).then(|| Errno::from_raw(raw))
}
