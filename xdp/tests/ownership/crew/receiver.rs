//! The thread of a receiving half.

use xdp::{Frame, Rx};

use super::{Kept, Role, panic_with};
use crate::packet;
use crate::random::Random;
use crate::site::{Site, WORKERS};

/// Receives by both flows, passes frames on, and lets iterators and batches go in the middle.
#[derive(Debug)]
pub(super) struct Receiver {
    line: usize,
    kept: Kept,
    /// The number received last: packets of one NIC arrive in order.
    last: Option<u64>,
}

impl Receiver {
    pub(super) fn new(line: usize) -> Self {
        Self { line, kept: Kept::default(), last: None }
    }

    /// Notes a packet that is ours now.
    fn note(&mut self, site: &Site, packet: &[u8]) -> u64 {
        let number = packet::read(packet);
        assert!(self.last < Some(number), "packet {number} after {:?}", self.last);
        self.last = Some(number);
        site.journal.receive(number);
        number
    }

    fn receive_owned(&mut self, rx: &mut Rx, site: &Site, random: &mut Random) {
        let mut received = rx.recv(random.below(40));
        let most = random.below(48);
        for _ in 0..most {
            let Some(frame) = received.next() else { return };
            self.note(site, &frame);
            self.dispose(frame, site, random);
        }
        if random.once_in(4) {
            std::mem::forget(received);
        }
    }

    fn receive_borrowed(&mut self, rx: &mut Rx, site: &Site, random: &mut Random) {
        let mut batch = rx.seek(random.below(40));
        for packet in batch.iter() {
            assert!(Some(packet::read(packet)) > self.last);
        }
        while !batch.is_empty() && !random.once_in(3) {
            let n = random.below(batch.len() + 1);
            for i in 0..n {
                let packet = batch.peek_mut(i).unwrap();
                let number = self.note(site, packet);
                packet.fill(0xdd); // the chunk goes back to the kernel
                site.journal.discard(number);
            }
            batch.commit_first(n);
        }
        match random.below(3) {
            0 => std::mem::forget(batch),
            1 => drop(batch),
            _ => {
                for i in 0..batch.len() {
                    let number = self.note(site, batch.peek(i).unwrap());
                    site.journal.discard(number);
                }
                batch.commit();
            }
        }
    }

    fn dispose(&mut self, frame: Frame, site: &Site, random: &mut Random) {
        let refused = match random.below(8) {
            0 => None,
            1 => Some(frame),
            _ => site.workers[random.below(WORKERS as u32) as usize].post(frame),
        };
        if let Some(frame) = refused {
            self.kept.keep(frame);
        }
    }
}

impl Role for Receiver {
    fn step(&mut self, site: &Site, random: &mut Random) {
        let mut rx = site.lines[self.line].rx.lock().unwrap();
        let Some(rx) = rx.as_mut() else {
            // The next socket on this line may be another NIC's.
            self.kept.0.clear();
            return;
        };
        match random.below(16) {
            0..7 => self.receive_owned(rx, site, random),
            7..11 => self.receive_borrowed(rx, site, random),
            11 => rx.recycle(self.kept.some(random)),
            12 => {
                if let Some(frame) = self.kept.any(random) {
                    self.dispose(frame, site, random);
                }
            }
            13 => rx.kick().unwrap(),
            14 if random.once_in(16) => panic_with(self.kept.some(random)),
            _ => drop(self.kept.some(random)),
        }
    }

    fn tell(&mut self, site: &Site) {
        site.tell(self.kept.0.iter());
    }
}
