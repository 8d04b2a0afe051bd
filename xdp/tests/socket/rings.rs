//! Ring sizes, on the real thing.

use xdp::{Mode, Receive, Socket, Umem};

use crate::{QUEUE, enter, lab};

#[test]
fn a_receiving_socket_opens_with_every_ring_size_and_is_empty() {
    let Some(lab) = lab("a_receiving_socket_opens_with_every_ring_size_and_is_empty") else { return };
    let (_inside, _a, b) = enter(&lab);
    for log2 in 0..=14 {
        let umem = Umem::builder().chunks(64).build().unwrap();
        let entries = 1 << log2;
        let mut rx = Socket::builder(&umem)
            .rx_entries(entries)
            .fill_entries(entries)
            .receive(Receive::Everything)
            .mode(Mode::Copy)
            .bind_rx(&b, QUEUE)
            .unwrap();
        assert_eq!((rx.available(), rx.seek(u32::MAX).len(), rx.recv(u32::MAX).count()), (0, 0, 0));
        let account = umem.accounting();
        assert_eq!((account.fill, account.rx), (64.min(entries), 0), "{account}");
    }
}

#[test]
fn sockets_of_both_kinds_work_with_rings_of_one_entry() {
    let Some(lab) = lab("sockets_of_both_kinds_work_with_rings_of_one_entry") else { return };
    let (_inside, a, b) = enter(&lab);
    let (near, far) = (crate::small_umem(8), crate::small_umem(8));
    let tiny = |umem: &Umem| {
        Socket::builder(umem)
            .rx_entries(1)
            .fill_entries(1)
            .tx_entries(1)
            .completion_entries(1)
            .mode(Mode::Copy)
    };
    let mut tx = tiny(&near).bind_tx(&a, QUEUE).unwrap();
    let mut rx = tiny(&far).receive(Receive::Everything).bind_rx(&b, QUEUE).unwrap();
    for n in 0..50 {
        crate::send_numbered(&mut tx, n, n + 1, 64);
        crate::expect_numbered(&mut rx, n, n + 1, 64);
    }
}
