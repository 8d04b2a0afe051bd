//! The time of every case: ours and what is by hand take turns, round by round, in one process, so that a machine
//! that changes its speed changes it for both. `benches/report.sh` calls this, pinned to a processor.

#![forbid(unsafe_code)]

mod contest;
mod counted;

use std::process::ExitCode;

use xdp_benches::{BARS, BATCHES, Bar};

use contest::Contest;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            print();
            ExitCode::SUCCESS
        }
        ["counted", group, implementation, batch, control, acknowledge] => {
            match counted::run(group, implementation, batch, (control, acknowledge)) {
                Ok(entries) => {
                    println!("{entries}");
                    ExitCode::SUCCESS
                }
                Err(error) => {
                    eprintln!("{error}");
                    ExitCode::FAILURE
                }
            }
        }
        _ => {
            eprintln!("usage: benches/report.sh (it runs this program)");
            ExitCode::FAILURE
        }
    }
}

/// Prints every group that has a time by itself, and ours beside the bars.
fn print() {
    let overhead = contest::clock_overhead();
    println!(
        "Nanoseconds per descriptor: floor / slice / **ours** (ours : floor, ours : slice); medians of {} rounds in \
         turn, the played kernel's moves included.\n",
        contest::ROUNDS
    );
    println!("| operation |{}", BATCHES.map(|batch| format!(" batch {batch} |")).concat());
    println!("|---|{}", "---|".repeat(BATCHES.len()));
    let mut outcomes = Vec::new();
    for group in xdp_benches::groups().iter().filter(|group| group.is_timed) {
        let mut contest = Contest::of(group, overhead);
        let held = BATCHES.map(|batch| contest.hold(batch));
        println!(
            "| {} |{}",
            group.name,
            held.iter().map(|outcome| format!(" {outcome} |")).collect::<String>()
        );
        outcomes.extend(held.map(|outcome| (group.name, outcome)));
    }
    println!("\nThe bars, in time; not held, since the machine has a say:\n");
    println!("| operation | batch | ratio | bar | | for information |");
    println!("|---|---|---|---|---|---|");
    for Bar { group, batch, hand, most, .. } in BARS {
        let held = outcomes.iter().find(|(name, outcome)| *name == group && outcome.batch() == batch);
        let ratio = held.and_then(|(_, outcome)| outcome.ratio(hand)).unwrap_or(f64::NAN);
        let verdict = if ratio <= most { "good" } else { "missed" };
        let careful = held.and_then(|(_, outcome)| outcome.ratio("careful"));
        let info = careful.map_or_else(String::new, |ratio| format!("{ratio:.2} x careful"));
        println!("| {group} | {batch} | {ratio:.2} x {hand} | {most:.1} | {verdict} | {info} |");
    }
    println!();
}
