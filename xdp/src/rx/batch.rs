//! Received packets on loan.

#![allow(unsafe_code, reason = "shows received bytes as slices (X1 in `rx`)")]

use std::slice;

use xdp_core::metadata::{FromMetadata, MOST_RX_METADATA, rx_start};

use super::Rx;

/// Received packets on loan: look at them, change them in place, then commit.
#[derive(Debug)]
pub struct RxBatch<'a> {
    pub(super) rx: &'a mut Rx,
    /// Descriptors from the front of the rx ring that X1 holds for.
    pub(super) len: u32,
    /// How many of those have their chunk in the fill ring's next slots, to be submitted.
    pub(super) filled: u32,
}

impl RxBatch<'_> {
    /// Packets that are not committed yet.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether no packet is left.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes of packet `i`, counted from the first that is not committed.
    #[inline]
    pub fn peek(&self, i: u32) -> Option<&[u8]> {
        let desc = if i < self.len { self.rx.ring.seen_at(i)? } else { return None };
        let data = self.rx.pool.home().pointer(desc.addr.0);
        // SAFETY: X1 holds for the first `len` descriptors: the bytes lie in the mapping and the kernel is done with
        // them. The batch borrows the ring mutably, so the chunk is not given back while the slice lives; `peek_mut`
        // needs `&mut self`.
        Some(unsafe { slice::from_raw_parts(data.as_ptr(), desc.len as usize) })
    }

    /// The bytes of packet `i` to change in place, counted from the first that is not committed.
    #[inline]
    pub fn peek_mut(&mut self, i: u32) -> Option<&mut [u8]> {
        let desc = if i < self.len { self.rx.ring.seen_at(i)? } else { return None };
        let data = self.rx.pool.home().pointer(desc.addr.0);
        // SAFETY: as in `peek`; exclusive since `self` is borrowed mutably as long as the slice lives, even if the
        // kernel named a chunk twice.
        Some(unsafe { slice::from_raw_parts_mut(data.as_ptr(), desc.len as usize) })
    }

    /// What an XDP program has put in front of packet `i`, counted from the first that is not committed, in a layout
    /// that both agree on: see [`FromMetadata`]. None if there is no such packet, or nothing was put there.
    ///
    /// Minimum kernel: 5.1 for programs that write it (`bpf_xdp_adjust_meta`).
    pub fn metadata<T: FromMetadata>(&self, i: u32) -> Option<T> {
        const { assert!(T::LEN % 4 == 0 && T::LEN <= MOST_RX_METADATA as usize, "no metadata has that length") };
        let desc = if i < self.len { self.rx.ring.seen_at(i)? } else { return None };
        let home = self.rx.pool.home();
        let data = home.pointer(rx_start(&home.layout, desc, T::LEN as u32)?);
        // SAFETY: as in `peek` for the packet's bytes, in front of which these lie in the same chunk (`rx_start`).
        T::from_metadata(unsafe { slice::from_raw_parts(data.as_ptr(), T::LEN) })
    }

    /// The packets that are not committed yet.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let base = self.rx.pool.home_ref().base();
        let (first, second) = self.rx.ring.seen(self.len);
        first.iter().chain(second).map(move |desc| {
            // SAFETY: X1 holds for the first `len` descriptors, so the address lies in the UMEM.
            let data = unsafe { base.add(desc.addr.0 as usize) };
            // SAFETY: as in `peek`: these are the first `len` descriptors.
            unsafe { slice::from_raw_parts(data.as_ptr(), desc.len as usize) }
        })
    }

    /// Takes all packets: their chunks go back to the fill ring.
    #[inline]
    pub fn commit(mut self) {
        self.commit_first(u32::MAX);
    }

    /// Takes the first `n` packets, at most what is left; the next one is number 0 then.
    #[inline]
    pub fn commit_first(&mut self, n: u32) {
        let n = n.min(self.len);
        if n == 0 {
            // The words that the kernel reads are left alone while there is nothing to tell.
            return;
        }
        self.len -= n;
        let filled = n.min(self.filled);
        self.filled -= filled;
        let rx = &mut *self.rx;
        rx.fill.submit(filled);
        if filled < n {
            rx.keep(filled, n);
        }
        rx.ring.release(n);
    }
}
