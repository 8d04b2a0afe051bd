//! Received packets as owned frames.

use xdp_core::desc::Desc;
use xdp_core::frames::{CustodyView, Holder};
use xdp_core::layout::UmemLayout;
use xdp_core::ring::Peeked;

use crate::frame::Frame;
use crate::umem::HomeRef;

/// Received packets as owned frames; see [`Rx::recv`](super::Rx::recv).
#[derive(Debug)]
pub struct Recv<'a> {
    pub(super) batch: Peeked<'a, Desc>,
    pub(super) taken: &'a mut u32,
    pub(super) receiving: &'a mut u32,
    pub(super) refused: &'a mut u64,
    pub(super) home: HomeRef,
    pub(super) custody: CustodyView<'a>,
    pub(super) layout: UmemLayout,
    pub(super) holder: Holder,
}

impl Iterator for Recv<'_> {
    type Item = Frame;

    #[inline]
    fn next(&mut self) -> Option<Frame> {
        loop {
            let desc = self.batch.get(*self.taken)?;
            *self.taken += 1;
            if self.layout.fits(desc) && self.custody.pass(desc.addr.0, self.holder, Holder::HANDS) {
                *self.receiving -= 1;
                return Some(Frame::new(self.home, desc.addr.0, desc.len));
            }
            *self.refused += 1;
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some((self.batch.len() - *self.taken) as usize))
    }
}

impl Drop for Recv<'_> {
    #[inline]
    fn drop(&mut self) {
        self.batch.release(*self.taken);
        *self.taken = 0;
    }
}
