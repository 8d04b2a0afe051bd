//! Forwards packets: the owned flow, on one interface or between two that share a UMEM.

#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Parser;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use xdp::{FlushError, Frame, Receive, Rx, Tx};
use xdp_examples::args::Common;
use xdp_examples::place::Place;
use xdp_examples::run::Run;
use xdp_examples::summary::Summary;
use xdp_examples::traffic::Traffic;

/// Sends every packet back where it came from, its hardware addresses swapped; or forwards between two interfaces,
/// both ways, unchanged.
///
/// Without --interface it makes a private network namespace with a virtual cable, and a thread at the other end sends
/// and counts what returns.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Interface to bounce packets on; name two to forward between them. EVERY packet of the queue is taken, those of
    /// your SSH session included.
    #[arg(long, value_name = "NAME")]
    interface: Vec<String>,
    #[command(flatten)]
    common: Common,
}

/// Chunks for each socket: half to receive into, as many as its fill ring takes, and half to send from.
const CHUNKS: u32 = 8192;

/// One direction of forwarding.
struct Way {
    rx: Rx,
    tx: Tx,
    /// Received and not sent yet, since the tx ring was full: nothing more is received until they are gone.
    backlog: VecDeque<Frame>,
    bounces: bool,
}

impl Way {
    /// Forwards up to `n` packets; returns how many.
    fn forward(&mut self, n: u32, run: &Run) -> anyhow::Result<u32> {
        if self.backlog.is_empty() {
            for mut frame in self.rx.recv(n) {
                if self.bounces {
                    swap_hardware_addresses(&mut frame);
                }
                self.backlog.push_back(frame);
            }
        }
        let sent = self.tx.send_all(&mut self.backlog)?;
        run.kick(&mut self.tx)?;
        Ok(sent)
    }
}

fn main() -> ExitCode {
    xdp_examples::main("l2fwd", l2fwd)
}

fn l2fwd() -> anyhow::Result<bool> {
    let Args { interface: names, common: args } = Args::parse();
    let (batch_size, duration) = (args.batch()?, args.duration()?);
    ensure!(
        names.len() <= 2,
        "name one interface to bounce on, or two to forward between, not {}",
        names.len()
    );
    let umem = args.umem(CHUNKS * names.len().max(1) as u32)?;
    let place = Place::new(names.first().map(String::as_str), args.size())?;
    let _inside = place.enter()?;

    // One UMEM for all sockets, so that a packet moves from one to the other without being copied.
    let open = |name: &str| {
        let socket =
            args.socket(&umem).chunks(CHUNKS).receive(Receive::Everything).bind(name, args.queue())?;
        xdp_examples::say(&socket.report().to_string());
        anyhow::Ok(socket.split())
    };
    let way = |rx, tx, bounces| Way { rx, tx, backlog: VecDeque::new(), bounces };
    let (rx, tx) = open(place.interface())?;
    let mut ways = match names.get(1) {
        None => vec![way(rx, tx, true)],
        Some(other) => {
            let (other_rx, other_tx) = open(other)?;
            vec![way(rx, other_tx, false), way(other_rx, tx, false)]
        }
    };
    let traffic = match place.other_end() {
        Some(end) => Traffic::ping(end, args.size())?,
        None => Traffic::none(),
    };

    let mut run = Run::start(duration)?;
    let (mut packets, mut polls) = (0, 0);
    while !traffic.is_over(&run) {
        let mut forwarded = 0;
        for way in &mut ways {
            forwarded += way.forward(batch_size, &run)?;
        }
        packets += u64::from(forwarded);
        run.tick(packets);
        if forwarded == 0 && !args.busy() {
            polls += 1;
            wait(&mut ways, run.patience())?;
        }
    }

    // Drain: what was taken is sent, or comes home with the frame that is dropped.
    for way in &mut ways {
        match way.tx.flush(Duration::from_secs(1)) {
            Err(FlushError::TimedOut { outstanding }) => packets -= u64::from(outstanding),
            other => other?,
        }
        way.backlog.clear();
    }
    let mut summary = Summary::new("l2fwd", &run, packets).system_calls(polls);
    for way in &ways {
        summary = summary.half("receiver", &way.rx)?.half("sender", &way.tx)?;
    }
    summary.umem("forwarder", &umem).traffic(traffic.finish()?).print(args.json())
}

/// Waits until one of the sockets has something to receive, or room to send what is held back.
fn wait(ways: &mut [Way], patience: Duration) -> anyhow::Result<()> {
    let mut watched: Vec<_> = ways
        .iter()
        .map(|way| match way.backlog.is_empty() {
            true => PollFd::new(&way.rx, PollFlags::IN),
            false => PollFd::new(&way.tx, PollFlags::OUT),
        })
        .collect();
    let timeout = Timespec::try_from(patience)?;
    match poll(&mut watched, Some(&timeout)) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(errno) => return Err(errno).context("cannot wait for the sockets"),
    }
    let is_ready = |fd: &PollFd<'_>| fd.revents().intersects(PollFlags::IN | PollFlags::OUT);
    if !watched.iter().any(is_ready) {
        // A socket whose interface was removed reports nothing to poll: the library knows.
        ways.iter_mut().try_for_each(|way| way.rx.wait(Duration::ZERO).map(drop))?;
    }
    Ok(())
}

/// Sends a frame back where it came from: the first six bytes are its destination, the next six its source.
fn swap_hardware_addresses(frame: &mut [u8]) {
    if let Some((destination, rest)) = frame.split_at_mut_checked(6)
        && let Some(source) = rest.get_mut(..6)
    {
        destination.swap_with_slice(source);
    }
}
