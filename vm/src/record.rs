//! What happened in one machine: written by the guest on a serial line, read by who makes the table.
//!
//! ```text
//! kernel 6.1.0-50-cloud-amd64
//! test socket journey::packets_arrive_in_order_in_driver_mode
//! | a line of what a test printed that did not pass
//! failed 1.02
//! end
//! ```

use std::fmt;

use anyhow::{Context, bail};

/// What came of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It passed.
    Passed,
    /// It failed, or the kernel complained while it ran.
    Failed,
    /// It did not end in time.
    TimedOut,
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Passed, Self::Failed, Self::TimedOut];
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::TimedOut => "timed-out",
        })
    }
}

/// The name of a test.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TestName {
    /// The test binary, by the name of its target.
    pub binary: String,
    /// The path inside it, as the test harness prints it.
    pub path: String,
}

impl fmt::Display for TestName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.binary, self.path)
    }
}

/// One test of one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Result {
    /// Which test.
    pub test: TestName,
    /// What came of it; none if the machine ended meanwhile.
    pub outcome: Option<Outcome>,
    /// What it printed, where it did not pass.
    pub output: Vec<String>,
}

/// What happened in one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The release of its kernel, as `uname -r` prints it.
    pub release: String,
    /// Each test that was begun.
    pub results: Vec<Result>,
    /// Whether the machine came to its end: a kernel that crashes does not.
    pub is_whole: bool,
}

impl Record {
    /// Reads what a guest wrote.
    ///
    /// # Errors
    ///
    /// The text begins with no kernel, or a line makes no sense.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let mut lines = text.lines().map(|line| line.trim_end_matches('\r'));
        let release = lines.next().and_then(|line| line.strip_prefix("kernel "));
        let release = release.context("the machine did not come as far as to name its kernel")?.to_owned();
        let mut record = Self { release, results: Vec::new(), is_whole: false };
        for line in lines {
            record.read(line).with_context(|| format!("line {line:?} of the record"))?;
        }
        Ok(record)
    }

    fn read(&mut self, line: &str) -> anyhow::Result<()> {
        if line == "end" {
            self.is_whole = true;
            return Ok(());
        }
        if let Some(name) = line.strip_prefix("test ") {
            let (binary, path) = name.split_once(' ').context("no binary and path")?;
            let test = TestName { binary: binary.to_owned(), path: path.to_owned() };
            self.results.push(Result { test, outcome: None, output: Vec::new() });
            return Ok(());
        }
        let test = self.results.last_mut().filter(|test| test.outcome.is_none()).context("no test runs")?;
        if let Some(output) = line.strip_prefix('|') {
            test.output.push(output.strip_prefix(' ').unwrap_or(output).to_owned());
            return Ok(());
        }
        let word = line.split(' ').next().unwrap_or_default();
        let outcome = Outcome::ALL.into_iter().find(|outcome| outcome.to_string() == word);
        if outcome.is_none() {
            bail!("neither an outcome nor output");
        }
        test.outcome = outcome;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_tells_tests_outcomes_and_output() {
        let text = "kernel 6.1.0\ntest a x::y\npassed 0.10\ntest b z\n| why\n|\nfailed 1.00\nend\n";
        let record = Record::parse(text).unwrap();
        assert_eq!((record.release.as_str(), record.is_whole), ("6.1.0", true));
        assert_eq!(record.results.len(), 2);
        assert_eq!(record.results[0].outcome, Some(Outcome::Passed));
        assert_eq!(record.results[1].test.to_string(), "b z");
        assert_eq!(record.results[1].outcome, Some(Outcome::Failed));
        assert_eq!(record.results[1].output, ["why", ""]);
    }

    #[test]
    fn a_machine_that_ended_in_a_test_leaves_it_without_an_outcome() {
        let record = Record::parse("kernel 6.1.0\r\ntest a x\r\n").unwrap();
        assert!(!record.is_whole && record.results[0].outcome.is_none());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in ["", "test a x\n", "kernel 6.1\npassed 0.1\n", "kernel 6.1\ntest a x\nmaybe\n"] {
            assert!(Record::parse(text).is_err(), "{text:?}");
        }
    }
}
