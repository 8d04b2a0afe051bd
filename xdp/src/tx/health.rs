//! What the sending half knows of itself.

use super::Tx;
use crate::diagnosis::flow::TxState;
use crate::diagnosis::{Diagnosis, health};

impl Tx {
    /// Says why nothing is sent: see [`Socket::health`](crate::Socket::health).
    pub fn health(&self) -> Diagnosis {
        health(&self.port, None, Some(self.state()))
    }

    pub(crate) fn state(&self) -> TxState {
        TxState {
            unsent: self.staged + self.ring.outstanding(),
            outstanding: self.outstanding(),
            refused: self.refused(),
        }
    }
}
