//! Packets of several frames: all of their frames are sent, or none (T3 in `tx`).

use xdp_core::desc::{Desc, Options};

use super::Tx;
use crate::error::SendPacketError;
use crate::packet::Packet;

impl Tx {
    /// Takes packets of up to `most_frames` from now on.
    pub(crate) fn allow_packets(&mut self, most_frames: u32) {
        self.most_frames = most_frames.clamp(1, self.ring.entries());
    }

    /// Frames that a packet can have: 1 unless the socket was bound for more
    /// ([`SocketBuilder::multi_buffer`](crate::SocketBuilder::multi_buffer)); then 18 in copy mode, what the driver says
    /// in zero-copy mode, and no more than the tx ring has entries.
    pub fn most_frames(&self) -> u32 {
        self.most_frames
    }

    /// Takes a packet of one or more frames to be sent with the next [`kick`](Tx::kick): all of its frames, or none.
    ///
    /// # Errors
    ///
    /// The packet comes back when the ring has no room for all of its frames, one of them is empty or belongs to another
    /// UMEM, or there are more than [`Tx::most_frames`]: the kernel would drop all of it.
    pub fn send_packet(&mut self, packet: Packet) -> Result<(), SendPacketError> {
        let home = self.pool.home();
        let count = packet.frame_count();
        if packet.frames().any(|frame| frame.home() != home) {
            return Err(SendPacketError::Foreign(packet));
        }
        if count > self.most_frames as usize {
            return Err(SendPacketError::Frames { packet, most: self.most_frames });
        }
        if packet.frames().any(|frame| frame.is_empty()) {
            return Err(SendPacketError::Empty(packet));
        }
        let end = self.staged.saturating_add(count as u32);
        let mut slots = self.ring.reserve(end);
        if slots.len() < end {
            return Err(SendPacketError::Full(packet));
        }
        let custody = home.custody.view();
        for frame in packet {
            let goes_on = if self.staged + 1 < end { Options::CONTINUES } else { Options::NONE };
            let Desc { addr, len, options } = frame.desc();
            slots.write(self.staged, Desc { addr, len, options: options | goes_on });
            custody.set_seat(frame.into_seat(), self.holder);
            self.staged += 1;
        }
        Ok(())
    }
}
