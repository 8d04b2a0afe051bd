//! The sending half of a member of a shared queue, when it goes.

use std::sync::Arc;

use xdp_core::Entries;
use xdp_core::ring;

use super::Tx;

impl Tx {
    /// Leaves a shared queue: what was handed over is sent as far as the kernel takes it now, and what completes from
    /// here on is the owner's to take.
    pub(super) fn leave_queue(&mut self) {
        let Some(tally) = self.port.seat().map(|seat| Arc::clone(&seat.tally)) else { return };
        // If the interface is gone or down, what is in the tx ring comes home when the queue is closed.
        drop(self.kick());
        let one = Entries::new(1).expect("1 is a power of two");
        let (_, nothing) = ring::channel(one);
        tally.leave(std::mem::replace(&mut self.completion, nothing));
    }
}
