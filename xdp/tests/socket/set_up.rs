//! What can be wrong before the first packet, each with its own error and what to do about it.

use std::fs;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use xdp::{
    AttachError, BindError, ChunkSize, DirectedSocket, Direction, HugePages, InterfaceError, Mode, Program,
    QueueId, Receive, RegisterError, RingKind, RingSizes, Socket, SocketBuilder, Umem, Wish, XdpConfig,
};

use crate::privileges::in_child;
use crate::{PATIENCE, QUEUE, enter, expect_numbered, lab, send_numbered, small_umem};

fn refused(builder: SocketBuilder, interface: &str, queue: u32) -> BindError {
    builder.bind(interface, QueueId(queue)).map(drop).unwrap_err()
}

#[test]
fn an_unknown_interface_is_named() {
    let Some(lab) = lab("an_unknown_interface_is_named") else { return };
    let (_inside, a, _b) = enter(&lab);
    let umem = small_umem(64);
    let error = refused(Socket::builder(&umem), "nosuch0", 0);
    assert!(
        matches!(&error, BindError::Interface(InterfaceError::UnknownName { name, .. }) if name == "nosuch0")
    );
    assert!(error.to_string().contains(&a), "and those that there are: {error}");
    let error = Socket::builder(&umem).bind(4_000_000_000, QUEUE).map(drop).unwrap_err();
    assert!(
        matches!(error, BindError::Interface(InterfaceError::UnknownIndex { index: 4_000_000_000 })),
        "{error}"
    );
}

#[test]
fn an_interface_that_is_down_says_how_to_set_it_up() {
    let Some(lab) = lab("an_interface_that_is_down_says_how_to_set_it_up") else { return };
    let (_inside, a, _b) = enter(&lab);
    lab.set_down(lab.pair(0).a()).unwrap();
    let error = refused(Socket::builder(&small_umem(64)), &a, 0);
    assert!(matches!(error, BindError::InterfaceDown { .. }), "{error}");
    assert_eq!(error.to_string(), format!("interface {a} is down: set it up first (ip link set {a} up)"));
}

#[test]
fn a_queue_beyond_the_interfaces_is_refused_and_65536_is_not_queue_0() {
    let Some(lab) = lab("a_queue_beyond_the_interfaces_is_refused_and_65536_is_not_queue_0") else { return };
    let (_inside, a, _b) = enter(&lab);
    let umem = small_umem(64);
    for queue in [1, 65_536, u32::MAX] {
        let error = refused(Socket::builder(&umem), &a, queue);
        assert!(
            matches!(error, BindError::Queue { queues: 1, queue: QueueId(q), .. } if q == queue),
            "{error}"
        );
        assert!(error.to_string().contains("has 1 receive queues"), "{error}");
    }
    assert_eq!(umem.accounting().pool, 64);
}

#[test]
fn ring_sizes_are_checked_before_any_system_call() {
    // No interface of this name exists: the sizes are looked at first.
    let umem = small_umem(64);
    for entries in [0, 3, 1000, 1 << 23, u32::MAX] {
        for (ring, builder) in [
            (RingKind::Rx, Socket::builder(&umem).rx_entries(entries)),
            (RingKind::Tx, Socket::builder(&umem).tx_entries(entries)),
            (RingKind::Fill, Socket::builder(&umem).fill_entries(entries)),
            (RingKind::Completion, Socket::builder(&umem).completion_entries(entries)),
        ] {
            let error = refused(builder, "nosuch0", 0);
            assert!(
                matches!(error, BindError::RingSize { ring: r, entries: e } if (r, e) == (ring, entries))
            );
            assert!(error.to_string().contains("power of two of entries, from 1 to 4194304"), "{error}");
        }
    }
    assert_eq!(RingSizes::MOST, 1 << 22);
}

#[test]
fn a_tx_budget_that_the_kernel_would_refuse_is_refused_before() {
    let umem = small_umem(64);
    for budget in [0, 31, 2049] {
        let error = refused(Socket::builder(&umem).tx_budget(budget), "nosuch0", 0);
        assert!(matches!(error, BindError::TxBudget { budget: b, most: 2048 } if b == budget), "{error}");
    }
}

#[test]
fn a_queue_that_is_taken_says_so_and_nothing_is_lost() {
    let Some(lab) = lab("a_queue_that_is_taken_says_so_and_nothing_is_lost") else { return };
    let (_inside, a, _b) = enter(&lab);
    let (ours, theirs) = (small_umem(64), small_umem(64));
    let _holder = Socket::builder(&theirs).bind(&a, QUEUE).unwrap();
    let error = refused(Socket::builder(&ours), &a, 0);
    assert!(matches!(&error, BindError::QueueBusy { interface, .. } if *interface == a), "{error}");
    assert!(error.to_string().contains("is bound by another AF_XDP socket"), "{error}");
    assert_eq!(ours.accounting().pool, 64, "{}", ours.accounting());
}

#[test]
fn zero_copy_that_cannot_be_had_is_an_error_only_when_it_is_required() {
    let Some(lab) = lab("zero_copy_that_cannot_be_had_is_an_error_only_when_it_is_required") else { return };
    let (_inside, a, _b) = enter(&lab);
    let umem = small_umem(64);
    let error = refused(Socket::builder(&umem).mode(Mode::ZeroCopy), &a, 0);
    assert!(matches!(error, BindError::NoZeroCopy { .. }), "{error}");
    assert_eq!(umem.accounting().pool, 64);
    let socket = Socket::builder(&umem).mode(Mode::PreferZeroCopy).bind(&a, QUEUE).unwrap();
    assert!(
        socket.report().to_string().contains("copy mode (driver veth has no zero-copy"),
        "{}",
        socket.report()
    );
}

#[test]
fn somebody_elses_program_is_named_and_stays() {
    let Some(lab) = lab("somebody_elses_program_is_named_and_stays") else { return };
    let (_inside, _a, b) = enter(&lab);
    let theirs = Program::redirect_all().name("theirs").load().unwrap();
    let attached = theirs.attach(&*b, xdp::AttachMode::Driver).unwrap();
    let error = refused(Socket::builder(&small_umem(64)).receive(Receive::Everything), &b, 0);
    assert!(matches!(error, BindError::Attach(AttachError::Occupied { .. })), "{error}");
    assert!(error.to_string().contains("theirs"), "{error}");
    assert!(attached.is_attached().unwrap());
}

/// One program for several sockets, registered by hand: what `Receive::Nothing` is for.
#[test]
fn a_socket_can_be_registered_with_a_program_of_ones_own() {
    let Some(lab) = lab("a_socket_can_be_registered_with_a_program_of_ones_own") else { return };
    let (_inside, a, b) = enter(&lab);
    let attached = Program::redirect_all().load().unwrap().attach(&*b, xdp::AttachMode::Driver).unwrap();
    let attached = std::sync::Arc::new(attached);
    let mut tx = crate::sender(&small_umem(64), &a);
    let receiving = small_umem(64);
    let mut rx = Socket::builder(&receiving).bind_rx(&b, QUEUE).unwrap();
    send_numbered(&mut tx, 0, 4, 64);
    assert!(!rx.wait(Duration::from_millis(20)).unwrap(), "nothing is taken that was not named");
    rx.register(&attached).unwrap();
    send_numbered(&mut tx, 4, 8, 64);
    expect_numbered(&mut rx, 4, 8, 64);
    // A program on the other end would send packets that the kernel drops and counts nowhere.
    let elsewhere = Program::redirect_all().load().unwrap().attach(&*a, xdp::AttachMode::Driver).unwrap();
    let refused = rx.register(&std::sync::Arc::new(elsewhere)).unwrap_err();
    assert!(matches!(refused, RegisterError::OtherInterface { .. }), "{refused}");
    drop(rx);
    // The map lets go of the socket, and the next one can take its place.
    let rx = Socket::builder(&receiving).bind_rx(&b, QUEUE).unwrap();
    rx.register(&attached).unwrap();
}

#[test]
fn the_short_way_in_gives_each_direction() {
    let Some(lab) = lab("the_short_way_in_gives_each_direction") else { return };
    let (_inside, a, b) = enter(&lab);
    let config = XdpConfig { zero_copy: Wish::Forbid, huge_page: Wish::Force, need_wakeup: Wish::Force };
    {
        let mut tx = xdp::create_tx_socket(&a, QUEUE, config).unwrap();
        let mut rx = xdp::create_rx_socket(&b, QUEUE, Receive::Everything, config).unwrap();
        send_numbered(&mut tx, 0, 100, 64);
        expect_numbered(&mut rx, 0, 100, 64);
        assert_eq!((tx.umem().accounting().sum(), rx.umem().accounting().sum()), (4096, 4096));
    }
    let mut near = xdp::create_bi_socket(&a, QUEUE, Receive::Everything, XdpConfig::default()).unwrap();
    let mut far = Socket::open(&b, QUEUE, Receive::Everything).unwrap();
    send_numbered(near.tx(), 0, 10, 64);
    expect_numbered(far.rx(), 0, 10, 64);
    send_numbered(far.tx(), 0, 10, 64);
    expect_numbered(near.rx(), 0, 10, 64);
    near.flush(PATIENCE).unwrap();
    assert_eq!(near.umem().accounting().fill, 2048, "half of the chunks are for receiving");
    drop((near, far));
    for direction in [Direction::Rx, Direction::Tx, Direction::Both] {
        let socket = xdp::create_socket(&a, QUEUE, direction, XdpConfig::default()).unwrap();
        match (direction, socket) {
            (Direction::Rx, DirectedSocket::Rx(_))
            | (Direction::Tx, DirectedSocket::Tx(_))
            | (Direction::Both, DirectedSocket::Both(_)) => {}
            (asked, got) => panic!("{asked:?} gave {got:?}"),
        }
    }
}

#[test]
fn huge_pages_are_used_where_there_are_some_and_required_only_on_demand() {
    let pages = fs::read_to_string("/proc/sys/vm/nr_hugepages").unwrap_or_default();
    let umem = Umem::builder().chunks(64).huge_pages(HugePages::Prefer).build().unwrap();
    let required = Umem::builder().chunks(64).huge_pages(HugePages::Require).build();
    if pages.trim() == "0" {
        assert!(!umem.has_huge_pages());
        let error = required.unwrap_err().to_string();
        assert!(error.contains("reserve 1 of 2 MiB in /proc/sys/vm/nr_hugepages"), "{error}");
    }
}

#[test]
fn a_umem_geometry_that_does_not_work_says_why() {
    for (builder, part) in [
        (Umem::builder().chunks(0), "needs 1 to"),
        (Umem::builder().chunk_size(ChunkSize::K2).headroom(1345), "at most 1344"),
        (Umem::builder().headroom(3393), "at most 3392"),
    ] {
        let error = builder.build().unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

/// The kernel itself refuses one step more than we allow, on kernels that have the stricter rule.
#[test]
fn the_largest_headroom_is_one_that_the_kernel_takes() {
    let Some(lab) = lab("the_largest_headroom_is_one_that_the_kernel_takes") else { return };
    let (_inside, a, b) = enter(&lab);
    for (size, headroom) in [(ChunkSize::K2, 1344), (ChunkSize::K4, 3392)] {
        let receiving = Umem::builder().chunks(64).chunk_size(size).headroom(headroom).build().unwrap();
        let mut rx = crate::receiver(&receiving, &b);
        let mut tx = crate::sender(&small_umem(64), &a);
        send_numbered(&mut tx, 0, 4, 128);
        expect_numbered(&mut rx, 0, 4, 128);
    }
}

#[test]
fn every_descriptor_is_closed_on_exec() {
    const TEST: &str = "set_up::every_descriptor_is_closed_on_exec";
    let Some(lab) = lab(TEST) else { return };
    in_child(TEST, &lab, |a, _b| {
        let flags = |fd: &str| {
            let info = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok()?;
            let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?.trim().to_owned();
            i32::from_str_radix(&flags, 8).ok()
        };
        let open = || -> Vec<String> {
            let entries = fs::read_dir("/proc/self/fd").unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        };
        let before = open();
        let socket = Socket::open(a, QUEUE, Receive::Everything).unwrap();
        let ours: Vec<String> = open().into_iter().filter(|fd| !before.contains(fd)).collect();
        assert!(ours.contains(&socket.as_fd().as_raw_fd().to_string()));
        for fd in &ours {
            if let Some(flags) = flags(fd) {
                assert_ne!(flags & libc::O_CLOEXEC, 0, "descriptor {fd}");
            }
        }
    });
}
