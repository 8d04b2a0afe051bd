//! A receiving half that waits while all of its chunks are in other threads' hands.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use xdp::lab::Lab;
use xdp::{ChunkSize, Frame, Mode, QueueId, Receive, Socket, Tx, Umem};

const CHUNKS: u32 = 8;

/// Longer than anything takes on a busy machine; only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(20);

fn umem(chunks: u32) -> Umem {
    Umem::builder().chunks(chunks).chunk_size(ChunkSize::K2).build().unwrap()
}

fn send(tx: &mut Tx, packets: u32) {
    let mut batch = tx.seek(packets);
    (0..batch.len()).for_each(|i| batch.peek(i, 60).unwrap().fill(0x5a));
    assert_eq!(batch.commit(), packets);
    tx.kick().unwrap();
}

/// The kernel drops what finds no chunk, and wakes nobody: so a wait must notice that chunks have come home.
#[test]
fn a_half_that_waits_is_fed_when_its_chunks_come_home() {
    const TEST: &str = "a_half_that_waits_is_fed_when_its_chunks_come_home";
    if !xdp::lab::require(TEST) {
        return;
    }
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let (a, b) = (lab.pair(0).a().name(), lab.pair(0).b().name());
    let mut tx = Socket::builder(&umem(64)).mode(Mode::Copy).bind_tx(a, QueueId(0)).unwrap();
    let builder = Socket::builder(&umem(CHUNKS)).receive(Receive::Everything).mode(Mode::Copy);
    let mut rx = builder.bind_rx(b, QueueId(0)).unwrap();
    let (put, take) = mpsc::channel::<Frame>();
    thread::scope(|scope| {
        let receiver = scope.spawn(move || {
            let mut received = 0;
            while received < CHUNKS {
                assert!(rx.wait(PATIENCE).unwrap());
                for frame in rx.recv(CHUNKS) {
                    put.send(frame).unwrap();
                    received += 1;
                }
            }
            drop(put);
            // The fill ring is empty now, and nothing is in the pool.
            let is_fed = rx.wait(PATIENCE).unwrap();
            assert!(is_fed, "{}", rx.umem().accounting());
        });
        send(&mut tx, CHUNKS);
        let frames: Vec<Frame> = take.iter().collect();
        drop(frames);
        while !receiver.is_finished() {
            send(&mut tx, 1);
            tx.flush(PATIENCE).unwrap();
            thread::yield_now();
        }
    });
}
