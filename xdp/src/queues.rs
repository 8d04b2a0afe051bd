//! Many queues of a NIC at once: a socket on each, one program for all, threads where you want them.
//!
//! ```no_run
//! use xdp::queues::{self, Pinning, Selection};
//! use xdp::{Receive, Socket, Umem};
//!
//! let umem = Umem::builder().chunks(32768).build()?;
//! let config = Socket::builder(&umem).receive(Receive::Everything);
//! let mut queues = queues::open("eth0", Selection::All, config)?;
//! queues.run(&Pinning::NearNic, |socket| loop {
//!     socket.wait(std::time::Duration::from_millis(100))?;
//!     socket.rx().seek(64).commit();
//! #   if false { break Ok::<(), xdp::WaitError>(()); }
//! })?;
//! println!("{}", queues.statistics()?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod pinning;

use std::io;
use std::sync::Arc;
use std::thread;

use crate::QueueId;
use crate::device::{Interface, InterfaceRef};
use crate::program::Attachment;
use crate::socket::Socket;
use crate::socket::builder::SocketBuilder;
use crate::socket::error::BindError;
use crate::socket::statistics::{RingStatistics, Statistics};

pub use pinning::{Pinning, PinningError};

/// Which queues of a NIC.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Selection {
    /// All that the NIC has both for receiving and for sending.
    #[default]
    All,
    /// So many of them, from queue 0 on.
    First(u32),
    /// These, in this order.
    These(Vec<QueueId>),
}

impl Selection {
    fn queues(self, interface: &Interface) -> Result<Vec<QueueId>, BindError> {
        let name = || interface.name().to_owned();
        let queues = match self {
            Self::All => (0..interface.queues().rx.min(interface.queues().tx)).map(QueueId).collect(),
            Self::First(n) => (0..n).map(QueueId).collect(),
            Self::These(queues) => queues,
        };
        let twice = queues.iter().enumerate().find(|(i, queue)| queues[..*i].contains(queue));
        match twice {
            Some((_, queue)) => Err(BindError::QueueTwice { interface: name(), queue: *queue }),
            None if queues.is_empty() => Err(BindError::NoQueues { interface: name() }),
            None => Ok(queues),
        }
    }
}

/// Opens a socket on each of these queues, all with the same settings and on the same UMEM.
///
/// The chunks of `config` ([`SocketBuilder::chunks`]) are those of each socket; if not said, the UMEM is shared out
/// evenly. What is received is taken by one program for all of them. Sockets after the first share its registration
/// of the UMEM where the kernel can.
///
/// # Errors
///
/// [`BindError::NoQueues`] and [`BindError::QueueTwice`] for such a selection; or as [`SocketBuilder::bind`] of the
/// first socket that cannot be opened. Those before it are closed again.
pub fn open<'a>(
    interface: impl Into<InterfaceRef<'a>>,
    queues: Selection,
    config: SocketBuilder,
) -> Result<Queues, BindError> {
    let interface = Interface::find(interface)?;
    let queues = queues.queues(&interface)?;
    let (config, attachment) = config.attach_for(&interface, &queues)?;
    let share = (config.umem.chunks() / queues.len() as u32).max(1);
    let chunks = config.chunks.unwrap_or(share);
    let bind = |queue: &QueueId| {
        let socket = config.clone().chunks(chunks).bind(&interface, *queue)?;
        attachment.iter().try_for_each(|attachment| socket.register(attachment))?;
        Ok(socket)
    };
    let sockets = queues.iter().map(bind).collect::<Result<_, BindError>>()?;
    Ok(Queues { sockets, interface, attachment })
}

/// A socket on each of several queues of a NIC: see [`open`].
#[derive(Debug)]
pub struct Queues {
    sockets: Vec<Socket>,
    interface: Interface,
    attachment: Option<Arc<Attachment>>,
}

impl Queues {
    /// The sockets, in the order of the selection.
    pub fn sockets(&mut self) -> &mut [Socket] {
        &mut self.sockets
    }

    /// The sockets, for threads of your own.
    pub fn into_sockets(self) -> Vec<Socket> {
        self.sockets
    }

    /// The program that sends each socket the packets of its queue, if one was asked for.
    pub fn attachment(&self) -> Option<&Arc<Attachment>> {
        self.attachment.as_ref()
    }

    /// The kernel's counters of all sockets, added up; those of the rings if all tell them.
    ///
    /// # Errors
    ///
    /// What the kernel said, if it cannot tell those of one.
    pub fn statistics(&self) -> io::Result<Statistics> {
        let each: Vec<Statistics> = self.sockets.iter().map(Socket::statistics).collect::<io::Result<_>>()?;
        let sum = |part: fn(&Statistics) -> u64| each.iter().map(part).sum();
        let rings: Option<Vec<RingStatistics>> = each.iter().map(|statistics| statistics.rings).collect();
        let rings = rings.map(|rings| RingStatistics {
            rx_ring_full: rings.iter().map(|rings| rings.rx_ring_full).sum(),
            fill_ring_empty: rings.iter().map(|rings| rings.fill_ring_empty).sum(),
            tx_ring_empty: rings.iter().map(|rings| rings.tx_ring_empty).sum(),
        });
        Ok(Statistics {
            rx_dropped: sum(|statistics| statistics.rx_dropped),
            rx_invalid: sum(|statistics| statistics.rx_invalid),
            tx_invalid: sum(|statistics| statistics.tx_invalid),
            rings,
        })
    }

    /// Runs `work` for each socket on a thread of its own, and returns what each returns, in the order of the
    /// sockets. A panic of one goes on here when all are back.
    ///
    /// # Errors
    ///
    /// [`PinningError`] before any thread is started, if one cannot be where it is to be.
    pub fn run<T: Send>(
        &mut self,
        pinning: &Pinning,
        work: impl Fn(&mut Socket) -> T + Sync,
    ) -> Result<Vec<T>, PinningError> {
        let cpus = pinning.cpus(self.sockets.len(), &self.interface)?;
        let work = &work;
        Ok(thread::scope(|scope| {
            let threads: Vec<_> = self
                .sockets
                .iter_mut()
                .zip(cpus)
                .map(|(socket, cpu)| {
                    scope.spawn(move || {
                        if let Some(cpu) = cpu {
                            pinning::stay_on(cpu);
                        }
                        work(socket)
                    })
                })
                .collect();
            let ends: Vec<_> = threads.into_iter().map(thread::ScopedJoinHandle::join).collect();
            ends.into_iter().map(|end| end.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        }))
    }
}
