//! The receiving half of a socket: the rx ring, the fill ring that feeds it, and the chunks between them.
//!
//! - X1 a descriptor is shown as bytes only after [`Rx::check`] has accepted it since it was published: it lies
//!   inside one chunk, and the custody table says that the chunk is with the kernel for this very ring.
//! - X2 what is taken from the rx ring, lent or dropped, ends with a packet, or amid one that is being dropped (Q1 of
//!   the reader); a packet with one frame that X1 does not hold for is dropped whole.
//! - X3 where packets may have several frames, the flows of single frames ([`Rx::seek`], [`Rx::recv`]) get nothing of
//!   those that do: they are dropped, and counted.
//! - X4 with unaligned chunks, addresses in the rx ring are made plain in place before anything looks at them.

mod batch;
mod busy;
mod check;
mod feed;
mod health;
mod member;
mod packets;
mod recv;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use xdp_core::desc::Desc;
use xdp_core::frames::{Holder, make_plain};
use xdp_core::packets::PacketReader;
use xdp_core::ring::{ConsumerRing, ProducerRing};
use xdp_core::wake::{NEED_WAKEUP, WakePolicy};

use crate::QueueId;
use crate::error::{KickError, RegisterError, WaitError};
use crate::frame::Frame;
use crate::pool::HalfPool;
use crate::program::Attachment;
use crate::refusal::{Refusal, Refused};
use crate::shared_queue::Tally;
use crate::socket::counter::Counter;
use crate::socket::port::Port;
use crate::socket::report::Report;
use crate::socket::share::Share;
use crate::socket::statistics::Statistics;
use crate::socket::waiter::{Until, Waiter};
use crate::umem::Umem;

pub use batch::RxBatch;
pub use packets::{LentPacket, PacketBatch, RecvPackets};
pub use recv::Recv;

/// How long a half that has given the kernel no chunk sleeps before it looks for some again.
const STARVED_NAP: Duration = Duration::from_millis(1);

/// The receiving half of a socket.
///
/// Two flows over the same rings: borrowed ([`seek`](Rx::seek), then look, then commit) and owned
/// ([`recv`](Rx::recv)). Both keep the fill ring full from the half's own chunks.
#[derive(Debug)]
pub struct Rx {
    // The rings hold their mappings and are dropped before `port`, which closes the socket when the last half is
    // gone.
    ring: ConsumerRing<Desc>,
    fill: ProducerRing<u64>,
    /// Chunks that the sending half has too many of.
    lane: Option<ConsumerRing<u64>>,
    pool: HalfPool,
    holder: Holder,
    /// Descriptors at the front of the rx ring whose chunks are frames in somebody's hands already, and that are
    /// still to be released. They are kept here and not in [`Recv`], which may be forgotten: shown again, such a
    /// descriptor would alias the frame.
    taken: u32,
    /// Chunks that the kernel has for receiving, those of `taken` among them. In a shared queue they are not ours alone:
    /// there it is what we have put in less what we have taken, wrapping.
    receiving: u32,
    /// Of a member of a shared queue: where we tell the owner.
    tally: Option<Arc<Tally>>,
    /// Cuts the ring into packets (X2).
    reader: PacketReader,
    /// Whether packets may have several frames (X3).
    is_multi_buffer: bool,
    /// Packets of several frames that were dropped for want of a place to put them (X3).
    passed_over: u64,
    refused: Refused,
    system_calls: Counter,
    waiter: Waiter,
    port: Arc<Port>,
}

impl Rx {
    pub(crate) fn new(
        port: Arc<Port>,
        rings: (ConsumerRing<Desc>, ProducerRing<u64>),
        lane: Option<ConsumerRing<u64>>,
        pool: HalfPool,
        waiter: Waiter,
    ) -> Self {
        let (ring, fill) = rings;
        let holder = Holder::receiving(port.receives_as());
        let tally = port.seat().map(|seat| Arc::clone(&seat.tally));
        Self {
            reader: PacketReader::new(1, ring.entries()),
            is_multi_buffer: false,
            passed_over: 0,
            ring,
            fill,
            lane,
            pool,
            holder,
            taken: 0,
            receiving: 0,
            tally,
            refused: Refused::new(&port.gauge().rx_counts.refused),
            system_calls: Counter::new(&port.gauge().rx_counts.system_calls),
            waiter,
            port,
        }
    }

    /// Looks for up to `n` received packets and lends them, in the order of arrival.
    ///
    /// Nothing is taken until the batch is committed: a batch that is dropped is offered again.
    ///
    /// On a socket bound for packets of several frames this lends those of one frame, and drops the others
    /// ([`Rx::passed_over`] counts them), as a part of a packet is none: there, use [`Rx::seek_packets`].
    ///
    /// ```
    /// # let umem = xdp::Umem::builder().chunks(64).build()?;
    /// # let (mut socket, mut nic) = xdp::fake::socket(&umem, 32)?;
    /// # nic.deliver(b"one");
    /// # nic.deliver(b"two");
    /// let mut batch = socket.rx().seek(64);
    /// let bytes: usize = batch.iter().map(|packet| packet.len()).sum();
    /// batch.commit();                                    // the chunks go back to the fill ring
    /// # assert_eq!(bytes, 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn seek(&mut self, n: u32) -> RxBatch<'_> {
        self.refill();
        let n = if self.is_multi_buffer { self.single_frames(n) } else { self.look(n) };
        let (mut len, mut filled) = self.check(n);
        if len == 0 && n > 0 {
            (len, filled) = self.drop_front(n);
        }
        RxBatch { rx: self, len, filled }
    }

    /// Receives up to `n` packets as owned frames, in the order of arrival; each is taken when the iterator yields
    /// it.
    ///
    /// On a socket bound for packets of several frames this yields those of one frame, and drops the others, as
    /// [`Rx::seek`] does: there, use [`Rx::recv_packets`].
    #[inline]
    pub fn recv(&mut self, n: u32) -> Recv<'_> {
        self.refill();
        let n = if self.is_multi_buffer { self.single_frames(n) } else { n };
        let is_unaligned = self.pool.home_ref().layout.is_unaligned();
        if is_unaligned {
            self.look(n);
        }
        let custody = &self.pool.home_ref().custody;
        Recv {
            batch: self.ring.peek(n).drain(),
            taken: &mut self.taken,
            receiving: &mut self.receiving,
            refused: &mut self.refused,
            home: self.pool.home(),
            base: self.pool.home_ref().base(),
            custody: if is_unaligned { custody.blind_view() } else { custody.view() },
            holder: self.holder,
        }
    }

    /// How many descriptors are there, at most `n`, with their addresses made plain (X4).
    #[inline]
    fn look(&mut self, n: u32) -> u32 {
        let n = self.ring.peek(n).len();
        if self.pool.home_ref().layout.is_unaligned() {
            let (first, second) = self.ring.seen_mut(n);
            make_plain(first);
            make_plain(second);
        }
        n
    }

    /// Takes frames back into this half's pool, for the fill ring: the cheap way to give many back. Frames of another
    /// UMEM go home to theirs.
    pub fn recycle(&mut self, frames: impl IntoIterator<Item = Frame>) {
        frames.into_iter().for_each(|frame| self.pool.take_back(frame));
        self.refill_now();
    }

    /// Wakes the kernel if its fill ring asks for it. Needed only by loops that never [`wait`](Rx::wait).
    ///
    /// A socket that busy-polls drives its queue by this: each call is a system call (see
    /// [`BusyPoll`](crate::BusyPoll)).
    ///
    /// # Errors
    ///
    /// The interface is gone or down, or the kernel refuses for another reason.
    pub fn kick(&mut self) -> Result<(), KickError> {
        self.refill();
        // In copy mode the kernel never sleeps on the fill ring, so the fence that reading the flag safely costs is
        // kept for zero-copy.
        let asks = || self.port.is_zero_copy() && self.fill.flags_after_submit() & NEED_WAKEUP != 0;
        if self.port.wake_policy() != WakePolicy::Polling && !asks() {
            return Ok(());
        }
        self.system_calls += 1;
        self.port.kick_receiving()
    }

    /// Waits until a packet is there, at most `timeout`; whether one is. Enters the kernel only if none is there
    /// already.
    ///
    /// # Errors
    ///
    /// [`WaitError::InterfaceGone`] when the interface is removed meanwhile, at once. [`WaitError::ProgramGone`] when
    /// the program that this half is [registered](Rx::register) with is detached or replaced: the kernel does not
    /// tell, so it is looked after five times a second, and only while no packets arrive. A program of others that
    /// feeds the socket is their business: see [`LinkEvents`](crate::device::LinkEvents).
    pub fn wait(&mut self, timeout: Duration) -> Result<bool, WaitError> {
        // A deadline beyond what the clock can tell is none.
        let deadline = Instant::now().checked_add(timeout);
        let mut is_counted = false;
        loop {
            self.refill();
            if self.available() > 0 || self.poll_busily(deadline) {
                return Ok(true);
            }
            self.system_calls += u64::from(!is_counted);
            is_counted = true;
            let left =
                deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
            // Where the kernel has no chunk of ours it drops every packet and wakes nobody, and chunks that come home
            // meanwhile from elsewhere have no event: naps, until there is one. With one chunk, one packet wakes us.
            let is_starved = self.receiving == 0
                && self.tally.is_none()
                && left > STARVED_NAP
                && self.port.kernel().is_some();
            let nap = if is_starved { STARVED_NAP } else { left };
            let ring = &self.ring;
            let is_readable = self.waiter.wait(&self.port, Until::Readable, nap, || ring.waiting() > 0)?;
            if is_readable || !is_starved {
                return Ok(is_readable);
            }
        }
    }

    /// Descriptors received and not taken yet: as many as packets, unless these may have several frames.
    pub fn available(&self) -> u32 {
        self.ring.waiting().saturating_sub(self.taken)
    }

    /// Descriptors of the kernel that made no sense and were dropped: always 0 unless something is badly broken.
    pub fn refused(&self) -> u64 {
        self.refused.count.get() + u64::from(self.ring.faults()) + u64::from(self.fill.faults())
    }

    /// The descriptor that was refused last.
    pub fn last_refusal(&self) -> Option<Refusal> {
        self.refused.last
    }

    /// System calls that this half has made to wake the kernel or to wait; a wait counts once.
    pub fn system_calls(&self) -> u64 {
        self.system_calls.get()
    }

    /// The UMEM.
    pub fn umem(&self) -> &Umem {
        self.port.umem()
    }

    /// A second socket that shares this one's registration of the UMEM: see [`Socket::share`](crate::Socket::share).
    pub fn share(&self) -> Share<'_> {
        Share::of(&self.port)
    }

    /// What was obtained at the bind: mode, program, sizes, and why not more.
    pub fn report(&self) -> &Report {
        self.port.report()
    }

    /// The kernel's counters, of both halves.
    ///
    /// # Errors
    ///
    /// What the kernel said, if it cannot tell.
    pub fn statistics(&self) -> io::Result<Statistics> {
        Statistics::read(&self.port)
    }

    /// Lets an attached program send this queue's packets here, until the receiving half is dropped.
    ///
    /// # Errors
    ///
    /// [`RegisterError`] when the program runs on another interface, its map has no slot for the queue, or another
    /// socket is in it.
    pub fn register(&self, attachment: &Arc<Attachment>) -> Result<(), RegisterError> {
        self.port.register(Arc::clone(attachment))
    }
}

impl Rx {
    /// Lets an attached program send this queue's packets here by a slot of its map that is not the queue's number: for
    /// several sockets on one queue, and for programs that choose the slot by other means than the queue.
    ///
    /// # Errors
    ///
    /// As [`Rx::register`].
    pub fn register_slot(&self, attachment: &Arc<Attachment>, slot: u32) -> Result<(), RegisterError> {
        self.port.register_slot(Arc::clone(attachment), QueueId(slot))
    }
}

/// The socket's descriptor, for pollers and for maps of programs made elsewhere. Its queue stays bound as long as a
/// duplicate is open.
///
/// A poller hears of packets, and not of chunks that come home from frames: as long as frames are in somebody's
/// hands, call [`Rx::kick`] now and then, so that the fill ring gets them. [`Rx::wait`] does that by itself.
impl AsFd for Rx {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.port.fd()
    }
}

impl Drop for Rx {
    fn drop(&mut self) {
        // The program passes the queue's packets to the kernel's stack again, rather than to a ring that nobody
        // reads.
        self.port.stop_receiving();
        self.give_back_received();
        // From here on nothing more comes through the lane, but for what the sending half is putting in right now.
        self.port.rx_wants().store(0, Ordering::Relaxed);
        if let Some(mut lane) = self.lane.take() {
            self.pool.chunks().extend(std::iter::from_fn(|| lane.pop()));
            self.port.leave_lane(lane);
        }
        self.port.rx_pool().store(0, Ordering::Relaxed);
    }
}

#[cfg(all(test, feature = "fake-kernel"))]
mod packet_tests;
#[cfg(all(test, feature = "fake-kernel"))]
mod shares_tests;
#[cfg(all(test, feature = "fake-kernel"))]
mod tests;
