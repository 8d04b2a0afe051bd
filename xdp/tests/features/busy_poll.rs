//! Busy polling: the options that are set, calls that are made whatever the kernel's flags say, and what is refused.
//!
//! In copy mode, which is all that veth has, kernels from 6.13 on poll for no socket: what polling does is seen on
//! NICs with zero-copy.

#![allow(unsafe_code, reason = "asks the kernel for options of a socket")]

use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use xdp::device::{Interface, Napi};
use xdp::{BindError, BusyPoll, BusyPollError, BusyPollOption, Mode, Receive, Socket, Umem};

use crate::{PATIENCE, QUEUE, enter, frame, lab, next, receiver, sender, small_umem};

fn option(socket: impl AsFd, name: i32) -> Option<i32> {
    // SAFETY: the descriptor is open as long as it is borrowed.
    let answer =
        unsafe { xdp_sys::syscall::getsockopt::<i32>(socket.as_fd().as_raw_fd(), libc::SOL_SOCKET, name) };
    answer.ok().map(|(value, _)| value)
}

/// Whether the kernel has busy polling; says so if not.
fn has_busy_polling() -> bool {
    let any = std::net::UdpSocket::bind((std::net::Ipv4Addr::UNSPECIFIED, 0));
    // Asked of any socket, in whichever namespace: whether the option is known.
    let known = any.is_ok_and(|socket| option(&socket, libc::SO_PREFER_BUSY_POLL).is_some());
    if !known {
        eprintln!("this kernel has no busy polling of sockets: it needs Linux 5.11");
    }
    known
}

fn polling(umem: &Umem, interface: &str, busy_poll: BusyPoll) -> Result<Socket, BindError> {
    let builder = Socket::builder(umem).receive(Receive::Everything).mode(Mode::Copy).busy_poll(busy_poll);
    builder.bind(interface, QUEUE)
}

/// The settings of an interface's only NAPI; none where the kernel does not tell.
fn settings(interface: &str) -> Option<(u32, Duration)> {
    let all = Napi::of(&Interface::by_name(interface).unwrap()).unwrap()?;
    let [napi] = all[..] else { panic!("{interface} has one queue: {all:?}") };
    Some((napi.defer_hard_irqs()?, napi.gro_flush_timeout()?))
}

#[test]
fn the_options_are_set_and_the_report_says_so() {
    let Some(lab) = lab("the_options_are_set_and_the_report_says_so") else { return };
    let (_inside, a, _b) = enter(&lab);
    let umem = small_umem().build().unwrap();
    let busy = BusyPoll::default().timeout(Duration::from_micros(35)).budget(99);
    let socket = match polling(&umem, &a, busy) {
        Err(BindError::BusyPoll(error @ BusyPollError::Unsupported { .. })) => {
            eprintln!("{error}");
            return;
        }
        other => other.unwrap(),
    };
    assert_eq!(option(&socket, libc::SO_PREFER_BUSY_POLL), Some(1));
    assert_eq!(option(&socket, libc::SO_BUSY_POLL), Some(35));
    // Not every kernel tells this one.
    assert!(matches!(option(&socket, libc::SO_BUSY_POLL_BUDGET), None | Some(99)));
    assert_eq!(socket.report().busy_poll, Some(busy));
    drop(socket);
    let relaxed = BusyPoll::default().not_preferred().kernel_budget().timeout(Duration::from_nanos(1));
    let socket = polling(&umem, &a, relaxed).unwrap();
    assert_eq!(option(&socket, libc::SO_PREFER_BUSY_POLL), Some(0));
    assert_eq!(option(&socket, libc::SO_BUSY_POLL), Some(1), "rounded up: 0 would be none");
    drop(socket);
    let socket = receiver(&umem, &a);
    assert_eq!((option(&socket, libc::SO_BUSY_POLL), socket.report().busy_poll), (Some(0), None));
}

/// What a kernel does that polls for the socket, and one that does not (copy mode since 6.13): packets arrive, and
/// each kick is a system call, whatever the kernel's flags say.
#[test]
fn each_kick_is_a_system_call_and_packets_move() {
    let Some(lab) = lab("each_kick_is_a_system_call_and_packets_move") else { return };
    if !has_busy_polling() {
        return;
    }
    let (_inside, a, b) = enter(&lab);
    let (umem, theirs) = (small_umem().build().unwrap(), small_umem().build().unwrap());
    let mut near = polling(&umem, &a, BusyPoll::default()).unwrap();
    let mut far = polling(&theirs, &b, BusyPoll::default()).unwrap();
    for i in 0..200u8 {
        let packet = frame(near.tx(), &[i; 60]);
        near.tx().send(packet).unwrap();
        let calls = near.tx().system_calls();
        near.tx().kick().unwrap();
        assert!(near.tx().system_calls() > calls);
        let deadline = Instant::now() + PATIENCE;
        while far.rx().available() == 0 {
            let calls = far.rx().system_calls();
            far.rx().kick().unwrap();
            assert_eq!(far.rx().system_calls(), calls + 1);
            assert!(Instant::now() < deadline, "packet {i} does not arrive");
        }
        let (rx, tx) = far.halves();
        assert_eq!(tx.send_from(rx.recv(8)).unwrap(), 1);
        tx.flush(PATIENCE).unwrap();
        // A wait polls before it sleeps.
        assert!(near.wait(PATIENCE).unwrap());
        let batch = near.rx().seek(8);
        assert_eq!(batch.iter().collect::<Vec<_>>(), [&[i; 60]]);
        batch.commit();
        near.flush(PATIENCE).unwrap();
    }
    let calls = near.tx().system_calls();
    near.tx().kick().unwrap();
    assert_eq!(near.tx().system_calls(), calls, "with nothing sent there is nothing to drive");
    assert!(!near.wait(Duration::from_millis(1)).unwrap());
}

#[test]
fn without_busy_polling_a_kick_of_the_receiving_half_costs_nothing_in_copy_mode() {
    let Some(lab) = lab("without_busy_polling_a_kick_of_the_receiving_half_costs_nothing_in_copy_mode")
    else {
        return;
    };
    let (_inside, a, _b) = enter(&lab);
    let umem = small_umem().build().unwrap();
    let mut rx = receiver(&umem, &a);
    rx.kick().unwrap();
    assert_eq!(rx.system_calls(), 0);
}

/// Keeping interrupts off a queue that nobody polls would keep its packets waiting: refused, and nothing is changed.
#[test]
fn interrupts_stay_on_where_the_socket_polls_nothing() {
    let Some(lab) = lab("interrupts_stay_on_where_the_socket_polls_nothing") else { return };
    if !has_busy_polling() {
        return;
    }
    let (_inside, a, b) = enter(&lab);
    let (umem, theirs) = (small_umem().build().unwrap(), small_umem().build().unwrap());
    // A program keeps the NAPI, which veth has only while one is attached.
    let nic = Interface::by_name(&b).unwrap();
    let program = xdp::Program::redirect_all().load().unwrap();
    let attachment = std::sync::Arc::new(program.attach(&nic, xdp::AttachMode::Driver).unwrap());
    let before = settings(&b);
    let busy = BusyPoll::default().interrupts_off(u32::from(u16::MAX), Duration::from_secs(600));
    let builder = || Socket::builder(&umem).mode(Mode::Copy);
    match builder().busy_poll(busy).bind(&b, QUEUE) {
        Ok(socket) => {
            assert!(socket.report().polled_napi.is_some());
            drop(socket);
        }
        Err(BindError::BusyPoll(BusyPollError::NotPolled { interface, queue })) => {
            assert_eq!((&interface, queue), (&b, QUEUE));
        }
        Err(other) => panic!("{other}"),
    }
    assert_eq!(settings(&b), before);
    // The queue goes on as before.
    let mut rx = builder().bind_rx(&b, QUEUE).unwrap();
    rx.register(&attachment).unwrap();
    let mut tx = sender(&theirs, &a);
    let packet = frame(&mut tx, &[1; 60]);
    tx.send(packet).unwrap();
    tx.flush(PATIENCE).unwrap();
    assert_eq!(next(&mut rx)[..], [1; 60]);
}

/// Raising the budget and preferring busy polling need CAP_NET_ADMIN; the rest does not.
#[test]
fn what_needs_a_capability_says_so() {
    let Some(lab) = lab("what_needs_a_capability_says_so") else { return };
    if !has_busy_polling() {
        return;
    }
    let (_inside, a, _b) = enter(&lab);
    let umem = small_umem().build().unwrap();
    let bind = |busy: BusyPoll| {
        let socket = Socket::builder(&umem).mode(Mode::Copy).busy_poll(busy);
        socket.bind_tx(&a, QUEUE).map(drop)
    };
    // Of the thread of this test only.
    without_net_admin(|| {
        for (busy, option) in [
            (BusyPoll::default(), BusyPollOption::Prefer),
            (BusyPoll::default().not_preferred().budget(64), BusyPollOption::Budget),
        ] {
            let refused = bind(busy).unwrap_err();
            let BindError::BusyPoll(BusyPollError::Privilege { option: said, .. }) = &refused else {
                panic!("{refused}")
            };
            assert_eq!(*said, option);
            assert!(refused.to_string().contains("CAP_NET_ADMIN"), "{refused}");
        }
        match bind(BusyPoll::default().not_preferred().kernel_budget()) {
            // Kernels before 6.3 keep this one for administrators, too.
            Err(BindError::BusyPoll(BusyPollError::Privilege {
                option: BusyPollOption::Timeout, ..
            })) => {}
            other => other.unwrap(),
        }
    });
    bind(BusyPoll::default()).unwrap();
}

/// Runs `work` while the calling thread's effective set lacks CAP_NET_ADMIN.
fn without_net_admin(work: impl FnOnce()) {
    const CAP_NET_ADMIN: u32 = 12;
    const VERSION_3: u32 = 0x2008_0522;
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    let mut sets = [[0u32; 3]; 2];
    let mut header = Header { version: VERSION_3, pid: 0 };
    // SAFETY: header and sets are locals of the layout that the call wants (`linux/capability.h`).
    let got = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, sets.as_mut_ptr()) };
    assert_eq!(got, 0);
    let set = |sets: &[[u32; 3]; 2]| {
        let mut header = Header { version: VERSION_3, pid: 0 };
        // SAFETY: as above; only the calling thread's own sets change.
        assert_eq!(unsafe { libc::syscall(libc::SYS_capset, &raw mut header, sets.as_ptr()) }, 0);
    };
    let mut less = sets;
    less[0][0] &= !(1 << CAP_NET_ADMIN);
    set(&less);
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    set(&sets);
    if let Err(panic) = done {
        std::panic::resume_unwind(panic);
    }
}
