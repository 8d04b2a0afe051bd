//! What is counted: one function an operation, never inlined, called once a batch.
//!
//! The tools find these functions by the name of this module. The arguments come from memory that the compiler cannot
//! see through, so neither the batch nor the entries are constants to it; the loop, the checks and the kernel's moves
//! are outside.

use xdp_core::Desc;

use crate::journeys::Journey;
use crate::rings::{FourRings, Taken};

/// Writes and publishes addresses on the fill ring; returns how many.
#[inline(never)]
pub fn fill<R: FourRings>(rings: &mut R, chunks: &[u64]) -> u32 {
    rings.fill(chunks)
}

/// Reads and releases up to `n` addresses of the completion ring.
#[inline(never)]
pub fn completion<R: FourRings>(rings: &mut R, n: u32) -> Taken {
    rings.completion(n)
}

/// Writes and publishes descriptors on the tx ring; returns how many.
#[inline(never)]
pub fn tx<R: FourRings>(rings: &mut R, frames: &[Desc]) -> u32 {
    rings.tx(frames)
}

/// Reads and releases up to `n` descriptors of the rx ring.
#[inline(never)]
pub fn rx<R: FourRings>(rings: &mut R, n: u32) -> Taken {
    rings.rx(n)
}

/// Sends as [`tx`], then takes as many completions.
#[inline(never)]
pub fn tx_and_completion<R: FourRings>(rings: &mut R, frames: &[Desc]) -> Taken {
    let sent = rings.tx(frames);
    rings.completion(sent)
}

/// Receives as [`rx`], then fills as many.
#[inline(never)]
pub fn rx_and_fill<R: FourRings>(rings: &mut R, chunks: &[u64]) -> Taken {
    let taken = rings.rx(chunks.len() as u32);
    rings.fill(chunks);
    taken
}

/// Receives up to `n` packets, adds up their first bytes, gives the chunks back.
#[inline(never)]
pub fn borrowed<J: Journey>(journey: &mut J, n: u32) -> Taken {
    journey.borrowed(n)
}

/// Receives up to `n` packets, swaps their MAC addresses, sends them, takes completions; returns how many were sent.
#[inline(never)]
pub fn owned<J: Journey>(journey: &mut J, n: u32) -> u32 {
    journey.owned(n)
}

/// Receives up to `n` packets and drops them one by one; returns how many.
#[inline(never)]
pub fn dropped<J: Journey>(journey: &mut J, n: u32) -> u32 {
    journey.dropped(n)
}
