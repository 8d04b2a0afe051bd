//! How many packets one system call sends in copy mode: the kernel's budget, and the bytes that may be on their way.

use xdp::device::{Interface, Napi, Restore};
use xdp::{Mode, Receive, Socket, SocketBuilder, Tx, Umem};

use crate::{PATIENCE, QUEUE, enter, frame, lab, small_umem};

/// Packets that the tests send, a full ring.
const PACKETS: u32 = 256;

/// System calls that a full ring takes, and what there was of it after them.
fn calls_to_send(tx: &mut Tx, len: usize) -> (u64, u32) {
    let mut batch = tx.seek(PACKETS);
    assert_eq!(batch.len(), PACKETS);
    for i in 0..PACKETS {
        batch.peek(i, len).unwrap().fill(i as u8);
    }
    assert_eq!(batch.commit(), PACKETS);
    let before = tx.system_calls();
    tx.kick().unwrap();
    (tx.system_calls() - before, tx.outstanding())
}

fn ring(umem: &Umem) -> SocketBuilder {
    Socket::builder(umem).mode(Mode::Copy).tx_entries(PACKETS).completion_entries(PACKETS)
}

/// Side by side: the same packets with the kernel's budget of 32 and with all that the ring holds.
#[test]
fn a_raised_budget_takes_at_most_a_quarter_of_the_system_calls() {
    let Some(lab) = lab("a_raised_budget_takes_at_most_a_quarter_of_the_system_calls") else { return };
    let (_inside, a, _b) = enter(&lab);
    let umem = small_umem().chunks(2 * PACKETS).build().unwrap();
    let calls = |builder: SocketBuilder| {
        let mut tx = builder.bind_tx(&a, QUEUE).unwrap();
        let mut calls = 0;
        for _ in 0..20 {
            calls += calls_to_send(&mut tx, 60).0;
            tx.flush(PATIENCE).unwrap();
        }
        (calls, tx.report().tx_budget)
    };
    let (without, budget) = calls(ring(&umem).tx_budget(32));
    assert_eq!(budget, 32);
    let (with, budget) = calls(ring(&umem));
    let packets = 20 * PACKETS;
    eprintln!("{packets} packets: {without} system calls with a budget of 32, {with} with {budget}");
    match budget {
        PACKETS => assert!(4 * with <= without, "{with} and {without}"),
        32 => eprintln!("this kernel's budget cannot be raised: it needs Linux 6.17"),
        other => panic!("a budget of {other} was not asked for"),
    }
}

/// Nobody polls the far end, so that what is sent stays on its way: a veth holds 256 packets. None where the kernel
/// cannot be told so.
fn unattended(interface: &str) -> Option<Restore> {
    let nic = Interface::by_name(interface).unwrap();
    let napi = Napi::of(&nic).unwrap()?.into_iter().next()?;
    napi.gro_flush_timeout()?;
    let never = std::time::Duration::from_secs(600);
    Some(
        napi.change()
            .defer_hard_irqs(u32::from(u16::MAX))
            .gro_flush_timeout(never)
            .until_dropped(&nic)
            .unwrap(),
    )
}

/// Packets of 1500 bytes each: the kernel's own send buffer takes some ninety of them, then the call ends early, and
/// the rest wait for completions.
#[test]
fn the_send_buffer_takes_all_that_the_tx_ring_holds() {
    const KERNEL_S_OWN: u32 = 212_992;
    let run = |buffer: Option<u32>| {
        // A lab each: what is on its way stays there.
        let lab = lab("the_send_buffer_takes_all_that_the_tx_ring_holds")?;
        let (_inside, a, b) = enter(&lab);
        let (umem, theirs) =
            (small_umem().chunks(2 * PACKETS).build().unwrap(), small_umem().build().unwrap());
        let far = Socket::builder(&theirs).receive(Receive::Everything).mode(Mode::Copy);
        let mut rx = far.bind_rx(&b, QUEUE).unwrap();
        let Some(_unattended) = unattended(&b) else {
            eprintln!("this kernel has no settings of a single NAPI: they need Linux 6.13");
            return None;
        };
        let builder = buffer.map_or(ring(&umem), |bytes| ring(&umem).send_buffer(bytes));
        let mut tx = builder.bind_tx(&a, QUEUE).unwrap();
        // The far end's timer starts when it has polled once.
        let first = frame(&mut tx, &[0; 60]);
        tx.send(first).unwrap();
        tx.kick().unwrap();
        assert!(rx.wait(PATIENCE).unwrap());
        let (calls, _) = calls_to_send(&mut tx, 1500);
        let left = tx.metrics().rings.tx.unwrap().pending;
        eprintln!(
            "a send buffer of {:?} bytes: {left} of {PACKETS} left after {calls} calls",
            tx.report().send_buffer
        );
        Some((calls, left, tx.report().send_buffer.unwrap()))
    };
    let Some((_, left, bytes)) = run(Some(KERNEL_S_OWN)) else { return };
    assert_eq!(bytes, KERNEL_S_OWN);
    // Ninety, and at most one more poll of 64 that was under way.
    assert!(left > PACKETS / 4, "{left} left");
    let Some((calls, left, bytes)) = run(None) else { return };
    assert_eq!((left, bytes), (0, PACKETS * 4096));
    assert!(calls <= u64::from(PACKETS / 32));
}

/// A ring for which the kernel's own buffer is enough leaves it as it is.
#[test]
fn a_small_ring_gets_no_less_than_the_kernel_s_own() {
    let Some(lab) = lab("a_small_ring_gets_no_less_than_the_kernel_s_own") else { return };
    let (_inside, a, _b) = enter(&lab);
    let umem = small_umem().build().unwrap();
    let bind =
        |entries| Socket::builder(&umem).mode(Mode::Copy).tx_entries(entries).bind_tx(&a, QUEUE).unwrap();
    let small = bind(1).report().send_buffer.unwrap();
    let large = bind(2048).report().send_buffer.unwrap();
    assert!((4096..large).contains(&small) && large >= 2048 * 4096, "{small} {large}");
    let rx = Socket::builder(&umem).mode(Mode::Copy).bind_rx(&a, QUEUE).unwrap();
    assert_eq!(rx.report().send_buffer, None, "it does not send");
}
