//! What the kernel said and was not believed.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use xdp_core::desc::{Addr, Desc, Options};
use xdp_core::frames::Holder;
use xdp_core::layout::Chunk;

use crate::RingKind;
use crate::socket::counter::Counter;
use crate::trace;
use crate::umem::Home;

/// An address or descriptor of the kernel that was not believed, and dropped: the kernel (or a driver, or whoever else
/// writes to the rings) is broken, and this says what to look for.
///
/// Its chunk stays where the books say it is, so no chunk has two owners; if the kernel keeps a chunk for good in
/// exchange, that chunk stays with the kernel until the socket is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The ring that it stood in: rx or completion.
    pub ring: RingKind,
    /// The address, relative to the start of the UMEM.
    pub addr: Addr,
    /// Bytes that the descriptor claimed; 0 on the completion ring, which has no lengths.
    pub len: u32,
    /// The chunk that holds the address; none outside the UMEM.
    pub chunk: Option<Chunk>,
    /// What is wrong with it.
    pub why: Disbelief,
}

/// Why something that the kernel said was not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Disbelief {
    /// The UMEM has no such address.
    Outside,
    /// The bytes do not end in the chunk in which they begin.
    TooLong,
    /// The chunk is free, in a pool: it has come back already.
    Free,
    /// The chunk is in your hands, as a frame: it has come back already.
    InHands,
    /// The chunk is with the kernel, but for another ring or another socket.
    Elsewhere,
    /// The descriptor begins a packet of more frames, or more bytes, than can be; all of it was dropped, and its chunks
    /// taken back.
    EndlessPacket,
}

impl Refusal {
    /// Finds out what is wrong with a descriptor of this ring.
    pub(crate) fn new(ring: RingKind, desc: Desc, home: &Home) -> Self {
        let why = match home.custody.holder_at(desc.addr.0) {
            None => Disbelief::Outside,
            Some(_) if !home.layout.fits(desc) => Disbelief::TooLong,
            Some(Holder::FREE) => Disbelief::Free,
            Some(Holder::HANDS) => Disbelief::InHands,
            Some(_) => Disbelief::Elsewhere,
        };
        Self { ring, addr: desc.addr, len: desc.len, chunk: home.layout.chunk(desc.addr.0), why }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ring, addr, len, chunk, why } = self;
        write!(f, "the {ring} ring named address {addr}")?;
        if let Some(Chunk(chunk)) = chunk {
            write!(f, " in chunk {chunk}")?;
        }
        match why {
            Disbelief::Outside => write!(f, ", which is outside the umem"),
            Disbelief::TooLong => write!(f, " with {len} bytes, which is more than the chunk has there"),
            Disbelief::Free => write!(f, ", which has come back already and is free"),
            Disbelief::InHands => write!(f, ", which has come back already and is in your hands"),
            Disbelief::Elsewhere => write!(f, ", which the kernel has for another ring or socket"),
            Disbelief::EndlessPacket => write!(f, " as the begin of a packet that is longer than any can be"),
        }
    }
}

/// What one half has refused.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    pub(crate) count: Counter,
    pub(crate) last: Option<Refusal>,
}

impl Refused {
    /// Counts for those who read `told`.
    pub(crate) fn new(told: &Arc<AtomicU64>) -> Self {
        Self { count: Counter::new(told), last: None }
    }

    /// Counts a packet that is longer than any can be, by its first descriptor.
    #[cold]
    pub(crate) fn note_endless(&mut self, Desc { addr, len, .. }: Desc, home: &Home) {
        let chunk = home.layout.chunk(addr.0);
        self.count += 1;
        self.last = Some(Refusal { ring: RingKind::Rx, addr, len, chunk, why: Disbelief::EndlessPacket });
    }

    /// Counts a refusal, and keeps it for those who ask.
    #[cold]
    pub(crate) fn note(&mut self, ring: RingKind, addr: u64, len: u32, home: &Home) {
        let desc = Desc { addr: Addr(addr), len, options: Options::NONE };
        self.count += 1;
        let refusal = Refusal::new(ring, desc, home);
        trace::not_believed(&refusal);
        self.last = Some(refusal);
    }
}
