//! The first packets: from one end of a lab to the other through AF_XDP, every one of them checked.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::Duration;

use anyhow::ensure;
use clap::Parser;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use xdp::lab::Lab;
use xdp::{QueueId, Receive, Socket, Umem};
use xdp_examples::packet::{Packets, number_of};
use xdp_examples::run::Run;
use xdp_examples::summary::Summary;
use xdp_examples::traffic::WINDOW;

/// Sends UDP packets from one end of a virtual cable to the other through AF_XDP, and checks that each arrives whole
/// and in order.
///
/// Needs no NIC and touches no interface of this machine: it makes a private network namespace with a pair of
/// interfaces, which is gone when the program ends. Needs root, or CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_NET_RAW and
/// CAP_BPF.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// How many packets to send.
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000_000)]
    packets: u64,
    /// Bytes of each packet, Ethernet header included.
    #[arg(long, value_name = "BYTES", default_value_t = 128)]
    size: usize,
    /// Print one JSON object at the end instead of a table.
    #[arg(long)]
    json: bool,
}

/// Packets sent with one system call.
const BATCH: u64 = 64;

fn main() -> ExitCode {
    xdp_examples::main("hello", hello)
}

fn hello() -> anyhow::Result<bool> {
    let args = Args::parse();
    ensure!(args.size <= 1514, "a packet of {} bytes does not fit the lab, whose MTU is 1500", args.size);
    let run = Run::start(None)?;

    // A virtual cable with two ends, in a network namespace of its own. Sockets are opened inside.
    let lab = Lab::new()?;
    let _inside = lab.enter()?;
    let (near, far) = (lab.pair(0).a(), lab.pair(0).b());

    // Each end has a socket with packet memory of its own. The receiver attaches an XDP program that hands it
    // everything.
    let (rx_umem, tx_umem) = (Umem::builder().build()?, Umem::builder().build()?);
    let mut rx = Socket::builder(&rx_umem).receive(Receive::Everything).bind_rx(far, QueueId(0))?;
    let mut tx = Socket::builder(&tx_umem).bind_tx(near, QueueId(0))?;

    let mut packets = Packets::new(near.mac(), far.mac(), args.size)?;
    let (mut sent, mut received, mut next, mut wrong) = (0, 0, 0, 0);
    let bar = progress(args.packets);
    while received < args.packets && !run.is_interrupted() {
        // Send a whole batch if that many more may be in flight: seek free chunks, write, commit, kick.
        let rest = BATCH.min(args.packets - sent);
        let room = if sent - received + rest <= WINDOW { rest } else { 0 };
        let mut batch = tx.seek(room as u32);
        for i in 0..batch.len() {
            packets.write(sent + u64::from(i), batch.peek(i, packets.size())?)?;
        }
        let handed_over = batch.commit();
        sent += u64::from(handed_over);
        tx.kick()?;

        // Receive: seek what has arrived, look at it where it lies, commit. Its chunks go back to the kernel.
        let batch = rx.seek(BATCH as u32);
        let arrived = batch.len();
        for packet in batch.iter() {
            let number = number_of(packet);
            wrong += u64::from(number != Some(next));
            next = number.unwrap_or(next) + 1;
        }
        batch.commit();
        received += u64::from(arrived);
        bar.inc(arrived.into());

        if handed_over == 0 && arrived == 0 && !rx.wait(Duration::from_secs(1))? {
            break; // what is on its way for a second will not come any more
        }
    }
    bar.finish_and_clear();
    tx.flush(Duration::from_secs(1))?;

    let is_sound = Summary::new("hello", &run, received)
        .half("sender", &tx)?
        .half("receiver", &rx)?
        .umem("sender", &tx_umem)
        .umem("receiver", &rx_umem)
        .print(args.json)?;
    let (all, arrived) = (HumanCount(args.packets), HumanCount(received));
    ensure!(!run.is_interrupted(), "interrupted when {arrived} of {all} packets had arrived");
    ensure!(received == args.packets, "only {arrived} of {all} packets arrived");
    ensure!(wrong == 0, "{} packets were damaged or out of order", HumanCount(wrong));
    if is_sound {
        xdp_examples::say(&format!("{arrived} of {all} packets arrived, whole and in order"));
    }
    Ok(is_sound)
}

/// A progress bar; it shows on a terminal only.
fn progress(packets: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} packets");
    ProgressBar::new(packets).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
