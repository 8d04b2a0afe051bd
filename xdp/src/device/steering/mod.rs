//! Steering: which queue of a NIC gets which packets, by rules in the NIC ("ntuple", `ethtool -N`).

mod error;
mod guard;
mod matches;
mod wire;

use std::fmt;
use std::os::fd::AsFd;

use xdp_sys::ethtool_rxnfc::{
    ETHTOOL_GRXCLSRLCNT, ETHTOOL_GRXCLSRULE, ETHTOOL_SRXCLSRLINS, RX_CLS_LOC_ANY, RX_CLS_LOC_SPECIAL,
    ethtool_rxnfc,
};
use xdp_sys::{Errno, Plain};

use super::netlink::{NetlinkSocket, Protocol};
use super::{Interface, InterfaceRef};
use crate::{QueueId, sys};
use error::{Attempt, Ntuple};

pub use error::SteeringError;
pub use guard::SteeringGuard;
pub use matches::{FlowKind, FlowMatch};

/// A rule for a NIC: which packets go to which queue. A socket bound to that queue gets them, and no others do.
///
/// The rules of most NICs are looked at before RSS spreads the rest over all queues. They need a driver with the
/// feature `ntuple`, turned on; drivers of virtual interfaces (veth, tun, virtio) have none.
///
/// ```no_run
/// use xdp::QueueId;
/// use xdp::device::{FlowRule, Interface};
///
/// let nic = Interface::by_name("eth0")?;
/// let steered = FlowRule::udp4().dst_port(4433).to_queue(QueueId(3)).add(&nic)?;
/// println!("{}: {}", nic.name(), steered.rule());
/// // ... the rule is removed when `steered` is dropped.
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "ntuple")]
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "nothing is steered before the rule is added"]
pub struct FlowRule {
    matches: FlowMatch,
    target: FlowTarget,
    location: Option<u32>,
}

/// Where a rule sends packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FlowTarget {
    /// To a queue of the interface.
    Queue(QueueId),
    /// Nowhere: they are dropped by the NIC.
    Drop,
    /// Where only the driver knows, a virtual function for example; the kernel's number. Rules of others may have it.
    Other(u64),
}

/// A rule that a NIC has.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstalledRule {
    /// Where it stands; lower numbers are looked at first.
    pub location: u32,
    /// Which packets; `None` if it says more than a [`FlowMatch`] can.
    pub matches: Option<FlowMatch>,
    /// Where they go.
    pub target: FlowTarget,
}

impl FlowRule {
    /// UDP over IPv4.
    pub fn udp4() -> FlowMatch {
        FlowMatch::new(FlowKind::Udp4)
    }

    /// TCP over IPv4.
    pub fn tcp4() -> FlowMatch {
        FlowMatch::new(FlowKind::Tcp4)
    }

    /// UDP over IPv6.
    pub fn udp6() -> FlowMatch {
        FlowMatch::new(FlowKind::Udp6)
    }

    /// TCP over IPv6.
    pub fn tcp6() -> FlowMatch {
        FlowMatch::new(FlowKind::Tcp6)
    }

    /// Anything, by its Ethernet header.
    pub fn ethernet() -> FlowMatch {
        FlowMatch::new(FlowKind::Ethernet)
    }

    fn new(matches: FlowMatch, target: FlowTarget) -> Self {
        Self { matches, target, location: None }
    }

    /// Where the rule is to stand: lower numbers are looked at first. Left to the driver, or else the last free one.
    pub fn location(self, location: u32) -> Self {
        Self { location: Some(location), ..self }
    }

    /// The packets.
    pub fn matches(&self) -> &FlowMatch {
        &self.matches
    }

    /// Where they go.
    pub fn target(&self) -> FlowTarget {
        self.target
    }

    /// Adds the rule; it is removed when the guard is dropped. Needs `CAP_NET_ADMIN`.
    ///
    /// The kernel has no call that adds a rule only where none is. Between the look for a free location and the call
    /// another process may take it, and its rule is replaced: let one process steer a NIC.
    ///
    /// # Errors
    ///
    /// [`SteeringError`] says what is in the way and what to do.
    pub fn add<'a>(&self, interface: impl Into<InterfaceRef<'a>>) -> Result<SteeringGuard, SteeringError> {
        if let Some(fault) = self.matches.fault() {
            return Err(SteeringError::Rule { rule: self.to_string(), fault });
        }
        let table = Table::open(interface)?;
        let (count, selects) = table.count()?;
        if let FlowTarget::Queue(queue) = self.target {
            let queues = table.interface.queues().rx;
            if queue.0 >= queues {
                let interface = table.interface.name().to_owned();
                return Err(SteeringError::Queue { interface, queue, queues });
            }
        }
        let location = match self.location {
            None if selects => RX_CLS_LOC_ANY,
            wanted => table.free_location(wanted, count)?,
        };
        let mut argument = ethtool_rxnfc { cmd: ETHTOOL_SRXCLSRLINS, ..ethtool_rxnfc::zeroed() };
        argument.fs = wire::encode(&self.matches);
        argument.fs.ring_cookie = wire::encode_target(self.target);
        argument.fs.location = location;
        let rule = self.to_string();
        table.call(&mut argument, Attempt::Add { rule: &rule, rules: Some(count) })?;
        // The kernel writes back where the driver has put it.
        Ok(SteeringGuard::new(table, Self { location: Some(argument.fs.location), ..self.clone() }))
    }

    /// The rules that an interface has, whoever added them, in the order in which they are looked at.
    ///
    /// # Errors
    ///
    /// [`SteeringError::NoRules`] where the driver has none.
    pub fn list<'a>(interface: impl Into<InterfaceRef<'a>>) -> Result<Vec<InstalledRule>, SteeringError> {
        let table = Table::open(interface)?;
        let (count, _) = table.count()?;
        let (mut locations, _) = table.locations(count)?;
        locations.sort_unstable();
        let rules = locations.into_iter().filter_map(|location| table.rule_at(location).transpose());
        rules.collect()
    }
}

/// The rules of one interface, as the kernel is asked about them.
#[derive(Debug)]
struct Table {
    interface: Interface,
    socket: NetlinkSocket,
}

impl Table {
    fn open<'a>(interface: impl Into<InterfaceRef<'a>>) -> Result<Self, SteeringError> {
        // Looked up now: rules are told by name, and names change.
        let interface = Interface::find(interface)?;
        let socket = interface.socket(Protocol::Route)?;
        Ok(Self { interface, socket })
    }

    fn call(&self, argument: &mut ethtool_rxnfc, attempt: Attempt<'_>) -> Result<(), SteeringError> {
        sys::steer(self.socket.as_fd(), self.interface.raw_name(), argument)
            .map_err(|errno| attempt.refused(&self.interface, errno, || Ntuple::of(&self.interface)))
    }

    /// How many rules there are, and whether the driver chooses locations.
    fn count(&self) -> Result<(u32, bool), SteeringError> {
        let mut argument = ethtool_rxnfc { cmd: ETHTOOL_GRXCLSRLCNT, ..ethtool_rxnfc::zeroed() };
        self.call(&mut argument, Attempt::List)?;
        Ok((argument.rule_cnt, argument.data & u64::from(RX_CLS_LOC_SPECIAL) != 0))
    }

    /// Where the rules are, and how many have room, if the driver says.
    fn locations(&self, count: u32) -> Result<(Vec<u32>, Option<u32>), SteeringError> {
        let told = sys::rule_locations(self.socket.as_fd(), self.interface.raw_name(), count);
        let (locations, size) = told
            .map_err(|errno| Attempt::List.refused(&self.interface, errno, || Ntuple::of(&self.interface)))?;
        Ok((locations, u32::try_from(size).ok().filter(|&size| size != 0)))
    }

    /// A location without a rule: the one that is wanted, or the last.
    fn free_location(&self, wanted: Option<u32>, count: u32) -> Result<u32, SteeringError> {
        let (taken, size) = self.locations(count)?;
        let interface = || self.interface.name().to_owned();
        match wanted {
            // Adding there would replace it.
            Some(location) if taken.contains(&location) => {
                Err(SteeringError::Occupied { interface: interface(), location })
            }
            Some(location) => Ok(location),
            None => last_free(&taken, size)
                .ok_or_else(|| SteeringError::Full { interface: interface(), rules: Some(count) }),
        }
    }

    /// The rule at a location; `None` if it was removed meanwhile.
    fn rule_at(&self, location: u32) -> Result<Option<InstalledRule>, SteeringError> {
        let mut argument = ethtool_rxnfc { cmd: ETHTOOL_GRXCLSRULE, ..ethtool_rxnfc::zeroed() };
        argument.fs.location = location;
        match sys::steer(self.socket.as_fd(), self.interface.raw_name(), &mut argument) {
            Ok(()) => Ok(Some(InstalledRule::read(&argument))),
            Err(Errno::ENOENT | Errno::EINVAL) => Ok(None),
            Err(errno) => Err(Attempt::List.refused(&self.interface, errno, || Ntuple::of(&self.interface))),
        }
    }
}

impl InstalledRule {
    pub(super) fn read(argument: &ethtool_rxnfc) -> Self {
        Self {
            location: argument.fs.location,
            matches: wire::decode(&argument.fs),
            target: wire::decode_target(argument.fs.ring_cookie),
        }
    }
}

/// The last location of a table that is not taken. Where the driver does not say its size, one behind all that are.
fn last_free(taken: &[u32], size: Option<u32>) -> Option<u32> {
    match size {
        Some(size) => (0..size).rev().find(|location| !taken.contains(location)),
        None => taken.iter().max().map_or(Some(0), |last| last.checked_add(1)),
    }
}

impl fmt::Display for FlowTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue(queue) => write!(f, "to queue {queue}"),
            Self::Drop => f.write_str("dropped"),
            Self::Other(cookie) => write!(f, "to {cookie:#x}, which is no queue of the interface"),
        }
    }
}

impl fmt::Display for FlowRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.matches, self.target)
    }
}

impl fmt::Display for InstalledRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.matches {
            Some(matches) => write!(f, "{}: {matches}: {}", self.location, self.target),
            None => write!(f, "{}: a rule of another kind: {}", self.location, self.target),
        }
    }
}

#[cfg(test)]
mod tests;
