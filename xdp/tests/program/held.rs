//! A child process that holds a program, until it is killed.

use std::env;
use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::no_forks;

/// The child's side: says that it holds the program, and ends when it is killed, or when the parent is gone and with it
/// the other end of the pipe.
pub(super) fn hold(program: u32) {
    println!("\nheld {program}");
    let _ = io::stdin().lines().next();
}

/// The parent's side.
pub(super) struct Holder {
    child: Child,
    /// The id of the program that it holds; none if it did not come so far.
    pub(super) program: Option<u32>,
}

impl Holder {
    /// Runs a test of this binary again in a child, with a variable set, and waits until it holds a program. The child
    /// is forked from this thread, so it starts in its namespaces.
    pub(super) fn start(test: &str, variable: &str, value: &str) -> Self {
        let alone = no_forks();
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(variable, value)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        drop(alone);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let program = lines.filter_map(|line| line.strip_prefix("held ")?.parse().ok()).next();
        Self { child, program }
    }

    pub(super) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
