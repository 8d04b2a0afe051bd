//! Runs the models for as long as you like: `long-run [--steps N] [--seed S] [subject...]`.
//!
//! Every rig has its own seed, derived from the run's. A failure is cut down to the fewest words that still fail and
//! printed so that it can become a test.

use std::cell::Cell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use xdp_models::{SUBJECTS, Subject, splitmix};

const USAGE: &str = "usage: long-run [--steps N] [--seed S] [subject...]";

thread_local! {
    /// Panics are expected while a failure is cut down.
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

struct Options {
    steps: u64,
    seed: u64,
    subjects: Vec<&'static Subject>,
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos() as u64);
        let mut options = Self { steps: 10_000_000, seed: now, subjects: Vec::new() };
        while let Some(arg) = args.next() {
            let mut number = || {
                let digits = args.next().unwrap_or_default().replace('_', "");
                let parsed = match digits.strip_prefix("0x") {
                    Some(hex) => u64::from_str_radix(hex, 16),
                    None => digits.parse(),
                };
                parsed.map_err(|cause| format!("{arg} wants a number: {cause}"))
            };
            match arg.as_str() {
                "--steps" => options.steps = number()?,
                "--seed" => options.seed = number()?,
                name => match SUBJECTS.iter().find(|subject| subject.name == name) {
                    Some(subject) => options.subjects.push(subject),
                    None => {
                        let names: Vec<&str> = SUBJECTS.iter().map(|subject| subject.name).collect();
                        return Err(format!("no subject {name}; there are: {}", names.join(" ")));
                    }
                },
            }
        }
        if options.subjects.is_empty() {
            options.subjects = SUBJECTS.iter().collect();
        }
        Ok(options)
    }
}

/// The words of rig number `rig` of a subject: some hundreds to thousands of steps.
fn words_of_rig(seed: u64, subject: &Subject, rig: u64) -> Vec<u64> {
    let mut hasher = DefaultHasher::new();
    (seed, subject.name, rig).hash(&mut hasher);
    let mut seed = hasher.finish();
    let len = 1 + (200 << (splitmix(&mut seed) % 5));
    (0..len).map(|_| splitmix(&mut seed)).collect()
}

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !IS_QUIET.get() {
            print(info);
        }
    }));
    println!("seed {:#x}, {} steps a subject", options.seed, options.steps);
    let failed = options.subjects.iter().filter(|subject| !run(subject, &options)).count();
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs one subject; whether it held.
fn run(subject: &Subject, options: &Options) -> bool {
    print!("{:16}", subject.name);
    std::io::stdout().flush().ok();
    let (begin, mut steps, mut rigs) = (Instant::now(), 0, 0);
    while steps < options.steps {
        let words = words_of_rig(options.seed, subject, rigs);
        let caught = panic::catch_unwind(AssertUnwindSafe(|| (subject.model)(&words)));
        if caught.is_err() {
            report(subject, options.seed, rigs, words);
            return false;
        }
        steps += words.len() as u64 - 1;
        rigs += 1;
    }
    let took = begin.elapsed();
    println!(
        "{steps:>10} steps {rigs:>6} rigs {:>7.1} s {:>6.0} ns a step",
        took.as_secs_f64(),
        nanos(took, steps)
    );
    true
}

fn nanos(took: Duration, steps: u64) -> f64 {
    took.as_nanos() as f64 / steps.max(1) as f64
}

/// Cuts a failure down and prints it as the body of a test.
fn report(subject: &Subject, seed: u64, rig: u64, words: Vec<u64>) {
    let all = words.len();
    let least = shrink(subject, words);
    println!(
        "FAILED: --seed {seed:#x} {}, rig {rig}; of {all} words these {} fail:",
        subject.name,
        least.len()
    );
    let hex: Vec<String> = least.iter().map(|word| format!("{word:#x}")).collect();
    println!("    [{}]", hex.join(", "));
    IS_QUIET.set(false);
    let _ = panic::catch_unwind(AssertUnwindSafe(|| (subject.model)(&least)));
}

/// Leaves out words, and clears their upper parts, as long as the rest still fails.
fn shrink(subject: &Subject, mut words: Vec<u64>) -> Vec<u64> {
    IS_QUIET.set(true);
    let fails = |words: &[u64]| panic::catch_unwind(AssertUnwindSafe(|| (subject.model)(words))).is_err();
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut lump = words.len() / 2;
    while lump > 0 && Instant::now() < deadline {
        let (mut at, before) = (1, words.len());
        while at < words.len() && Instant::now() < deadline {
            let mut fewer = words.clone();
            fewer.drain(at..(at + lump).min(words.len()));
            if fails(&fewer) { words = fewer } else { at += lump }
        }
        lump = if lump == 1 && words.len() < before { 1 } else { lump / 2 };
    }
    for i in 0..words.len() {
        for bits in (1..64).rev() {
            let mut smaller = words.clone();
            smaller[i] &= (1 << bits) - 1;
            if smaller[i] != words[i] && Instant::now() < deadline && fails(&smaller) {
                words = smaller;
            }
        }
    }
    words
}
