//! Exact instructions an entry, of every case, and what is held to a bar. `benches/instructions.sh` calls this twice:
//! once under callgrind, once to report.

#![forbid(unsafe_code)]

mod listing;
mod locked;
mod profile;
mod table;
mod verdict;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use listing::Listing;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["run"] => {
            profile::run();
            Ok(ExitCode::SUCCESS)
        }
        ["report", profiles, listing] => report(Path::new(profiles), Path::new(listing)),
        _ => {
            eprintln!(
                "usage: benches/instructions.sh (it runs this program under callgrind, then for the report)"
            );
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Prints the tables; fails if a bar is missed, and says which on standard error, too.
fn report(profiles: &Path, listing: &Path) -> Result<ExitCode, Box<dyn Error>> {
    let counts = profile::read(profiles)?;
    let listing = std::fs::read_to_string(listing)?;
    let listing = Listing::parse(&listing);
    table::print(&counts);
    let mut missed = verdict::print(&counts);
    missed.extend(locked::print(&counts, &listing));
    for miss in &missed {
        eprintln!("MISSED: {miss}");
    }
    Ok(if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
