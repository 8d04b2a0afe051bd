//! Rounds of one case for `perf stat`, which counts only while a round runs: it is told so through two named pipes
//! (`--control fifo:CONTROL,ACKNOWLEDGE`).

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};

use xdp_benches::{ROUND, groups};

/// Rounds that count.
const ROUNDS: u32 = 200;

/// Rounds before them.
const WARM_UP: u32 = 100;

/// Runs rounds of a case, or empty ones if the implementation is `nobody`: what counting costs by itself. Returns the
/// entries that were counted.
pub(crate) fn run(
    group: &str,
    implementation: &str,
    batch: &str,
    pipes: (&str, &str),
) -> Result<u32, Box<dyn Error>> {
    let batch: u32 = batch.parse()?;
    let groups = groups();
    let group = groups.iter().find(|one| one.name == group).ok_or("no such group")?;
    let mut subject = match group.by.iter().find(|one| one.name == implementation) {
        Some(implementation) => Some(implementation.make()),
        None if implementation == "nobody" => None,
        None => return Err("no such implementation".into()),
    };
    let mut perf = Perf::open(pipes)?;
    for round in 0..WARM_UP + ROUNDS {
        if let Some(subject) = &mut subject {
            subject.prepare();
        }
        if round >= WARM_UP {
            perf.tell("enable")?;
        }
        if let Some(subject) = &mut subject {
            subject.round(batch);
        }
        if round >= WARM_UP {
            perf.tell("disable")?;
        }
    }
    Ok(ROUNDS * ROUND)
}

/// The `perf stat` that this program runs under.
#[derive(Debug)]
struct Perf {
    control: File,
    acknowledge: BufReader<File>,
}

impl Perf {
    fn open((control, acknowledge): (&str, &str)) -> std::io::Result<Self> {
        let control = OpenOptions::new().write(true).open(control)?;
        Ok(Self { control, acknowledge: BufReader::new(File::open(acknowledge)?) })
    }

    /// Gives an order and waits until it is carried out.
    fn tell(&mut self, order: &str) -> std::io::Result<()> {
        writeln!(self.control, "{order}")?;
        let mut answer = String::new();
        self.acknowledge.read_line(&mut answer)?;
        if answer.contains("ack") { Ok(()) } else { Err(std::io::Error::other("perf does not answer")) }
    }
}
