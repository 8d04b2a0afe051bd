//! The fake kernel: its NICs are played by a thread of their own, which checks the bytes of everything that leaves.

use std::sync::Mutex;
use std::thread;

use xdp::fake::{self, FakeNic};
use xdp::{ChunkSize, Umem};

use crate::crew::{self, CREW, Role, perform};
use crate::observer::observe;
use crate::packet;
use crate::random::{Random, with_seeds};
use crate::site::{LINES, Site};

const CHUNKS: u32 = 256;
const PACKETS: u32 = 1 << 18;
const ROUNDS: u32 = 150;

type Nics = [Mutex<Option<FakeNic>>; LINES];

/// Both NICs.
struct Wire<'a> {
    nics: &'a Nics,
}

impl Role for Wire<'_> {
    fn step(&mut self, site: &Site, random: &mut Random) {
        let mut nic = self.nics[random.below(LINES as u32) as usize].lock().unwrap();
        let Some(nic) = nic.as_mut() else { return };
        match random.below(4) {
            0..2 => deliver(nic, site, random),
            2 => {
                for _ in 0..random.below(16) {
                    let Some(bytes) = nic.take_sent() else { break };
                    site.journal.leave(packet::read(&bytes));
                }
            }
            _ => while !random.once_in(16) && nic.complete() {},
        }
    }

    fn tell(&mut self, _site: &Site) {}
}

fn deliver(nic: &mut FakeNic, site: &Site, random: &mut Random) {
    for _ in 0..random.below(16) {
        let Some(number) = site.journal.arriving() else { return };
        let mut bytes = vec![0; packet::LEAST + random.below(1000) as usize];
        packet::write(&mut bytes, number, 2);
        // An XDP program may have moved the first byte.
        let offset = if random.once_in(4) { random.below(512) } else { 256 };
        if nic.deliver_at(&bytes, offset) {
            site.journal.arrive();
        }
    }
}

/// Makes a socket anew, once its halves and its NIC are gone.
fn open(site: &Site, nics: &Nics, line: usize, random: &mut Random) {
    let (entries, start) = (8 << random.below(5), u32::MAX - random.below(1000));
    let share = Some(CHUNKS / LINES as u32);
    let (socket, nic) = fake::socket_with(&site.umem, entries, start, share).unwrap();
    site.lines[line].open(socket);
    *nics[line].lock().unwrap() = Some(nic);
}

/// Closes what chance says, while everybody stands still and has frames of it.
fn renew(site: &Site, nics: &Nics, random: &mut Random) {
    let line = random.below(LINES as u32) as usize;
    if random.once_in(4) {
        // The kernel goes first: nothing that it has comes back before the socket is closed.
        drop(nics[line].lock().unwrap().take());
    }
    site.close(line, random);
    let account = site.umem.accounting();
    assert!(account.is_balanced(), "{account}");
    if site.is_closed(line) {
        drop(nics[line].lock().unwrap().take());
        let account = site.umem.accounting();
        assert!(account.is_balanced() && account.stranded == 0, "{account}");
        open(site, nics, line, random);
    }
}

/// One run, in which sockets come and go, or stay.
fn run(seed: u64, renews: bool) {
    let mut random = Random::new(seed);
    let umem = Umem::builder().chunks(CHUNKS).chunk_size(ChunkSize::K2).build().unwrap();
    let (site, ends) = Site::new(umem.clone(), PACKETS, CREW + 2);
    let nics = Nics::default();
    (0..LINES).for_each(|line| open(&site, &nics, line, &mut random));
    thread::scope(|scope| {
        let _alarm = site.gate.alarm();
        crew::start(scope, &site, ends, &mut random);
        let (chance, site, nics) = (random.fork(), &site, &nics);
        scope.spawn(move || perform(Wire { nics }, site, chance));
        let observer = scope.spawn(move || observe(site));
        for round in 1..=ROUNDS {
            site.gate.meet();
            site.gate.meet();
            site.check();
            if renews && random.once_in(6) {
                renew(site, nics, &mut random);
            }
            if round == ROUNDS {
                site.finish();
            }
            site.gate.meet();
        }
        assert!(observer.join().unwrap() > 0);
    });
    settle(&site, &nics, &mut random);
    let totals = site.journal.totals();
    assert!(totals.received > 1000 && totals.left > 1000, "{totals:?}");
    if !renews {
        // No socket was closed with packets in its rings: each came to its end.
        assert_eq!((totals.arrived, totals.sent), (totals.received, totals.left), "{totals:?}");
    }
    drop((site, nics));
    assert_eq!(umem.accounting().pool, CHUNKS, "{}", umem.accounting());
}

/// When nobody has a frame any more, every half can do its work: no chunk is where nobody can reach it.
fn settle(site: &Site, nics: &Nics, random: &mut Random) {
    for line in 0..LINES {
        let is_whole = {
            let (rx, tx) = (site.lines[line].rx.lock().unwrap(), site.lines[line].tx.lock().unwrap());
            rx.is_some() && tx.is_some() && nics[line].lock().unwrap().is_some()
        };
        if !is_whole {
            drop(nics[line].lock().unwrap().take());
            site.close_both(line);
            open(site, nics, line, random);
        }
    }
    for _ in 0..8 {
        for (line, nic) in site.lines.iter().zip(nics) {
            let (mut rx, mut tx, mut nic) =
                (line.rx.lock().unwrap(), line.tx.lock().unwrap(), nic.lock().unwrap());
            let (rx, tx, nic) = (rx.as_mut().unwrap(), tx.as_mut().unwrap(), nic.as_mut().unwrap());
            let batch = rx.seek(u32::MAX);
            batch.iter().for_each(|bytes| site.journal.receive(packet::read(bytes)));
            batch.commit();
            tx.kick().unwrap();
            while let Some(bytes) = nic.take_sent() {
                site.journal.leave(packet::read(&bytes));
            }
            while nic.complete() {
                tx.reap();
            }
        }
    }
    let account = site.check();
    assert_eq!((account.rx, account.tx, account.completion, account.stranded), (0, 0, 0, 0), "{account}");
    for (line, nic) in site.lines.iter().zip(nics) {
        let (mut rx, mut tx, mut nic) =
            (line.rx.lock().unwrap(), line.tx.lock().unwrap(), nic.lock().unwrap());
        let (rx, tx, nic) = (rx.as_mut().unwrap(), tx.as_mut().unwrap(), nic.as_mut().unwrap());
        assert!(nic.deliver(&[0; 60]), "a half cannot receive: {account}");
        assert_eq!(rx.recv(1).count(), 1);
        assert!(tx.alloc().is_some(), "a half cannot send: {account}");
    }
}

#[test]
fn every_chunk_is_in_one_place_whenever_all_threads_stand_still() {
    with_seeds(3, |seed| run(seed, true));
}

#[test]
fn every_packet_comes_to_its_end_where_no_socket_is_closed() {
    with_seeds(1, |seed| run(seed, false));
}
