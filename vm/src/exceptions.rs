//! Which tests cannot hold where, and why: the file `exceptions`, one line each.
//!
//! ```text
//! # verdict  kernels  binary path-of-the-test : why
//! fails      <6.8     socket rebind::again    : the kernel does not tell when it has released a socket
//! skip       5.10     kernel tx_wait::short   : ...
//! ```
//!
//! A test that `fails` is run and must fail: once it passes, its line has to go. One to `skip` is not run, for it takes
//! for ever or fails by chance. Kernels are a series (`5.10`), everything before one (`<6.8`), one and everything after it
//! (`>=6.17`), or `all`; with `/igb` behind it, only in machines with those NICs. A path that ends in `*` stands for all
//! that begin so.

use std::str::FromStr;

use anyhow::{Context, bail};

use crate::record::TestName;

/// A kernel series: 6.1 is before 6.12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series(pub u32, pub u32);

impl FromStr for Series {
    type Err = anyhow::Error;

    /// Reads the first two numbers of a release or series.
    fn from_str(text: &str) -> anyhow::Result<Self> {
        let mut numbers = text.split(|c: char| !c.is_ascii_digit());
        let mut next = || numbers.next().and_then(|number| number.parse().ok());
        match (next(), next()) {
            (Some(major), Some(minor)) => Ok(Self(major, minor)),
            _ => bail!("{text:?} is no kernel version"),
        }
    }
}

/// What is known of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is run, and must fail.
    Fails,
    /// It is not run.
    Skip,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kernels {
    All,
    Before(Series),
    From(Series),
    Only(Series),
}

impl Kernels {
    fn contains(self, series: Series) -> bool {
        match self {
            Self::All => true,
            Self::Before(first) => series < first,
            Self::From(first) => series >= first,
            Self::Only(only) => series == only,
        }
    }
}

impl FromStr for Kernels {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        Ok(match text {
            "all" => Self::All,
            _ => match (text.strip_prefix(">="), text.strip_prefix('<')) {
                (Some(first), _) => Self::From(first.parse()?),
                (_, Some(first)) => Self::Before(first.parse()?),
                _ => Self::Only(text.parse()?),
            },
        })
    }
}

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// What is known of the test.
    pub verdict: Verdict,
    kernels: Kernels,
    nic: Option<String>,
    binary: String,
    path: String,
    /// Why.
    pub reason: String,
}

impl Exception {
    /// Whether the line is about this test in such a machine.
    pub fn concerns(&self, series: Series, nic: &str, test: &TestName) -> bool {
        let path_fits = match self.path.strip_suffix('*') {
            Some(start) => test.path.starts_with(start),
            None => test.path == self.path,
        };
        path_fits
            && self.binary == test.binary
            && self.kernels.contains(series)
            && self.nic.as_deref().is_none_or(|only| only == nic)
    }
}

impl FromStr for Exception {
    type Err = anyhow::Error;

    fn from_str(line: &str) -> anyhow::Result<Self> {
        let (what, reason) = line.split_once(" : ").context("no reason after \" : \"")?;
        let words: Vec<&str> = what.split_whitespace().collect();
        let &[verdict, machines, binary, path] = words.as_slice() else {
            bail!("not a verdict, kernels, a binary and a test");
        };
        let verdict = match verdict {
            "fails" => Verdict::Fails,
            "skip" => Verdict::Skip,
            _ => bail!("{verdict:?} is neither \"fails\" nor \"skip\""),
        };
        let (kernels, nic) = match machines.split_once('/') {
            Some((kernels, nic)) => (kernels, Some(nic.to_owned())),
            None => (machines, None),
        };
        Ok(Self {
            verdict,
            kernels: kernels.parse()?,
            nic,
            binary: binary.to_owned(),
            path: path.to_owned(),
            reason: reason.trim().to_owned(),
        })
    }
}

/// Reads the file.
///
/// # Errors
///
/// A line makes no sense.
pub fn parse(text: &str) -> anyhow::Result<Vec<Exception>> {
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|(number, line)| line.parse().with_context(|| format!("line {} of the exceptions", number + 1)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(binary: &str, path: &str) -> TestName {
        TestName { binary: binary.to_owned(), path: path.to_owned() }
    }

    #[test]
    fn versions_compare_by_number() {
        let series = |text: &str| text.parse::<Series>().unwrap();
        assert!(series("5.10") < series("6.1") && series("6.1") < series("6.12.107+deb13-cloud-amd64"));
        assert_eq!(series("6.18.15"), Series(6, 18));
        assert!("six".parse::<Series>().is_err());
    }

    #[test]
    fn a_line_is_about_the_kernels_the_nic_and_the_tests_that_it_names() {
        let lines =
            parse("# none\n\nfails <6.8 socket rebind::* : late\nskip 7.2/igb nic x : ever\n").unwrap();
        let [early, nic] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!((early.verdict, early.reason.as_str()), (Verdict::Fails, "late"));
        assert!(early.concerns(Series(6, 1), "none", &test("socket", "rebind::again")));
        assert!(!early.concerns(Series(6, 8), "none", &test("socket", "rebind::again")));
        assert!(!early.concerns(Series(6, 1), "none", &test("kernel", "rebind::again")));
        assert!(nic.concerns(Series(7, 2), "igb", &test("nic", "x")));
        assert!(!nic.concerns(Series(7, 2), "virtio", &test("nic", "x")));
        assert!(!nic.concerns(Series(7, 2), "igb", &test("nic", "xy")));
    }

    #[test]
    fn a_line_that_says_too_little_is_refused() {
        for line in ["fails all a b", "fails a b : why", "maybe all a b : why", "skip six a b : why"] {
            assert!(line.parse::<Exception>().is_err(), "{line}");
        }
    }
}
