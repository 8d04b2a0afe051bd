//! A descriptor that asks for TX metadata which the UMEM does not have: the kernel refuses the call, leaves the
//! descriptor in the ring, and some kernels complete its address all the same, again at every kick (`xsk_build_skb` fails
//! after the slot of the completion ring was taken). Of those tried, 6.18.15 and .44 do; 6.12.107 and 7.2.13 do not.

use xdp::{Addr, Desc, Disbelief, Options, RingKind, fake};
use xdp_core::Chunk;
use xdp_core::frames::{Custody, Holder};
use xdp_sys::Errno;

use crate::raw::RawSocket;
use crate::{enter, lab, umem};

const KICKS: usize = 5;

/// What comes back of one descriptor over many kicks, and what the table believes of it.
#[test]
fn a_chunk_that_the_kernel_completes_at_every_kick_is_taken_back_once() {
    let Some(lab) = lab("a_chunk_that_the_kernel_completes_at_every_kick_is_taken_back_once") else { return };
    let (_inside, a, _b) = enter(&lab);
    let mut socket = RawSocket::bind(&a, 16);
    let custody = Custody::new(socket.layout);
    let (table, sending) = (custody.view(), Holder::sending(0));
    let descs = [Options::METADATA, Options::NONE].map(|options| {
        let addr = socket.layout.addr(Chunk(if options == Options::NONE { 4 } else { 3 })) + 256;
        Desc { addr: Addr(addr), len: 60, options }
    });
    for desc in descs {
        socket.write(desc.addr.0, &[0; 60]);
        table.set(desc.addr.0, sending);
        assert!(socket.tx.push(desc));
    }
    let answers: Vec<Result<(), Errno>> = (0..KICKS).map(|_| socket.kick()).collect();
    let completed: Vec<u64> = std::iter::from_fn(|| socket.completion.pop()).collect();
    let believed = completed.iter().filter(|addr| table.pass(**addr, sending, Holder::FREE)).count();
    let of = |desc: Desc| completed.iter().filter(|addr| **addr == desc.addr.0).count();
    let (bad, good) = (of(descs[0]), of(descs[1]));
    let left = socket.tx.outstanding();
    eprintln!(
        "{answers:?}: completed {bad} times, the one behind it {good} times, {left} left in the tx ring"
    );
    // Whatever the kernel does, no chunk has two owners.
    assert!(believed <= 2 && bad + good == completed.len());
    assert_eq!(custody.held_by(Holder::FREE).count() + custody.held_by(sending).count(), 16);
    if answers == [Err(Errno::EINVAL); KICKS] {
        assert_eq!((good, left), (0, 2), "a ring that is wedged sends nothing");
        assert!(bad == KICKS || bad == 0, "completed {bad} times");
        let is_believed = bad > 0;
        assert_eq!((believed, custody.held_by(sending).count()), if is_believed { (1, 1) } else { (0, 2) });
        assert!(table.is(descs[0].addr.0, sending) != is_believed && table.is(descs[1].addr.0, sending));
    }
}

/// The same kernel at the end of a socket of ours: the duplicates are refused, counted, and named.
#[test]
fn a_duplicate_completion_is_refused_and_the_chunk_is_named() {
    let umem = umem(16);
    let (mut socket, mut nic) = fake::socket_starting_at(&umem, 8, u32::MAX - 3).unwrap();
    let tx = socket.tx();
    let mut frame = tx.alloc().unwrap();
    frame.set_len(60).unwrap();
    let chunk = frame.chunk();
    tx.send(frame).unwrap();
    tx.kick().unwrap();
    let addr = umem.layout().addr(chunk) + 17;
    (0..KICKS).for_each(|_| assert!(nic.forge_completion(addr)));
    assert_eq!(socket.tx().reap(), 1);
    assert_eq!(socket.tx().refused(), KICKS as u64 - 1);
    let refusal = socket.tx().last_refusal().expect("something was refused");
    assert_eq!((refusal.ring, refusal.addr), (RingKind::Completion, Addr(addr)));
    assert_eq!((refusal.chunk, refusal.why), (Some(chunk), Disbelief::Free));
    let said = refusal.to_string();
    assert!(said.contains(&format!("chunk {}", chunk.0)) && said.contains("come back already"), "{said}");
    assert!(umem.accounting().is_balanced(), "{}", umem.accounting());
}

/// Each thing that a completion or a received descriptor can be wrong about.
#[test]
fn a_refusal_says_what_was_wrong() {
    let umem = umem(16);
    let (mut socket, mut nic) = fake::socket(&umem, 8).unwrap();
    let filled = nic.kernel().peek_fill(0).unwrap();
    let mut in_hands = socket.tx().alloc().unwrap();
    in_hands.set_len(1).unwrap();
    let hands = umem.layout().addr(in_hands.chunk());
    let free = (0..16)
        .map(|chunk| umem.layout().addr(Chunk(chunk)))
        .find(|addr| *addr != hands && (0..8).all(|i| nic.kernel().peek_fill(i) != Some(*addr)));
    let free = free.expect("the sending half has chunks left");
    for (addr, why) in [
        (u64::MAX, Disbelief::Outside),
        (16 * 2048, Disbelief::Outside),
        (free + 5, Disbelief::Free),
        (hands, Disbelief::InHands),
        (filled, Disbelief::Elsewhere),
    ] {
        assert!(nic.forge_completion(addr));
        assert_eq!(socket.tx().reap(), 0);
        let refusal = socket.tx().last_refusal().unwrap();
        assert_eq!((refusal.ring, refusal.addr.0, refusal.why), (RingKind::Completion, addr, why));
    }
    for (addr, len, why) in [
        (u64::MAX, 1, Disbelief::Outside),
        (filled + 1, 2048, Disbelief::TooLong),
        (free, 1, Disbelief::Free),
        (hands, 1, Disbelief::InHands),
    ] {
        assert!(nic.forge_rx(Desc { addr: Addr(addr), len, options: Options::NONE }));
        assert!(socket.rx().seek(8).is_empty());
        let refusal = socket.rx().last_refusal().unwrap();
        assert_eq!((refusal.ring, refusal.addr.0, refusal.len), (RingKind::Rx, addr, len));
        assert_eq!(refusal.why, why, "{refusal}");
    }
    assert_eq!((socket.tx().refused(), socket.rx().refused()), (5, 4));
}
