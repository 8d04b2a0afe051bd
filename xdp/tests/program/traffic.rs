//! Packets from one end of a lab's pair to a socket at the other.

use std::time::{Duration, Instant};

use xdp::lab::Lab;
use xdp::{Mode, QueueId, Rx, Socket, Umem};

const PATIENCE: Duration = Duration::from_secs(20);
pub(super) const QUEUE: QueueId = QueueId(0);

/// How many packets are sent, fewer than any ring holds.
const COUNT: u8 = 16;

/// A frame of an EtherType for experiments, and a number.
fn frame(number: u8) -> [u8; 60] {
    let mut frame = [0; 60];
    frame[..6].fill(0xff);
    frame[12..14].copy_from_slice(&[0x88, 0xb5]);
    frame[14] = number;
    frame
}

/// A socket for queue 0 of the pair's end b that is in no map yet.
pub(super) fn receiver(lab: &Lab) -> Rx {
    let umem = Umem::builder().chunks(256).build().unwrap();
    Socket::builder(&umem).mode(Mode::Copy).bind_rx(lab.pair(0).b(), QUEUE).unwrap()
}

/// Sends packets from end a and expects them in the socket, each once and in order. What else the machine sends there
/// is passed over.
pub(super) fn expect_packets(lab: &Lab, rx: &mut Rx) {
    let umem = Umem::builder().chunks(64).build().unwrap();
    let mut tx = Socket::builder(&umem).mode(Mode::Copy).bind_tx(lab.pair(0).a(), QUEUE).unwrap();
    let mut batch = tx.seek(COUNT.into());
    for number in 0..COUNT {
        batch.peek(number.into(), 60).unwrap().copy_from_slice(&frame(number));
    }
    assert_eq!(batch.commit(), u32::from(COUNT));
    tx.flush(PATIENCE).unwrap();
    let (mut next, deadline) = (0, Instant::now() + PATIENCE);
    while next < COUNT {
        assert!(Instant::now() < deadline, "packet {next} is missing; {}", rx.statistics().unwrap());
        rx.wait(Duration::from_millis(100)).unwrap();
        let batch = rx.seek(64);
        for packet in batch.iter().filter(|packet| packet[12..14] == [0x88, 0xb5]) {
            assert_eq!(packet[..], frame(next));
            next += 1;
        }
        batch.commit();
    }
}
