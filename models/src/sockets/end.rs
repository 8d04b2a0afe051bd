//! One socket of the model, and what must be in its rings.

use std::collections::VecDeque;
use std::time::Duration;

use xdp::fake::{self, FakeNic};
use xdp::{FlushError, Frame, Rx, SendError, Tx, Umem};

use crate::Word;
use crate::hands::{Hands, is_full_of};

/// A packet between two queues: so many bytes, all of its stamp.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet {
    pub(super) stamp: u64,
    pub(super) len: usize,
}

impl Packet {
    pub(super) fn check(self, bytes: &[u8]) {
        assert_eq!(bytes.len(), self.len, "the packet is as long as it was");
        assert!(is_full_of(bytes, self.stamp), "the packet is as it was");
    }
}

/// One socket, and what must be in its rings.
#[derive(Debug)]
pub(super) struct End {
    pub(super) rx: Option<Rx>,
    pub(super) tx: Option<Tx>,
    /// Taken out only to close it.
    pub(super) nic: Option<FakeNic>,
    pub(super) entries: u32,
    pub(super) share: u32,
    /// Received and not taken.
    pub(super) arriving: VecDeque<Packet>,
    /// Sent, and perhaps not handed to the kernel yet.
    pub(super) staged: VecDeque<Packet>,
    /// With the kernel.
    pub(super) leaving: VecDeque<Packet>,
    /// Left and not completed.
    pub(super) flying: u32,
    /// Completed and not taken back.
    pub(super) completed: u32,
    /// A receiving iterator was forgotten: its last packets are out of the ring with the next call.
    pub(super) is_forgetful: bool,
}

impl End {
    pub(super) fn open(umem: &Umem, entries: u32, start: u32, share: u32) -> Self {
        let opened = fake::socket_with(umem, entries, start, Some(share));
        let (socket, nic) = opened.expect("its chunks are not set aside for anybody else");
        let (rx, tx) = socket.split();
        Self {
            rx: Some(rx),
            tx: Some(tx),
            nic: Some(nic),
            entries,
            share,
            arriving: VecDeque::new(),
            staged: VecDeque::new(),
            leaving: VecDeque::new(),
            flying: 0,
            completed: 0,
            is_forgetful: false,
        }
    }

    /// Everything sent whose chunk has not come back.
    pub(super) fn outstanding(&self) -> u32 {
        (self.staged.len() + self.leaving.len()) as u32 + self.flying + self.completed
    }

    pub(super) fn nic(&mut self) -> &mut FakeNic {
        self.nic.as_mut().expect("a closed socket is opened again at once")
    }

    pub(super) fn send(&mut self, hands: &mut Hands, frame: Frame, stamp: u64) {
        let is_full = self.staged.len() + self.leaving.len() == self.entries as usize;
        let packet = Packet { stamp, len: frame.len() };
        let Some(tx) = &mut self.tx else { return hands.put_back(frame, stamp) };
        match tx.send(frame) {
            Ok(()) => {
                assert!(!is_full, "there was no room");
                self.staged.push_back(packet);
            }
            Err(SendError::Full(frame)) => {
                assert!(is_full, "there was room");
                hands.put_back(frame, stamp);
            }
            Err(other) => panic!("{other}"),
        }
    }

    /// Packets that were sent are the kernel's now.
    pub(super) fn published(&mut self) {
        self.leaving.append(&mut self.staged);
    }

    /// Packets leave.
    pub(super) fn transmit(&mut self, word: &mut Word) {
        for _ in 0..word.amount(80) {
            let bytes = self.nic().take_sent();
            // Looking for a free chunk may have handed over what was only sent.
            let early =
                if bytes.is_some() && self.leaving.is_empty() { self.staged.pop_front() } else { None };
            let packet = early.or_else(|| self.leaving.pop_front());
            assert_eq!(bytes.is_some(), packet.is_some(), "what was handed over leaves");
            let (Some(bytes), Some(packet)) = (bytes, packet) else { break };
            packet.check(&bytes);
            self.flying += 1;
        }
    }

    /// Chunks of packets that have left come back.
    pub(super) fn complete(&mut self, word: &mut Word) {
        for _ in 0..word.amount(80) {
            if !self.nic().complete() {
                assert!(self.flying == 0 || self.completed == self.entries || self.tx.is_none());
                break;
            }
            self.flying -= 1;
            self.completed += 1;
        }
    }

    /// Waits on both halves; nothing blocks on a fake kernel.
    pub(super) fn wait(&mut self) {
        if let Some(rx) = &mut self.rx {
            assert_eq!(rx.wait(Duration::ZERO).expect("nothing to fail"), !self.arriving.is_empty());
            rx.kick().expect("nothing to fail");
            self.is_forgetful = false;
        }
        if let Some(tx) = &mut self.tx {
            let is_writable = tx.wait(Duration::ZERO).expect("nothing to fail");
            self.published();
            assert_eq!(is_writable, self.leaving.len() as u32 <= self.entries / 2);
        }
        if let Some(tx) = &mut self.tx {
            let flushed = tx.flush(Duration::ZERO);
            self.completed = 0;
            match flushed {
                Ok(()) => assert_eq!(self.outstanding(), 0),
                Err(FlushError::TimedOut { outstanding }) => assert_eq!(outstanding, self.outstanding()),
                Err(other) => panic!("{other}"),
            }
        }
    }
}
