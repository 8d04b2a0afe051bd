//! Misconfigurations, each set up for real on veth pairs in private namespaces: each has its own finding or error, and
//! the remedy stands in the text.
#![cfg(feature = "lab")]

mod capabilities;
mod flow;
mod link;
mod machine;
mod mode;
mod programs;
mod queues;
mod sizes;
mod upper;

use std::process::Command;
use std::time::Duration;

use xdp::diagnosis::Config;
use xdp::lab::{Entered, Lab};
use xdp::{ChunkSize, Finding, FindingKind, Mode, QueueId, Receive, Rx, Socket, Tx, Umem};

/// Longer than anything takes on a busy machine; only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(30);

const QUEUE: QueueId = QueueId(0);

/// The lab of a test, or none if it cannot run here.
fn lab(test: &str) -> Option<Lab> {
    xdp::lab::require(test).then(|| Lab::new().unwrap())
}

fn enter(lab: &Lab) -> (Entered<'_>, String, String) {
    let pair = lab.pair(0);
    (lab.enter().unwrap(), pair.a().name().to_owned(), pair.b().name().to_owned())
}

fn umem(chunks: u32) -> Umem {
    Umem::builder().chunks(chunks).chunk_size(ChunkSize::K2).build().unwrap()
}

fn receiver(umem: &Umem, interface: &str) -> Rx {
    Socket::builder(umem).receive(Receive::Everything).mode(Mode::Copy).bind_rx(interface, QUEUE).unwrap()
}

fn sender(umem: &Umem, interface: &str) -> Tx {
    Socket::builder(umem).mode(Mode::Copy).bind_tx(interface, QUEUE).unwrap()
}

/// Settings of a small socket that nothing is wrong with on a veth.
fn config() -> Config {
    let mut config = Config::new(QUEUE);
    config.mode = Mode::Copy;
    config
}

/// Sends packets of one length and waits until all are on the other side.
fn send(tx: &mut Tx, packets: u32, len: usize) {
    let mut left = packets;
    while left > 0 {
        let mut batch = tx.seek(left.min(64));
        for i in 0..batch.len() {
            batch.peek(i, len).unwrap().fill(0x5a);
        }
        left -= batch.commit();
        tx.kick().unwrap();
    }
    tx.flush(PATIENCE).unwrap();
}

/// The finding of a kind, which must be there, say why, and name all these remedies.
fn expect_finding(
    findings: &[Finding],
    is_wanted: impl Fn(&FindingKind) -> bool,
    (kind, remedies): (&str, &[&str]),
) -> Finding {
    let found = findings.iter().find(|finding| is_wanted(finding.kind()));
    let finding = found.unwrap_or_else(|| panic!("no {kind} in {findings:#?}"));
    let all = finding.remedies().join("\n");
    for remedy in remedies {
        assert!(all.contains(remedy), "{remedy:?} is no remedy of: {finding}");
    }
    assert!(!finding.summary().is_empty() && !finding.reason().is_empty(), "{finding:?}");
    finding.clone()
}

/// The finding of a kind, which must be there and name all these remedies.
macro_rules! find {
    ($findings:expr, $kind:pat $(if $guard:expr)?, $($remedy:expr),+ $(,)?) => {
        crate::expect_finding(
            $findings,
            |kind| matches!(kind, $kind $(if $guard)?),
            (stringify!($kind), &[$($remedy),+]),
        )
    };
}

/// No finding of that kind may be there.
macro_rules! find_none {
    ($findings:expr, $kind:pat) => {
        let found = $findings.iter().any(|finding| matches!(finding.kind(), $kind));
        assert!(!found, "{} is found", stringify!($kind));
    };
}

pub(crate) use {find, find_none};

/// Whether a tool is installed; says so if not, and fails where nothing may be missing.
fn has_tool(tool: &str, test: &str) -> bool {
    let is_there = Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success())
        || Command::new(tool).arg("-V").output().is_ok_and(|output| output.status.success());
    if !is_there {
        let required = std::env::var_os("XDP_TEST_REQUIRE").is_some_and(|value| value == "1");
        assert!(!required, "{test} must run, as XDP_TEST_REQUIRE=1 says, and there is no {tool}");
        eprintln!("SKIPPED {test}: there is no {tool}");
    }
    is_there
}

/// Runs a command in the namespace of this thread; whether it succeeded.
fn run(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let output = Command::new(words.next().unwrap()).args(words).output().unwrap();
    if !output.status.success() {
        eprintln!("{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
    output.status.success()
}
