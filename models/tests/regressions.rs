//! What the models have found, cut down: each has failed once.

use xdp::{Addr, ChunkSize, Desc, Options, Umem, fake};

fn umem(chunks: u32) -> Umem {
    Umem::builder().chunks(chunks).chunk_size(ChunkSize::K2).build().expect("a small umem")
}

/// A second completion of a chunk, as kernels post it for a packet with senseless metadata, waits while the chunk is
/// sent again. Believing it before the new frame was handed over put the chunk into the pool and, with the next kick,
/// into the tx ring as well; and one frame was outstanding for ever after.
#[test]
fn a_chunk_that_completed_twice_is_with_the_kernel_and_not_in_the_pool_once_it_is_sent_again() {
    let umem = umem(2);
    let (mut socket, mut nic) = fake::socket(&umem, 4).expect("a small socket");
    let (rx, tx) = socket.halves();
    let mut frame = tx.alloc().expect("a fresh socket has a chunk");
    let addr = nic.addr(frame.chunk());
    frame.extend_from_slice(b"once").expect("a chunk has more");
    tx.send(frame).expect("the ring is empty");
    assert!(nic.forge_completion(addr));
    tx.reap();
    let waiting = (0..).map_while(|i| nic.kernel().peek_tx(i)).count();
    assert_eq!(waiting, 1, "it was handed over before anything was believed of it");
    tx.kick().expect("a fake kernel is always there");
    assert_eq!(nic.kernel().transmit().map(|desc| desc.len), Some(4));
    assert!(nic.kernel().transmit().is_none(), "and it is there once");
    assert_eq!((tx.outstanding(), rx.refused()), (0, 0));
    assert!(umem.accounting().is_balanced(), "{}", umem.accounting());
}

/// A chunk that the kernel names twice in one batch of the owned flow becomes one frame.
#[test]
fn a_chunk_that_is_received_twice_becomes_one_frame() {
    let umem = umem(16);
    let (mut socket, mut nic) = fake::socket(&umem, 8).expect("a small socket");
    let addr = nic.kernel().take_fill().expect("a fresh socket has filled");
    let desc = Desc { addr: Addr(addr + 256), len: 60, options: Options::NONE };
    assert!(nic.forge_rx(desc) && nic.forge_rx(desc));
    let frames: Vec<_> = socket.rx().recv(8).collect();
    assert_eq!((frames.len(), socket.rx().refused()), (1, 1));
}
