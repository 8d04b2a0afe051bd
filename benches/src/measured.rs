//! What is counted: one function an operation, never inlined, called once a batch.
//!
//! The tools find these functions by the name of this module. The arguments come from memory that the compiler cannot
//! see through, so neither the batch nor the entries are constants to it; the loop, the checks and the kernel's moves
//! are outside.

use xdp_core::Desc;

use crate::chunks::FreeChunks;
use crate::cursors::Cursors;
use crate::frames::Frames;
use crate::journeys::Journey;
use crate::rings::{FourRings, Taken};
use crate::steps::Steps;

/// Reserves and submits up to `n` entries; returns how many.
#[inline(never)]
pub fn reserve_and_submit<C: Cursors>(cursors: &mut C, n: u32) -> u32 {
    cursors.reserve_and_submit(n)
}

/// Peeks and releases up to `n` entries; returns how many.
#[inline(never)]
pub fn peek_and_release<C: Cursors>(cursors: &mut C, n: u32) -> u32 {
    cursors.peek_and_release(n)
}

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

/// Puts chunks into a pool one by one, and takes as many out.
#[inline(never)]
pub fn push_and_pop<C: FreeChunks>(chunks: &mut C, addrs: &[u64]) -> Taken {
    chunks.push_and_pop(addrs)
}

/// Puts chunks into a pool all at once, looks at as many and takes them out.
#[inline(never)]
pub fn in_bulk<C: FreeChunks>(chunks: &mut C, addrs: &[u64]) -> Taken {
    chunks.in_bulk(addrs)
}

/// Pushes chunks to the return path one by one.
#[inline(never)]
pub fn push_each<C: FreeChunks>(chunks: &mut C, addrs: &[u64]) {
    chunks.push_each(addrs);
}

/// Pushes chunks to the return path all at once.
#[inline(never)]
pub fn push_all<C: FreeChunks>(chunks: &mut C, addrs: &[u64]) {
    chunks.push_all(addrs);
}

/// Takes all chunks from the return path into a pool; returns how many.
#[inline(never)]
pub fn take_all<C: FreeChunks>(chunks: &mut C) -> u32 {
    chunks.take_all()
}

/// Receives up to `n` frames and keeps them; returns how many.
#[inline(never)]
pub fn recv<F: Frames>(queue: &mut F, n: u32, kept: &mut Vec<F::Frame>) -> u32 {
    queue.recv(n, kept)
}

/// Takes up to `n` free chunks as frames and keeps them; returns how many.
#[inline(never)]
pub fn alloc<F: Frames>(queue: &mut F, n: u32, kept: &mut Vec<F::Frame>) -> u32 {
    queue.alloc(n, kept)
}

/// Hands the last `n` of the kept frames over one by one, without publishing them; returns how many were taken.
#[inline(never)]
pub fn send<F: Frames>(queue: &mut F, n: u32, kept: &mut Vec<F::Frame>) -> u32 {
    queue.send(n, kept)
}

/// As [`send`], all at once.
#[inline(never)]
pub fn send_from<F: Frames>(queue: &mut F, n: u32, kept: &mut Vec<F::Frame>) -> u32 {
    queue.send_from(n, kept)
}

/// Drops the last `n` of the kept frames, one by one.
#[inline(never)]
pub fn drop_each<F: Frames>(queue: &mut F, n: u32, kept: &mut Vec<F::Frame>) {
    queue.drop_each(n, kept);
}

/// Gives the last `n` of the kept frames back to the fill ring.
#[inline(never)]
pub fn recycle<F: Frames>(queue: &mut F, n: u32, kept: &mut Vec<F::Frame>) {
    queue.recycle(n, kept);
}

/// Looks for up to `n` received packets.
#[inline(never)]
pub fn rx_seek<S: Steps>(queue: &mut S, n: u32) -> S::RxBatch<'_> {
    queue.rx_seek(n)
}

/// Adds up the first bytes of the packets.
#[inline(never)]
pub fn rx_peek<S: Steps>(batch: &S::RxBatch<'_>) -> Taken {
    S::rx_peek(batch)
}

/// Gives the chunks of the packets back to the fill ring.
#[inline(never)]
pub fn rx_commit<S: Steps>(batch: S::RxBatch<'_>) {
    S::rx_commit(batch);
}

/// Looks for up to `n` free chunks, and as much room in the tx ring.
#[inline(never)]
pub fn tx_seek<S: Steps>(queue: &mut S, n: u32) -> S::TxBatch<'_> {
    queue.tx_seek(n)
}

/// Makes a packet of each, and writes its first byte; returns how many.
#[inline(never)]
pub fn tx_peek<S: Steps>(batch: &mut S::TxBatch<'_>) -> u32 {
    S::tx_peek(batch)
}

/// Publishes the packets; returns how many.
#[inline(never)]
pub fn tx_commit<S: Steps>(batch: S::TxBatch<'_>) -> u32 {
    S::tx_commit(batch)
}

/// Wakes the kernel if it asks for it, and takes completions; whether that went well.
#[inline(never)]
pub fn tx_kick<S: Steps>(queue: &mut S) -> bool {
    queue.tx_kick()
}

/// Receives up to `n` packets, adds up their first bytes, gives the chunks back.
#[inline(never)]
pub fn borrowed<J: Journey>(journey: &mut J, n: u32) -> Taken {
    journey.borrowed(n)
}

/// Makes up to `n` packets, writes their first bytes, sends them, takes completions; returns how many were sent.
#[inline(never)]
pub fn sent<J: Journey>(journey: &mut J, n: u32) -> u32 {
    journey.sent(n)
}

/// Receives up to `n` packets, swaps their MAC addresses, sends them all at once, takes completions; returns how many
/// were sent.
#[inline(never)]
pub fn owned<J: Journey>(journey: &mut J, n: u32) -> u32 {
    journey.owned(n)
}

/// As [`owned`], but the packets are sent one by one.
#[inline(never)]
pub fn owned_each<J: Journey>(journey: &mut J, n: u32) -> u32 {
    journey.owned_each(n)
}

/// Receives up to `n` packets, swaps their MAC addresses, gives the frames back in bulk; returns how many.
#[inline(never)]
pub fn recycled<J: Journey>(journey: &mut J, n: u32) -> u32 {
    journey.recycled(n)
}

/// Receives up to `n` packets and drops them one by one; returns how many.
#[inline(never)]
pub fn dropped<J: Journey>(journey: &mut J, n: u32) -> u32 {
    journey.dropped(n)
}
