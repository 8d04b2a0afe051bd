//! Frames by hand: a descriptor, kept.

use xdp_core::Desc;

use super::Frames;
use crate::journeys::{ByHand, PACKET, desc, room, start};
use crate::plain::slot;

impl ByHand {
    /// Puts chunks into the fill ring; there is room for all of them.
    #[inline(always)]
    fn refill(&mut self, addrs: impl Iterator<Item = u64>) {
        let mut fill = self.own.fill;
        for addr in addrs {
            self.fill.slots[slot(fill)] = addr;
            fill = fill.wrapping_add(1);
        }
        self.own.fill = fill;
        self.fill.producer.store(fill);
    }
}

impl Frames for ByHand {
    type Frame = Desc;

    #[inline(always)]
    fn recv(&mut self, n: u32, kept: &mut Vec<Desc>) -> u32 {
        let (rx, count) = (self.own.rx, self.waiting(n));
        kept.extend((0..count).map(|i| self.rx.slots[slot(rx.wrapping_add(i))]));
        self.own.rx = rx.wrapping_add(count);
        self.rx.consumer.store(self.own.rx);
        count
    }

    #[inline(always)]
    fn alloc(&mut self, n: u32, kept: &mut Vec<Desc>) -> u32 {
        let left = self.unsent.len().saturating_sub(n as usize);
        let chunks = self.unsent.drain(left..);
        let count = chunks.len() as u32;
        kept.extend(chunks.map(|addr| desc(addr, 0)));
        count
    }

    fn write(frame: &mut Desc) {
        frame.len = PACKET.len() as u32;
    }

    fn len(frame: &Desc) -> usize {
        frame.len as usize
    }

    #[inline(always)]
    fn send(&mut self, n: u32, kept: &mut Vec<Desc>) -> u32 {
        let mut tx = self.own.tx;
        let count = n.min(room(&self.tx, tx));
        for frame in kept.drain(kept.len() - count as usize..) {
            self.tx.slots[slot(tx)] = frame;
            tx = tx.wrapping_add(1);
        }
        self.own.tx = tx;
        count
    }

    /// By hand there is nothing to be gained or lost.
    #[inline(always)]
    fn send_from(&mut self, n: u32, kept: &mut Vec<Desc>) -> u32 {
        self.send(n, kept)
    }

    fn kick(&mut self) {
        self.tx.producer.store(self.own.tx);
        ByHand::kick(self);
    }

    /// As a frame may be dropped on any thread.
    #[inline(always)]
    fn drop_each(&mut self, n: u32, kept: &mut Vec<Desc>) {
        for frame in kept.drain(kept.len() - n as usize..) {
            self.returns.push(start(frame.addr));
        }
    }

    fn gather(&mut self) {
        let mut chunks = Vec::new();
        self.returns.take_all(&mut chunks);
        self.refill(chunks.into_iter());
    }

    #[inline(always)]
    fn recycle(&mut self, n: u32, kept: &mut Vec<Desc>) {
        let count = n.min(room(&self.fill, self.own.fill)) as usize;
        self.refill(kept.drain(kept.len() - count..).map(|frame| start(frame.addr)));
    }

    fn unsend(&mut self, kept: &mut Vec<Desc>) {
        self.unsent.extend(kept.drain(..).map(|frame| start(frame.addr)));
    }
}
