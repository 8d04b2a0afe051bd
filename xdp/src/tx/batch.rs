//! Free chunks on loan, to write packets into.

#![allow(unsafe_code, reason = "lends free chunks as slices to write packets into (T1 in `tx`)")]

use std::slice;

use xdp_core::desc::{Addr, Desc, Options};
use xdp_core::metadata::{TX_METADATA_LEN, TxMetadata, TxRequest};

use super::Tx;
use crate::error::PeekError;
use crate::metadata::RequestError;

/// One of the slots was skipped, and has length 0.
const HOLES: u8 = 1;
/// One of the packets goes with a request.
const REQUESTS: u8 = 2;

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
    /// What there is among the ready slots beside packets: [`HOLES`], [`REQUESTS`].
    pub(super) extras: u8,
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
            self.ready += 1;
            self.extras |= HOLES;
        }
        slots.write(i, Desc { addr: Addr(addr), len, options: Options::NONE });
        self.ready = self.ready.max(i + 1);
        let data = home.pointer(addr);
        // SAFETY: T1: the chunk is in this half's pool, so nobody else has it, and the bytes end inside it by the
        // check above. The batch borrows the half mutably and the slice the batch, so it is not committed or lent
        // again while the slice lives. The mapping was zeroed.
        Ok(unsafe { slice::from_raw_parts_mut(data.as_ptr(), len as usize) })
    }

    /// Asks for something to be done with packet `i`, which was [`peek`](TxBatch::peek)ed: see [`crate::metadata`].
    /// The last request counts; peeking the packet again forgets it.
    ///
    /// Minimum kernel: 6.8.
    ///
    /// # Errors
    ///
    /// [`RequestError`] when the request does not fit the packet, the UMEM has no room for it, or it would be left
    /// undone.
    pub fn request(&mut self, i: u32, request: TxRequest) -> Result<(), RequestError> {
        let not_written = RequestError::NotWritten { index: i };
        let mut slots = self.tx.ring.reserve(self.len);
        let (first, second) = slots.runs();
        let written = first.iter().chain(second.iter()).take(self.ready as usize).nth(i as usize).copied();
        let Some(desc) = written.filter(|desc| desc.len > 0) else { return Err(not_written) };
        let home = self.tx.pool.home();
        let Addr(addr) = desc.addr;
        let mut options = Options::NONE;
        if !request.is_empty() {
            self.tx.check_request(&request, desc.len, home.layout.offset(addr))?;
            options = Options::METADATA;
            let metadata = addr - u64::from(TX_METADATA_LEN);
            let target = home.pointer(metadata).cast::<TxMetadata>();
            // SAFETY: the bytes end where the packet begins, and lie in its chunk by the check of the room above. T1:
            // the chunk is in this half's pool, so nobody else has it, and no slice of it lives, as `self` is
            // borrowed mutably. An array of bytes needs no alignment.
            unsafe { target.write(request.metadata()) };
            if let Some(stamps) = &mut self.tx.stamps {
                stamps.note(&home, metadata, &request);
            }
            self.extras |= REQUESTS;
        }
        self.tx.ring.reserve(self.len).write(i, Desc { options, ..desc });
        Ok(())
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
        let mut n = n.min(self.ready);
        if self.extras != 0 {
            n = self.sort_out(n);
        }
        let tx = &mut *self.tx;
        let home = tx.pool.home();
        let mut slots = tx.ring.reserve(self.len);
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

    /// How many of the first `n` slots are packets up to the first hole; notes the requests of those.
    #[cold]
    fn sort_out(&mut self, n: u32) -> u32 {
        let mut slots = self.tx.ring.reserve(self.len);
        let (first, second) = slots.runs();
        let hole = first.iter().chain(second.iter()).take(n as usize).position(|desc| desc.len == 0);
        let n = hole.map_or(n, |hole| hole as u32);
        if self.extras & REQUESTS != 0 {
            self.tx.note_sent(n);
        }
        n
    }
}
