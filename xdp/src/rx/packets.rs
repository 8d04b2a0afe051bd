//! Packets of several frames: whole or not at all (X2, X3 in `rx`).

use xdp_core::desc::{Desc, Options};
use xdp_core::frames::Holder;
use xdp_core::packets::{PacketReader, Refused};

use super::{Rx, RxBatch};
use crate::frame::Frame;
use crate::packet::Packet;
use crate::socket::error::RingKind;

impl Rx {
    /// Takes packets of up to `most_frames` from now on.
    pub(crate) fn expect_packets(&mut self, most_frames: u32) {
        self.reader = PacketReader::new(most_frames, self.ring.entries());
        self.is_multi_buffer = most_frames > 1;
    }

    /// Whether packets may have several frames: [`SocketBuilder::multi_buffer`](crate::SocketBuilder::multi_buffer).
    pub fn is_multi_buffer(&self) -> bool {
        self.is_multi_buffer
    }

    /// Packets of several frames that [`Rx::seek`] and [`Rx::recv`] have dropped; 0 where only
    /// [`Rx::seek_packets`] and [`Rx::recv_packets`] are used.
    pub fn passed_over(&self) -> u64 {
        self.passed_over
    }

    /// Looks for up to `n` received packets, each of one or more frames, and lends them in the order of arrival.
    ///
    /// A packet whose end has not arrived waits for it. Nothing is taken until the batch is committed: a batch that is
    /// dropped is offered again.
    ///
    /// ```
    /// # let umem = xdp::Umem::builder().chunks(64).build()?;
    /// # let (mut socket, mut nic) = xdp::fake::socket_for_packets(&umem, 32, 0, 18)?;
    /// # nic.deliver(&[7; 9000]);
    /// let batch = socket.rx().seek_packets(64);
    /// for packet in batch.iter() {
    ///     let longest = packet.frames().map(|bytes| bytes.len()).max();
    /// #   assert_eq!((packet.len(), packet.frame_count(), longest), (9000, 3, Some(3840)));
    /// }
    /// batch.commit();                                    // the chunks go back to the fill ring
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn seek_packets(&mut self, n: u32) -> PacketBatch<'_> {
        self.refill();
        let (packets, len, filled) = self.find_packets(n);
        PacketBatch { frames: RxBatch { rx: self, len, filled }, packets }
    }

    /// Receives up to `n` packets, each of one or more frames, in the order of arrival; each is taken when the iterator
    /// yields it.
    ///
    /// A packet whose end has not arrived waits for it.
    ///
    /// ```
    /// # let umem = xdp::Umem::builder().chunks(64).build()?;
    /// # let (mut socket, mut nic) = xdp::fake::socket_for_packets(&umem, 32, 0, 18)?;
    /// # nic.deliver(&[7; 9000]);
    /// let (rx, tx) = socket.halves();
    /// for mut packet in rx.recv_packets(64) {
    ///     packet.first_mut()[..12].rotate_left(6);       // what came in goes out again
    ///     tx.send_packet(packet)?;
    /// }
    /// tx.kick()?;
    /// # assert_eq!(nic.transmit_packet().unwrap().concat(), [7; 9000]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn recv_packets(&mut self, n: u32) -> RecvPackets<'_> {
        self.refill();
        let seen = self.look(u32::MAX);
        RecvPackets { rx: self, seen, left: n }
    }

    /// How many packets of one frame stand at the front of the ring, at most `n`; drops longer ones in front of them
    /// (X3).
    #[inline(never)]
    pub(super) fn single_frames(&mut self, n: u32) -> u32 {
        // No more than the ring holds at one time, however fast the kernel goes on.
        let mut patience = self.ring.entries();
        while patience > 0 {
            let len = self.look(u32::MAX);
            let (first, second) = self.ring.seen(len);
            let mut reading = self.reader.read((first, second));
            let Some(next) = reading.next() else { return 0 };
            if next.is_ok_and(|packet| packet.frames().count() == 1) {
                let goes_on = |desc: &&Desc| desc.options.contains(Options::CONTINUES);
                let singles = first.iter().chain(second).take_while(|desc| !goes_on(desc));
                return singles.take(n as usize).count() as u32;
            }
            let descs = reading.take();
            self.passed_over += u64::from(next.is_ok());
            self.drop_packet(descs, next.err());
            self.release_taken();
            patience = patience.saturating_sub(descs);
        }
        0
    }

    /// How many packets stand at the front of the ring, at most `n`, that X1 holds for every frame of; in how many
    /// descriptors, and for how many of these the chunk is written to the fill ring already. Drops what stands in front
    /// of them and makes no sense.
    fn find_packets(&mut self, n: u32) -> (u32, u32, u32) {
        let mut patience = self.ring.entries();
        while patience > 0 {
            let len = self.look(u32::MAX);
            let mut reading = self.reader.read(self.ring.seen(len));
            let (mut packets, mut descs, mut refused) = (0, 0, None);
            while packets < n && refused.is_none() {
                match reading.next() {
                    None => break,
                    Some(Ok(packet)) => {
                        (packets, descs) = (packets + 1, descs + packet.frames().count() as u32)
                    }
                    Some(Err(why)) => refused = Some(why),
                }
            }
            if packets > 0 {
                let (good, filled) = self.check(descs);
                let (packets, whole) = whole_packets(self.ring.seen(good), n);
                if packets > 0 {
                    return (packets, whole, filled.min(whole));
                }
                // A frame of the first packet cannot be believed.
                (_, descs) = whole_packets(self.ring.seen(descs), 1);
            } else if refused.is_some() {
                descs = reading.take();
            } else {
                break;
            }
            self.drop_packet(descs, refused.filter(|_| packets == 0));
            self.release_taken();
            patience = patience.saturating_sub(descs);
        }
        (0, 0, 0)
    }

    /// Takes the next `descs` descriptors, which are not to be shown: chunks that can be believed to have come back go
    /// to the pool.
    #[cold]
    fn drop_packet(&mut self, descs: u32, refused: Option<Refused>) {
        let home = self.pool.home();
        let custody = &home.custody;
        match refused {
            None | Some(Refused::Rest { .. }) => {}
            Some(_) => {
                let first = self.ring.seen_at(self.taken).unwrap_or_default();
                self.refused.note_endless(first, &home);
            }
        }
        for _ in 0..descs {
            let desc = self.ring.seen_at(self.taken).unwrap_or_default();
            self.taken += 1;
            match custody.pass_frame(desc, self.holder, Holder::FREE) {
                Some(seat) => self.pool.chunks().push(custody.start(seat)),
                None => {
                    // It is released with those that were taken, but it brought no chunk.
                    self.receiving = self.receiving.wrapping_add(1);
                    self.refused.note(RingKind::Rx, desc.addr.0, desc.len, &home);
                }
            }
        }
        self.pool.publish(self.port.rx_pool());
    }
}

/// How many whole packets begin a run of descriptors, at most `most`, and in how many descriptors.
fn whole_packets((first, second): (&[Desc], &[Desc]), most: u32) -> (u32, u32) {
    let (mut packets, mut descs) = (0, 0);
    for (desc, i) in first.iter().chain(second).zip(1..) {
        if packets == most {
            break;
        }
        if !desc.options.contains(Options::CONTINUES) {
            (packets, descs) = (packets + 1, i);
        }
    }
    (packets, descs)
}

/// Received packets of one or more frames, owned; see [`Rx::recv_packets`].
#[derive(Debug)]
pub struct RecvPackets<'a> {
    rx: &'a mut Rx,
    /// Descriptors that were seen, those that are taken already among them.
    seen: u32,
    left: u32,
}

impl Iterator for RecvPackets<'_> {
    type Item = Packet;

    fn next(&mut self) -> Option<Packet> {
        while self.left > 0 {
            let rx = &mut *self.rx;
            let mut reading = rx.reader.read(behind(rx.ring.seen(self.seen), rx.taken));
            let next = reading.next()?;
            let descs = reading.take();
            let taken = match next {
                Ok(_) => self.take(descs),
                Err(refused) => {
                    rx.drop_packet(descs, Some(refused));
                    None
                }
            };
            if taken.is_some() {
                self.left -= 1;
                return taken;
            }
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left as usize))
    }
}

impl RecvPackets<'_> {
    /// Takes a packet of `descs` descriptors; none if X1 does not hold for one of them.
    fn take(&mut self, descs: u32) -> Option<Packet> {
        let rx = &mut *self.rx;
        let home = rx.pool.home();
        let custody = &home.custody;
        let (mut packet, mut is_good) = (None::<Packet>, true);
        for _ in 0..descs {
            let desc = rx.ring.seen_at(rx.taken).unwrap_or_default();
            rx.taken += 1;
            let Some(seat) = custody.pass_frame(desc, rx.holder, Holder::HANDS) else {
                // It is released with those that were taken, but it brought no chunk.
                rx.receiving = rx.receiving.wrapping_add(1);
                rx.refused.note(RingKind::Rx, desc.addr.0, desc.len, &home);
                is_good = false;
                continue;
            };
            let frame = Frame::new(home, seat, home.pointer(desc.addr.0), desc.len);
            match &mut packet {
                Some(packet) => packet.push(frame),
                None => packet = Some(Packet::from(frame)),
            }
        }
        if is_good {
            return packet;
        }
        packet.into_iter().flatten().for_each(|frame| rx.pool.take_back(frame));
        None
    }
}

/// The two runs without their first `n` descriptors.
fn behind<'r>((first, second): (&'r [Desc], &'r [Desc]), n: u32) -> (&'r [Desc], &'r [Desc]) {
    let n = n as usize;
    (first.get(n..).unwrap_or_default(), second.get(n.saturating_sub(first.len())..).unwrap_or_default())
}

impl Drop for RecvPackets<'_> {
    fn drop(&mut self) {
        self.rx.release_taken();
        self.rx.pool.publish(self.rx.port.rx_pool());
    }
}

/// Received packets of one or more frames on loan; see [`Rx::seek_packets`].
#[derive(Debug)]
pub struct PacketBatch<'a> {
    /// All descriptors of the packets, and no others.
    frames: RxBatch<'a>,
    packets: u32,
}

impl PacketBatch<'_> {
    /// Packets that are not committed yet.
    pub fn len(&self) -> u32 {
        self.packets
    }

    /// Whether no packet is left.
    pub fn is_empty(&self) -> bool {
        self.packets == 0
    }

    /// Frames of all packets that are not committed yet.
    pub fn frame_count(&self) -> u32 {
        self.frames.len()
    }

    /// The packets that are not committed yet.
    pub fn iter(&self) -> impl Iterator<Item = LentPacket<'_>> {
        let mut from = 0;
        (0..self.packets).map(move |_| {
            let packet = self.packet_at(from);
            from = packet.to;
            packet
        })
    }

    /// The bytes of a frame to change in place: of packet `packet`, counted from the first that is not committed, the
    /// frame `frame`, counted from 0.
    pub fn peek_mut(&mut self, packet: u32, frame: u32) -> Option<&mut [u8]> {
        let LentPacket { from, to, .. } = self.iter().nth(packet as usize)?;
        if frame < to - from { self.frames.peek_mut(from + frame) } else { None }
    }

    /// Takes all packets: their chunks go back to the fill ring.
    pub fn commit(mut self) {
        self.commit_first(u32::MAX);
    }

    /// Takes the first `n` packets, at most what is left; the next one is number 0 then.
    pub fn commit_first(&mut self, n: u32) {
        let (packets, descs) = whole_packets(self.frames.rx.ring.seen(self.frames.len()), n);
        self.frames.commit_first(descs);
        self.packets -= packets;
    }

    /// The packet whose first frame has this number.
    fn packet_at(&self, from: u32) -> LentPacket<'_> {
        let all = self.frames.rx.ring.seen(self.frames.len());
        let (_, descs) = whole_packets(behind(all, from), 1);
        LentPacket { frames: &self.frames, from, to: from + descs }
    }
}

/// A received packet on loan: one or more slices of bytes.
#[derive(Debug, Clone, Copy)]
pub struct LentPacket<'a> {
    frames: &'a RxBatch<'a>,
    /// Its frames by their number in the batch.
    from: u32,
    to: u32,
}

impl<'a> LentPacket<'a> {
    /// How many frames, 1 or more.
    pub fn frame_count(&self) -> u32 {
        self.to - self.from
    }

    /// The bytes of each frame, in order.
    pub fn frames(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let frames = self.frames;
        (self.from..self.to).filter_map(move |i| frames.peek(i))
    }

    /// Bytes in all frames together.
    pub fn len(&self) -> usize {
        self.frames().map(<[u8]>::len).sum()
    }

    /// Whether no frame has bytes.
    pub fn is_empty(&self) -> bool {
        self.frames().all(<[u8]>::is_empty)
    }

    /// All bytes, copied into one piece.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len());
        self.frames().for_each(|frame| bytes.extend_from_slice(frame));
        bytes
    }
}
