//! Sends packets as fast as it can: the borrowed flow.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use xdp::program::{Action, Instruction, Program, Register};
use xdp::{AttachMode, FlushError, Interface};
use xdp_examples::args::Common;
use xdp_examples::packet::{NOBODY, Packets};
use xdp_examples::place::Place;
use xdp_examples::run::Run;
use xdp_examples::summary::Summary;

/// Sends the same UDP packet as fast as it can, from the interface's own address to 02:78:64:70:ff:ff (nobody).
///
/// Without --interface it makes a private network namespace with a virtual cable, where an XDP program at the other
/// end drops what arrives. With it, nothing is taken from the interface; mind that switches flood packets to an
/// unknown address.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Interface to send on.
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,
    #[command(flatten)]
    common: Common,
}

fn main() -> ExitCode {
    xdp_examples::main("txonly", txonly)
}

fn txonly() -> anyhow::Result<bool> {
    let Args { interface, common: args } = Args::parse();
    let (batch_size, duration) = (args.batch()?, args.duration()?);
    let umem = args.umem(4096)?;
    let place = Place::new(interface.as_deref(), args.size())?;
    let _inside = place.enter()?;

    // Somebody must take the packets at the other end: two instructions do.
    let drop_all = vec![Instruction::mov(Register::R0, Action::Drop as i32), Instruction::exit()];
    let drop_all = Program::from_instructions(drop_all);
    let _sink = match place.other_end() {
        Some(end) => Some(drop_all.name("drop_all").load()?.attach(end, AttachMode::PreferDriver)?),
        None => None,
    };

    let mut tx = args.socket(&umem).bind_tx(place.interface(), args.queue())?;
    xdp_examples::say(&tx.report().to_string());
    let own = Interface::by_name(place.interface())?.mac().unwrap_or(NOBODY);
    let packet = Packets::new(own, NOBODY, args.size())?.first()?;

    let mut run = Run::start(duration)?;
    let mut packets = 0;
    while !run.is_over() {
        // Seek free chunks, write a packet into each, commit, and kick: one system call for the batch.
        let mut batch = tx.seek(batch_size);
        for i in 0..batch.len() {
            batch.peek(i, packet.len())?.copy_from_slice(&packet);
        }
        let handed_over = batch.commit();
        run.kick(&mut tx)?;

        packets += u64::from(handed_over);
        run.tick(packets);
        if handed_over == 0 && !args.busy() {
            tx.wait(run.patience())?; // the ring is full: until half of it is sent
        }
    }
    // Drain. What a NIC has not sent after a second, a link that is down for example, stays in its ring and is not
    // counted.
    match tx.flush(Duration::from_secs(1)) {
        Err(FlushError::TimedOut { outstanding }) => packets -= u64::from(outstanding),
        other => other?,
    }

    Summary::new("txonly", &run, packets).half("sender", &tx)?.umem("sender", &umem).print(args.json())
}
