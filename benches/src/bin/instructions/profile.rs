//! Counting: the run that callgrind watches, and its profiles.
//!
//! Callgrind counts only inside the functions of `xdp_benches::measured` (`--toggle-collect`), and starts a new
//! profile whenever [`end_of_part`] is called (`--dump-before`). Each case is two parts: laps that warm it up, and
//! laps that count.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::io;
use std::path::Path;

use xdp_benches::{BATCHES, ROUND, Subject, groups};

/// Rounds of a part: two laps of the rings, so that the wrap is counted as often as it comes.
const ROUNDS: u32 = 8;

/// Entries that go through a part.
const ENTRIES: u32 = ROUNDS * ROUND;

/// The instructions of one case.
#[derive(Debug, Clone)]
pub(crate) struct Count {
    pub(crate) group: &'static str,
    pub(crate) implementation: &'static str,
    pub(crate) batch: u32,
    profile: Profile,
}

impl Count {
    /// Instructions an entry.
    pub(crate) fn each(&self) -> f64 {
        self.per_entry(self.profile.total)
    }

    /// How often an instruction of the program ran, per entry.
    pub(crate) fn runs(&self, address: u64) -> f64 {
        self.per_entry(self.profile.runs.get(&address).copied().unwrap_or(0))
    }

    /// Whether an instruction of the program in this range of addresses ran.
    pub(crate) fn has_run(&self, addresses: std::ops::Range<u64>) -> bool {
        self.profile.runs.range(addresses).next().is_some()
    }

    fn per_entry(&self, times: u64) -> f64 {
        times as f64 / f64::from(ENTRIES)
    }
}

/// Runs every case.
pub(crate) fn run() {
    for group in groups() {
        for implementation in &group.by {
            let mut subject = implementation.make();
            for batch in BATCHES {
                part(&mut *subject, batch);
                part(&mut *subject, batch);
            }
        }
    }
}

fn part(subject: &mut dyn Subject, batch: u32) {
    for _ in 0..ROUNDS {
        subject.prepare();
        subject.round(batch);
    }
    end_of_part();
}

#[inline(never)]
fn end_of_part() {
    black_box(());
}

/// Reads the profiles `out.1`, `out.2` and so on, in the order in which [`run`] made them.
pub(crate) fn read(directory: &Path) -> io::Result<Vec<Count>> {
    let mut counts = Vec::new();
    for group in groups() {
        for implementation in &group.by {
            for batch in BATCHES {
                let path = directory.join(format!("out.{}", 2 * (counts.len() + 1)));
                let profile = Profile::read(&path)?;
                counts.push(Count { group: group.name, implementation: implementation.name, batch, profile });
            }
        }
    }
    Ok(counts)
}

/// What callgrind has written of one part.
#[derive(Debug, Clone, Default)]
struct Profile {
    /// Instructions, of libraries too.
    total: u64,
    /// How often each instruction of the program itself ran, by its address in the file.
    runs: BTreeMap<u64, u64>,
}

impl Profile {
    /// Reads a profile with uncompressed names and positions, one line an instruction (`address line count`).
    fn read(path: &Path) -> io::Result<Self> {
        let mut profile = Self::default();
        let (mut is_program, mut is_callee) = (false, false);
        for line in std::fs::read_to_string(path)?.lines() {
            if let Some(object) = line.strip_prefix("ob=") {
                is_program = object.ends_with("/instructions");
            } else if line.starts_with("calls=") {
                // The next line is what the callee cost, which is counted where it stands.
                is_callee = true;
            } else if line.starts_with("0x") && !std::mem::take(&mut is_callee) {
                let Some((address, runs)) = Self::instruction(line) else {
                    return Err(io::Error::other(format!(
                        "cannot understand {line:?} of {}",
                        path.display()
                    )));
                };
                profile.total += runs;
                if is_program {
                    *profile.runs.entry(address).or_default() += runs;
                }
            }
        }
        if profile.runs.is_empty() {
            return Err(io::Error::other(format!(
                "{} counts nothing: is the program stripped?",
                path.display()
            )));
        }
        Ok(profile)
    }

    fn instruction(line: &str) -> Option<(u64, u64)> {
        let mut words = line.split(' ');
        let address = u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok()?;
        let runs = words.nth(1)?.parse().ok()?;
        Some((address, runs))
    }
}
