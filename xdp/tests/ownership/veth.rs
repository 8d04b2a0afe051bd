//! The running kernel: two sockets on one UMEM, each on its own veth pair, and peers at the other ends on a thread of
//! their own, which check the bytes of everything that arrives there.

use std::thread;
use std::time::{Duration, Instant};

use xdp::lab::Lab;
use xdp::{ChunkSize, Mode, QueueId, Receive, Socket, Umem};

use crate::crew::{self, CREW, Role, perform};
use crate::observer::observe;
use crate::packet;
use crate::random::{Random, with_seeds};
use crate::site::{LINES, Site};

const CHUNKS: u32 = 512;
const PACKETS: u32 = 1 << 18;
const ROUNDS: u32 = 80;

/// Longer than anything takes on a busy machine; only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Both peers, each with a UMEM of its own.
struct Peers([Socket; LINES]);

impl Role for Peers {
    fn step(&mut self, site: &Site, random: &mut Random) {
        let (rx, tx) = self.0[random.below(LINES as u32) as usize].halves();
        match random.below(4) {
            0 => {
                let mut batch = tx.seek(random.below(32));
                for i in 0..batch.len() {
                    let Some(number) = site.journal.arriving() else { break };
                    let len = packet::LEAST + random.below((packet::MOST - packet::LEAST) as u32) as usize;
                    packet::write(batch.peek(i, len).unwrap(), number, 2);
                }
                batch.commit();
                tx.kick().unwrap();
            }
            _ => {
                let batch = rx.seek(64);
                batch.iter().for_each(|bytes| site.journal.leave(packet::read(bytes)));
                batch.commit();
            }
        }
    }

    fn tell(&mut self, _site: &Site) {
        for socket in &mut self.0 {
            let account = socket.umem().accounting();
            assert!(account.is_balanced() && account.hands == 0, "{account}");
        }
    }
}

fn bind(umem: &Umem, interface: &str, chunks: u32, entries: u32) -> Socket {
    Socket::builder(umem)
        .chunks(chunks)
        .rx_entries(entries)
        .fill_entries(entries)
        .tx_entries(entries)
        .completion_entries(entries)
        .mode(Mode::Copy)
        .receive(Receive::Everything)
        .bind(interface, QueueId(0))
        .unwrap()
}

/// Closes what chance says, while everybody stands still and has frames of it, and binds again what is closed.
fn renew(site: &Site, lab: &Lab, random: &mut Random) {
    let line = random.below(LINES as u32) as usize;
    site.close(line, random);
    let account = site.umem.accounting();
    assert!(account.is_balanced(), "{account}");
    if site.is_closed(line) {
        open(site, lab, line, random);
    }
}

fn open(site: &Site, lab: &Lab, line: usize, random: &mut Random) {
    let share = CHUNKS / LINES as u32;
    site.lines[line].open(bind(&site.umem, lab.pair(line).b().name(), share, 16 << random.below(4)));
}

/// One run, in which sockets come and go, or stay.
fn run(lab: &Lab, seed: u64, renews: bool) {
    let mut random = Random::new(seed);
    let umem = Umem::builder().chunks(CHUNKS).chunk_size(ChunkSize::K2).build().unwrap();
    let (site, ends) = Site::new(umem.clone(), PACKETS, CREW + 2);
    (0..LINES).for_each(|line| open(&site, lab, line, &mut random));
    let peers = [0, 1].map(|line| {
        let umem = Umem::builder().chunks(512).chunk_size(ChunkSize::K2).build().unwrap();
        bind(&umem, lab.pair(line).a().name(), 512, 256)
    });
    thread::scope(|scope| {
        let _alarm = site.gate.alarm();
        crew::start(scope, &site, ends, &mut random);
        let (chance, site) = (random.fork(), &site);
        scope.spawn(move || perform(Peers(peers), site, chance));
        let observer = scope.spawn(move || observe(site));
        for round in 1..=ROUNDS {
            site.gate.meet();
            site.gate.meet();
            site.check();
            if renews && random.once_in(8) {
                renew(site, lab, &mut random);
            }
            if round == ROUNDS {
                site.finish();
            }
            site.gate.meet();
        }
        assert!(observer.join().unwrap() > 0);
    });
    let totals = site.journal.totals();
    assert!(totals.received > 500 && totals.left > 500, "{totals:?}");
    drop(site);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let account = umem.accounting();
        assert!(account.is_balanced(), "{account}");
        if account.pool == CHUNKS {
            break;
        }
        assert!(Instant::now() < deadline, "{account}");
        thread::yield_now(); // the kernel has no event for the release of a socket
    }
}

fn run_in_lab(test: &str, fixed_seeds: usize, renews: bool) {
    if !xdp::lab::require(test) {
        return;
    }
    let lab = Lab::builder().pairs(LINES).build().unwrap();
    let _inside = lab.enter().unwrap();
    with_seeds(fixed_seeds, |seed| run(&lab, seed, renews));
}

#[test]
fn every_chunk_is_in_one_place_whenever_all_threads_stand_still_on_veth() {
    run_in_lab("every_chunk_is_in_one_place_whenever_all_threads_stand_still_on_veth", 2, true);
}

#[test]
fn every_place_is_counted_right_where_no_socket_is_closed_on_veth() {
    run_in_lab("every_place_is_counted_right_where_no_socket_is_closed_on_veth", 0, false);
}
