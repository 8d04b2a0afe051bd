//! What all threads of a run share: one UMEM with two sockets, mailboxes, the journal, the gate.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;

use xdp::{Accounting, Frame, Rx, Socket, Tx, Umem};

use crate::gate::Gate;
use crate::journal::Journal;
use crate::mailbox::Mailbox;
use crate::random::Random;

/// Sockets of the UMEM.
pub(crate) const LINES: usize = 2;

/// Threads between the receiving and the sending halves.
pub(crate) const WORKERS: usize = 2;

/// The halves of one socket; none when it is being made anew.
#[derive(Debug, Default)]
pub(crate) struct Line {
    pub(crate) rx: Mutex<Option<Rx>>,
    pub(crate) tx: Mutex<Option<Tx>>,
}

impl Line {
    pub(crate) fn open(&self, socket: Socket) {
        let (rx, tx) = socket.split();
        *self.rx.lock().unwrap() = Some(rx);
        *self.tx.lock().unwrap() = Some(tx);
    }
}

/// What all threads share.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) umem: Umem,
    pub(crate) lines: [Line; LINES],
    pub(crate) workers: [Mailbox; WORKERS],
    pub(crate) senders: [Mailbox; LINES],
    pub(crate) journal: Journal,
    pub(crate) gate: Gate,
    /// Chunks of the frames in hands, as told by those who have them while all stand still.
    held: Mutex<Vec<u32>>,
    is_over: AtomicBool,
}

/// The ends of the mailboxes, for the threads that own them.
pub(crate) struct Ends {
    pub(crate) workers: [Receiver<Frame>; WORKERS],
    pub(crate) senders: [Receiver<Frame>; LINES],
}

impl Site {
    /// A site for `members` threads, the director included.
    pub(crate) fn new(umem: Umem, packets: u32, members: usize) -> (Self, Ends) {
        let (workers, worker_ends): (Vec<_>, Vec<_>) = (0..WORKERS).map(|_| Mailbox::new()).unzip();
        let (senders, sender_ends): (Vec<_>, Vec<_>) = (0..LINES).map(|_| Mailbox::new()).unzip();
        let site = Self {
            umem,
            lines: Default::default(),
            workers: workers.try_into().expect("as many as there are workers"),
            senders: senders.try_into().expect("as many as there are lines"),
            journal: Journal::new(packets),
            gate: Gate::new(members),
            held: Mutex::default(),
            is_over: AtomicBool::new(false),
        };
        let ends = Ends {
            workers: worker_ends.try_into().expect("as many as there are workers"),
            senders: sender_ends.try_into().expect("as many as there are lines"),
        };
        (site, ends)
    }

    /// Tells the chunks of frames in hands.
    pub(crate) fn tell<'a>(&self, frames: impl Iterator<Item = &'a Frame>) {
        self.held.lock().unwrap().extend(frames.map(|frame| frame.chunk().0));
    }

    /// Where all stand still: every chunk is in exactly one place, and those in hands are those that were told.
    pub(crate) fn check(&self) -> Accounting {
        let held = std::mem::take(&mut *self.held.lock().unwrap());
        let account = self.umem.accounting();
        assert!(account.is_balanced(), "{account}");
        assert_eq!(account.hands as usize, held.len(), "{account}");
        let unique: BTreeSet<u32> = held.iter().copied().collect();
        assert_eq!(unique.len(), held.len(), "a chunk has two owners");
        for line in &self.lines {
            let rx = line.rx.lock().unwrap();
            let refused = rx.as_ref().map_or(0, Rx::refused);
            assert_eq!(refused, 0, "the kernel named a chunk that it does not have, or the table is wrong");
            let tx = line.tx.lock().unwrap();
            assert_eq!(tx.as_ref().map_or(0, Tx::refused), 0, "as above, for completions");
        }
        account
    }

    /// Drops one or both halves of a socket, in either order, whatever they were doing.
    pub(crate) fn close(&self, line: usize, random: &mut Random) {
        let Line { rx, tx } = &self.lines[line];
        let what = random.below(4);
        if what == 0 {
            drop(tx.lock().unwrap().take());
        }
        if what != 1 {
            drop(rx.lock().unwrap().take());
        }
        if what != 2 {
            drop(tx.lock().unwrap().take());
        }
    }

    /// Drops what is left of a socket.
    pub(crate) fn close_both(&self, line: usize) {
        drop(self.lines[line].rx.lock().unwrap().take());
        drop(self.lines[line].tx.lock().unwrap().take());
    }

    /// Whether both halves of a socket are gone.
    pub(crate) fn is_closed(&self, line: usize) -> bool {
        let Line { rx, tx } = &self.lines[line];
        rx.lock().unwrap().is_none() && tx.lock().unwrap().is_none()
    }

    pub(crate) fn finish(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire) || self.gate.is_broken()
    }
}
