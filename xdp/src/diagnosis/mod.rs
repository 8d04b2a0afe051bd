//! Diagnosis: what stands in the way of packets on this machine, why, and what to do about it.
mod after;
mod before;
pub(crate) mod causes;
mod config;
mod facts;
mod far_node;
mod finding;
pub(crate) mod flow;
mod kernel;
mod kind;
mod link;
mod machine;
mod mode;
mod programs;
mod queues;
mod quirks;
mod sizes;

pub(crate) use after::health;
pub use before::diagnose;
pub use config::Config;
pub use finding::{Diagnosis, Finding, Severity};
pub use kernel::{Kernel, KernelFeature};
pub use kind::FindingKind;
pub use machine::{Capability, Machine};
