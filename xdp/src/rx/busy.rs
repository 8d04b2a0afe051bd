//! Polling before sleeping.

use std::time::{Duration, Instant};

use super::Rx;

impl Rx {
    /// Drives the queue until a packet is there, for as long as the socket was told to poll before it sleeps; whether
    /// one is. A socket that does not busy-poll has none.
    pub(super) fn poll_busily(&mut self, deadline: Option<Instant>) -> bool {
        let Some(spin) = self.port.spin() else { return false };
        let left =
            deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
        let end = Instant::now().checked_add(spin.min(left));
        loop {
            self.system_calls += 1;
            // What is wrong the sleep tells, which comes next.
            let is_driven = self.port.kick_receiving().is_ok();
            self.refill();
            if self.available() > 0 {
                return true;
            }
            if !is_driven || end.is_some_and(|end| Instant::now() >= end) {
                return false;
            }
        }
    }
}
