//! Why a bound socket is quiet.

use crate::diagnosis::{Diagnosis, health};
use crate::socket::Socket;

impl Socket {
    /// Says what stands in the way of packets now that the socket is bound: what happened to the program, its map,
    /// the interface and the rings, and what the kernel has dropped and why.
    ///
    /// It asks the kernel some twenty questions (half a millisecond on a veth), and is for when something seems wrong.
    /// The calling thread must be in the network namespace that the socket was bound in. Counters go back to when the
    /// socket was made.
    ///
    /// ```no_run
    /// # let umem = xdp::Umem::builder().build()?;
    /// # let mut socket = xdp::Socket::builder(&umem).bind("eth0", xdp::QueueId(0))?;
    /// if !socket.wait(std::time::Duration::from_secs(1))? {
    ///     println!("nothing arrives:\n{}", socket.health());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn health(&self) -> Diagnosis {
        health(self.rx.port(), Some(self.rx.state()), Some(self.tx.state()))
    }
}
