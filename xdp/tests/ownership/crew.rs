//! The threads of a run: receivers, workers and senders, each doing what chance says.

mod receiver;
mod sender;
mod worker;

use std::thread::{self, Scope};

use xdp::Frame;

use crate::packet;
use crate::random::Random;
use crate::site::{Ends, LINES, Site, WORKERS};

use receiver::Receiver;
use sender::Sender;
use worker::Worker;

/// Threads of a crew.
pub(crate) const CREW: usize = 2 * LINES + WORKERS;

/// What one thread does.
pub(crate) trait Role: Send {
    /// One step, never waiting for anybody.
    fn step(&mut self, site: &Site, random: &mut Random);

    /// Tells which frames are in hands, now that nobody moves; those in our mailbox, too.
    fn tell(&mut self, site: &Site);
}

/// Plays a role until the run is over: a burst of steps, then a halt at the gate.
pub(crate) fn perform(mut role: impl Role, site: &Site, mut random: Random) {
    let _alarm = site.gate.alarm();
    while !site.is_over() {
        for _ in 0..random.below(200) {
            role.step(site, &mut random);
            if random.once_in(16) {
                thread::yield_now();
            }
        }
        site.gate.meet(); // everybody has stopped
        role.tell(site);
        site.gate.meet(); // everybody has told
        site.gate.meet(); // the director has checked
    }
}

/// Starts the crew.
pub(crate) fn start<'s>(scope: &'s Scope<'s, '_>, site: &'s Site, ends: Ends, random: &mut Random) {
    for line in 0..LINES {
        let random = random.fork();
        scope.spawn(move || perform(Receiver::new(line), site, random));
    }
    for (number, inbox) in ends.workers.into_iter().enumerate() {
        let random = random.fork();
        scope.spawn(move || perform(Worker::new(number, inbox), site, random));
    }
    for (line, inbox) in ends.senders.into_iter().enumerate() {
        let random = random.fork();
        scope.spawn(move || perform(Sender::new(line, inbox), site, random));
    }
}

/// Frames that a thread keeps for a while.
#[derive(Debug, Default)]
struct Kept(Vec<Frame>);

impl Kept {
    /// So few that no share is ever used up by keeping.
    const MOST: usize = 12;

    /// Keeps a frame; what is too much is dropped.
    fn keep(&mut self, frame: Frame) {
        self.0.push(frame);
        if self.0.len() > Self::MOST {
            self.0.remove(0);
        }
    }

    fn any(&mut self, random: &mut Random) -> Option<Frame> {
        (!self.0.is_empty()).then(|| self.0.swap_remove(random.below(self.0.len() as u32) as usize))
    }

    fn some(&mut self, random: &mut Random) -> Vec<Frame> {
        let at = random.below(self.0.len() as u32 + 1) as usize;
        self.0.split_off(at)
    }
}

/// A frame is held by a thread that panics: it must come home all the same.
fn panic_with(frames: Vec<Frame>) {
    let failed = thread::spawn(move || {
        let _held = frames;
        std::panic::resume_unwind(Box::new("on purpose")); // as a panic, but without a message
    });
    assert!(failed.join().is_err());
}

/// Reads a frame, changes it in place, within its room, and leaves a packet of the same number.
fn edit(frame: &mut Frame, random: &mut Random) {
    let number = packet::read(frame);
    match random.below(4) {
        0 => {
            let n = random.below(frame.headroom().min(64) + 1) as usize;
            frame.push_front(n).unwrap().fill(0xee);
        }
        1 => frame.pop_front(random.below((frame.len() - packet::LEAST) as u32 + 1) as usize).unwrap(),
        2 => {
            let n = random.below(frame.tailroom().min(64) + 1) as usize;
            frame.extend(n).unwrap().fill(0xee);
        }
        _ => frame.truncate(packet::LEAST + random.below(64) as usize),
    }
    let len = frame.len().min(packet::MOST);
    frame.truncate(len);
    packet::write(frame, number, random.next() as u8);
}
