//! Received packets as owned frames.

#![allow(unsafe_code, reason = "finds received bytes in the UMEM (X1 in `rx`)")]

use std::ptr::NonNull;

use xdp_core::desc::{Addr, Desc, Options};
use xdp_core::frames::{CustodyView, Holder, Seat};
use xdp_core::ring::Drain;

use crate::frame::Frame;
use crate::refusal::Refused;
use crate::socket::error::RingKind;
use crate::umem::HomeRef;

/// Received packets as owned frames; see [`Rx::recv`](super::Rx::recv).
#[derive(Debug)]
pub struct Recv<'a> {
    pub(super) batch: Drain<'a, Desc>,
    /// None before the first is taken, by `Rx::refill`.
    pub(super) taken: &'a mut u32,
    pub(super) receiving: &'a mut u32,
    pub(super) refused: &'a mut Refused,
    pub(super) home: HomeRef,
    /// The first byte of the UMEM.
    pub(super) base: NonNull<u8>,
    pub(super) custody: CustodyView<'a>,
    pub(super) holder: Holder,
}

impl Iterator for Recv<'_> {
    type Item = Frame;

    #[inline]
    fn next(&mut self) -> Option<Frame> {
        loop {
            let desc = self.batch.next()?;
            *self.taken = self.batch.taken();
            if let Some(seat) = self.custody.pass_frame(desc, self.holder, Holder::HANDS) {
                // SAFETY: the table has a byte for this address, so it lies in the UMEM.
                let data = unsafe { self.base.add(desc.addr.0 as usize) };
                return Some(Frame::new(self.home, seat, data, desc.len));
            }
            let (addr, len) = (desc.addr.0, desc.len);
            if let Some((seat, data)) =
                look_again(self.home, self.holder, addr, len, (self.receiving, self.refused))
            {
                return Some(Frame::new(self.home, seat, data, len));
            }
        }
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.batch.len()))
    }
}

impl Drop for Recv<'_> {
    #[inline]
    fn drop(&mut self) {
        // What was taken is released with the batch.
        *self.receiving = self.receiving.wrapping_sub(*self.taken);
        *self.taken = 0;
    }
}

/// What the frame is made of whose descriptor the view did not know, as it knows of no unaligned chunk; else it is
/// refused.
///
/// Apart, and with the descriptor as two numbers and without the iterator itself, so that whoever receives keeps both in
/// registers.
#[cold]
#[inline(never)]
fn look_again(
    home: HomeRef,
    holder: Holder,
    addr: u64,
    len: u32,
    (receiving, refused): (&mut u32, &mut Refused),
) -> Option<(Seat, NonNull<u8>)> {
    if home.layout.is_unaligned() {
        let desc = Desc { addr: Addr(addr), len, options: Options::NONE };
        if let Some(seat) = home.custody.pass_frame(desc, holder, Holder::HANDS) {
            return Some((seat, home.pointer(addr)));
        }
    }
    // It is released with those that were taken, but it brought no chunk.
    *receiving = receiving.wrapping_add(1);
    refused.note(RingKind::Rx, addr, len, &home);
    None
}
