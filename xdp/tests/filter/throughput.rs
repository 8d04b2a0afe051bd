//! What a filter costs: `throughput.sh` beside this file runs the comparison, in a release build.

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use xdp::lab::{self, Lab};
use xdp::program::{AttachMode, Filter, Fragments, Prefix, Program};
use xdp::{Mode, QueueId, Rx, Socket, Tx, Umem};

use super::packet::Packet;

const QUEUE: QueueId = QueueId(0);
const ROUND: Duration = Duration::from_millis(250);

/// Sends the same packet until it is told to stop.
fn blast(tx: &mut Tx, packet: &[u8], stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let mut batch = tx.seek(64);
        for at in 0..batch.len() {
            batch.peek(at, packet.len()).unwrap().copy_from_slice(packet);
        }
        batch.commit();
        tx.kick().unwrap();
    }
}

/// Packets a second.
fn drop_packets(rx: &mut Rx) -> f64 {
    let (start, mut packets) = (Instant::now(), 0);
    while start.elapsed() < ROUND {
        rx.wait(Duration::from_millis(10)).unwrap();
        let batch = rx.seek(64);
        packets += batch.len();
        batch.commit();
    }
    f64::from(packets) / start.elapsed().as_secs_f64()
}

fn median(rates: &mut [f64]) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

/// As many pairs of rounds as `XDP_FILTER_ROUNDS` says: one round of each program, in turn, with the same traffic.
#[test]
fn a_filter_of_five_terms_receives_at_least_nine_tenths_of_what_redirect_all_does() {
    const TEST: &str = "a_filter_of_five_terms_receives_at_least_nine_tenths_of_what_redirect_all_does";
    let Ok(rounds) = env::var("XDP_FILTER_ROUNDS") else {
        return eprintln!("SKIPPED {TEST}: xdp/tests/filter/throughput.sh runs it, in a release build");
    };
    if !lab::require(TEST) {
        return;
    }
    let rounds: usize = rounds.parse().expect("a number");
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let prefix = |text: &str| text.parse::<Prefix>().unwrap();
    let filter = Filter::udp()
        .dst_port(4433)
        .src(prefix("10.0.0.0/8"))
        .dst(prefix("10.0.0.0/24"))
        .fragments(Fragments::None);
    let all = Program::redirect_all().load().unwrap();
    let filtered = Program::redirect(filter).sharing(&all).load().unwrap();
    let umems = [0; 2].map(|_| Umem::builder().chunks(8192).build().unwrap());
    let (a, b) = (lab.pair(0).a(), lab.pair(0).b());
    let mut tx = Socket::builder(&umems[0]).mode(Mode::Copy).bind_tx(a, QUEUE).unwrap();
    let attachment = Arc::new(all.attach(b, AttachMode::Driver).unwrap());
    let mut rx = Socket::builder(&umems[1]).mode(Mode::Copy).bind_rx(b, QUEUE).unwrap();
    rx.register(&attachment).unwrap();
    let mut packet = Packet::udp4(4433).bytes();
    packet.resize(64, 0);
    let (stop, mut rates) = (AtomicBool::new(false), [Vec::new(), Vec::new()]);
    thread::scope(|scope| {
        let stop = &stop;
        scope.spawn(move || blast(&mut tx, &packet, stop));
        drop_packets(&mut rx);
        for round in 0..rounds * 2 {
            // The other way round every other time, so that what drifts favours neither.
            let which = (round + round / 2) % 2;
            attachment.replace([&all, &filtered][which]).unwrap();
            rates[which].push(drop_packets(&mut rx));
        }
        stop.store(true, Ordering::Relaxed);
    });
    let [all, filtered] = rates.each_mut().map(|rates| median(rates));
    let ratio = filtered / all;
    eprintln!(
        "redirect all {:.0} kpps, five terms {:.0} kpps: {ratio:.3} (medians of {rounds} rounds)",
        all / 1e3,
        filtered / 1e3
    );
    assert!(ratio >= 0.9, "{ratio:.3}");
}
