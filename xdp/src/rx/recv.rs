//! Received packets as owned frames.

#![allow(unsafe_code, reason = "finds received bytes in the UMEM (X1 in `rx`)")]

use std::ptr::NonNull;

use xdp_core::desc::Desc;
use xdp_core::frames::{CustodyView, Holder};
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
            if let Some(frame) = look_again(self.home, self.holder, desc, (self.receiving, self.refused)) {
                return Some(frame);
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

/// The frame of a descriptor that the view did not know, as it knows of no unaligned chunk; else it is refused.
///
/// Apart, and without the iterator itself, so that whoever receives keeps that in registers.
#[cold]
#[inline(never)]
fn look_again(
    home: HomeRef,
    holder: Holder,
    desc: Desc,
    (receiving, refused): (&mut u32, &mut Refused),
) -> Option<Frame> {
    if home.layout.is_unaligned() {
        if let Some(seat) = home.custody.pass_frame(desc, holder, Holder::HANDS) {
            return Some(Frame::new(home, seat, home.pointer(desc.addr.0), desc.len));
        }
    }
    // It is released with those that were taken, but it brought no chunk.
    *receiving = receiving.wrapping_add(1);
    refused.note(RingKind::Rx, desc.addr.0, desc.len, &home);
    None
}
