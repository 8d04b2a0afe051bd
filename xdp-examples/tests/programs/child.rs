//! A program that a test has started.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// How long a program may be silent. They say something every second.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running program. It is killed if the test ends before it does.
pub(crate) struct Child {
    name: &'static str,
    process: std::process::Child,
    stderr: Receiver<String>,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit code; none if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    /// What was not read before.
    pub(crate) stderr: Vec<String>,
}

/// The path of a program.
pub(crate) fn path(name: &str) -> &'static str {
    match name {
        "hello" => env!("CARGO_BIN_EXE_hello"),
        "rxdrop" => env!("CARGO_BIN_EXE_rxdrop"),
        "txonly" => env!("CARGO_BIN_EXE_txonly"),
        "l2fwd" => env!("CARGO_BIN_EXE_l2fwd"),
        other => panic!("there is no program {other}"),
    }
}

impl Child {
    /// Starts a program in the network namespace of the calling thread.
    pub(crate) fn start(name: &'static str, arguments: &[&str]) -> Self {
        Self::spawn(name, Command::new(path(name)).args(arguments))
    }

    /// Starts a program that somebody has prepared.
    pub(crate) fn spawn(name: &'static str, command: &mut Command) -> Self {
        let mut process =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let (sender, stderr) = channel();
        // Ends with the program, whose end of the pipe it reads.
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { name, process, stderr }
    }

    /// The next line that the program says on standard error.
    pub(crate) fn line(&self) -> String {
        self.stderr.recv_timeout(PATIENCE).unwrap_or_else(|why| panic!("{} says nothing: {why}", self.name))
    }

    /// Waits for the next line per second: the program is at work then. Returns the packets that it tells.
    pub(crate) fn packets_so_far(&self) -> u64 {
        loop {
            let line = self.line();
            if let Some((_, count)) =
                line.strip_suffix(" packets").and_then(|line| line.split_once("packets/s"))
            {
                return count.trim().replace(',', "").parse().unwrap();
            }
        }
    }

    /// Sends a signal to this process and no other.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }

    /// Resident memory, in KiB.
    pub(crate) fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Ended {
        let mut stderr = Vec::new();
        loop {
            match self.stderr.recv_timeout(PATIENCE) {
                Ok(line) => stderr.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("{} does not end", self.name),
            }
        }
        let code = self.process.wait().unwrap().code();
        let mut stdout = String::new();
        self.process.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        Ended { code, stdout, stderr }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Both fail if it has ended, which is well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Ended {
    /// The JSON object of a program that ended well, after a look at its accounting.
    pub(crate) fn sound_summary(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        let summary: Value = serde_json::from_str(&self.stdout).unwrap();
        assert_eq!(summary["lost_chunks"], 0, "{summary}");
        assert_eq!(summary["balanced"], true, "{summary}");
        for umem in summary["umems"].as_array().unwrap() {
            let places = ["pool", "hands", "fill", "rx", "tx", "completion", "stranded"];
            let sum: u64 = places.iter().map(|place| umem[place].as_u64().unwrap()).sum();
            assert_eq!(sum, umem["chunks"].as_u64().unwrap(), "{umem}");
        }
        summary
    }
}
