//! What the programs of this package share, so that each of them shows the library and little else.
//!
//! - [`args`]: the options that all programs have, and what they say of UMEM and socket.
//! - [`place`]: the interface that the user names, or a lab of one's own.
//! - [`packet`]: the packets that are sent, and how one that arrives is checked.
//! - [`traffic`]: who sends or answers at the other end of the lab.
//! - [`run`]: for how long: Ctrl-C, the duration, and a line per second meanwhile.
//! - [`summary`]: the table or JSON object at the end, with the chunk accounting.
//! - [`doctor`]: what the program `doctor` finds out about the machine.

#![forbid(unsafe_code)]

pub mod args;
pub mod doctor;
pub mod packet;
pub mod place;
pub mod run;
pub mod summary;
pub mod traffic;

use std::io::{self, Write};
use std::process::ExitCode;

/// Runs a program: exit code 0 only if it says that all is well; an error becomes one line on standard error.
pub fn main(program: &str, work: impl FnOnce() -> anyhow::Result<bool>) -> ExitCode {
    match work() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("{program}: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Writes a line to standard error, which may be closed already: the reader of a pipe that went away is no reason to
/// fail.
pub fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
