//! What this machine can do for AF_XDP, and what is in the way.

#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use xdp_examples::doctor::Report;

/// Says what this machine can do for AF_XDP: kernel, privileges and limits, and for each interface its driver, queues,
/// modes, offloads, attached programs and sockets, and what is in the way, with what to do about it.
///
/// It changes nothing and sends nothing. Without privileges it says what it could not see, and why. It looks at the
/// network namespace that it runs in.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Look at this interface only.
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    xdp_examples::main("doctor", doctor)
}

fn doctor() -> anyhow::Result<bool> {
    let args = Args::parse();
    let report = Report::look(args.interface.as_deref())?;
    let text = if args.json { serde_json::to_string_pretty(&report)? } else { report.to_string() };
    // Whoever reads may have seen enough: a closed pipe is no fault.
    let _ = writeln!(io::stdout(), "{text}");
    Ok(true)
}
