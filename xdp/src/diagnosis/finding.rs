//! One thing found out about the machine, in words and as data.

use std::fmt;

use super::FindingKind;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Good to know; packets flow.
    Note,
    /// It works, but worse than it could: packets are lost now and then, or it is slower than need be.
    Hinders,
    /// It cannot work as long as this is so.
    Blocks,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Note => "note",
            Self::Hinders => "hinders",
            Self::Blocks => "blocks",
        })
    }
}

/// One cause of trouble, or one thing worth knowing: what is so, why that matters, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    kind: FindingKind,
    severity: Severity,
    what: String,
    why: String,
    remedies: Vec<String>,
}

impl Finding {
    pub(super) fn new(severity: Severity, kind: FindingKind) -> Self {
        Self { kind, severity, what: String::new(), why: String::new(), remedies: Vec::new() }
    }

    pub(super) fn what(mut self, what: impl Into<String>) -> Self {
        self.what = visible(what.into());
        self
    }

    pub(super) fn why(mut self, why: impl Into<String>) -> Self {
        self.why = visible(why.into());
        self
    }

    /// Adds a remedy; the likeliest to be wanted comes first.
    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedies.push(visible(remedy.into()));
        self
    }

    /// The cause, with its facts.
    pub fn kind(&self) -> &FindingKind {
        &self.kind
    }

    /// How much it matters.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// What is so: half a sentence that stands alone, without a full stop.
    pub fn summary(&self) -> &str {
        &self.what
    }

    /// Why it matters.
    pub fn reason(&self) -> &str {
        &self.why
    }

    /// What to do, a command or a call each: any one of them helps, the first is what most people want.
    pub fn remedies(&self) -> &[String] {
        &self.remedies
    }

    /// What is so and the first remedy, for errors: `Display` says all.
    pub(crate) fn in_short(&self) -> String {
        match self.remedies.first() {
            Some(remedy) => format!("{}: {remedy}", self.what),
            None => self.what.clone(),
        }
    }
}

/// The text as a terminal may have it: names of interfaces, programs and processes may hold bytes that one obeys.
fn visible(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    let escaped = |c: char| if c.is_control() { c.escape_debug().to_string() } else { c.to_string() };
    text.chars().map(escaped).collect()
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { severity, what, why, remedies, .. } = self;
        write!(f, "{severity}: {what}")?;
        if !why.is_empty() {
            write!(f, " ({why})")?;
        }
        if !remedies.is_empty() {
            write!(f, ": {}", remedies.join("; or "))?;
        }
        Ok(())
    }
}

/// What was found, the worst first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diagnosis {
    findings: Vec<Finding>,
}

impl Diagnosis {
    /// Findings of one severity keep their order: the likeliest cause first.
    pub(super) fn new(mut findings: Vec<Finding>) -> Self {
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
        Self { findings }
    }

    /// All findings, the worst first.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether nothing was found that blocks or hinders.
    pub fn is_healthy(&self) -> bool {
        self.worst().is_none_or(|worst| worst == Severity::Note)
    }

    /// The worst severity; none if nothing was found.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.first().map(Finding::severity)
    }

    /// Takes the findings out.
    pub fn into_findings(self) -> Vec<Finding> {
        self.findings
    }
}

impl<'a> IntoIterator for &'a Diagnosis {
    type Item = &'a Finding;
    type IntoIter = std::slice::Iter<'a, Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.findings.iter()
    }
}

/// One line a finding.
impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.findings.is_empty() {
            return f.write_str("nothing found");
        }
        let lines: Vec<String> = self.findings.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(severity: Severity) -> Finding {
        Finding::new(severity, FindingKind::NoAfXdp).what("it is so").why("that matters")
    }

    #[test]
    fn a_finding_reads_as_a_line() {
        let line = finding(Severity::Blocks).remedy("do this").remedy("do that").to_string();
        assert_eq!(line, "blocks: it is so (that matters): do this; or do that");
        assert_eq!(finding(Severity::Note).in_short(), "it is so");
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        let finding = finding(Severity::Note).what("eth\u{1b}[2J is \"down\"").remedy("a\nb");
        assert_eq!(finding.to_string(), "note: eth\\u{1b}[2J is \"down\" (that matters): a\\nb");
    }

    #[test]
    fn the_worst_comes_first_and_equals_keep_their_order() {
        let severities = [Severity::Note, Severity::Hinders, Severity::Blocks, Severity::Hinders];
        let diagnosis = Diagnosis::new(severities.map(finding).to_vec());
        let order: Vec<_> = diagnosis.findings().iter().map(Finding::severity).collect();
        assert_eq!(order, [Severity::Blocks, Severity::Hinders, Severity::Hinders, Severity::Note]);
        assert!(!diagnosis.is_healthy());
        assert!(Diagnosis::new(vec![finding(Severity::Note)]).is_healthy());
        assert_eq!(Diagnosis::default().to_string(), "nothing found");
    }
}
