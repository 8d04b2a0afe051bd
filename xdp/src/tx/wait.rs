//! Waiting for what was sent.

use std::time::{Duration, Instant};

use super::Tx;
use crate::error::{FlushError, WaitError};
use crate::socket::waiter::Until;

impl Tx {
    /// Kicks until everything that was sent has completed, at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`FlushError::TimedOut`] says how many frames are still with the kernel; or the interface is gone or down.
    pub fn flush(&mut self, timeout: Duration) -> Result<(), FlushError> {
        // A deadline beyond what the clock can tell is none.
        let deadline = Instant::now().checked_add(timeout);
        let left =
            || deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
        let backoff = crossbeam_utils::Backoff::new();
        loop {
            self.kick()?;
            if self.outstanding == 0 {
                return Ok(());
            }
            if left().is_zero() {
                return Err(FlushError::TimedOut { outstanding: self.outstanding });
            }
            if !backoff.is_completed() {
                backoff.snooze();
                continue;
            }
            // The kernel has no event for completions: naps in poll, which wakes the driver each time and notices if
            // the interface goes.
            let (completion, nap) = (&self.completion, left().min(Duration::from_millis(1)));
            self.system_calls += 1;
            self.waiter.wait(&self.port, Until::Completed, nap, || completion.waiting() > 0)?;
        }
    }

    /// Waits until the tx ring is at most half full, at most `timeout`; whether it is.
    ///
    /// # Errors
    ///
    /// [`WaitError::InterfaceGone`] when the interface is removed meanwhile, at once.
    pub fn wait(&mut self, timeout: Duration) -> Result<bool, WaitError> {
        self.publish();
        let half = self.ring.entries() / 2;
        // A deadline beyond what the clock can tell is none.
        let deadline = Instant::now().checked_add(timeout);
        let mut is_counted = false;
        loop {
            // A kernel that has no room in the completion ring sends nothing, and says nothing.
            self.reap();
            if self.ring.outstanding() <= half {
                return Ok(true);
            }
            self.system_calls += u64::from(!is_counted);
            is_counted = true;
            let left =
                deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
            let nap = left.min(Duration::from_millis(1));
            let (ring, is_last) = (&self.ring, nap == left || self.port.kernel().is_none());
            let has_room =
                self.waiter.wait(&self.port, Until::Writable, nap, || ring.outstanding() <= half)?;
            if has_room || is_last {
                return Ok(has_room);
            }
        }
    }
}
