//! `xdp-core`'s cursors.

use xdp_core::cursor::{Consumer, Entries, Producer};

use super::Cursors;
use crate::plain::{ENTRIES, Index, START};

/// Two rings' indices.
#[derive(Debug)]
pub struct Ours {
    producer: Producer,
    consumer: Consumer,
    /// Of the ring that we fill: our word, the kernel's.
    filled: Box<(Index, Index)>,
    /// Of the ring that we empty: our word, the kernel's.
    emptied: Box<(Index, Index)>,
}

impl Cursors for Ours {
    fn new() -> Self {
        let entries = Entries::new(ENTRIES).expect("the length is a power of two");
        Self {
            producer: Producer::new(entries, START),
            consumer: Consumer::new(entries, START),
            filled: Box::new((Index::new(), Index::new())),
            emptied: Box::new((Index::new(), Index::new())),
        }
    }

    #[inline(always)]
    fn reserve_and_submit(&mut self, n: u32) -> u32 {
        let (ours, kernels) = &*self.filled;
        let span = self.producer.reserve(n, kernels.word());
        self.producer.submit(span.len, ours.word());
        span.len
    }

    #[inline(always)]
    fn peek_and_release(&mut self, n: u32) -> u32 {
        let (ours, kernels) = &*self.emptied;
        let span = self.consumer.peek(n, kernels.word());
        self.consumer.release(span.len, ours.word());
        span.len
    }

    fn kernel_takes(&mut self, n: u32) {
        self.filled.1.skip(n);
    }

    fn kernel_publishes(&mut self, n: u32) {
        self.emptied.1.skip(n);
    }

    #[cfg(test)]
    fn published(&self) -> [u32; 2] {
        [self.filled.0.load(), self.emptied.0.load()]
    }
}
