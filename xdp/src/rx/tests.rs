use xdp_core::desc::{Addr, Options};

use super::*;
use crate::{Chunk, ChunkSize, fake};

fn umem(chunks: u32) -> Umem {
    Umem::builder().chunks(chunks).chunk_size(ChunkSize::K2).build().unwrap()
}

#[test]
fn a_batch_that_is_dropped_is_offered_again() {
    let umem = umem(16);
    let (mut socket, mut nic) = fake::socket(&umem, 8).unwrap();
    assert!(nic.deliver(b"one") && nic.deliver(b"two"));
    assert_eq!(socket.rx().seek(8).len(), 2);
    let mut batch = socket.rx().seek(8);
    assert_eq!(batch.peek(0), Some(&b"one"[..]));
    batch.commit_first(1);
    assert_eq!(batch.peek(0), Some(&b"two"[..]));
    assert_eq!(batch.peek(1), None);
    let mut batch = socket.rx().seek(8);
    batch.peek_mut(0).unwrap().copy_from_slice(b"TWO");
    assert_eq!(batch.iter().collect::<Vec<_>>(), [b"TWO"]);
    batch.commit();
    assert!(socket.rx().seek(8).is_empty());
}

/// The kernel publishes a batch on the rx ring before it frees the slots of the fill ring: what does not fit is kept
/// and comes later.
#[test]
fn chunks_that_the_fill_ring_has_no_room_for_are_kept() {
    let umem = umem(32);
    let (mut socket, mut nic) = fake::socket(&umem, 8).unwrap();
    let desc = |chunk| Desc { addr: Addr(chunk), len: 60, options: Options::NONE };
    // Eight chunks are received; the fill ring's consumer index lags behind.
    let layout = umem.layout();
    let filled: Vec<u64> =
        umem.home().custody.held_by(Holder::receiving(0)).map(|chunk| layout.addr(chunk)).collect();
    assert_eq!(filled.len(), 8);
    filled.iter().for_each(|&chunk| assert!(nic.forge_rx(desc(chunk + 256))));
    let batch = socket.rx().seek(8);
    assert_eq!(batch.len(), 8);
    batch.commit();
    assert_eq!(umem.home().custody.held_by(Holder::receiving(0)).count(), 0, "nothing could be filled");
    nic.kernel().skip_fill(8);
    assert!(socket.rx().seek(8).is_empty());
    assert_eq!(umem.home().custody.held_by(Holder::receiving(0)).count(), 8);
    assert!(umem.accounting().is_balanced(), "{}", umem.accounting());
}

#[test]
fn descriptors_that_cannot_be_are_counted_and_never_shown() {
    let umem = umem(16);
    let (mut socket, mut nic) = fake::socket(&umem, 8).unwrap();
    let mine = umem.home().custody.held_by(Holder::receiving(0)).next().unwrap();
    let foreign = umem.home().custody.held_by(Holder::FREE).next().unwrap();
    let desc = |addr, len| Desc { addr: Addr(addr), len, options: Options::NONE };
    let addr = |chunk: Chunk| umem.layout().addr(chunk);
    for forged in [
        desc(u64::MAX, 1),             // nowhere
        desc(16 * 2048, 1),            // behind the end
        desc(addr(mine), 2049),        // longer than a chunk
        desc(addr(mine) + 2047, 2),    // into the next chunk
        desc(addr(foreign) + 256, 60), // a chunk that the kernel does not have
    ] {
        assert!(nic.forge_rx(forged));
    }
    assert!(nic.forge_rx(desc(addr(mine) + 256, 60)));
    let batch = socket.rx().seek(8);
    assert_eq!((batch.len(), batch.peek(0).map(<[u8]>::len)), (1, Some(60)));
    assert_eq!(socket.rx().refused(), 5);
    // The same through the owned flow, twice: a chunk that comes a second time is in somebody's hands.
    assert!(nic.forge_rx(desc(addr(mine) + 256, 60)));
    let frames: Vec<Frame> = socket.rx().recv(8).collect();
    assert_eq!((frames.len(), socket.rx().refused()), (1, 6));
}

#[test]
fn forgetting_the_iterator_never_shows_a_chunk_twice() {
    let umem = umem(16);
    let (mut socket, mut nic) = fake::socket(&umem, 8).unwrap();
    assert!(nic.deliver(b"one") && nic.deliver(b"two"));
    let mut recv = socket.rx().recv(8);
    let frame = recv.next().unwrap();
    std::mem::forget(recv);
    let batch = socket.rx().seek(8);
    assert_eq!(batch.iter().collect::<Vec<_>>(), [b"two"]);
    assert_eq!(&frame[..], b"one");
    assert_eq!(socket.rx().refused(), 0);
}

#[test]
fn waiting_on_a_fake_kernel_returns_at_once() {
    let umem = umem(16);
    let (mut socket, mut nic) = fake::socket(&umem, 8).unwrap();
    assert!(!socket.wait(Duration::MAX).unwrap());
    assert!(nic.deliver(b"x"));
    assert!(socket.wait(Duration::ZERO).unwrap());
}
