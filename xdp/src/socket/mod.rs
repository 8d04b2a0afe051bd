//! Sockets: two halves on one queue of a NIC, and how they are set up.

pub(crate) mod at;
pub(crate) mod bind;
pub(crate) mod builder;
pub(crate) mod busy_poll;
pub(crate) mod checks;
pub(crate) mod counter;
pub(crate) mod error;
pub(crate) mod gauge;
pub(crate) mod halves;
mod health;
pub(crate) mod metrics;
pub(crate) mod namespace;
pub(crate) mod observer;
pub(crate) mod options;
pub(crate) mod port;
pub(crate) mod report;
pub(crate) mod rings;
pub(crate) mod share;
pub(crate) mod statistics;
pub(crate) mod tune;
pub(crate) mod waiter;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use crate::QueueId;
use crate::device::InterfaceRef;
use crate::error::{FlushError, RegisterError, WaitError};
use crate::program::Attachment;
use crate::rx::Rx;
use crate::socket::builder::SocketBuilder;
use crate::socket::error::BindError;
use crate::socket::options::Receive;
use crate::socket::report::Report;
use crate::socket::share::Share;
use crate::socket::statistics::Statistics;
use crate::tx::Tx;
use crate::umem::Umem;

/// An AF_XDP socket for both ways: a receiving and a sending half on one queue of a NIC.
///
/// The halves can be used in place ([`rx`](Socket::rx), [`tx`](Socket::tx)) or taken apart and given to different
/// threads ([`split`](Socket::split)). The socket is closed when the last half is dropped; binding the queue again
/// right after works.
#[derive(Debug)]
pub struct Socket {
    rx: Rx,
    tx: Tx,
}

impl Socket {
    /// The short way in: a UMEM of its own (4096 chunks of 4 KiB), all defaults, and the program that `receive` needs.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use xdp::{QueueId, Receive, Socket};
    ///
    /// let mut socket = Socket::open("eth0", QueueId(0), Receive::Everything)?;
    /// println!("{}", socket.report());
    /// socket.wait(Duration::from_millis(100))?;
    /// let batch = socket.rx().seek(64);
    /// batch.iter().for_each(|packet| println!("{} bytes", packet.len()));
    /// batch.commit();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`BindError`] says which step failed, on what, and what to do.
    pub fn open<'a>(
        interface: impl Into<InterfaceRef<'a>>,
        queue: QueueId,
        receive: Receive,
    ) -> Result<Self, BindError> {
        let umem = Umem::builder().build()?;
        Self::builder(&umem).receive(receive).bind(interface, queue)
    }

    /// The long way in: own UMEM, own sizes, own program.
    pub fn builder(umem: &Umem) -> SocketBuilder {
        SocketBuilder::new(umem)
    }

    pub(crate) fn from_halves(rx: Rx, tx: Tx) -> Self {
        Self { rx, tx }
    }

    /// The receiving half.
    #[inline]
    pub fn rx(&mut self) -> &mut Rx {
        &mut self.rx
    }

    /// The sending half.
    #[inline]
    pub fn tx(&mut self) -> &mut Tx {
        &mut self.tx
    }

    /// Both halves at once, for loops that forward.
    #[inline]
    pub fn halves(&mut self) -> (&mut Rx, &mut Tx) {
        (&mut self.rx, &mut self.tx)
    }

    /// Takes the halves apart.
    pub fn split(self) -> (Rx, Tx) {
        (self.rx, self.tx)
    }

    /// Waits until a packet is there, at most `timeout`; whether one is.
    ///
    /// # Errors
    ///
    /// As [`Rx::wait`].
    pub fn wait(&mut self, timeout: Duration) -> Result<bool, WaitError> {
        self.rx.wait(timeout)
    }

    /// Kicks until everything that was sent has completed, at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`Tx::flush`].
    pub fn flush(&mut self, timeout: Duration) -> Result<(), FlushError> {
        self.tx.flush(timeout)
    }

    /// What was obtained at the bind: mode, program, sizes, and why not more.
    pub fn report(&self) -> &Report {
        self.rx.report()
    }

    /// The kernel's counters.
    ///
    /// # Errors
    ///
    /// What the kernel said, if it cannot tell.
    pub fn statistics(&self) -> io::Result<Statistics> {
        self.rx.statistics()
    }

    /// Lets an attached program send this queue's packets here, until the receiving half is dropped.
    ///
    /// # Errors
    ///
    /// [`RegisterError`] when the program runs on another interface, its map has no slot for the queue, or another
    /// socket is in it.
    pub fn register(&self, attachment: &Arc<Attachment>) -> Result<(), RegisterError> {
        self.rx.register(attachment)
    }

    /// Lets an attached program send this queue's packets here by a slot of its map that is not the queue's number: see
    /// [`Rx::register_slot`].
    ///
    /// # Errors
    ///
    /// As [`Socket::register`].
    pub fn register_slot(&self, attachment: &Arc<Attachment>, slot: u32) -> Result<(), RegisterError> {
        self.rx.register_slot(attachment, slot)
    }

    /// A second socket on the same memory, on another queue or another interface, that shares this one's registration
    /// with the kernel. Any order of dropping works.
    ///
    /// [`Socket::builder`] with the same UMEM does it by itself where nothing speaks against it; this is for those who
    /// want it or an error. Sockets on the same queue are another case: [`SharedQueue`](crate::SharedQueue).
    ///
    /// ```no_run
    /// use xdp::{QueueId, Receive, Socket, Umem};
    ///
    /// let umem = Umem::builder().chunks(8192).build()?;
    /// let near = Socket::builder(&umem).chunks(4096).receive(Receive::Everything).bind("eth0", QueueId(0))?;
    /// let far = near.share().other_device("eth1", QueueId(0)).receive(Receive::Everything).bind()?;
    /// println!("{}", far.report().registration);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Minimum kernel: 5.10.
    pub fn share(&self) -> Share<'_> {
        self.rx.share()
    }

    /// The UMEM.
    pub fn umem(&self) -> &Umem {
        self.rx.umem()
    }
}

/// The socket's descriptor, for pollers and for maps of programs made elsewhere. Its queue stays bound as long as a
/// duplicate is open.
impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.rx.as_fd()
    }
}
