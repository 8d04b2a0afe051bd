//! By hand: the other side's word is read each time, and believed.

use super::Cursors;
use crate::plain::{ENTRIES, Index};

/// Two rings' indices.
#[derive(Debug)]
pub struct Floor {
    producer: Box<Words>,
    consumer: Box<Words>,
}

/// Both words of a ring, and our own index of it.
#[derive(Debug)]
struct Words {
    ours: Index,
    kernels: Index,
    next: u32,
}

impl Words {
    fn new() -> Box<Self> {
        let (ours, kernels) = (Index::new(), Index::new());
        let next = ours.load();
        Box::new(Self { ours, kernels, next })
    }

    #[inline(always)]
    fn move_on(&mut self, n: u32) {
        self.next = self.next.wrapping_add(n);
        self.ours.store(self.next);
    }
}

impl Cursors for Floor {
    fn new() -> Self {
        Self { producer: Words::new(), consumer: Words::new() }
    }

    #[inline(always)]
    fn reserve_and_submit(&mut self, n: u32) -> u32 {
        let words = &mut *self.producer;
        let n = n.min(ENTRIES.wrapping_sub(words.next.wrapping_sub(words.kernels.load())));
        words.move_on(n);
        n
    }

    #[inline(always)]
    fn peek_and_release(&mut self, n: u32) -> u32 {
        let words = &mut *self.consumer;
        let n = n.min(words.kernels.load().wrapping_sub(words.next));
        words.move_on(n);
        n
    }

    fn kernel_takes(&mut self, n: u32) {
        self.producer.kernels.skip(n);
    }

    fn kernel_publishes(&mut self, n: u32) {
        self.consumer.kernels.skip(n);
    }

    #[cfg(test)]
    fn published(&self) -> [u32; 2] {
        [self.producer.ours.load(), self.consumer.ours.load()]
    }
}
