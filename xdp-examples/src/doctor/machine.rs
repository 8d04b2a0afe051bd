//! Kernel, privileges and limits.

use serde::Serialize;
use xdp::device::sockets;
use xdp::diagnosis::{Capability, Kernel, Machine};

/// Kernel, privileges and limits.
#[derive(Debug, Serialize)]
pub struct MachineReport {
    /// The kernel's version.
    pub kernel: String,
    /// What it can do, found out by asking.
    pub features: Vec<FeatureReport>,
    /// The privileges that AF_XDP asks for.
    pub capabilities: Vec<CapabilityReport>,
    /// Whether they are those of the initial user namespace.
    pub in_initial_user_namespace: Option<bool>,
    /// Bytes that may be locked without CAP_IPC_LOCK; none for no limit.
    pub locked_memory: Option<u64>,
    /// The same, as far as it may be raised.
    pub locked_memory_hard: Option<u64>,
    /// Huge pages of 2 MiB that are set aside.
    pub huge_pages: Option<u64>,
    /// Those of them that are free.
    pub huge_pages_free: Option<u64>,
    /// Processors.
    pub processors: u32,
    /// AF_XDP sockets of all processes; none where the kernel does not tell.
    pub sockets: Option<usize>,
}

/// A feature of the kernel.
#[derive(Debug, Serialize)]
pub struct FeatureReport {
    /// What it is.
    pub name: &'static str,
    /// The first version of Linux that has it.
    pub since: &'static str,
    /// Whether this one does; none where it could not be asked.
    pub present: Option<bool>,
}

/// A privilege.
#[derive(Debug, Serialize)]
pub struct CapabilityReport {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub needed_for: &'static str,
    /// Whether it is held; none where it is not known.
    pub held: Option<bool>,
}

impl MachineReport {
    /// Looks.
    pub fn look() -> Self {
        let (machine, kernel) = (Machine::look(), Kernel::probe());
        let features = kernel.features().iter();
        let (soft, hard) = machine.locked_memory().unwrap_or_default();
        Self {
            kernel: kernel.release().to_owned(),
            features: features
                .map(|feature| FeatureReport {
                    name: feature.name,
                    since: feature.since,
                    present: feature.present,
                })
                .collect(),
            capabilities: Capability::ALL
                .map(|capability| CapabilityReport {
                    name: capability.name(),
                    needed_for: capability.needed_for(),
                    held: machine.holds(capability),
                })
                .into(),
            in_initial_user_namespace: machine.is_in_initial_user_namespace(),
            locked_memory: soft,
            locked_memory_hard: hard,
            huge_pages: machine.huge_pages().map(|(all, _)| all),
            huge_pages_free: machine.huge_pages().map(|(_, free)| free),
            processors: machine.processors(),
            sockets: sockets().ok().map(|sockets| sockets.len()),
        }
    }
}
