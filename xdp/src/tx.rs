//! The sending half of a socket: the tx ring, the completion ring that brings its chunks back, and the chunks between
//! them.
//!
//! - T1 a descriptor is published only for a chunk that was this half's own (from its pool, or a frame of the same
//!   UMEM), with a length of 1 or more that ends inside the chunk: the kernel's answer to any other differs between
//!   versions and may lose the chunk.
//! - T2 a completion is believed only if the custody table says that the chunk is with the kernel for this very ring.
//! - T3 a packet of several frames is staged, and so published, with all of them or not at all.

mod batch;
mod health;
mod member;
mod packets;
mod reap;
mod request;
mod wait;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use xdp_core::WakePolicy;
use xdp_core::desc::Desc;
use xdp_core::frames::Holder;
use xdp_core::ring::{ConsumerRing, ProducerRing};

use crate::error::{KickError, SendError};
use crate::frame::Frame;
use crate::metadata::Stamps;
use crate::pool::HalfPool;
use crate::refusal::Refused;
use crate::socket::counter::Counter;
use crate::socket::port::{Kick, Port};
use crate::socket::report::Report;
use crate::socket::share::Share;
use crate::socket::statistics::Statistics;
use crate::socket::waiter::Waiter;
use crate::umem::Umem;

pub use batch::TxBatch;

/// The sending half of a socket.
///
/// Two flows over the same rings: borrowed ([`seek`](Tx::seek), write, commit) and owned ([`send`](Tx::send)). In
/// both, [`kick`](Tx::kick) hands the batch to the kernel: one system call, and only if the kernel asks for it.
#[derive(Debug)]
pub struct Tx {
    // The rings hold their mappings and are dropped before `port`, which closes the socket when the last half is gone.
    ring: ProducerRing<Desc>,
    completion: ConsumerRing<u64>,
    /// To the receiving half, for chunks beyond our share.
    lane: Option<ProducerRing<u64>>,
    pool: HalfPool,
    holder: Holder,
    /// Frames that a packet can have.
    most_frames: u32,
    /// Frames written behind the producer index and not published yet.
    staged: u32,
    /// Frames published whose completion has not been taken.
    outstanding: u32,
    refused: Refused,
    system_calls: Counter,
    waiter: Waiter,
    /// If the UMEM has room for requests. Such a half has no lane, so that whoever has one need not look here.
    stamps: Option<Box<Stamps>>,
    port: Arc<Port>,
}

impl Tx {
    pub(crate) fn new(
        port: Arc<Port>,
        rings: (ProducerRing<Desc>, ConsumerRing<u64>),
        lane: Option<ProducerRing<u64>>,
        pool: HalfPool,
        waiter: Waiter,
    ) -> Self {
        let (ring, completion) = rings;
        let holder = Holder::sending(port.number());
        let umem = port.umem();
        let stamps = umem.has_tx_metadata().then(|| Box::new(Stamps::new(umem.chunks())));
        Self {
            ring,
            completion,
            lane,
            pool,
            holder,
            most_frames: 1,
            staged: 0,
            outstanding: 0,
            refused: Refused::new(&port.gauge().tx_counts.refused),
            system_calls: Counter::new(&port.gauge().tx_counts.system_calls),
            waiter,
            stamps,
            port,
        }
    }

    /// Lends up to `n` free chunks to write packets into, as many as there are chunks and room in the tx ring.
    ///
    /// ```
    /// # let umem = xdp::Umem::builder().chunks(64).build()?;
    /// # let (mut socket, mut nic) = xdp::fake::socket(&umem, 32)?;
    /// let tx = socket.tx();
    /// let mut batch = tx.seek(2);
    /// for i in 0..batch.len() {
    ///     batch.peek(i, 60)?.fill(0xab);                 // 60 bytes of packet i
    /// }
    /// batch.commit();                                    // hand them over
    /// tx.kick()?;                                        // and tell the kernel
    /// # assert_eq!(nic.transmit().unwrap(), [0xab; 60]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn seek(&mut self, n: u32) -> TxBatch<'_> {
        self.publish();
        if self.pool.len() < n {
            self.reap();
            if self.pool.len() == 0 {
                self.pool.restock(0);
                self.pool.publish(self.port.tx_pool());
            }
        }
        let len = self.ring.reserve(n.min(self.pool.len())).len();
        TxBatch { tx: self, len, ready: 0, extras: 0 }
    }

    /// A free chunk as an empty frame, with the UMEM's headroom in front; none when all chunks are elsewhere.
    pub fn alloc(&mut self) -> Option<Frame> {
        if self.pool.len() == 0 && self.reap() == 0 {
            self.pool.restock(0);
        }
        let addr = self.pool.chunks().pop()?;
        self.pool.publish(self.port.tx_pool());
        let home = self.pool.home();
        let seat = home.custody.view().give(addr, Holder::HANDS)?;
        Some(Frame::new(home, seat, home.pointer(addr + u64::from(home.layout.headroom())), 0))
    }

    /// Takes a frame to be sent with the next [`kick`](Tx::kick).
    ///
    /// # Errors
    ///
    /// The frame comes back when the ring is full, the frame is empty, or it belongs to another UMEM.
    #[inline]
    pub fn send(&mut self, frame: Frame) -> Result<(), SendError> {
        if frame.home() != self.pool.home() {
            return Err(SendError::Foreign(frame));
        }
        if frame.is_empty() {
            return Err(SendError::Empty(frame));
        }
        if !self.ring.write_ahead(self.staged, frame.desc()) {
            return Err(SendError::Full(frame));
        }
        self.pool.home_ref().custody.view().set_seat(frame.into_seat(), self.holder);
        self.staged += 1;
        Ok(())
    }

    /// Takes frames to be sent with the next [`kick`](Tx::kick), as many as there is room for, in order; returns how
    /// many. The cheap way to send many: what one frame costs is paid once.
    ///
    /// No frame is taken from the iterator that there is no room for: what is left in it is still yours.
    ///
    /// ```
    /// # let umem = xdp::Umem::builder().chunks(64).build()?;
    /// # let (mut socket, mut nic) = xdp::fake::socket(&umem, 32)?;
    /// # assert!(nic.deliver(b"ping"));
    /// let (rx, tx) = socket.halves();
    /// let sent = tx.send_from(rx.recv(64).map(|mut frame| {
    ///     frame.reverse();                               // whatever is to be done with a packet
    ///     frame
    /// }))?;
    /// tx.kick()?;
    /// # assert_eq!((sent, nic.transmit().unwrap()), (1, b"gnip".to_vec()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A frame that cannot be sent comes back, as from [`Tx::send`]; those before it are taken, as many as
    /// [`Tx::outstanding`] has grown by.
    #[inline]
    pub fn send_from(&mut self, frames: impl IntoIterator<Item = Frame>) -> Result<u32, SendError> {
        let before = self.staged;
        let (home, holder) = (self.pool.home(), self.holder);
        let custody = self.pool.home_ref().custody.view();
        let mut frames = frames.into_iter();
        // No more than may come: so the kernel's word is read only if the room that was seen is too little.
        let most = frames.size_hint().1.and_then(|most| u32::try_from(most).ok()).unwrap_or(u32::MAX);
        let mut slots = self.ring.reserve(before.saturating_add(most));
        let room = slots.len();
        while self.staged < room {
            let Some(frame) = frames.next() else { break };
            if frame.home() != home {
                return Err(SendError::Foreign(frame));
            }
            if frame.is_empty() {
                return Err(SendError::Empty(frame));
            }
            slots.write(self.staged, frame.desc());
            custody.set_seat(frame.into_seat(), holder);
            // Counted at once: the next frame may panic on its way here.
            self.staged += 1;
        }
        Ok(self.staged - before)
    }

    /// Sends as many of `frames` as there is room for, in order; those, and only those, are taken from the front.
    /// Stops at a frame that cannot be sent, and says why.
    ///
    /// # Errors
    ///
    /// As [`Tx::send`]; the refused frame is in the error, what follows it stays in the queue.
    pub fn send_all(&mut self, frames: &mut std::collections::VecDeque<Frame>) -> Result<u32, SendError> {
        self.send_from(std::iter::from_fn(|| frames.pop_front()))
    }

    /// Publishes what was sent, wakes the kernel if it asks for it, and takes completions back.
    ///
    /// A full ring can be kicked with nothing new in it. In copy mode the kernel sends a budget of packets per call
    /// (32, raised to the ring's length from Linux 6.17 on); this calls again while that makes progress.
    ///
    /// # Errors
    ///
    /// The interface is gone or down, or the kernel refuses for another reason. What was queued stays queued.
    pub fn kick(&mut self) -> Result<(), KickError> {
        self.publish();
        self.reap();
        if self.is_asked_for() { self.drive_on() } else { Ok(()) }
    }

    /// Wakes the kernel as often as that makes progress.
    #[inline(never)]
    fn drive_on(&mut self) -> Result<(), KickError> {
        loop {
            let kicked = self.drive();
            let reaped = self.reap();
            // A kernel that stopped for want of room in the completion ring has some now.
            if reaped == 0 || !matches!(kicked, Ok(Kick::Partial)) || !self.is_asked_for() {
                return kicked.map(drop);
            }
        }
    }

    /// Frames handed over whose chunks have not come back yet.
    pub fn outstanding(&self) -> u32 {
        self.outstanding + self.staged
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

    #[inline]
    fn publish(&mut self) {
        if self.staged > 0 {
            self.ring.submit(self.staged);
            self.outstanding += self.staged;
            self.staged = 0;
        }
    }

    /// Whether there is work and the kernel wants to be told.
    #[inline]
    fn is_asked_for(&self) -> bool {
        // In copy mode the flag is always set, so the fence that reading it safely costs is kept for zero-copy.
        let flags = match self.port.wake_policy() {
            WakePolicy::WhenAsked if self.port.is_zero_copy() => self.flags_after_submit(),
            // The call polls for completions, too.
            WakePolicy::Polling => return self.outstanding > 0,
            _ => self.ring.flags(),
        };
        self.port.wake_policy().needs_kick(flags, self.ring.outstanding())
    }

    /// Apart, so that the fence stands in no code that runs in copy mode.
    #[inline(never)]
    fn flags_after_submit(&self) -> u32 {
        self.ring.flags_after_submit()
    }

    /// Wakes the kernel as often as that makes progress; whether it has gone through the whole ring.
    fn drive(&mut self) -> Result<Kick, KickError> {
        let mut outstanding = self.ring.outstanding();
        loop {
            self.system_calls += 1;
            match self.port.kick_sending()? {
                Kick::Done => return Ok(Kick::Done),
                Kick::Partial => {
                    let left = self.ring.outstanding();
                    if left == 0 {
                        return Ok(Kick::Done);
                    }
                    if left >= outstanding {
                        return Ok(Kick::Partial);
                    }
                    outstanding = left;
                }
            }
        }
    }
}

/// The socket's descriptor, for pollers and for maps of programs made elsewhere. Its queue stays bound as long as a
/// duplicate is open.
impl AsFd for Tx {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.port.fd()
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        self.take_staged_back();
        self.reap();
        self.leave_queue();
        self.port.tx_pool().store(0, Ordering::Relaxed);
    }
}

#[cfg(all(test, feature = "fake-kernel"))]
mod tests;
