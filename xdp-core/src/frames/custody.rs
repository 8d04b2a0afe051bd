//! Who has which chunk. The invariant F2 and row 10 stand in `frames`.

mod unaligned;

use alloc::boxed::Box;

use crate::desc::Desc;
use crate::layout::{Chunk, UmemLayout};
use crate::sync::{AtomicU8, Ordering};

pub use unaligned::make_plain;

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

/// Bytes that one entry of the table stands for: no chunk is smaller, so each begins in an entry of its own.
const GRAIN: u32 = 2048;

/// The entry of a chunk in a [`Custody`]: spares those who keep it finding it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat(u32);

impl Seat {
    /// The address of the chunk's first byte, unless chunks are unaligned: see [`Custody::start`].
    #[inline]
    pub const fn addr(self) -> u64 {
        self.0 as u64 * GRAIN as u64
    }
}

/// Who has each chunk, as one byte, so that what the kernel names is checked before it is believed (F2).
#[derive(Debug)]
pub struct Custody {
    /// A byte for each 2 KiB of the UMEM; larger chunks use that of their beginning. So the place of a byte is known
    /// without the chunk size, by a shift that is a constant. No chunk is smaller, so no two begin in the same 2 KiB,
    /// aligned or not.
    holders: Box<[AtomicU8]>,
    layout: UmemLayout,
}

impl Custody {
    /// Every chunk free.
    pub fn new(layout: UmemLayout) -> Self {
        let grains = layout.bytes().div_ceil(GRAIN as usize);
        Self { holders: (0..grains).map(|_| AtomicU8::new(Holder::FREE.0)).collect(), layout }
    }

    /// The table for a loop: everything in registers, nothing to be loaded again for each packet.
    #[inline]
    pub fn view(&self) -> CustodyView<'_> {
        let starts = match self.layout.is_unaligned() {
            false => !(u64::from(self.layout.chunk_bytes()) - 1),
            // What begins a chunk is left as it is; anything else is none of the view's business.
            true => u64::MAX,
        };
        CustodyView { holders: &self.holders, starts }
    }

    /// How many chunks each holder has, by [`Holder::byte`].
    pub fn counts(&self) -> [u32; 256] {
        let mut counts = [0; 256];
        for (_, byte) in self.chunks() {
            counts[usize::from(byte.load(Ordering::Relaxed))] += 1; // row 10; a snapshot for people
        }
        counts
    }

    /// The chunks that `holder` has.
    pub fn held_by(&self, holder: Holder) -> impl Iterator<Item = Chunk> + '_ {
        self.chunks()
            .filter(move |(_, byte)| byte.load(Ordering::Relaxed) == holder.0)
            .map(|(chunk, _)| chunk)
    }

    fn chunks(&self) -> impl Iterator<Item = (Chunk, &AtomicU8)> {
        (0..self.layout.chunks()).filter_map(|chunk| {
            let grain = self.layout.addr(Chunk(chunk)) / u64::from(GRAIN);
            Some((Chunk(chunk), self.holders.get(grain as usize)?))
        })
    }
}

/// Entries that are looked at before a loop goes round: a round costs a third as much as what is done for an entry.
const STRIDE: usize = 8;

/// A [`Custody`] as a loop wants it.
///
/// With unaligned chunks it takes the addresses of chunks, and seats; what the kernel says is judged by the methods of
/// [`Custody`].
#[derive(Debug, Clone, Copy)]
pub struct CustodyView<'a> {
    holders: &'a [AtomicU8],
    /// What an address is masked with to become that of its chunk.
    starts: u64,
}

impl<'a> CustodyView<'a> {
    /// Notes that `holder` has the chunk of this address now. An address beyond the UMEM is ignored.
    #[inline]
    pub fn set(self, addr: u64, holder: Holder) {
        self.store(self.grain(addr), holder);
    }

    /// As [`CustodyView::set`]; says where. None beyond the UMEM.
    #[inline]
    pub fn give(self, addr: u64, holder: Holder) -> Option<Seat> {
        let entry = self.grain(addr);
        self.holders.get(entry)?.store(holder.0, Ordering::Relaxed); // row 10
        Some(Seat(entry as u32))
    }

    /// Notes that `holder` has this chunk now.
    #[inline]
    pub fn set_seat(self, Seat(seat): Seat, holder: Holder) {
        self.store(seat as usize, holder);
    }

    /// Whether `holder` has the chunk of this address.
    #[inline]
    pub fn is(self, addr: u64, holder: Holder) -> bool {
        self.holder_of(addr) == Some(holder)
    }

    /// Who has the chunk of this address, if there is such a chunk.
    #[inline]
    pub fn holder_of(self, addr: u64) -> Option<Holder> {
        self.holders.get(self.grain(addr)).map(|byte| Holder(byte.load(Ordering::Relaxed))) // row 10
    }

    /// Passes the chunk of this address on if `from` has it; false, and nothing changes, if it does not, or the
    /// address is beyond the UMEM.
    #[inline]
    pub fn pass(self, addr: u64, from: Holder, to: Holder) -> bool {
        match self.holders.get(self.grain(addr)) {
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
        self.is(desc.addr.0, holder) && self.fits(desc)
    }

    /// Passes the chunk of a descriptor on if the descriptor can be believed, as [`CustodyView::vouches_for`] says.
    #[inline]
    pub fn pass_frame(self, desc: Desc, from: Holder, to: Holder) -> Option<Seat> {
        let is_inside = self.crossing(&desc) & self.starts == 0 || self.fits(desc);
        (is_inside && self.pass(desc.addr.0, from, to)).then_some(Seat(self.grain(desc.addr.0) as u32))
    }

    /// How many of `descs`, from the front, can be believed, as [`CustodyView::vouches_for`] says of each; the
    /// addresses of their chunks are written to `starts`, which is as long. Behind them, anything may be written.
    ///
    /// Apart, so that the loop has all registers for itself.
    #[inline(never)]
    pub fn vouch(self, descs: &[Desc], holder: Holder, starts: &mut [u64]) -> usize {
        let mut vouched = 0;
        for (some, starts) in descs.chunks_exact(STRIDE).zip(starts.chunks_exact_mut(STRIDE)) {
            let are_good = some.iter().zip(starts).all(|(desc, start)| {
                *start = desc.addr.0 & self.starts;
                self.crossing(desc) & self.starts == 0 && self.is(desc.addr.0, holder)
            });
            if !are_good {
                break;
            }
            vouched += STRIDE;
        }
        let (descs, starts) = (descs.iter().skip(vouched), starts.iter_mut().skip(vouched));
        for (desc, start) in descs.zip(starts) {
            *start = desc.addr.0 & self.starts;
            if !self.vouches_for(*desc, holder) {
                break;
            }
            vouched += 1;
        }
        vouched
    }

    /// Notes that `holder` has the chunks of these addresses now, and copies the addresses to `targets`, which is as
    /// long.
    ///
    /// Apart, so that the loop has all registers for itself.
    #[inline(never)]
    pub fn give_all(self, addrs: &[u64], holder: Holder, targets: &mut [u64]) {
        let mut strides = addrs.chunks_exact(STRIDE);
        let mut targets = targets.chunks_exact_mut(STRIDE);
        for (addrs, targets) in (&mut strides).zip(&mut targets) {
            for (addr, target) in addrs.iter().zip(targets) {
                self.set(*addr, holder);
                *target = *addr;
            }
        }
        for (addr, target) in strides.remainder().iter().zip(targets.into_remainder()) {
            self.set(*addr, holder);
            *target = *addr;
        }
    }

    /// Passes the chunks of these addresses on, from the front to the first that `from` does not have, and writes the
    /// addresses of the chunks to `starts`, which is as long; returns how many.
    ///
    /// Apart, so that the loop has all registers for itself.
    #[inline(never)]
    pub fn pass_all(self, addrs: &[u64], [from, to]: [Holder; 2], starts: &mut [u64]) -> usize {
        let mut passed = 0;
        for (some, starts) in addrs.chunks_exact(STRIDE).zip(starts.chunks_exact_mut(STRIDE)) {
            for (i, (addr, start)) in some.iter().zip(starts).enumerate() {
                *start = addr & self.starts;
                if !self.pass(*addr, from, to) {
                    return passed + i;
                }
            }
            passed += STRIDE;
        }
        let (addrs, starts) = (addrs.iter().skip(passed), starts.iter_mut().skip(passed));
        for (addr, start) in addrs.zip(starts) {
            *start = addr & self.starts;
            if !self.pass(*addr, from, to) {
                break;
            }
            passed += 1;
        }
        passed
    }

    /// The bits in which the first byte of a frame and the one behind its last differ: none of the chunk's address if
    /// both lie in one chunk.
    #[inline]
    fn crossing(self, desc: &Desc) -> u64 {
        desc.addr.0.wrapping_add(u64::from(desc.len)) ^ desc.addr.0
    }

    /// Whether a frame ends in the chunk that it begins in, at its very end or before.
    #[inline]
    fn fits(self, desc: Desc) -> bool {
        u64::from(desc.len) <= !self.starts + 1 - (desc.addr.0 & !self.starts)
    }

    #[inline]
    fn store(self, entry: usize, holder: Holder) {
        if let Some(byte) = self.holders.get(entry) {
            byte.store(holder.0, Ordering::Relaxed); // row 10
        }
    }

    /// The entry of the chunk of an address, if there is such a chunk.
    #[inline]
    fn grain(self, addr: u64) -> usize {
        // Where a `usize` has 32 bits, an address beyond them has no entry, rather than that of another.
        usize::try_from((addr & self.starts) / u64::from(GRAIN)).unwrap_or(usize::MAX)
    }
}
