//! `xdp`'s frames.

use xdp::Frame;

use super::Frames;
use crate::journeys::{BYTE, Ours, PACKET};

impl Frames for Ours {
    type Frame = Frame;

    #[inline(always)]
    fn recv(&mut self, n: u32, kept: &mut Vec<Frame>) -> u32 {
        let before = kept.len();
        kept.extend(self.socket.rx().recv(n));
        (kept.len() - before) as u32
    }

    #[inline(always)]
    fn alloc(&mut self, n: u32, kept: &mut Vec<Frame>) -> u32 {
        let before = kept.len();
        let tx = self.socket.tx();
        kept.extend((0..n).map_while(|_| tx.alloc()));
        (kept.len() - before) as u32
    }

    fn write(frame: &mut Frame) {
        frame.set_len(PACKET.len()).expect("the packet fits a chunk");
        frame[0] = BYTE;
    }

    fn len(frame: &Frame) -> usize {
        frame.len()
    }

    #[inline(always)]
    fn send(&mut self, n: u32, kept: &mut Vec<Frame>) -> u32 {
        let tx = self.socket.tx();
        let mut sent = 0;
        for frame in kept.drain(kept.len() - n as usize..) {
            sent += u32::from(tx.send(frame).is_ok());
        }
        sent
    }

    #[inline(always)]
    fn send_from(&mut self, n: u32, kept: &mut Vec<Frame>) -> u32 {
        self.socket.tx().send_from(kept.drain(kept.len() - n as usize..)).unwrap_or(0)
    }

    fn kick(&mut self) {
        self.socket.tx().kick().expect("the fake kernel asks for nothing");
    }

    #[inline(always)]
    fn drop_each(&mut self, n: u32, kept: &mut Vec<Frame>) {
        kept.truncate(kept.len() - n as usize);
    }

    fn gather(&mut self) {
        self.socket.rx().kick().expect("the fake kernel asks for nothing");
    }

    #[inline(always)]
    fn recycle(&mut self, n: u32, kept: &mut Vec<Frame>) {
        self.socket.rx().recycle(kept.drain(kept.len() - n as usize..));
    }

    fn unsend(&mut self, kept: &mut Vec<Frame>) {
        self.socket.tx().recycle(kept.drain(..));
    }
}
