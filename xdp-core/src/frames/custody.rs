//! Who has which chunk. The invariant F2 and row 10 stand in `frames`.

use alloc::boxed::Box;

use crate::desc::Desc;
use crate::layout::{Chunk, UmemLayout};
use crate::sync::{AtomicU8, Ordering};

/// Who has a chunk, as one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder(u8);

impl Holder {
    /// Nobody: the chunk is in a pool or on the return path.
    pub const FREE: Self = Self(0);

    /// The user, as a frame.
    pub const HANDS: Self = Self(u8::MAX);

    /// Sockets that one UMEM can tell apart.
    pub const SOCKETS: u8 = 127;

    /// The byte that stands for it in the table.
    pub const fn byte(self) -> u8 {
        self.0
    }

    /// The kernel, to receive into, by the fill ring of socket `socket` (below [`Holder::SOCKETS`]).
    pub const fn receiving(socket: u8) -> Self {
        Self(socket % Self::SOCKETS * 2 + 1)
    }

    /// The kernel, to send from, by the tx ring of socket `socket` (below [`Holder::SOCKETS`]).
    pub const fn sending(socket: u8) -> Self {
        Self(socket % Self::SOCKETS * 2 + 2)
    }
}

/// Who has each chunk: one byte a chunk, so that what the kernel names is checked before it is believed (F2).
#[derive(Debug)]
pub struct Custody {
    holders: Box<[AtomicU8]>,
    layout: UmemLayout,
}

impl Custody {
    /// Every chunk free.
    pub fn new(layout: UmemLayout) -> Self {
        Self { holders: (0..layout.chunks()).map(|_| AtomicU8::new(Holder::FREE.0)).collect(), layout }
    }

    /// The table for a loop: everything in registers, nothing to be loaded again for each packet.
    #[inline]
    pub fn view(&self) -> CustodyView<'_> {
        CustodyView { holders: &self.holders, layout: self.layout }
    }

    /// How many chunks each holder has, by [`Holder::byte`].
    pub fn counts(&self) -> [u32; 256] {
        let mut counts = [0; 256];
        for byte in self.holders.iter() {
            counts[usize::from(byte.load(Ordering::Relaxed))] += 1; // row 10; a snapshot for people
        }
        counts
    }

    /// The chunks that `holder` has.
    pub fn held_by(&self, holder: Holder) -> impl Iterator<Item = Chunk> + '_ {
        let has = move |byte: &AtomicU8| byte.load(Ordering::Relaxed) == holder.0;
        self.holders.iter().enumerate().filter(move |(_, byte)| has(byte)).map(|(i, _)| Chunk(i as u32))
    }
}

/// A [`Custody`] as a loop wants it.
#[derive(Debug, Clone, Copy)]
pub struct CustodyView<'a> {
    holders: &'a [AtomicU8],
    layout: UmemLayout,
}

impl<'a> CustodyView<'a> {
    /// Notes that `holder` has the chunk of this address now. An address beyond the UMEM is ignored.
    #[inline]
    pub fn set(self, addr: u64, holder: Holder) {
        if let Some(byte) = self.holder(addr) {
            byte.store(holder.0, Ordering::Relaxed); // row 10
        }
    }

    /// Whether `holder` has the chunk of this address.
    #[inline]
    pub fn is(self, addr: u64, holder: Holder) -> bool {
        self.holder(addr).is_some_and(|byte| byte.load(Ordering::Relaxed) == holder.0) // row 10
    }

    /// Passes the chunk of this address on if `from` has it; false, and nothing changes, if it does not, or the
    /// address is beyond the UMEM.
    #[inline]
    pub fn pass(self, addr: u64, from: Holder, to: Holder) -> bool {
        match self.holder(addr) {
            Some(byte) if byte.load(Ordering::Relaxed) == from.0 => {
                byte.store(to.0, Ordering::Relaxed); // row 10
                true
            }
            _ => false,
        }
    }

    /// Whether a descriptor can be believed: its bytes lie inside one chunk of the UMEM, and `holder` has that chunk.
    #[inline]
    pub fn vouches_for(self, desc: Desc, holder: Holder) -> bool {
        self.is(desc.addr.0, holder) && self.layout.fits(desc)
    }

    #[inline]
    fn holder(self, addr: u64) -> Option<&'a AtomicU8> {
        // There is a byte for each chunk, so this is the check of the address, too.
        self.holders.get(self.layout.chunk_number(addr) as usize)
    }
}
