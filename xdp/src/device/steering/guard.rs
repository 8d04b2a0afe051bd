//! A rule that is removed when it is not needed any more.

use xdp_sys::Plain;
use xdp_sys::ethtool_rxnfc::{ETHTOOL_SRXCLSRLDEL, ethtool_rxnfc};

use super::error::Attempt;
use super::{FlowRule, SteeringError, Table};
use crate::device::{Interface, InterfaceError};
use crate::sys::Process;

/// A rule at work in a NIC until this is dropped.
///
/// The end of the process alone does not remove it: after `kill -9` the rule is there still (`ethtool -n`). In a forked
/// child the drop leaves the parent's rule where it is.
#[derive(Debug)]
#[must_use = "dropping it removes the rule"]
pub struct SteeringGuard {
    /// Taken out when it is decided what becomes of the rule.
    table: Option<Table>,
    rule: FlowRule,
    maker: Process,
}

impl SteeringGuard {
    pub(super) fn new(table: Table, rule: FlowRule) -> Self {
        Self { table: Some(table), rule, maker: Process::this() }
    }

    /// The rule, with the location that it got.
    pub fn rule(&self) -> &FlowRule {
        &self.rule
    }

    /// Where the rule stands in the NIC's table.
    pub fn location(&self) -> u32 {
        self.rule.location.unwrap_or_default()
    }

    /// Removes the rule, and says if that failed; the drop cannot.
    ///
    /// # Errors
    ///
    /// [`SteeringError::NoSuchRule`] when somebody else has removed it.
    pub fn remove(mut self) -> Result<(), SteeringError> {
        self.table.take().map_or(Ok(()), |table| table.remove(self.location()))
    }

    /// Leaves the rule in the NIC, for good; its location.
    pub fn leave(mut self) -> u32 {
        self.table = None;
        self.location()
    }
}

impl Drop for SteeringGuard {
    fn drop(&mut self) {
        if let Some(table) = self.table.take().filter(|_| self.maker.is_this()) {
            // An interface that is gone has no rules, and there is nobody to tell of anything else.
            let _ = table.remove(self.location());
        }
    }
}

impl FlowRule {
    /// Removes the rule at a location, whoever added it. Needs `CAP_NET_ADMIN`.
    ///
    /// # Errors
    ///
    /// [`SteeringError::NoSuchRule`] when there is none.
    pub fn remove_at(interface: &Interface, location: u32) -> Result<(), SteeringError> {
        Table::open(interface)?.remove(location)
    }
}

impl Table {
    fn remove(mut self, location: u32) -> Result<(), SteeringError> {
        // It may have another name by now, and its name another interface.
        let gone =
            || InterfaceError::Gone { name: self.interface.name().to_owned(), index: self.interface.index() };
        let now = Interface::query_index(&mut self.socket, self.interface.index())
            .map_err(|cause| self.interface.query_failed("the interface", cause))?;
        self.interface = now.ok_or_else(gone)?;
        let mut argument = ethtool_rxnfc { cmd: ETHTOOL_SRXCLSRLDEL, ..ethtool_rxnfc::zeroed() };
        argument.fs.location = location;
        self.call(&mut argument, Attempt::Remove { location })
    }
}
