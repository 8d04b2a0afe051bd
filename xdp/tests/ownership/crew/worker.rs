//! A thread between receiving and sending halves.

use std::sync::mpsc;

use xdp::Frame;

use super::{Kept, Role, edit, panic_with};
use crate::random::Random;
use crate::site::{LINES, Site, WORKERS};

/// Edits frames, keeps them for a while, drops them, passes them on to another worker or to either sender.
#[derive(Debug)]
pub(super) struct Worker {
    number: usize,
    inbox: mpsc::Receiver<Frame>,
    kept: Kept,
}

impl Worker {
    pub(super) fn new(number: usize, inbox: mpsc::Receiver<Frame>) -> Self {
        Self { number, inbox, kept: Kept::default() }
    }

    fn pass_on(&mut self, frame: Frame, site: &Site, random: &mut Random) {
        let mailbox = match random.below(8) {
            0 => &site.workers[random.below(WORKERS as u32) as usize],
            _ => &site.senders[random.below(LINES as u32) as usize],
        };
        if let Some(frame) = mailbox.post(frame) {
            self.kept.keep(frame);
        }
    }
}

impl Role for Worker {
    fn step(&mut self, site: &Site, random: &mut Random) {
        if let Ok(mut frame) = self.inbox.try_recv() {
            edit(&mut frame, random);
            match random.below(6) {
                0 => drop(frame),
                1 => self.kept.keep(frame),
                _ => self.pass_on(frame, site, random),
            }
        }
        match random.below(64) {
            0..16 => {
                if let Some(frame) = self.kept.any(random) {
                    self.pass_on(frame, site, random);
                }
            }
            16..20 => drop(self.kept.some(random)),
            20 if random.once_in(8) => panic_with(self.kept.some(random)),
            21 if random.once_in(4) => site.workers[self.number].replace(&mut self.inbox),
            _ => {}
        }
    }

    fn tell(&mut self, site: &Site) {
        // More than is kept otherwise: until the next burst these wait here instead of in the channel.
        self.kept.0.extend(self.inbox.try_iter());
        site.tell(self.kept.0.iter());
    }
}
