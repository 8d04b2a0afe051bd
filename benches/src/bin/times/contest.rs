//! The implementations of one group against each other.

use std::fmt;
use std::time::{Duration, Instant};

use xdp_benches::{Group, ROUND, Subject};

/// Rounds that count, of each implementation at each batch.
pub(crate) const ROUNDS: usize = 4001;

/// Rounds before them.
const WARM_UP: usize = 200;

/// The implementations of one group, each on its bed.
pub(crate) struct Contest {
    names: Vec<&'static str>,
    subjects: Vec<Box<dyn Subject>>,
    overhead: Duration,
}

/// What a contest at one batch has shown.
#[derive(Debug)]
pub(crate) struct Outcome {
    batch: u32,
    /// Name, median time of an entry in nanoseconds, median of the ratios of ours to it.
    each: Vec<(&'static str, f64, f64)>,
}

/// What two readings of the clock with nothing in between differ by.
pub(crate) fn clock_overhead() -> Duration {
    let mut times: Vec<Duration> = (0..1001).map(|_| Instant::now().elapsed()).collect();
    times.sort_unstable();
    times[times.len() / 2]
}

impl Contest {
    /// Fresh beds for all implementations of a group.
    pub(crate) fn of(group: &Group, overhead: Duration) -> Self {
        let names = group.by.iter().map(|implementation| implementation.name).collect();
        let subjects = group.by.iter().map(|implementation| implementation.make()).collect();
        Self { names, subjects, overhead }
    }

    /// Takes the time of all in turn; who begins changes.
    pub(crate) fn hold(&mut self, batch: u32) -> Outcome {
        let count = self.subjects.len();
        let mut times = vec![Vec::with_capacity(ROUNDS); count];
        for round in 0..WARM_UP + ROUNDS {
            for i in (0..count).map(|i| (i + round) % count) {
                let time = self.time(i, batch);
                if round >= WARM_UP {
                    times[i].push(time);
                }
            }
        }
        let ours = times.last().cloned().unwrap_or_default();
        let each = self.names.iter().zip(times).map(|(name, times)| {
            let ratios = ours.iter().zip(&times).map(|(ours, time)| ours / time).collect();
            (*name, median(times), median(ratios))
        });
        Outcome { batch, each: each.collect() }
    }

    /// Nanoseconds an entry, of one round or of several at once.
    fn time(&mut self, i: usize, batch: u32) -> f64 {
        let subject = &mut self.subjects[i];
        let rounds = subject.rounds_at_once();
        subject.prepare();
        let start = Instant::now();
        for _ in 0..rounds {
            subject.round(batch);
        }
        let time = start.elapsed().saturating_sub(self.overhead).max(Duration::from_nanos(1));
        time.as_nanos() as f64 / f64::from(rounds * ROUND)
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

impl Outcome {
    /// Entries a batch.
    pub(crate) fn batch(&self) -> u32 {
        self.batch
    }

    /// What ours takes, as a multiple of what `name` takes.
    pub(crate) fn ratio(&self, name: &str) -> Option<f64> {
        self.each.iter().find(|each| each.0 == name).map(|each| each.2)
    }

    fn time(&self, name: &str) -> Option<f64> {
        self.each.iter().find(|each| each.0 == name).map(|each| each.1)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |number: Option<f64>| number.map_or("-".to_owned(), |number| format!("{number:.2}"));
        let [floor, slice, ours] = ["floor", "slice", "ours"].map(|name| number(self.time(name)));
        let [to_floor, to_slice] = ["floor", "slice"].map(|name| number(self.ratio(name)));
        write!(f, "{floor} / {slice} / **{ours}** ({to_floor}, {to_slice})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_value_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert!(median(Vec::new()).is_nan());
    }
}
