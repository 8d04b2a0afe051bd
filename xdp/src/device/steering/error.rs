//! Why packets could not be steered.

use std::io;

use xdp_sys::Errno;

use crate::QueueId;
use crate::device::{Features, Interface, InterfaceError};
use crate::sys::io_error;

/// Why a rule was not added, removed or listed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SteeringError {
    /// The interface could not be asked how it is now.
    #[error(transparent)]
    Interface(#[from] InterfaceError),
    /// The rule contradicts itself.
    #[error("the rule ({rule}) cannot be: {fault}")]
    Rule {
        /// The rule.
        rule: String,
        /// What is wrong.
        fault: &'static str,
    },
    /// The driver has no rules.
    #[error(
        "{}, whose driver is {driver}, cannot steer by rules (ntuple): bind all its queues, lower their number \
         (ethtool -L), or set the RSS table (ethtool -X)",
        interface.escape_debug()
    )]
    NoRules {
        /// Name of the interface.
        interface: String,
        /// Its driver.
        driver: String,
    },
    /// The driver has rules, and they are turned off.
    #[error(
        "steering by rules is off on {}: turn it on with `ethtool -K {} ntuple on`, or \
         Features::change().on(\"ntuple\")",
        interface.escape_debug(),
        interface.escape_debug()
    )]
    Off {
        /// Name of the interface.
        interface: String,
    },
    /// The interface has no such queue.
    #[error(
        "{} has {queues} receive queues, so that nothing can be steered to queue {queue}: use a lower one, or raise \
         their number (ethtool -L)",
        interface.escape_debug()
    )]
    Queue {
        /// Name of the interface.
        interface: String,
        /// The queue that was asked for.
        queue: QueueId,
        /// How many there are.
        queues: u32,
    },
    /// The location has a rule, which adding this one would replace.
    #[error(
        "location {location} of {} has a rule already: remove that one (ethtool -N {} delete {location}), or leave \
         the location to the driver",
        interface.escape_debug(),
        interface.escape_debug()
    )]
    Occupied {
        /// Name of the interface.
        interface: String,
        /// The location.
        location: u32,
    },
    /// The table has no room.
    #[error(
        "the table of {} has no room for another rule{}: remove some (see `ethtool -n {}`)",
        interface.escape_debug(),
        counted(*rules),
        interface.escape_debug()
    )]
    Full {
        /// Name of the interface.
        interface: String,
        /// The rules that it has, if that is known.
        rules: Option<u32>,
    },
    /// The driver cannot match this.
    #[error(
        "the driver of {} ({driver}) does not take the rule \"{rule}\": ask for whole addresses, for fewer fields, or \
         for others; dmesg may say which",
        interface.escape_debug()
    )]
    Unmatched {
        /// Name of the interface.
        interface: String,
        /// Its driver.
        driver: String,
        /// The rule.
        rule: String,
        /// What it said.
        #[source]
        cause: io::Error,
    },
    /// The same packets are steered by another rule.
    #[error(
        "{} has a rule for the same packets already (see `ethtool -n {}`): remove it first",
        interface.escape_debug(),
        interface.escape_debug()
    )]
    Duplicate {
        /// Name of the interface.
        interface: String,
    },
    /// There is no rule at the location.
    #[error("{} has no rule at location {location}: it was removed already", interface.escape_debug())]
    NoSuchRule {
        /// Name of the interface.
        interface: String,
        /// The location.
        location: u32,
    },
    /// A capability is missing.
    #[error(
        "cannot {step} of {} without CAP_NET_ADMIN: run as root, or grant the program that capability with setcap(8)",
        interface.escape_debug()
    )]
    Privilege {
        /// What was to be done.
        step: &'static str,
        /// Name of the interface.
        interface: String,
    },
    /// Anything else.
    #[error("cannot {step} of {}", interface.escape_debug())]
    Kernel {
        /// What was to be done.
        step: &'static str,
        /// Name of the interface.
        interface: String,
        /// What the kernel said.
        #[source]
        cause: io::Error,
    },
}

fn counted(rules: Option<u32>) -> String {
    rules.map(|rules| format!(" beside its {rules}")).unwrap_or_default()
}

/// What was tried when the kernel refused.
#[derive(Debug, Clone, Copy)]
pub(super) enum Attempt<'a> {
    List,
    Add { rule: &'a str, rules: Option<u32> },
    Remove { location: u32 },
}

impl Attempt<'_> {
    fn step(self) -> &'static str {
        match self {
            Self::List => "list the steering rules",
            Self::Add { .. } => "add a steering rule",
            Self::Remove { .. } => "remove a steering rule",
        }
    }

    /// What a refusal means. The feature is asked for only if it matters.
    pub(super) fn refused(
        self,
        interface: &Interface,
        errno: Errno,
        ntuple: impl FnOnce() -> Ntuple,
    ) -> SteeringError {
        let name = || interface.name().to_owned();
        let driver = || interface.driver().unwrap_or("unknown").to_owned();
        let off = || SteeringError::Off { interface: name() };
        let no_rules = || SteeringError::NoRules { interface: name(), driver: driver() };
        match (self, errno) {
            (_, Errno::EPERM | Errno::EACCES) => {
                SteeringError::Privilege { step: self.step(), interface: name() }
            }
            (_, Errno::ENODEV) => InterfaceError::Gone { name: name(), index: interface.index() }.into(),
            (Self::Add { rule, .. }, Errno::EOPNOTSUPP | Errno::EINVAL | Errno::EPROTONOSUPPORT) => {
                let unmatched = || SteeringError::Unmatched {
                    interface: name(),
                    driver: driver(),
                    rule: rule.to_owned(),
                    cause: io_error(errno),
                };
                match ntuple() {
                    Ntuple::Off => off(),
                    Ntuple::Never => no_rules(),
                    Ntuple::On | Ntuple::Unknown => unmatched(),
                }
            }
            (Self::Add { rules, .. }, Errno::ENOSPC | Errno::EBUSY | Errno::ENOMEM) => {
                SteeringError::Full { interface: name(), rules }
            }
            (Self::Add { .. }, Errno::EEXIST) => SteeringError::Duplicate { interface: name() },
            (Self::Remove { location }, Errno::ENOENT | Errno::EINVAL) => {
                SteeringError::NoSuchRule { interface: name(), location }
            }
            // Nobody in the driver answers; some answer only when the feature is on.
            (_, Errno::EOPNOTSUPP) => match ntuple() {
                Ntuple::Off => off(),
                _ => no_rules(),
            },
            _ => SteeringError::Kernel { step: self.step(), interface: name(), cause: io_error(errno) },
        }
    }
}

/// The state of the feature that rules need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ntuple {
    On,
    /// It can be turned on.
    Off,
    /// It cannot: this NIC has no rules, though its driver may list them for others that it serves (igb does).
    Never,
    /// The kernel does not say.
    Unknown,
}

impl Ntuple {
    pub(super) fn of(interface: &Interface) -> Self {
        let features = Features::of(interface).ok().flatten();
        match features.as_ref().and_then(Features::ntuple) {
            None => Self::Unknown,
            Some(ntuple) if ntuple.is_active() => Self::On,
            Some(ntuple) if ntuple.is_fixed() => Self::Never,
            Some(_) => Self::Off,
        }
    }
}
