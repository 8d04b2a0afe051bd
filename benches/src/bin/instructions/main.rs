//! Exact instructions an entry, of every case. `benches/instructions.sh` calls this twice: once under callgrind, once
//! to report.

#![forbid(unsafe_code)]

mod bar;
mod listing;
mod profile;
mod table;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

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

/// Prints the tables; fails if the rings are above a bar or use a locked instruction.
fn report(profiles: &Path, listing: &Path) -> Result<ExitCode, Box<dyn Error>> {
    let counts = profile::read(profiles)?;
    table::print(&counts);
    let mut is_good = bar::print(&counts);
    is_good &= listing::print(&counts, &std::fs::read_to_string(listing)?);
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
