//! A finding as it is printed.

use serde::Serialize;
use xdp::Finding;

/// A finding as it is printed.
#[derive(Debug, Serialize)]
pub struct FindingReport {
    /// The name of the cause.
    pub kind: String,
    /// `blocks`, `hinders` or `note`.
    pub severity: String,
    /// What is so.
    pub summary: String,
    /// Why it matters.
    pub reason: String,
    /// What to do, each by itself.
    pub remedies: Vec<String>,
}

impl FindingReport {
    /// Says a finding.
    pub fn of(finding: &Finding) -> Self {
        // The name of the variant, which is what stands before its facts.
        let kind = format!("{:?}", finding.kind());
        let end = kind.find(|c: char| !c.is_alphanumeric()).unwrap_or(kind.len());
        Self {
            kind: kind[..end].to_owned(),
            severity: finding.severity().to_string(),
            summary: finding.summary().to_owned(),
            reason: finding.reason().to_owned(),
            remedies: finding.remedies().to_vec(),
        }
    }
}
