//! Shared queues over a fake kernel.

use xdp::fake::{FakeQueue, shared_queue};
use xdp::{BindError, SharedQueue, Socket, Umem};

use crate::small_umem;

fn queue(umem: &Umem, members: usize) -> (SharedQueue, FakeQueue, Vec<Socket>) {
    let (mut owner, mut nic) = shared_queue(umem, 64, u32::MAX - 5, 32).unwrap();
    let sockets = (0..members).map(|_| nic.join(&mut owner, [16, u32::MAX - 3], 8).unwrap()).collect();
    (owner, nic, sockets)
}

fn balanced(umem: &Umem) {
    let account = umem.accounting();
    assert!(account.is_balanced(), "{account}");
}

#[test]
fn chunks_go_from_any_member_back_into_the_one_fill_ring() {
    let umem = small_umem(64);
    let (mut owner, mut nic, mut sockets) = queue(&umem, 3);
    for round in 0..200usize {
        // Far more packets than there are chunks, all to one member for some time.
        let (member, other) = (round / 20 % 3, round % 3);
        for i in 0..8u8 {
            assert!(nic.deliver(member, &[i; 60]), "round {round}");
        }
        assert!(nic.deliver(other, b"other"));
        let rx = sockets[member].rx();
        match round % 2 {
            0 => {
                let batch = rx.seek(64);
                assert!(batch.len() >= 8);
                batch.commit();
            }
            _ => {
                assert!(rx.recv(64).count() >= 8, "and dropped");
                rx.kick().unwrap(); // tells the owner, as any look at the ring does
            }
        }
        sockets[other].rx().seek(64).commit();
        owner.tend().unwrap();
        balanced(&umem);
        assert_eq!(umem.accounting().hands, 0);
    }
    let account = umem.accounting();
    assert_eq!((account.fill + account.rx, account.sum()), (32, 64), "{account}");
}

#[test]
fn each_completion_goes_to_the_member_that_sent() {
    let umem = small_umem(64);
    let (mut owner, mut nic, mut sockets) = queue(&umem, 3);
    for round in 0..100u8 {
        for (i, socket) in sockets.iter_mut().enumerate() {
            let mut batch = socket.tx().seek(4);
            for packet in 0..batch.len() {
                batch.peek(packet, 20).unwrap().fill(i as u8 + round);
            }
            assert_eq!(batch.commit(), 4);
            socket.tx().kick().unwrap();
        }
        for _ in 0..4 {
            for i in [2, 0, 1] {
                assert_eq!(nic.take_sent(i).unwrap(), [i as u8 + round; 20]);
            }
        }
        // In an order that is nobody's.
        for i in (0..12).rev() {
            assert!(nic.complete(i));
        }
        assert_eq!(owner.tend().unwrap(), 12);
        for socket in &mut sockets {
            assert_eq!((socket.tx().reap(), socket.tx().outstanding()), (4, 0));
        }
        balanced(&umem);
    }
    assert_eq!(owner.refused(), 0);
}

#[test]
fn a_completion_that_nobody_sent_is_refused_and_one_that_comes_twice_is_taken_once() {
    let umem = small_umem(64);
    let (mut owner, mut nic, mut sockets) = queue(&umem, 2);
    let free = sockets[0].tx().alloc().unwrap();
    let in_hands = umem.layout().addr(free.chunk());
    for bad in [in_hands, u64::MAX, umem.layout().bytes() as u64] {
        assert!(nic.forge_completion(bad));
    }
    owner.tend().unwrap();
    assert_eq!(owner.refused(), 3);
    let mut frame = free;
    frame.extend_from_slice(b"once").unwrap();
    sockets[0].tx().send(frame).unwrap();
    sockets[0].tx().kick().unwrap();
    nic.take_sent(0).unwrap();
    assert!(nic.forge_completion(in_hands) && nic.complete(0));
    owner.tend().unwrap();
    assert_eq!(sockets[0].tx().reap(), 1);
    assert_eq!(sockets[0].tx().refused(), 1);
    balanced(&umem);
}

#[test]
fn a_member_that_goes_leaves_nothing_behind() {
    let umem = small_umem(64);
    let (mut owner, mut nic, mut sockets) = queue(&umem, 2);
    let mut leaver = sockets.pop().unwrap();
    assert!((0..10).all(|_| nic.deliver(1, b"never read")));
    for _ in 0..4 {
        let mut frame = leaver.tx().alloc().unwrap();
        frame.extend_from_slice(b"sent").unwrap();
        leaver.tx().send(frame).unwrap();
    }
    leaver.tx().kick().unwrap();
    let held = leaver.rx().recv(1).next().unwrap();
    assert_eq!(nic.take_sent(1).unwrap(), b"sent");
    assert!(nic.complete(0));
    owner.tend().unwrap(); // on its way to the member, who does not look
    drop(leaver);
    balanced(&umem);
    drop(held);
    while nic.take_sent(1).is_some() {
        assert!(nic.complete(0));
    }
    owner.tend().unwrap();
    owner.tend().unwrap();
    let account = umem.accounting();
    assert!(account.is_balanced(), "{account}");
    assert_eq!((account.fill, account.rx, account.tx, account.completion), (32, 0, 0, 0), "{account}");
    assert_eq!(owner.members(), 2, "nobody has looked");
    let _new = nic.join(&mut owner, [16, 0], 8).unwrap();
    assert_eq!(owner.members(), 2, "the one that is left behind nothing is forgotten");
}

#[test]
fn everything_comes_home_in_any_order_of_dropping() {
    for order in 0..6 {
        let umem = small_umem(64);
        let (owner, mut nic, mut sockets) = queue(&umem, 2);
        let mut parts = [Some(owner), None];
        assert!(nic.deliver(0, b"received") && nic.deliver(1, b"received"));
        let frames: Vec<_> = sockets.iter_mut().map(|socket| socket.rx().recv(1).next().unwrap()).collect();
        for (socket, frame) in sockets.iter_mut().zip(frames) {
            socket.tx().send(frame).unwrap();
            socket.tx().kick().unwrap();
        }
        nic.take_sent(0).unwrap();
        nic.complete(0);
        let (first, second) = (sockets.remove(0), sockets.remove(0));
        match order {
            0 => drop((parts[0].take(), first, second)),
            1 => drop((first, parts[0].take(), second)),
            2 => drop((first, second, parts[0].take())),
            3 => drop((second, parts[0].take(), first)),
            4 => drop((second.split().0, parts[0].take(), first)),
            _ => drop((parts[0].take(), second.split().1, first.split())),
        }
        let account = umem.accounting();
        assert!(account.is_balanced() && account.stranded > 0, "order {order}: {account}");
        parts[1].take();
        drop(nic);
        assert_eq!(umem.accounting().pool, 64, "order {order}");
    }
}

#[test]
fn a_queue_has_64_members_and_no_more() {
    let umem = small_umem(256);
    let (mut owner, mut nic) = shared_queue(&umem, 64, 0, 32).unwrap();
    let mut sockets: Vec<_> = (0..64).map(|_| nic.join(&mut owner, [2, 0], 1).unwrap()).collect();
    let error = nic.join(&mut owner, [2, 0], 1).unwrap_err();
    assert!(matches!(error, BindError::TooManyMembers { most: SharedQueue::MEMBERS }), "{error}");
    // One that goes makes room for another, again and again.
    for _ in 0..200 {
        drop(sockets.pop());
        owner.tend().unwrap();
        sockets.push(nic.join(&mut owner, [2, 0], 1).unwrap());
    }
    balanced(&umem);
}
