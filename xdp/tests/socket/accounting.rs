//! Chunks are counted right wherever they are, and come home from everywhere.

use std::time::Instant;

use xdp::{Frame, Receive, Socket};

use crate::{PATIENCE, QUEUE, enter, lab, receiver, send_numbered, sender, small_umem};

#[test]
fn every_place_shows_what_is_there() {
    let Some(lab) = lab("every_place_shows_what_is_there") else { return };
    let (_inside, a, b) = enter(&lab);
    let (sending, receiving) = (small_umem(64), small_umem(64));
    let mut tx = sender(&sending, &a);
    let mut rx = receiver(&receiving, &b);
    send_numbered(&mut tx, 0, 10, 64);
    while rx.available() < 10 {
        assert!(rx.wait(PATIENCE).unwrap());
    }
    let account = receiving.accounting();
    assert_eq!((account.rx, account.fill, account.hands), (10, 54, 0), "{account}");
    let frames: Vec<Frame> = rx.recv(4).collect();
    let account = receiving.accounting();
    assert_eq!((account.rx, account.fill, account.hands), (6, 54, 4), "{account}");
    drop(frames);
    let account = receiving.accounting();
    assert_eq!((account.pool, account.hands, account.sum()), (4, 0, 64), "{account}");
    // Frames that were not sent yet are on the tx side; completed and not taken back, on the completion side.
    let mut frame = tx.alloc().unwrap();
    frame.extend_from_slice(&[0; 60]).unwrap();
    tx.send(frame).unwrap();
    let account = sending.accounting();
    assert_eq!((account.tx, account.pool), (1, 63), "{account}");
}

#[test]
fn what_a_closed_socket_held_is_stranded_and_then_comes_home() {
    let Some(lab) = lab("what_a_closed_socket_held_is_stranded_and_then_comes_home") else { return };
    let (_inside, _a, b) = enter(&lab);
    let umem = small_umem(64);
    let rx = receiver(&umem, &b);
    assert_eq!(umem.accounting().fill, 64);
    drop(rx);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let account = umem.accounting();
        assert!(account.is_balanced() && account.fill == 0, "{account}");
        if account.pool == 64 {
            break;
        }
        assert_eq!(account.stranded, 64);
        assert!(Instant::now() < deadline, "{account}");
        std::thread::yield_now(); // the kernel has no event for the release of a socket
    }
}

/// Frames dropped at random on other threads find their way home while traffic runs, and nothing is lost.
#[test]
fn frames_dropped_on_other_threads_come_home() {
    let Some(lab) = lab("frames_dropped_on_other_threads_come_home") else { return };
    let (_inside, a, b) = enter(&lab);
    let (sending, receiving) = (small_umem(256), small_umem(256));
    let mut tx = sender(&sending, &a);
    let mut rx = receiver(&receiving, &b);
    let (frames, inbox) = std::sync::mpsc::sync_channel::<Frame>(32);
    let inbox = std::sync::Arc::new(std::sync::Mutex::new(inbox));
    std::thread::scope(|scope| {
        for worker in 0..2u64 {
            let inbox = std::sync::Arc::clone(&inbox);
            scope.spawn(move || {
                let mut held = Vec::new();
                loop {
                    let Ok(frame) = inbox.lock().unwrap().recv() else { break };
                    if crate::number_of(&frame) % 3 == worker {
                        held.push(frame);
                    }
                    if held.len() == 10 {
                        held.clear();
                    }
                }
            });
        }
        let mut received = 0;
        for round in 0..200u64 {
            send_numbered(&mut tx, round * 32, round * 32 + 32, 64);
            while received < (round + 1) * 32 {
                assert!(rx.wait(PATIENCE).unwrap());
                for frame in rx.recv(64) {
                    assert_eq!(crate::number_of(&frame), received);
                    received += 1;
                    match received % 4 {
                        0 => drop(frame),
                        _ => frames.send(frame).unwrap(),
                    }
                }
            }
        }
        drop(frames);
    });
    let account = receiving.accounting();
    assert!(account.is_balanced() && account.hands == 0, "{account}");
    assert_eq!(rx.refused() + tx.refused(), 0);
}

#[test]
fn a_second_socket_takes_its_share_of_one_umem() {
    let Some(lab) = lab("a_second_socket_takes_its_share_of_one_umem") else { return };
    let (_inside, a, b) = enter(&lab);
    let umem = small_umem(512);
    let share = || Socket::builder(&umem).chunks(256).receive(Receive::Everything);
    let mut near = share().bind(&a, QUEUE).unwrap();
    let mut far = share().bind(&b, QUEUE).unwrap();
    let error = share().bind(&a, QUEUE).unwrap_err().to_string();
    assert!(
        error.contains("0 free chunks where 256 were asked for") || error.contains("already runs XDP"),
        "{error}"
    );
    // Packets go round and round through both sockets, on the same chunks.
    send_numbered(near.tx(), 0, 32, 64);
    for _ in 0..100 {
        for from in [&mut far, &mut near] {
            let mut moved = 0;
            while moved < 32 {
                assert!(
                    from.wait(PATIENCE).unwrap(),
                    "{moved} {} {}",
                    from.statistics().unwrap(),
                    umem.accounting()
                );
                let (rx, tx) = from.halves();
                for frame in rx.recv(64) {
                    tx.send(frame).unwrap();
                    moved += 1;
                }
                tx.kick().unwrap();
            }
        }
    }
    let account = umem.accounting();
    assert!(account.is_balanced() && account.hands == 0, "{account}");
}
