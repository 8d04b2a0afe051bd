//! The steps by hand: what was found is a number, the rest is in the rings.

use super::Steps;
use crate::journeys::{BYTE, ByHand, PACKET, chunk, desc, offset, room, start};
use crate::plain::slot;
use crate::rings::Taken;

/// Packets or chunks on loan.
#[derive(Debug)]
pub struct Loan<'q> {
    hand: &'q mut ByHand,
    len: u32,
}

impl Steps for ByHand {
    type RxBatch<'q> = Loan<'q>;
    type TxBatch<'q> = Loan<'q>;

    #[inline(always)]
    fn rx_seek(&mut self, n: u32) -> Loan<'_> {
        let len = self.waiting(n);
        Loan { hand: self, len }
    }

    #[inline(always)]
    fn rx_peek(batch: &Loan<'_>) -> Taken {
        let hand = &*batch.hand;
        let mut sum = 0;
        for i in 0..batch.len {
            let frame = &hand.rx.slots[slot(hand.own.rx.wrapping_add(i))];
            if frame.len > 0 {
                sum += u64::from(hand.umem[chunk(frame.addr.0)][offset(frame.addr.0)]);
            }
        }
        Taken { count: batch.len, sum }
    }

    #[inline(always)]
    fn rx_commit(batch: Loan<'_>) {
        let Loan { hand, len } = batch;
        let count = len.min(room(&hand.fill, hand.own.fill));
        let (mut rx, mut fill) = (hand.own.rx, hand.own.fill);
        for _ in 0..count {
            hand.fill.slots[slot(fill)] = start(hand.rx.slots[slot(rx)].addr);
            (rx, fill) = (rx.wrapping_add(1), fill.wrapping_add(1));
        }
        (hand.own.rx, hand.own.fill) = (rx, fill);
        hand.fill.producer.store(fill);
        hand.rx.consumer.store(rx);
    }

    #[inline(always)]
    fn tx_seek(&mut self, n: u32) -> Loan<'_> {
        let len = n.min(room(&self.tx, self.own.tx)).min(self.unsent.len() as u32);
        Loan { hand: self, len }
    }

    #[inline(always)]
    fn tx_peek(batch: &mut Loan<'_>) -> u32 {
        let hand = &mut *batch.hand;
        let mut tx = hand.own.tx;
        let left = hand.unsent.len() - batch.len as usize;
        for addr in hand.unsent[left..].iter().rev() {
            hand.umem[chunk(*addr)][0] = BYTE;
            hand.tx.slots[slot(tx)] = desc(*addr, PACKET.len() as u32);
            tx = tx.wrapping_add(1);
        }
        tx.wrapping_sub(hand.own.tx)
    }

    #[inline(always)]
    fn tx_commit(batch: Loan<'_>) -> u32 {
        let Loan { hand, len } = batch;
        hand.unsent.truncate(hand.unsent.len() - len as usize);
        hand.own.tx = hand.own.tx.wrapping_add(len);
        hand.tx.producer.store(hand.own.tx);
        len
    }

    #[inline(always)]
    fn tx_kick(&mut self) -> bool {
        self.kick();
        true
    }
}
