//! Whether what the kernel names is believed, by hand.

use xdp_core::Desc;

use super::by_hand::{chunk, offset};
use super::{CHUNK, CHUNKS};
use crate::plain::ENTRIES;

/// Who has a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Owner {
    /// The program.
    Us,
    /// The kernel, to receive into.
    Receiving,
    /// The kernel, to send from.
    Sending,
}

/// Whether what the kernel names is believed.
pub trait Ledger: std::fmt::Debug {
    /// The first chunks are in the fill ring, as many as it takes; the others are ours.
    fn new() -> Self;

    /// Whether a received frame lies inside of one chunk, and that chunk was there to be received into.
    fn vouches_for(&self, frame: &Desc) -> bool;

    /// Passes the chunk of an address on; false if it was not where it should have been.
    fn pass(&mut self, addr: u64, from: Owner, to: Owner) -> bool;
}

/// It is: the floor.
#[derive(Debug)]
pub struct Believe;

impl Ledger for Believe {
    fn new() -> Self {
        Self
    }

    #[inline(always)]
    fn vouches_for(&self, _: &Desc) -> bool {
        true
    }

    #[inline(always)]
    fn pass(&mut self, _: u64, _: Owner, _: Owner) -> bool {
        true
    }
}

/// It is not, and no chunk is lost or has two owners whatever the kernel says, as in the library: a table of owners.
#[derive(Debug)]
pub struct Check {
    owners: Box<[Owner; CHUNKS as usize]>,
}

impl Ledger for Check {
    fn new() -> Self {
        let mut owners = Box::new([Owner::Us; CHUNKS as usize]);
        owners[..ENTRIES as usize].fill(Owner::Receiving);
        Self { owners }
    }

    #[inline(always)]
    fn vouches_for(&self, frame: &Desc) -> bool {
        let fits = offset(frame.addr.0) + frame.len as usize <= CHUNK;
        let is_inside = frame.addr.0 < (CHUNK * CHUNKS as usize) as u64;
        is_inside && fits && self.owners[chunk(frame.addr.0)] == Owner::Receiving
    }

    #[inline(always)]
    fn pass(&mut self, addr: u64, from: Owner, to: Owner) -> bool {
        let owner = &mut self.owners[chunk(addr)];
        let is_believed = *owner == from;
        if is_believed {
            *owner = to;
        }
        is_believed
    }
}
