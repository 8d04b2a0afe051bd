//! What the receiving half knows of itself.

use super::Rx;
use crate::diagnosis::flow::RxState;
use crate::diagnosis::{Diagnosis, health};
use crate::socket::port::Port;

impl Rx {
    /// Says why nothing is received: see [`Socket::health`](crate::Socket::health).
    pub fn health(&self) -> Diagnosis {
        health(&self.port, Some(self.state()), None)
    }

    pub(crate) fn port(&self) -> &Port {
        &self.port
    }

    pub(crate) fn state(&self) -> RxState {
        let waiting = self.available();
        RxState {
            waiting,
            // What a member of a shared queue is fed with is the owner's business.
            to_fill: match self.tally {
                Some(_) => u32::MAX,
                None => self.receiving.saturating_sub(self.ring.waiting()),
            },
            refused: self.refused(),
        }
    }
}
