//! `xdp`, over its fake kernel.

use xdp::fake::{self, FakeNic};
use xdp::{Addr, Desc, Frame, Options, Socket, Umem};

use super::{BYTE, CHUNKS, Flow, Journey, OFFSET, PACKET, Taken, swap_macs};
use crate::plain::{ENTRIES, START};

/// A socket of `xdp`.
#[derive(Debug)]
pub struct Ours {
    pub(crate) socket: Socket,
    pub(crate) nic: FakeNic,
    /// Empty between the batches; kept so that none allocates.
    kept: Vec<Frame>,
}

impl Journey for Ours {
    fn new() -> Self {
        let umem = Umem::builder().chunks(CHUNKS).build().expect("16 MiB of memory");
        let (mut socket, mut nic) =
            fake::socket_starting_at(&umem, ENTRIES, START).expect("the length is a power of two");
        // Every chunk is written to: pages that nobody has written are all the same page, and far too quick to read.
        for _ in 0..ENTRIES {
            assert!(nic.deliver(&PACKET));
        }
        let (rx, tx) = socket.halves();
        rx.seek(ENTRIES).commit();
        let mut unsent = tx.seek(ENTRIES);
        for i in 0..unsent.len() {
            unsent.peek(i, PACKET.len()).expect("the packet fits a chunk").copy_from_slice(&PACKET);
        }
        Self { socket, nic, kept: Vec::with_capacity(CHUNKS as usize) }
    }

    fn prepare(&mut self, n: u32, flow: Flow) {
        let kernel = self.nic.kernel();
        for i in 0..n {
            if flow == Flow::Sent {
                let sent = kernel.peek_tx(i).expect("a round of packets is with the kernel");
                assert_eq!(sent.len as usize, PACKET.len());
                assert!(kernel.lay_out_completion(i, sent.addr));
                continue;
            }
            let chunk = kernel.peek_fill(i).expect("the fill ring has a round of chunks");
            let frame = Desc { addr: Addr(chunk + OFFSET), len: PACKET.len() as u32, options: Options::NONE };
            assert!(kernel.lay_out_rx(i, frame));
            assert!(!flow.answers() || kernel.lay_out_completion(i, frame.addr));
        }
    }

    fn kernel_receives(&mut self, n: u32) {
        let kernel = self.nic.kernel();
        kernel.skip_fill(n);
        kernel.skip_rx(n);
    }

    fn kernel_sends(&mut self, n: u32) {
        let kernel = self.nic.kernel();
        kernel.skip_tx(n);
        kernel.skip_completion(n);
    }

    #[inline(always)]
    fn borrowed(&mut self, n: u32) -> Taken {
        let batch = self.socket.rx().seek(n);
        let count = batch.len();
        let sum = batch.iter().filter_map(|packet| packet.first()).map(|byte| u64::from(*byte)).sum();
        batch.commit();
        Taken { count, sum }
    }

    #[inline(always)]
    fn sent(&mut self, n: u32) -> u32 {
        let tx = self.socket.tx();
        let mut batch = tx.seek(n);
        for i in 0..batch.len() {
            if let Ok(packet) = batch.peek(i, PACKET.len()) {
                packet[0] = BYTE;
            }
        }
        let sent = batch.commit();
        tx.kick().map_or(0, |()| sent)
    }

    #[inline(always)]
    fn owned(&mut self, n: u32) -> u32 {
        let (rx, tx) = self.socket.halves();
        let answers = rx.recv(n).map(|mut frame| {
            swap_macs(&mut frame);
            frame
        });
        let sent = tx.send_from(answers).unwrap_or(0);
        tx.kick().map_or(0, |()| sent)
    }

    #[inline(always)]
    fn owned_each(&mut self, n: u32) -> u32 {
        let (rx, tx) = self.socket.halves();
        let mut sent = 0;
        for mut frame in rx.recv(n) {
            swap_macs(&mut frame);
            sent += u32::from(tx.send(frame).is_ok());
        }
        tx.kick().map_or(0, |()| sent)
    }

    #[inline(always)]
    fn recycled(&mut self, n: u32) -> u32 {
        let rx = self.socket.rx();
        self.kept.extend(rx.recv(n));
        self.kept.iter_mut().for_each(|frame| swap_macs(frame));
        let count = self.kept.len() as u32;
        rx.recycle(self.kept.drain(..));
        count
    }

    #[inline(always)]
    fn dropped(&mut self, n: u32) -> u32 {
        self.socket.rx().recv(n).map(drop).count() as u32
    }

    #[cfg(test)]
    fn is_whole(&mut self) -> bool {
        let balanced = self.socket.umem().accounting().is_balanced();
        let (rx, tx) = self.socket.halves();
        balanced && rx.refused() == 0 && tx.refused() == 0 && rx.system_calls() + tx.system_calls() == 0
    }
}
