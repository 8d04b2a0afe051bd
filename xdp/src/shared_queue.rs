//! Several sockets on one queue: one owner of the fill and the completion ring, and members with rx and tx rings
//! only.
//!
//! ```text
//!  member 1   rx ring ─► hands ─► tx ring       member n   rx ring ─► hands ─► tx ring
//!               │ returned          ▲ completed               │ returned          ▲ completed
//!               ▼                   │                         ▼                   │
//!  owner  ── fill ring ──► kernel/NIC ──► completion ring ── owner ─► pool
//! ```
//!
//! A member's halves are those of any socket. What is the fill ring to them is a ring in our own memory that the
//! owner empties into the kernel's; what is the completion ring to them is one that the owner fills from the
//! kernel's. So no path has an instruction more, and none is locked.
//!
//! - S1 only the owner touches the kernel's fill and completion ring.
//! - S2 a chunk in the fill ring, in an rx ring, or on its way back from a member is held by "receiving" of the
//!   queue, whichever member it went to; one in a tx ring, in the completion ring, or on its way to a member is held
//!   by "sending" of that member. So each completion finds the member that sent it, in the custody table.
//! - S3 the queue's port lives as long as the owner and any member; until then the kernel has the chunks of S2, and
//!   none of them is free but by a member that received or completed it, or by the owner.
//! - S4 chunks in circulation for receiving are what the owner has put in, and what the members say that they have
//!   put in or taken out. A member says so before the chunks can be seen by the owner, so the sum is never too small.

mod desk;
mod member;
mod open;
mod tally;
mod tend;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use xdp_core::frames::Holder;
use xdp_core::ring::{ConsumerRing, ProducerRing};

use crate::accounting::Accounting;
use crate::device::Interface;
use crate::diagnosis::Config;
use crate::pool::HalfPool;
use crate::refusal::{Refusal, Refused};
use crate::socket::counter::Counter;
use crate::socket::port::Port;
use crate::socket::report::Report;
use crate::umem::Umem;
use desk::Desk;

pub use member::MemberBuilder;
pub(crate) use tally::{Seat, Tally};

/// The owner of a queue that several sockets share: of its fill and its completion ring.
///
/// The members are [`Socket`](crate::Socket)s (or single halves) like any other, each on a thread of your choice. The
/// owner has to be [tended](SharedQueue::tend) while they work, on a thread of its own ([`SharedQueue::run`]) or
/// between the batches of one of them: it gives the kernel chunks to receive into, and members what they have sent.
///
/// Chunks for receiving have to last from one tending to the next, with what was sent meanwhile: an owner that is not
/// run in time lets the fill ring run dry, and the kernel drops and counts packets. Without it no
/// [`Tx::flush`](crate::Tx::flush) of a member ends.
///
/// Which member a packet goes to is for an XDP program to say: each member is put into a slot of the program's map
/// ([`Rx::register_slot`](crate::Rx::register_slot)), and the program chooses the slot
/// ([`Target::Spread`](crate::program::Target)). Owner and members may be dropped in any order. A member that goes
/// hands its chunks back; if the owner goes first, members keep what they have, nothing is received once the fill
/// ring has run dry, and nothing that was sent comes back until the last of them goes.
///
/// ```no_run
/// use std::sync::atomic::AtomicBool;
/// use xdp::program::{AttachMode, Filter, Program, Rules, Spread, Target};
/// use xdp::{QueueId, Socket, Umem};
///
/// let umem = Umem::builder().chunks(8192).build()?;
/// let mut queue = Socket::builder(&umem).chunks(4096).bind_shared("eth0", QueueId(0))?;
/// let spread = Target::Spread { first: 0, sockets: 2, by: Spread::Flow };
/// let program = Program::rules(Rules::new().redirect_to(spread, Filter::udp())).load()?;
/// let attachment = program.attach("eth0", AttachMode::PreferDriver)?.into();
/// for slot in 0..2 {
///     let mut socket = queue.member().chunks(1024).join()?;
///     socket.register_slot(&attachment, slot)?;
///     std::thread::spawn(move || socket.rx().seek(64).commit());
/// }
/// queue.run(&AtomicBool::new(false))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Minimum kernel: 4.18. In zero-copy mode the kernel takes packets from the tx rings in turn, up to 32 from each,
/// and one by one where several members send.
#[derive(Debug)]
pub struct SharedQueue {
    // The rings hold their mappings and are dropped before `port`, which closes the socket when the last member is
    // gone.
    fill: ProducerRing<u64>,
    completion: ConsumerRing<u64>,
    desks: Vec<Desk>,
    /// Which desk serves the holder of a byte of the custody table; [`NO_DESK`] for none.
    desk_of: [u8; 256],
    pool: HalfPool,
    /// What the owner has put into circulation for receiving, less what it took out and what members that are gone
    /// have said, wrapping (S4).
    fed: u32,
    refused: Refused,
    system_calls: Counter,
    /// None over a fake kernel.
    place: Option<(Interface, Config)>,
    port: Arc<Port>,
}

const NO_DESK: u8 = u8::MAX;

impl SharedQueue {
    /// Members that a queue has at most.
    pub const MEMBERS: usize = 64;

    /// Members that are there, or have left something behind that is not back yet.
    pub fn members(&self) -> usize {
        self.desks.len()
    }

    /// What was obtained at the bind. The rx and the tx ring are those that the kernel wants of an owner, and are not
    /// used.
    pub fn report(&self) -> &Report {
        self.port.report()
    }

    /// Completions that made no sense and were dropped: always 0 unless something is badly broken.
    pub fn refused(&self) -> u64 {
        self.refused.count.get() + u64::from(self.fill.faults()) + u64::from(self.completion.faults())
    }

    /// The completion that was refused last.
    pub fn last_refusal(&self) -> Option<Refusal> {
        self.refused.last
    }

    /// System calls that the owner has made to wake the kernel.
    pub fn system_calls(&self) -> u64 {
        self.system_calls.get()
    }

    /// How many chunks of the UMEM are where.
    pub fn accounting(&self) -> Accounting {
        self.port.umem().accounting()
    }

    /// The UMEM.
    pub fn umem(&self) -> &Umem {
        self.port.umem()
    }

    /// Who has what is in circulation for receiving (S2).
    fn holder(&self) -> Holder {
        Holder::receiving(self.port.number())
    }
}

impl Drop for SharedQueue {
    fn drop(&mut self) {
        self.port.rx_pool().store(0, Ordering::Relaxed);
    }
}
