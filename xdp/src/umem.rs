//! The UMEM: the memory that packets live in, who has which chunk of it, and when it may go.
//!
//! - U1 the mapping and everything else that a [`Frame`](crate::Frame) refers to ([`Home`]) lives as long as any
//!   handle, socket or pool; if frames outlive them all, it is leaked on purpose rather than freed under them.
//! - U2 a chunk's bytes are touched only by who has the chunk, by the custody table.

#![allow(unsafe_code, reason = "owns the packet memory, and frees it only when nothing refers to it (U1)")]

mod builder;

use std::fmt;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use xdp_core::frames::{Custody, Holder, Pool, ReturnPath, Seat};
use xdp_core::layout::{Chunk, UmemLayout};

use crate::accounting::Accounting;
use crate::metadata::Reserve;
use crate::socket::gauge::Gauge;
use crate::socket::port::{BoundTo, ClosedPort, Port};
use crate::sys::{Mapping, Pages};

pub use builder::{HugePages, UmemBuilder, UmemError};

/// A handle on the packet memory; clones refer to the same.
///
/// The memory is divided into chunks of one size. At every moment each chunk is in exactly one place: a pool, your
/// hands, or the fill, rx, tx or completion side of the kernel; [`Umem::accounting`] says how many are where.
///
/// ```
/// use xdp::{ChunkSize, HugePages, Umem};
///
/// let umem = Umem::builder().chunks(1024).chunk_size(ChunkSize::K2).huge_pages(HugePages::Prefer).build()?;
/// assert_eq!(umem.accounting().pool, 1024);
/// # Ok::<(), xdp::UmemError>(())
/// ```
#[derive(Clone)]
pub struct Umem {
    shared: Arc<Shared>,
}

impl fmt::Debug for Umem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Umem").field("layout", &self.home().layout).finish_non_exhaustive()
    }
}

impl Umem {
    /// A UMEM of 4096 chunks of 4 KiB, unless told otherwise.
    pub fn builder() -> UmemBuilder {
        UmemBuilder::default()
    }

    /// A handle on this memory, every chunk free.
    fn new(memory: Mapping, pages: Pages, layout: UmemLayout, reserve: Reserve) -> Self {
        let home = Home {
            memory,
            pages,
            layout,
            reserve,
            returns: ReturnPath::new(layout),
            custody: Custody::new(layout),
            is_hungry: AtomicBool::new(false),
        };
        let all: Vec<u64> = (0..layout.chunks()).map(|chunk| layout.addr(Chunk(chunk))).collect();
        home.returns.push_all(&all);
        let home = HomeRef(NonNull::from(Box::leak(Box::new(home))));
        Self { shared: Arc::new(Shared { home, sockets: Mutex::default() }) }
    }

    /// How many chunks there are.
    pub fn chunks(&self) -> u32 {
        self.home().layout.chunks()
    }

    /// The geometry.
    pub fn layout(&self) -> UmemLayout {
        self.home().layout
    }

    /// Whether the memory is backed by huge pages.
    pub fn has_huge_pages(&self) -> bool {
        self.home().pages == Pages::Huge
    }

    /// Whether the pages of every chunk lie side by side in the machine's memory, as zero-copy wants it: aligned chunks
    /// have but one page, unaligned ones lie across pages unless there is but one (`xp_check_unaligned`).
    pub(crate) fn has_whole_chunks(&self) -> bool {
        let layout = self.layout();
        !layout.is_unaligned() || layout.bytes() <= self.home().pages.bytes()
    }

    /// Whether there is room for requests in front of frames that are sent (see [`crate::metadata`]).
    pub fn has_tx_metadata(&self) -> bool {
        self.home().reserve != Reserve::Nothing
    }

    /// How many chunks are where; brings home what closed sockets have left with the kernel, as far as the kernel is
    /// done with it.
    pub fn accounting(&self) -> Accounting {
        self.reclaim();
        self.account()
    }

    /// How many chunks are where, as far as is known.
    pub(crate) fn account(&self) -> Accounting {
        let sockets = self.sockets();
        Accounting::take(self.home(), sockets.open.iter().map(|open| (open.number, open.queue, &*open.gauge)))
    }

    /// Brings home the chunks of closed sockets that the kernel has let go of; returns how many.
    ///
    /// The kernel releases a closed socket some time after it was closed, 20 ms on a quiet machine. Where it does not
    /// tell (before Linux 6.15), chunks come home when their queue is bound again.
    pub fn reclaim(&self) -> u32 {
        let mut sockets = self.sockets();
        let mut reclaimed = 0;
        sockets.closed.retain(|closed| {
            let released = closed.is_released();
            if released {
                reclaimed += self.home().bring_home(closed.sockets());
            }
            !released
        });
        reclaimed
    }

    /// Sets chunks aside as the share of a socket, `wanted` or all that are not set aside; says how many, or why not.
    ///
    /// Chunks of closed sockets whose release the kernel will not tell count as free for a socket on the same queue
    /// (`place`): they come home with its bind.
    pub(crate) fn claim(
        &self,
        number: u8,
        wanted: Option<u32>,
        place: Option<BoundTo>,
    ) -> Result<u32, Unclaimed> {
        let mut sockets = self.sockets();
        let (mut awaited, mut lost) = (0, 0);
        let counts = if sockets.closed.is_empty() { [0; 256] } else { self.home().custody.counts() };
        for closed in &sockets.closed {
            let holders = closed.sockets().iter().flat_map(|&n| [Holder::receiving(n), Holder::sending(n)]);
            let chunks: u32 = holders.map(|holder| counts[usize::from(holder.byte())]).sum();
            if closed.tells_release() {
                awaited += chunks;
            } else if !place.is_some_and(|place| closed.was_on(place)) {
                lost += chunks;
            }
        }
        let shared: u32 = sockets.open.iter().map(|open| open.share).sum();
        let free = self.chunks().saturating_sub(shared + awaited + lost);
        let share = wanted.unwrap_or(free + awaited);
        if share == 0 || share > free {
            return Err(Unclaimed { free, awaited });
        }
        for open in sockets.open.iter_mut().filter(|open| open.number == number) {
            open.share = share;
        }
        Ok(share)
    }

    pub(crate) fn home(&self) -> &Home {
        &self.shared.home
    }

    pub(crate) fn home_ref(&self) -> HomeRef {
        self.shared.home
    }

    /// Gives a socket its number in the custody table. None when all are taken.
    pub(crate) fn adopt(&self, port: impl FnOnce(u8) -> Arc<Port>) -> Option<Arc<Port>> {
        self.adopt_into(None, port)
    }

    /// As [`Umem::adopt`], for a member of the shared queue with this number.
    pub(crate) fn adopt_into(
        &self,
        queue: Option<u8>,
        port: impl FnOnce(u8) -> Arc<Port>,
    ) -> Option<Arc<Port>> {
        let mut sockets = self.sockets();
        let taken = |number: u8| {
            sockets.open.iter().any(|open| open.number == number)
                || sockets.closed.iter().any(|closed| closed.sockets().contains(&number))
        };
        let number = (0..Holder::SOCKETS).find(|&number| !taken(number))?;
        let port = port(number);
        let (gauge, weak) = (Arc::clone(port.gauge()), Arc::downgrade(&port));
        let queue = queue.unwrap_or(number);
        sockets.open.push(Open { number, queue, gauge, port: weak, share: 0 });
        Some(port)
    }

    /// The sockets that are bound, the earliest first: the kernel knows the memory through them.
    pub(crate) fn bound_ports(&self) -> Vec<Arc<Port>> {
        // Collected, as one of them may be closed by the caller's drop, which takes the lock.
        let ports: Vec<_> = self.sockets().open.iter().filter_map(|open| open.port.upgrade()).collect();
        ports.into_iter().filter(|port| port.bound().is_some()).collect()
    }

    /// A socket was closed. What the kernel may still have is stranded until it is known to be released.
    ///
    /// With the owner of a shared queue go the numbers of all its members: they are closed, as each keeps the owner.
    pub(crate) fn close(&self, mut closed: ClosedPort) {
        let mut sockets = self.sockets();
        let number = closed.sockets()[0];
        let members = sockets.open.iter().filter(|open| open.queue == number && open.number != number);
        closed.add(members.map(|member| member.number));
        sockets.open.retain(|open| open.queue != number);
        if closed.is_released() {
            self.home().bring_home(closed.sockets());
        } else {
            sockets.closed.push(closed);
        }
    }

    /// A member of a shared queue was closed. Its number stays taken, since what it was sending comes back by the queue.
    pub(crate) fn leave(&self, number: u8) {
        self.sockets().open.iter_mut().filter(|open| open.number == number).for_each(|open| open.share = 0);
    }

    /// Everything that a closed member of a shared queue was sending has come back: its number is free again.
    pub(crate) fn dismiss(&self, number: u8) {
        self.sockets().open.retain(|open| open.number != number);
    }

    /// A socket was bound to this queue, so the kernel has released every earlier one there.
    pub(crate) fn bound(&self, place: BoundTo) {
        let mut sockets = self.sockets();
        sockets.closed.retain(|closed| {
            let released = closed.was_on(place);
            if released {
                self.home().bring_home(closed.sockets());
            }
            !released
        });
    }

    fn sockets(&self) -> MutexGuard<'_, Sockets> {
        // A panic while the lock is held leaves the lists whole: each change is one push or retain.
        self.shared.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why chunks could not be set aside.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unclaimed {
    /// Chunks that are in nobody's share.
    pub(crate) free: u32,
    /// Chunks of closed sockets that will be free when the kernel has let go of them.
    pub(crate) awaited: u32,
}

/// What all handles share.
struct Shared {
    home: HomeRef,
    sockets: Mutex<Sockets>,
}

#[derive(Default)]
struct Sockets {
    open: Vec<Open>,
    closed: Vec<ClosedPort>,
}

/// A socket that lives, or is just being closed: its number is free again only after [`Umem::close`].
struct Open {
    number: u8,
    /// The number of the shared queue that it is a member of; else its own.
    queue: u8,
    /// What the accounting reads; the socket itself is not kept open.
    gauge: Arc<Gauge>,
    port: Weak<Port>,
    /// Chunks that are set aside for it.
    share: u32,
}

impl Drop for Shared {
    fn drop(&mut self) {
        // No handle, socket or pool is left. Any chunk that is neither on the return path nor left with the kernel is
        // a frame in somebody's hands. What the kernel may still use it has pinned for itself: it writes to its
        // pages, wherever our addresses lead by then.
        let home = &*self.home;
        let sockets = self.sockets.get_mut().unwrap_or_else(PoisonError::into_inner);
        for closed in &sockets.closed {
            home.bring_home(closed.sockets());
        }
        let mut free = Pool::with_capacity(home.layout.chunks());
        if home.returns.take_all(&mut free) == home.layout.chunks() {
            // A reference to `Home` that has done its work but not returned yet is not an access: as with the
            // standard library's `Arc`, what it points to may go as soon as the last access is over.
            // SAFETY: the box was leaked in `build`, and this is the only place that takes it back. No reference is
            // left (U1): handles and sockets are gone since this is the last of them, and every chunk is home, so
            // there is no frame. A frame that was dropped on another thread touched `Home` last with the push that
            // `take_all` has seen.
            drop(unsafe { Box::from_raw(self.home.0.as_ptr()) });
        } else {
            // Frames are still about: they keep working, and what they return goes to the leaked return path.
        }
    }
}

/// What frames refer to: the memory, its geometry, who has which chunk, and the way home.
#[derive(Debug)]
pub(crate) struct Home {
    memory: Mapping,
    pages: Pages,
    pub(crate) layout: UmemLayout,
    /// What the first bytes of each chunk are kept for.
    pub(crate) reserve: Reserve,
    pub(crate) returns: ReturnPath,
    pub(crate) custody: Custody,
    /// Somebody looked for chunks on the return path and found none: what others hold back is wanted there.
    pub(crate) is_hungry: AtomicBool,
}

impl Home {
    /// The first byte of the UMEM.
    #[inline]
    pub(crate) fn base(&self) -> NonNull<u8> {
        self.memory.ptr()
    }

    /// A pointer to an address of the UMEM.
    ///
    /// # Panics
    ///
    /// Never on what the kernel says: callers pass addresses for which the custody table has an entry, or which come from
    /// the pools, which hold no others.
    #[inline]
    pub(crate) fn pointer(&self, addr: u64) -> NonNull<u8> {
        debug_assert!(addr < self.layout.bytes() as u64);
        // SAFETY: `addr` has an entry in the custody table (see above), which ends with the layout, and the mapping is as
        // long as the layout says.
        unsafe { self.memory.ptr().add(addr as usize) }
    }

    /// The whole mapping, to be registered with a socket.
    pub(crate) fn memory(&self) -> &Mapping {
        &self.memory
    }

    /// Passes the chunks of these addresses on: see [`xdp_core::frames::CustodyView::pass_all`].
    #[inline]
    pub(crate) fn pass_all(&self, addrs: &[u64], pass: [Holder; 2], starts: &mut [u64]) -> usize {
        match self.layout.is_unaligned() {
            false => self.custody.view().pass_all(addrs, pass, starts),
            true => self.custody.pass_all(addrs, pass, starts),
        }
    }

    /// Brings home the chunk of a frame that is dropped. Apart, so that no locked instruction stands in a loop that
    /// hands its frames on.
    #[inline(never)]
    pub(crate) fn take_home(&self, seat: Seat) {
        self.custody.view().set_seat(seat, Holder::FREE);
        self.returns.push(self.custody.start(seat));
    }

    /// Brings home what the custody table says closed sockets have left.
    fn bring_home(&self, sockets: &[u8]) -> u32 {
        let mut addrs = Vec::new();
        for holder in sockets.iter().flat_map(|&n| [Holder::receiving(n), Holder::sending(n)]) {
            for chunk in self.custody.held_by(holder) {
                let addr = self.layout.addr(chunk);
                self.custody.view().set(addr, Holder::FREE);
                addrs.push(addr);
            }
        }
        self.returns.push_all(&addrs);
        addrs.len() as u32
    }
}

/// A reference to [`Home`] that does not count: what it refers to lives by U1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HomeRef(NonNull<Home>);

// SAFETY: `Home` is `Sync` (asserted below), and a reference to such a thing may go to any thread.
unsafe impl Send for HomeRef {}

// SAFETY: as above.
unsafe impl Sync for HomeRef {}

const _: () = {
    const fn sync<T: Sync>() {}
    sync::<Home>();
};

impl Deref for HomeRef {
    type Target = Home;

    #[inline]
    fn deref(&self) -> &Home {
        // SAFETY: U1: whoever holds a `HomeRef` is a handle, a socket, a pool or a frame, each of which keeps the
        // home alive.
        unsafe { self.0.as_ref() }
    }
}
