//! `xdp`'s batches.

use xdp::{RxBatch, TxBatch};

use super::Steps;
use crate::journeys::{BYTE, Ours, PACKET};
use crate::rings::Taken;

impl Steps for Ours {
    type RxBatch<'q> = RxBatch<'q>;
    type TxBatch<'q> = TxBatch<'q>;

    #[inline(always)]
    fn rx_seek(&mut self, n: u32) -> RxBatch<'_> {
        self.socket.rx().seek(n)
    }

    #[inline(always)]
    fn rx_peek(batch: &RxBatch<'_>) -> Taken {
        let first_bytes = batch.iter().filter_map(|packet| packet.first());
        Taken { count: batch.len(), sum: first_bytes.map(|byte| u64::from(*byte)).sum() }
    }

    #[inline(always)]
    fn rx_commit(batch: RxBatch<'_>) {
        batch.commit();
    }

    #[inline(always)]
    fn tx_seek(&mut self, n: u32) -> TxBatch<'_> {
        self.socket.tx().seek(n)
    }

    #[inline(always)]
    fn tx_peek(batch: &mut TxBatch<'_>) -> u32 {
        let mut ready = 0;
        for i in 0..batch.len() {
            if let Ok(packet) = batch.peek(i, PACKET.len()) {
                packet[0] = BYTE;
                ready += 1;
            }
        }
        ready
    }

    #[inline(always)]
    fn tx_commit(batch: TxBatch<'_>) -> u32 {
        batch.commit()
    }

    #[inline(always)]
    fn tx_kick(&mut self) -> bool {
        self.socket.tx().kick().is_ok()
    }
}
