//! Packets of several frames against a list of packets: shown whole or not at all, and no packet tears the next one.

use std::collections::VecDeque;

use xdp_core::fake::FakeKernel;
use xdp_core::packets::{PacketReader, Refused, check, join};
use xdp_core::{Addr, Desc, Options};

use crate::Word;

/// A packet that is on its way through the ring.
#[derive(Debug)]
struct Sent {
    frames: VecDeque<Desc>,
    /// Frames that it had when it was made.
    count: usize,
    bytes: u64,
}

/// What the reader is expected to see: packets in order, the first of which may be in part consumed already.
#[derive(Debug, Default)]
struct Model {
    packets: VecDeque<Sent>,
    /// Frames of those packets that the ring has not yet.
    unsent: VecDeque<Desc>,
    next: u64,
}

/// Sends packets of any length through an rx ring, cut into batches anywhere, and reads them.
pub fn reading(words: &[u64]) {
    let Some((first, steps)) = words.split_first() else { return };
    let mut word = Word::new(*first);
    let entries = word.entries().min(256);
    let most = 1 + word.below(24);
    let (mut kernel, mut rings) = FakeKernel::starting_at(entries, word.start()).expect("a power of two");
    let mut reader = PacketReader::new(most, entries);
    let most = most.min(entries);
    assert_eq!(reader.most_frames(), most);
    let mut model = Model::default();
    for word in steps {
        let mut word = Word::new(*word);
        match word.below(4) {
            0 => model.make(&mut word, most),
            1 => {
                for _ in 0..word.amount(entries) {
                    let Some(desc) = model.unsent.pop_front() else { break };
                    if !kernel.put_rx(desc) {
                        model.unsent.push_front(desc);
                        break;
                    }
                }
            }
            _ => {
                let mut batch = rings.rx.peek(word.greedy(entries));
                let len = batch.len();
                let passed = model.read(&mut word, reader.read(batch.runs()), most);
                batch.release(passed);
                assert!(passed <= len);
            }
        }
        // A range as long as the longest packet never stays stuck.
        if rings.rx.waiting() >= most {
            let batch = rings.rx.peek(u32::MAX);
            assert!(reader.read(batch.runs()).next().is_some(), "a full range with nothing to read in it");
        }
    }
}

impl Model {
    fn make(&mut self, word: &mut Word, most: u32) {
        let is_huge = word.once_in(16);
        let count = if word.once_in(4) { 1 + word.below(2 * most) } else { 1 + word.below(most) };
        let mut frames: Vec<Desc> = (0..count)
            .map(|_| {
                self.next += 1;
                let len = if is_huge { u32::MAX / 2 } else { word.below(3) };
                Desc { addr: Addr(self.next), len, options: Options::from_bits(word.below(4) << 1) }
            })
            .collect();
        join(&mut frames);
        self.unsent.extend(&frames);
        let bytes = frames.iter().map(|desc| u64::from(desc.len)).sum();
        self.packets.push_back(Sent { frames: frames.into(), count: count as usize, bytes });
    }

    /// Reads some packets, and takes them or not; returns how many descriptors are to be released.
    fn read(&mut self, word: &mut Word, mut packets: xdp_core::packets::Packets<'_, '_>, most: u32) -> u32 {
        // Where reading stands: this many whole packets passed, this many frames of the next one.
        let (mut whole, mut frames, mut passed) = (0, 0, 0);
        let n = word.greedy(most);
        for read in packets.by_ref().take(n as usize) {
            let sent = &self.packets[whole];
            let left = sent.frames.len() - frames;
            match read {
                Ok(packet) => {
                    assert!(left == sent.count && sent.count <= most as usize, "from its first frame on");
                    assert!(packet.frames().eq(sent.frames.iter().copied()), "every frame of it, in order");
                    assert_eq!(u64::from(packet.bytes()), sent.bytes);
                    (whole, passed) = (whole + 1, passed + left as u32);
                    continue;
                }
                Err(Refused::Frames { most: limit, .. }) => {
                    assert!(left == sent.count && sent.count > most as usize && limit == most);
                }
                Err(Refused::Bytes { .. }) => assert!(left == sent.count && sent.bytes > u32::MAX.into()),
                Err(Refused::Rest { .. }) => {
                    assert!(
                        left < sent.count && sent.count > most as usize,
                        "of a packet that was refused before"
                    );
                }
                Err(other) => panic!("{other}"),
            }
            let descs = read.map_or_else(Refused::descs, |_| 0);
            assert!(descs > 0 && descs as usize <= left, "nothing of the next packet");
            (frames, passed) = (frames + descs as usize, passed + descs);
            if frames == sent.frames.len() {
                (whole, frames) = (whole + 1, 0);
            }
        }
        if word.once_in(3) {
            return 0; // dropped: everything is offered again
        }
        assert_eq!(packets.take(), passed);
        self.packets.drain(..whole);
        if frames > 0 {
            self.packets[0].frames.drain(..frames);
        }
        passed
    }
}

/// Checks packets to be sent: every word is one, right or wrong in any place.
pub fn checking(words: &[u64]) {
    for word in words {
        let mut word = Word::new(*word);
        let most = 1 + word.below(6);
        let count = word.below(8) as usize;
        let mut frames: Vec<Desc> = (0..count)
            .map(|_| Desc { addr: Addr(0), len: 1 + word.amount(4096), options: Options::NONE })
            .collect();
        join(&mut frames);
        for _ in 0..word.below(3) {
            let i = word.below(count as u32) as usize;
            let Some(frame) = frames.get_mut(i) else { break };
            match word.below(3) {
                0 => frame.len = [0, 1, u32::MAX][word.below(3) as usize],
                1 => frame.options = Options::from_bits(word.below(4)),
                _ => frame.options = Options::from_bits(1 << word.below(32)),
            }
        }
        let is_last = |i: usize| i + 1 == count;
        let expected = count >= 1
            && count <= most as usize
            && frames.iter().all(|frame| frame.len > 0 && frame.options.bits() <= 3)
            && frames.iter().enumerate().all(|(i, frame)| (frame.options.bits() & 1 == 0) == is_last(i))
            && frames.iter().skip(1).all(|frame| frame.options.bits() & 2 == 0)
            && frames.iter().map(|frame| u128::from(frame.len)).sum::<u128>() <= u32::MAX.into();
        let checked = check(&frames, most);
        assert_eq!(checked.is_ok(), expected, "{most} {frames:?} {checked:?}");
        if let Ok(bytes) = checked {
            assert_eq!(bytes, frames.iter().map(|frame| frame.len).sum::<u32>());
            // What may be sent is what is read again.
            let mut reader = PacketReader::new(most, 8);
            let (before, after) = frames.split_at(count / 2);
            let mut packets = reader.read((before, after));
            let packet = packets.next().expect("it is whole").expect("and not too long");
            assert_eq!((packet.bytes(), packet.frames().count()), (bytes, count));
        }
    }
}
