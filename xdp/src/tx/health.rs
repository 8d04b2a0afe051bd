//! What the sending half knows of itself.

use super::Tx;
use crate::diagnosis::flow::TxState;
use crate::diagnosis::{Diagnosis, health};
use crate::refusal::Refusal;
use crate::socket::port::Port;

impl Tx {
    /// Completions that made no sense (or came twice) and were dropped: always 0 unless something is badly broken.
    pub fn refused(&self) -> u64 {
        self.refused.count.get() + u64::from(self.ring.faults()) + u64::from(self.completion.faults())
    }

    /// The completion that was refused last.
    pub fn last_refusal(&self) -> Option<Refusal> {
        self.refused.last
    }

    /// System calls that this half has made to wake the kernel or to wait; a wait counts once.
    pub fn system_calls(&self) -> u64 {
        self.system_calls.get()
    }

    /// Says why nothing is sent: see [`Socket::health`](crate::Socket::health).
    pub fn health(&self) -> Diagnosis {
        health(&self.port, None, Some(self.state()))
    }

    pub(crate) fn port(&self) -> &Port {
        &self.port
    }

    pub(crate) fn state(&self) -> TxState {
        TxState {
            unsent: self.staged + self.ring.outstanding(),
            outstanding: self.outstanding(),
            refused: self.refused(),
        }
    }
}
