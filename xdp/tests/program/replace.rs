//! Another program in the place of the one at work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use xdp::device::Interface;
use xdp::lab::{self, Lab};
use xdp::program::{AttachError, AttachMode, Attachment, Filter, PortSet, Program, ReplaceError, Rules};
use xdp::{Mode, QueueId, Rx, Socket, Tx, Umem};

const PATIENCE: Duration = Duration::from_secs(20);
const QUEUE: QueueId = QueueId(0);
const PORT: u16 = 4433;

type Attach = fn(&Program, &str) -> Result<Attachment, AttachError>;

/// The ways in which a program is held.
fn ways() -> [Attach; 2] {
    [
        |program, name| program.attach(name, AttachMode::Driver),
        |program, name| program.attach_by_netlink(name, AttachMode::Driver),
    ]
}

/// UDP over IPv4 to a port, and a number.
fn frame(port: u16, number: u64) -> [u8; 50] {
    let mut frame = [0; 50];
    frame[12] = 8;
    frame[14] = 0x45;
    frame[23] = 17;
    frame[36..38].copy_from_slice(&port.to_be_bytes());
    frame[42..].copy_from_slice(&number.to_be_bytes());
    frame
}

fn umem() -> Umem {
    Umem::builder().chunks(4096).build().unwrap()
}

/// How many packets may be on their way: fewer than any ring holds, so that none is lost but by a program.
const WINDOW: u64 = 512;

/// How far the two sides are.
struct Progress {
    received: AtomicU64,
    stop: AtomicBool,
    /// How many packets there are; known when the last one is sent.
    total: AtomicU64,
}

/// Sends packets with rising numbers until it is told to stop, no more than [`WINDOW`] ahead of what was received.
fn send(tx: &mut Tx, progress: &Progress) {
    let mut next = 0;
    while !progress.stop.load(Ordering::Acquire) {
        let room = progress.received.load(Ordering::Acquire) + WINDOW - next;
        if room == 0 {
            thread::yield_now();
            continue;
        }
        let mut batch = tx.seek(room.min(64) as u32);
        for at in 0..batch.len() {
            batch.peek(at, 50).unwrap().copy_from_slice(&frame(PORT, next + u64::from(at)));
        }
        next += u64::from(batch.commit());
        tx.kick().unwrap();
    }
    tx.flush(PATIENCE).unwrap();
    progress.total.store(next, Ordering::Release);
}

/// Receives all packets, in order and without a gap.
fn receive(rx: &mut Rx, progress: &Progress) {
    let (mut next, mut deadline) = (0, Instant::now() + PATIENCE);
    while next < progress.total.load(Ordering::Acquire) {
        if !rx.wait(Duration::from_millis(20)).unwrap() {
            // Nothing more may be sent before what is missing has come: then the sender waits for us.
            assert!(Instant::now() < deadline, "packet {next} is lost; {}", rx.statistics().unwrap());
            continue;
        }
        let batch = rx.seek(64);
        for packet in batch.iter() {
            assert_eq!(packet[..], frame(PORT, next));
            next += 1;
        }
        batch.commit();
        progress.received.store(next, Ordering::Release);
        deadline = Instant::now() + PATIENCE;
    }
}

/// Sends and receives while `disturb` is called, at least so often and until so many packets were received; how many
/// those were in the end.
fn under_load(lab: &Lab, rx: &mut Rx, times: u64, packets: u64, mut disturb: impl FnMut(u64)) -> u64 {
    let umem = umem();
    let mut tx = Socket::builder(&umem).mode(Mode::Copy).bind_tx(lab.pair(0).a(), QUEUE).unwrap();
    let progress =
        Progress { received: AtomicU64::new(0), stop: AtomicBool::new(false), total: u64::MAX.into() };
    thread::scope(|scope| {
        let progress = &progress;
        let sender = scope.spawn(move || send(&mut tx, progress));
        let receiver = scope.spawn(move || receive(rx, progress));
        let mut count = 0;
        while !receiver.is_finished()
            && (count < times || progress.received.load(Ordering::Acquire) < packets)
        {
            disturb(count);
            count += 1;
        }
        progress.stop.store(true, Ordering::Release);
        receiver.join().unwrap();
        sender.join().unwrap();
    });
    progress.total.into_inner()
}

#[test]
fn swapping_programs_under_load_loses_no_packet_that_both_redirect() {
    if !lab::require("swapping_programs_under_load_loses_no_packet_that_both_redirect") {
        return;
    }
    for attach in ways() {
        let lab = Lab::new().unwrap();
        let _inside = lab.enter().unwrap();
        let b = lab.pair(0).b();
        let one = Program::redirect(Filter::udp().dst_port(PORT)).load().unwrap();
        let more = Rules::new().pass(Filter::arp()).redirect(Filter::udp().dst_port([PORT, 53]));
        let two = Program::rules(more).sharing(&one).load().unwrap();
        let attachment = Arc::new(attach(&one, b.name()).unwrap());
        let umem = umem();
        let mut rx = Socket::builder(&umem).mode(Mode::Copy).bind_rx(b, QUEUE).unwrap();
        rx.register(&attachment).unwrap();
        let total = under_load(&lab, &mut rx, 20, 20_000, |round| {
            let next = if round % 2 == 0 { &two } else { &one };
            attachment.replace(next).unwrap();
            assert_eq!(attachment.program().id(), next.id());
        });
        // Each packet met one of the two, and both were at work.
        let (first, second) = (one.counters().unwrap(), two.counters().unwrap());
        assert_eq!(first.rules[0] + second.rules[1], total);
        assert!(first.rules[0] > 0 && second.rules[1] > 0, "{first:?} {second:?}");
        eprintln!("{total} packets, {} met the first program", first.rules[0]);
    }
}

#[test]
fn changing_a_set_under_load_loses_no_packet_of_a_port_that_stays() {
    if !lab::require("changing_a_set_under_load_loses_no_packet_of_a_port_that_stays") {
        return;
    }
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let ports = PortSet::create(1024).unwrap();
    ports.insert(PORT).unwrap();
    let program = Program::redirect(Filter::udp().dst_port(&ports)).load().unwrap();
    let attachment = Arc::new(program.attach(lab.pair(0).b(), AttachMode::Driver).unwrap());
    let umem = umem();
    let mut rx = Socket::builder(&umem).mode(Mode::Copy).bind_rx(lab.pair(0).b(), QUEUE).unwrap();
    rx.register(&attachment).unwrap();
    let total = under_load(&lab, &mut rx, 1000, 20_000, |round| {
        let other = (round % 1000) as u16;
        ports.insert(other).unwrap();
        assert!(ports.remove(other).unwrap());
        // What is there already is put in again.
        ports.insert(PORT).unwrap();
    });
    let counters = program.counters().unwrap();
    assert_eq!((counters.rules[0], counters.otherwise), (total, 0));
}

#[test]
fn a_program_that_looks_into_another_map_is_no_replacement() {
    if !lab::require("a_program_that_looks_into_another_map_is_no_replacement") {
        return;
    }
    for attach in ways() {
        let lab = Lab::new().unwrap();
        let _inside = lab.enter().unwrap();
        let name = lab.pair(0).b().name();
        let (one, other) = (Program::redirect_all().load().unwrap(), Program::redirect_all().load().unwrap());
        let attachment = attach(&one, name).unwrap();
        let error = attachment.replace(&other).unwrap_err();
        assert!(matches!(error, ReplaceError::OtherMap { .. }), "{error}");
        assert!(error.to_string().contains("ProgramBuilder::sharing"), "{error}");
        assert_eq!(attachment.program().id(), one.id());
        assert_eq!(Interface::by_name(name).unwrap().xdp().driver(), Some(one.id()));
    }
}

#[test]
fn a_program_is_not_replaced_where_it_is_gone() {
    if !lab::require("a_program_is_not_replaced_where_it_is_gone") {
        return;
    }
    let lab = Lab::new().unwrap();
    let one = Program::redirect_all().load().unwrap();
    let two = Program::redirect_all().sharing(&one).load().unwrap();
    let attachment = {
        let _inside = lab.enter().unwrap();
        one.attach(lab.pair(0).a(), AttachMode::Driver).unwrap()
    };
    lab.remove_pair(0).unwrap();
    let error = attachment.replace(&two).unwrap_err();
    assert!(matches!(error, ReplaceError::Detached { .. }), "{error}");
    assert_eq!(attachment.program().id(), one.id());
}
