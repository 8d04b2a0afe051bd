//! Free chunks on loan, to write packets into.

#![allow(unsafe_code, reason = "lends free chunks as slices to write packets into (T1 in `tx`)")]

use std::slice;

use xdp_core::desc::{Addr, Desc, Options};

use super::Tx;
use crate::error::PeekError;

/// Free chunks on loan, to write packets into.
///
/// Packets are handed over in order by [`commit`](TxBatch::commit); those that were never peeked are not sent.
#[derive(Debug)]
pub struct TxBatch<'a> {
    pub(super) tx: &'a mut Tx,
    /// Slots reserved, each with a chunk from the top of the pool.
    pub(super) len: u32,
    /// Slots from the front that hold a descriptor of this batch.
    pub(super) ready: u32,
    /// Whether one of the ready slots was skipped and has length 0.
    pub(super) has_holes: bool,
}

impl TxBatch<'_> {
    /// Packets that can still be written and committed.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether no packet is left.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Packet `i`, counted from the first that is not committed, with a length of `len` bytes; they hold what was
    /// there.
    ///
    /// # Errors
    ///
    /// The batch has no such packet, or the length is 0 or does not fit a chunk behind the headroom.
    #[inline]
    pub fn peek(&mut self, i: u32, len: usize) -> Result<&mut [u8], PeekError> {
        if i >= self.len {
            return Err(PeekError::NoSuchPacket { index: i, packets: self.len });
        }
        let home = self.tx.pool.home();
        let headroom = home.layout.headroom();
        let most = home.layout.chunk_size().bytes() - headroom;
        let len = match u32::try_from(len) {
            Ok(len) if (1..=most).contains(&len) => len,
            _ => return Err(PeekError::Length { len, most }),
        };
        // Chunk `i` is the i-th from the top of the pool, so that committing the first n takes n from the top.
        let chunks = self.tx.pool.chunks().last(i + 1);
        let addr = match chunks.first() {
            Some(chunk) => chunk + u64::from(headroom),
            None => return Err(PeekError::NoSuchPacket { index: i, packets: self.len }),
        };
        let mut slots = self.tx.ring.reserve(self.len);
        while self.ready < i {
            slots.write(self.ready, Desc::default());
            (self.ready, self.has_holes) = (self.ready + 1, true);
        }
        slots.write(i, Desc { addr: Addr(addr), len, options: Options::NONE });
        self.ready = self.ready.max(i + 1);
        let data = home.pointer(addr);
        // SAFETY: T1: the chunk is in this half's pool, so nobody else has it, and the bytes end inside it by the
        // check above. The batch borrows the half mutably and the slice the batch, so it is not committed or lent
        // again while the slice lives. The mapping was zeroed.
        Ok(unsafe { slice::from_raw_parts_mut(data.as_ptr(), len as usize) })
    }

    /// Hands over all packets that were written, up to the first that was not; returns how many.
    #[inline]
    pub fn commit(mut self) -> u32 {
        self.commit_first(u32::MAX)
    }

    /// Hands over the first `n` packets, up to the first that was not written; returns how many. The next one is
    /// number 0 then.
    #[inline]
    pub fn commit_first(&mut self, n: u32) -> u32 {
        let tx = &mut *self.tx;
        let home = tx.pool.home();
        let mut slots = tx.ring.reserve(self.len);
        let mut n = n.min(self.ready);
        if self.has_holes {
            let (first, second) = slots.runs();
            let hole = first.iter().chain(second.iter()).take(n as usize).position(|desc| desc.len == 0);
            n = hole.map_or(n, |hole| hole as u32);
        }
        let (custody, holder) = (home.custody.view(), tx.holder);
        for addr in tx.pool.chunks().last(n) {
            custody.set(*addr, holder);
        }
        tx.pool.chunks().forget_last(n);
        slots.submit(n);
        tx.outstanding += n;
        self.ready -= n;
        self.len -= n;
        tx.pool.publish(tx.port.tx_pool());
        n
    }
}
