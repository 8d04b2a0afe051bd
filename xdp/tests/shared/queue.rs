//! Several sockets on one queue of a veth interface: packets are spread over the members, and what they send comes
//! back to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use xdp::program::{AttachMode, Attachment, Filter, Program, Rules, Spread, Target};
use xdp::{
    BindError, BusyPoll, InterfaceError, Mode, QueueId, Receive, Registration, SharedQueue, Socket, Umem,
};

use crate::{PATIENCE, QUEUE, enter, expect, lab, number_of, open, send, small_umem};

fn shared(umem: &Umem, interface: &str, chunks: u32) -> SharedQueue {
    Socket::builder(umem).chunks(chunks).mode(Mode::Copy).bind_shared(interface, QUEUE).unwrap()
}

/// A program that spreads everything over `sockets` slots.
fn spread(interface: &str, sockets: u32, by: Spread) -> Arc<Attachment> {
    let rules = Rules::new().redirect_to(Target::Spread { first: 0, sockets, by }, Filter::any());
    let program = Program::rules(rules).map_entries(sockets).load().unwrap();
    Arc::new(program.attach(interface, AttachMode::PreferDriver).unwrap())
}

fn members(queue: &mut SharedQueue, attachment: &Arc<Attachment>, n: u32, chunks: u32) -> Vec<Socket> {
    let mut join = |slot| {
        let socket = queue.member().chunks(chunks).join().unwrap();
        assert_eq!(socket.report().registration, Registration::SameQueue);
        socket.register_slot(attachment, slot).unwrap();
        socket
    };
    (0..n).map(&mut join).collect()
}

/// Sends what the program takes for IPv4: only that has a flow. Here the number is all that differs.
#[test]
fn packets_are_spread_over_the_members_one_after_the_other() {
    let Some(lab) = lab("packets_are_spread_over_the_members_one_after_the_other", 1, 1) else { return };
    let _inside = enter(&lab);
    let (umem, peers) = (small_umem(256), small_umem(128));
    let mut queue = shared(&umem, "veth0a", 128);
    let attachment = spread("veth0a", 4, Spread::RoundRobin);
    let mut sockets = members(&mut queue, &attachment, 4, 16);
    let mut peer = open(&peers, "veth0b", QUEUE, 128);
    for round in 0..100 {
        send(peer.tx(), round * 64..round * 64 + 64);
        for socket in &mut sockets {
            let mut received = 0;
            while received < 16 {
                assert!(socket.wait(PATIENCE).unwrap(), "{}", socket.statistics().unwrap());
                let batch = socket.rx().seek(64);
                assert!(
                    batch.iter().all(|packet| (round * 64..round * 64 + 64).contains(&number_of(packet)))
                );
                received += batch.len();
                batch.commit();
            }
            assert_eq!(received, 16, "a quarter of 64");
        }
        queue.tend().unwrap();
    }
    let account = umem.accounting();
    assert!(account.is_balanced(), "{account}");
    assert_eq!((account.fill, account.rx), (128, 0), "{account}");
}

#[test]
fn what_members_send_leaves_and_comes_back_to_them() {
    let Some(lab) = lab("what_members_send_leaves_and_comes_back_to_them", 1, 1) else { return };
    let _inside = enter(&lab);
    let (umem, peers) = (small_umem(256), small_umem(256));
    let mut queue = shared(&umem, "veth0a", 64);
    let mut senders: Vec<_> = (0..3).map(|_| queue.member().chunks(32).join_tx().unwrap()).collect();
    let mut peer = open(&peers, "veth0b", QUEUE, 256);
    for round in 0..200 {
        for (i, tx) in (0..).zip(&mut senders) {
            let first = (round * 3 + i) * 32;
            send(tx, first..first + 32);
            expect(peer.rx(), first..first + 32);
        }
        queue.tend().unwrap();
    }
    let deadline = Instant::now() + PATIENCE;
    for tx in &mut senders {
        while tx.outstanding() > 0 {
            queue.tend().unwrap();
            tx.kick().unwrap();
            assert!(Instant::now() < deadline, "{} are missing", tx.outstanding());
        }
        assert_eq!(tx.refused(), 0);
    }
    assert!(umem.accounting().is_balanced() && queue.refused() == 0);
}

/// Lets other threads end, also when this one panics.
struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Owner and members on threads of their own, on a machine that may not let the owner run in time: then the kernel
/// finds no chunk, drops a packet, and counts it.
#[test]
fn members_and_owner_work_on_threads_of_their_own() {
    const PACKETS: u64 = 50_000;
    let Some(lab) = lab("members_and_owner_work_on_threads_of_their_own", 1, 1) else { return };
    let _inside = enter(&lab);
    let (umem, peers) = (small_umem(1024), small_umem(1024));
    let mut queue = shared(&umem, "veth0a", 512);
    let attachment = spread("veth0a", 3, Spread::RoundRobin);
    let sockets = members(&mut queue, &attachment, 3, 64);
    let mut peer = open(&peers, "veth0b", QUEUE, 1024);
    let (stop, stop_owner) = (AtomicBool::new(false), AtomicBool::new(false));
    let dropped = [0; 3].map(AtomicU64::new);
    let echo = |mut socket: Socket, dropped: &AtomicU64| {
        while !stop.load(Ordering::Relaxed) {
            if !socket.wait(Duration::from_millis(1)).unwrap() {
                let rings = socket.statistics().unwrap().rings.unwrap_or_default();
                dropped.store(rings.fill_ring_empty + rings.rx_ring_full, Ordering::Relaxed);
                continue;
            }
            let (rx, tx) = socket.halves();
            tx.send_from(rx.recv(64)).unwrap();
            tx.kick().unwrap();
        }
        socket.flush(PATIENCE).unwrap();
        socket
    };
    thread::scope(|scope| {
        let _stop = [&stop, &stop_owner].map(StopAtEnd);
        let owner = scope.spawn(|| {
            queue.run(&stop_owner).unwrap();
            queue
        });
        let threads: Vec<_> = sockets
            .into_iter()
            .zip(&dropped)
            .map(|(socket, dropped)| scope.spawn(|| echo(socket, dropped)))
            .collect();
        // Over both queues of the kernel's stack there is room for 256.
        let (mut sent, mut back, mut seen) = (0, 0, vec![false; PACKETS as usize]);
        let lost = || dropped.iter().map(|dropped| dropped.load(Ordering::Relaxed)).max().unwrap_or(0);
        let deadline = Instant::now() + PATIENCE;
        while back + lost() < PACKETS && Instant::now() < deadline {
            let burst = (PACKETS - sent).min(128u64.saturating_sub(sent - back - lost()));
            send(peer.tx(), sent..sent + burst);
            sent += burst;
            peer.wait(Duration::from_millis(1)).unwrap();
            let batch = peer.rx().seek(64);
            for packet in batch.iter() {
                let seen = &mut seen[number_of(packet) as usize];
                assert!(!std::mem::replace(seen, true), "once");
                back += 1;
            }
            batch.commit();
        }
        stop.store(true, Ordering::Relaxed);
        let sockets: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        stop_owner.store(true, Ordering::Relaxed);
        let mut queue = owner.join().unwrap();
        queue.tend().unwrap();
        let account = umem.accounting();
        assert_eq!(back + lost(), PACKETS, "{sent} sent, {back} back: {account}");
        assert!(account.is_balanced() && account.hands == 0, "{account}");
        assert_eq!((account.tx, account.completion), (0, 0), "{account}");
        drop(sockets);
    });
}

#[test]
fn members_come_and_go_under_traffic_and_lose_no_chunk() {
    let Some(lab) = lab("members_come_and_go_under_traffic_and_lose_no_chunk", 1, 1) else { return };
    let _inside = enter(&lab);
    let (umem, peers) = (small_umem(256), small_umem(128));
    let mut queue = shared(&umem, "veth0a", 128);
    let attachment = spread("veth0a", 2, Spread::RoundRobin);
    let stays = queue.member().chunks(32).join().unwrap();
    stays.register_slot(&attachment, 0).unwrap();
    let mut peer = open(&peers, "veth0b", QUEUE, 128);
    let (stop, mut stays) = (AtomicBool::new(false), stays);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                send(peer.tx(), 0..8);
            }
        });
        let _stop = StopAtEnd(&stop);
        for _ in 0..30 {
            let mut comes = queue.member().chunks(32).join().unwrap();
            comes.register_slot(&attachment, 1).unwrap();
            let deadline = Instant::now() + PATIENCE;
            while !comes.wait(Duration::from_millis(1)).unwrap() {
                // All chunks may have gone to the one that stays.
                stays.rx().seek(64).commit();
                queue.tend().unwrap();
                assert!(Instant::now() < deadline, "{}", umem.accounting());
            }
            send(comes.tx(), 0..16);
            let frame = comes.rx().recv(1).next();
            queue.tend().unwrap();
            drop(comes); // amid packets, and with some of its own on their way
            drop(frame);
            stays.rx().seek(64).commit();
            queue.tend().unwrap();
        }
    });
    let deadline = Instant::now() + PATIENCE;
    loop {
        stays.rx().seek(64).commit();
        queue.tend().unwrap();
        let account = umem.accounting();
        assert!(account.is_balanced(), "{account}");
        if account.fill == 128 && account.rx + account.tx + account.completion == 0 {
            break;
        }
        assert!(Instant::now() < deadline, "{account}");
        thread::yield_now(); // the kernel has no event for completions
    }
}

#[test]
fn owner_and_members_go_in_any_order_and_the_queue_is_free_again() {
    let Some(lab) = lab("owner_and_members_go_in_any_order_and_the_queue_is_free_again", 1, 1) else {
        return;
    };
    let _inside = enter(&lab);
    let (umem, peers) = (small_umem(128), small_umem(128));
    let mut peer = open(&peers, "veth0b", QUEUE, 128);
    for order in 0..6 {
        let mut queue = shared(&umem, "veth0a", 64);
        let attachment = spread("veth0a", 2, Spread::RoundRobin);
        let mut sockets = members(&mut queue, &attachment, 2, 16);
        send(peer.tx(), 0..20);
        for socket in &mut sockets {
            assert!(socket.wait(PATIENCE).unwrap());
            send(socket.tx(), 0..5);
        }
        let (mut second, mut first) = (sockets.pop().unwrap(), sockets.pop().unwrap());
        match order {
            0 => {
                drop(queue);
                // Members go on with what they have.
                let batch = first.rx().seek(64);
                assert!(!batch.is_empty());
                batch.commit();
                send(second.tx(), 5..10);
                drop((second, first));
            }
            1 => drop((queue, first, second)),
            2 => drop((first, queue, second)),
            3 => drop((first, second, queue)),
            4 => drop((second.split().0, queue, first.split().1)),
            _ => drop((second, first, queue)),
        }
        let deadline = Instant::now() + PATIENCE;
        while umem.accounting().pool < 128 {
            assert!(umem.accounting().is_balanced(), "order {order}");
            assert!(Instant::now() < deadline, "order {order}: {}", umem.accounting());
            thread::yield_now(); // the kernel has no event for the release of a socket
        }
        let waiting = peer.rx().available();
        peer.rx().seek(waiting).commit();
    }
}

#[test]
fn what_cannot_be_is_refused_before_the_kernel_is_asked() {
    let Some(lab) = lab("what_cannot_be_is_refused_before_the_kernel_is_asked", 1, 2) else { return };
    let elsewhere = xdp::lab::Lab::builder().queues(2).build().unwrap();
    let _inside = enter(&lab);
    let umem = small_umem(256);
    let builder = || Socket::builder(&umem).chunks(16).mode(Mode::Copy);
    for (refused, setting) in [
        (builder().receive(Receive::Everything), "what is received"),
        (builder().busy_poll(BusyPoll::default()), "busy polling"),
        (builder().tx_budget(64), "the tx budget"),
    ] {
        let error = refused.bind_shared("veth0a", QUEUE).unwrap_err();
        assert!(matches!(error, BindError::NotShared { setting: what, .. } if what == setting), "{error}");
    }
    let mut queue = builder().bind_shared("veth0a", QUEUE).unwrap();
    let error = elsewhere.run(|| queue.member().join().unwrap_err()).unwrap();
    assert!(matches!(error, BindError::Interface(InterfaceError::OtherNamespace { .. })), "{error}");
    let error = queue.member().rx_entries(3).join().unwrap_err();
    assert!(matches!(error, BindError::RingSize { entries: 3, .. }), "{error}");
    let error = queue.member().chunks(1000).join().unwrap_err();
    assert!(matches!(error, BindError::Chunks { wanted: 1000, .. }), "{error}");
    let members: Vec<_> =
        (0..64).map(|_| queue.member().tx_entries(64).chunks(1).join_tx().unwrap()).collect();
    let error = queue.member().join_rx().unwrap_err();
    assert!(matches!(error, BindError::TooManyMembers { most: 64 }), "{error}");
    // Another socket of the same memory on another queue shares the registration, and not the rings.
    let other = builder().bind("veth0a", QueueId(1)).unwrap();
    assert_eq!(other.report().registration, Registration::OtherQueue);
    drop(members);
    queue.tend().unwrap();
    queue.member().rx_entries(64).join_rx().unwrap();
}
