//! Packets that do not come through: rings that are empty or full, frames that are too long, kicks that are missing.

use std::os::fd::{AsFd, AsRawFd};
use std::time::Instant;

use xdp::{FindingKind, Mode, QueueId, Receive, Rx, Severity, Socket, Umem};

use crate::{PATIENCE, QUEUE, enter, find, find_none, lab, receiver, send, sender, umem};

/// Waits until so many packets are there to be taken, or the kernel has dropped as many.
fn await_packets(rx: &Rx, packets: u64) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let statistics = rx.statistics().unwrap();
        let rings = statistics.rings.unwrap_or_default();
        let seen = u64::from(rx.available()) + statistics.rx_dropped + rings.rx_ring_full;
        if seen >= packets {
            return;
        }
        assert!(Instant::now() < deadline, "{seen} of {packets}: {statistics}");
        std::thread::yield_now();
    }
}

#[test]
fn a_healthy_socket_that_moves_packets_is_healthy() {
    let Some(lab) = lab("a_healthy_socket_that_moves_packets_is_healthy") else { return };
    let (_inside, a, b) = enter(&lab);
    let (sending, receiving) = (umem(64), umem(64));
    let (mut tx, mut rx) = (sender(&sending, &a), receiver(&receiving, &b));
    send(&mut tx, 16, 64);
    assert!(rx.wait(PATIENCE).unwrap());
    while rx.available() > 0 {
        rx.seek(64).commit();
    }
    assert!(rx.health().is_healthy(), "{}", rx.health());
    assert!(tx.health().is_healthy(), "{}", tx.health());
}

#[test]
fn a_fill_ring_that_is_empty_because_all_chunks_are_in_hands_is_told_so() {
    let Some(lab) = lab("a_fill_ring_that_is_empty_because_all_chunks_are_in_hands_is_told_so") else {
        return;
    };
    let (_inside, a, b) = enter(&lab);
    let (sending, receiving) = (umem(64), umem(8));
    let (mut tx, mut rx) = (sender(&sending, &a), receiver(&receiving, &b));
    send(&mut tx, 8, 64);
    await_packets(&rx, 8);
    let held: Vec<_> = rx.recv(8).collect();
    assert_eq!(held.len(), 8);
    let finding = find!(
        rx.health().findings(),
        FindingKind::FillStarved { in_hands: 8, .. },
        "Rx::recycle",
        "more chunks"
    );
    assert_eq!(finding.severity(), Severity::Blocks);
    // What arrives now is lost, and counted as such.
    send(&mut tx, 3, 64);
    await_packets(&rx, 3);
    find!(rx.health().findings(), FindingKind::FillRanEmpty { packets: 3 }, "Rx::recycle", "fill_entries");
    rx.recycle(held);
    find_none!(rx.health().findings(), FindingKind::FillStarved { .. });
}

#[test]
fn an_rx_ring_that_nobody_empties_is_full_and_counts_what_it_drops() {
    let Some(lab) = lab("an_rx_ring_that_nobody_empties_is_full_and_counts_what_it_drops") else { return };
    let (_inside, a, b) = enter(&lab);
    let (sending, receiving) = (umem(64), umem(64));
    let mut tx = sender(&sending, &a);
    let builder = Socket::builder(&receiving).mode(Mode::Copy).receive(Receive::Everything).rx_entries(4);
    let rx = builder.bind_rx(&*b, QUEUE).unwrap();
    send(&mut tx, 10, 64);
    await_packets(&rx, 10);
    let health = rx.health();
    let full = |kind: &FindingKind| matches!(kind, FindingKind::RxRingFull { packets: 6, entries: 4 });
    find!(health.findings(), kind if full(kind), "rx_entries(8)", "larger batches");
    let finding = find!(health.findings(), FindingKind::NotTaken { packets: 4 }, "Rx::seek");
    assert_eq!(finding.severity(), Severity::Blocks, "the ring is full");
}

#[test]
fn frames_that_are_longer_than_a_chunk_are_counted_with_what_fits() {
    let Some(lab) = lab("frames_that_are_longer_than_a_chunk_are_counted_with_what_fits") else { return };
    let (_inside, a, b) = enter(&lab);
    for end in [lab.pair(0).a(), lab.pair(0).b()] {
        lab.set_mtu(end, 3000).unwrap();
    }
    let sending = Umem::builder().chunks(64).build().unwrap();
    let receiving = umem(64);
    let (mut tx, rx) = (sender(&sending, &a), receiver(&receiving, &b));
    send(&mut tx, 5, 2000);
    await_packets(&rx, 5);
    let is_it = |kind: &FindingKind| matches!(kind, FindingKind::FramesTooLong { packets: 5, fits: 1792 });
    let health = rx.health();
    find!(health.findings(), kind if is_it(kind), &format!("ip link set {b} mtu 1778"), "larger chunks");
    find!(health.findings(), FindingKind::MtuExceedsChunk { mtu: 3000, .. }, "mtu 1778");
    find_none!(health.findings(), FindingKind::FillRanEmpty { .. });
}

#[test]
fn packets_that_nobody_kicked_are_told_as_such() {
    let Some(lab) = lab("packets_that_nobody_kicked_are_told_as_such") else { return };
    let (_inside, a, _b) = enter(&lab);
    let memory = umem(64);
    let mut tx = sender(&memory, &a);
    let mut batch = tx.seek(4);
    for i in 0..4 {
        batch.peek(i, 64).unwrap().fill(1);
    }
    assert_eq!(batch.commit(), 4);
    find!(tx.health().findings(), FindingKind::NotKicked { packets: 4 }, "Tx::kick", "Tx::flush");
    tx.flush(PATIENCE).unwrap();
    find_none!(tx.health().findings(), FindingKind::NotKicked { .. });
}

/// Writes a descriptor to the front of a fresh tx ring, past its owner, and wakes the kernel.
fn write_descriptor(socket: &impl AsFd, entries: u32, descriptor: [u64; 2]) {
    const SOL_XDP: i32 = 283;
    const XDP_MMAP_OFFSETS: i32 = 1;
    const XDP_PGOFF_TX_RING: i64 = 0x8000_0000;
    let fd = socket.as_fd().as_raw_fd();
    // rx, tx, fill and completion ring: producer, consumer, desc, flags each.
    let mut offsets = [[0u64; 4]; 4];
    let mut len = size_of_val(&offsets) as libc::socklen_t;
    // SAFETY: getsockopt(2) writes at most `len` bytes to `offsets`.
    let answer =
        unsafe { libc::getsockopt(fd, SOL_XDP, XDP_MMAP_OFFSETS, offsets.as_mut_ptr().cast(), &raw mut len) };
    assert_eq!(answer, 0);
    let [producer, _, desc, _] = offsets[1].map(|offset| offset as usize);
    let bytes = desc + entries as usize * 16;
    // SAFETY: maps the kernel's ring a second time; nothing else is at the address that the kernel picks.
    let base = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            fd,
            XDP_PGOFF_TX_RING,
        )
    };
    assert_ne!(base, libc::MAP_FAILED);
    // SAFETY: inside the mapping by the kernel's word, as are the next.
    let slot = unsafe { base.byte_add(desc) };
    // SAFETY: nobody else writes to the ring meanwhile.
    unsafe { slot.cast::<[u64; 2]>().write_volatile(descriptor) };
    // SAFETY: as for the slot.
    let index = unsafe { base.byte_add(producer) };
    // SAFETY: as for the slot.
    unsafe { index.cast::<u32>().write_volatile(1) };
    // SAFETY: no bytes are sent along.
    unsafe { libc::sendto(fd, std::ptr::null(), 0, libc::MSG_DONTWAIT, std::ptr::null(), 0) };
    // SAFETY: nothing refers to the mapping any more.
    assert_eq!(unsafe { libc::munmap(base, bytes) }, 0);
}

#[test]
fn descriptors_that_a_stranger_wrote_and_the_kernel_refused_are_counted() {
    let Some(lab) = lab("descriptors_that_a_stranger_wrote_and_the_kernel_refused_are_counted") else {
        return;
    };
    let (_inside, a, _b) = enter(&lab);
    let memory = umem(64);
    let tx = Socket::builder(&memory).mode(Mode::Copy).tx_entries(64).bind_tx(&*a, QueueId(0)).unwrap();
    find_none!(tx.health().findings(), FindingKind::InvalidTx { .. });
    write_descriptor(&tx, 64, [u64::MAX >> 1, 64]);
    find!(tx.health().findings(), FindingKind::InvalidTx { descriptors: 1 }, "who else writes");
}
