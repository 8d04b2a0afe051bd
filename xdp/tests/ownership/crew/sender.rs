//! The thread of a sending half.

use std::collections::VecDeque;
use std::sync::mpsc;

use xdp::{Frame, SendError, Tx};

use super::{Kept, Role, panic_with};
use crate::packet;
use crate::random::Random;
use crate::site::{Site, WORKERS};

/// Sends what others have received and what it writes itself, by both flows.
#[derive(Debug)]
pub(super) struct Sender {
    line: usize,
    inbox: mpsc::Receiver<Frame>,
    kept: Kept,
}

impl Sender {
    pub(super) fn new(line: usize, inbox: mpsc::Receiver<Frame>) -> Self {
        Self { line, inbox, kept: Kept::default() }
    }

    fn send(&mut self, tx: &mut Tx, frame: Frame, site: &Site, random: &mut Random) {
        match tx.send(frame) {
            Ok(()) => site.journal.send(1),
            Err(SendError::Full(frame)) if random.once_in(2) => self.kept.keep(frame),
            Err(SendError::Full(frame)) => drop(frame),
            Err(refused) => panic!("{refused}"),
        }
    }

    fn write(&mut self, tx: &mut Tx, site: &Site, random: &mut Random) {
        let Some(mut frame) = tx.alloc() else { return };
        let Some(number) = site.journal.written() else { return };
        frame.set_len(packet::LEAST + random.below(1000) as usize).unwrap();
        packet::write(&mut frame, number, 0);
        match random.below(4) {
            0 => drop(frame),
            1 => {
                if let Some(frame) = site.workers[random.below(WORKERS as u32) as usize].post(frame) {
                    self.kept.keep(frame);
                }
            }
            _ => self.send(tx, frame, site, random),
        }
    }

    fn write_borrowed(&mut self, tx: &mut Tx, site: &Site, random: &mut Random) {
        let mut batch = tx.seek(random.below(24));
        while !batch.is_empty() && !random.once_in(3) {
            let n = random.below(batch.len() + 1);
            for i in 0..n {
                let len = packet::LEAST + random.below(1000) as usize;
                let Some(number) = site.journal.written() else { return };
                packet::write(batch.peek(i, len).unwrap(), number, 1);
            }
            site.journal.send(batch.commit_first(n));
        }
        if random.once_in(3) {
            // Written and never committed: must not leave.
            if !batch.is_empty() {
                batch.peek(0, packet::LEAST).unwrap().fill(0xbb);
            }
            std::mem::forget(batch);
        }
    }

    fn send_many(&mut self, tx: &mut Tx, site: &Site, random: &mut Random) {
        let mut queue: VecDeque<Frame> = self.kept.some(random).into();
        let queued = queue.len();
        let sent = tx.send_all(&mut queue).unwrap();
        site.journal.send(sent);
        assert_eq!(sent as usize + queue.len(), queued, "what does not fit stays");
        queue.into_iter().for_each(|frame| self.kept.keep(frame));
    }
}

impl Role for Sender {
    fn step(&mut self, site: &Site, random: &mut Random) {
        let mut tx = site.lines[self.line].tx.lock().unwrap();
        let Some(tx) = tx.as_mut() else {
            drop(self.inbox.try_recv());
            return;
        };
        match random.below(24) {
            0..9 => {
                for _ in 0..random.below(8) {
                    match self.inbox.try_recv() {
                        Ok(frame) => self.send(tx, frame, site, random),
                        Err(_) => break,
                    }
                }
            }
            9..14 => tx.kick().unwrap(),
            14 => drop(tx.reap()),
            15..17 => self.write(tx, site, random),
            17..19 => self.write_borrowed(tx, site, random),
            19 => self.send_many(tx, site, random),
            20 => tx.recycle(self.kept.some(random)),
            21 if random.once_in(16) => panic_with(self.kept.some(random)),
            22 if random.once_in(8) => site.senders[self.line].replace(&mut self.inbox),
            _ => drop(self.kept.some(random)),
        }
    }

    fn tell(&mut self, site: &Site) {
        self.kept.0.extend(self.inbox.try_iter());
        site.tell(self.kept.0.iter());
    }
}
