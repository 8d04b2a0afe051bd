//! Receives packets, reads one byte of each, and gives the memory back: the borrowed flow.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use xdp::Receive;
use xdp_examples::args::Common;
use xdp_examples::place::Place;
use xdp_examples::run::Run;
use xdp_examples::summary::Summary;
use xdp_examples::traffic::Traffic;

/// Receives packets and drops them, as fast as they come.
///
/// Without --interface it makes a private network namespace with a virtual cable, and a thread at the other end sends.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Interface to receive from. EVERY packet of its queue is taken and dropped, those of your SSH session included.
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,
    #[command(flatten)]
    common: Common,
}

fn main() -> ExitCode {
    xdp_examples::main("rxdrop", rxdrop)
}

fn rxdrop() -> anyhow::Result<bool> {
    let Args { interface, common: args } = Args::parse();
    let (batch_size, duration) = (args.batch()?, args.duration()?);
    let umem = args.umem(4096)?;
    let place = Place::new(interface.as_deref(), args.size())?;
    let _inside = place.enter()?;

    let mut rx = args.socket(&umem).receive(Receive::Everything).bind_rx(place.interface(), args.queue())?;
    xdp_examples::say(&rx.report().to_string());
    let traffic = match place.other_end() {
        Some(end) => Traffic::blast(end, args.size())?,
        None => Traffic::none(),
    };

    let mut run = Run::start(duration)?;
    let (mut packets, mut first_bytes) = (0, 0_u64);
    while !traffic.is_over(&run) {
        // Seek what has arrived, look at it where it lies, commit: the chunks go back to the kernel.
        let batch = rx.seek(batch_size);
        let arrived = batch.len();
        first_bytes +=
            batch.iter().filter_map(|packet| packet.first()).map(|byte| u64::from(*byte)).sum::<u64>();
        batch.commit();

        packets += u64::from(arrived);
        run.tick(packets);
        if arrived == 0 && !args.busy() {
            rx.wait(run.patience())?;
        }
    }
    std::hint::black_box(first_bytes); // the reading is part of what is measured

    Summary::new("rxdrop", &run, packets)
        .half("receiver", &rx)?
        .umem("receiver", &umem)
        .traffic(traffic.finish()?)
        .print(args.json())
}
