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
        ["report", profiles, listing, ref known @ ..] => {
            report(Path::new(profiles), Path::new(listing), known)
        }
        _ => {
            eprintln!(
                "usage: benches/instructions.sh (it runs this program under callgrind, then for the report)"
            );
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Prints the tables; fails if a bar is missed by other groups than the `known`, and says which on standard error, too.
fn report(profiles: &Path, listing: &Path, known: &[&str]) -> Result<ExitCode, Box<dyn Error>> {
    let counts = profile::read(profiles)?;
    let listing = std::fs::read_to_string(listing)?;
    let listing = Listing::parse(&listing);
    table::print(&counts);
    let mut missed = verdict::print(&counts);
    missed.extend(locked::print(&counts, &listing));
    let is_of =
        |miss: &str, group: &str| miss.strip_prefix(group).is_some_and(|rest| rest.starts_with(" at batch"));
    let is_known = |miss: &str| known.iter().any(|group| is_of(miss, group));
    for miss in &missed {
        eprintln!("MISSED{}: {miss}", if is_known(miss) { ", as is known" } else { "" });
    }
    let is_good = missed.iter().all(|miss| is_known(miss));
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
