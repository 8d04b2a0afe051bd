//! What `doctor` finds out, and how it says it.
//!
//! - [`machine`]: kernel, privileges, limits.
//! - [`interface`]: one interface.
//! - [`finding`]: what is in the way.
//! - `text`: all of it for people.

pub mod finding;
pub mod interface;
pub mod machine;
mod text;

use serde::Serialize;
use xdp::diagnosis::{Capability, Machine};
use xdp::{FindingKind, Interface};

use finding::FindingReport;
use interface::InterfaceReport;
use machine::MachineReport;

/// All that was found out.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Kernel, privileges, limits.
    pub machine: MachineReport,
    /// What is in the way on every interface.
    pub findings: Vec<FindingReport>,
    /// The interfaces of this network namespace, or the one that was named.
    pub interfaces: Vec<InterfaceReport>,
    /// What could not be seen, and why.
    pub unseen: Vec<String>,
}

impl Report {
    /// Looks at all interfaces, or at one.
    pub fn look(interface: Option<&str>) -> anyhow::Result<Self> {
        let interfaces = match interface {
            Some(name) => vec![Interface::by_name(name)?],
            None => Interface::all()?,
        };
        let mut findings = Vec::new();
        let default_route = Interface::default_route().ok().flatten().map(|route| route.index());
        let mut reports = Vec::new();
        for interface in &interfaces {
            let mut report = InterfaceReport::look(interface);
            report.has_default_route = default_route == Some(interface.index());
            let (everywhere, here): (Vec<_>, Vec<_>) = interface::diagnose(interface)
                .into_findings()
                .into_iter()
                .partition(|finding| is_of_the_machine(finding.kind()));
            report.take_program_names(&here);
            report.findings = here.iter().map(FindingReport::of).collect();
            if findings.is_empty() {
                findings = everywhere.iter().map(FindingReport::of).collect();
            }
            reports.push(report);
        }
        let unseen = unseen(&Machine::look());
        Ok(Self { machine: MachineReport::look(), findings, interfaces: reports, unseen })
    }
}

/// Whether a finding is about the machine or the thread, whatever the interface.
fn is_of_the_machine(kind: &FindingKind) -> bool {
    matches!(
        kind,
        FindingKind::NoAfXdp
            | FindingKind::MissingCapability { .. }
            | FindingKind::UserNamespace { .. }
            | FindingKind::LockedMemory { .. }
            | FindingKind::HugePages { .. }
    )
}

/// What a thread with these privileges cannot see.
fn unseen(machine: &Machine) -> Vec<String> {
    let mut unseen = Vec::new();
    for (capability, what) in [
        (Capability::NetRaw, "which features of AF_XDP the kernel has: asking takes a socket"),
        (Capability::SysAdmin, "the names of attached programs: the kernel tells ids only"),
        (Capability::NetAdmin, "some settings that drivers show to administrators only"),
    ] {
        if machine.holds(capability) == Some(false) {
            unseen.push(format!("{what} (needs {capability})"));
        }
    }
    unseen
}
