//! Changing a setting of an interface, and putting back what was.

use std::fmt;

use super::netlink::NetlinkError;
use super::{ChangeError, Interface};

/// A way to the kernel that carries a change out.
type Action = Box<dyn FnMut() -> Result<(), NetlinkError> + Send + Sync>;

/// One change of a setting, in both directions, with what errors say about it.
pub(crate) struct Change {
    /// The setting, "the channels" for example.
    what: &'static str,
    interface: String,
    index: u32,
    /// The new values in words.
    values: String,
    /// The old values in words.
    former_values: String,
    apply: Action,
    undo: Action,
}

impl Change {
    pub(crate) fn new(what: &'static str, interface: &Interface) -> Self {
        let nothing = || Box::new(|| Ok(()));
        Self {
            what,
            interface: interface.name().to_owned(),
            index: interface.index(),
            values: String::new(),
            former_values: String::new(),
            apply: nothing(),
            undo: nothing(),
        }
    }

    /// How the change is made, and to what.
    pub(crate) fn apply(
        self,
        values: String,
        action: impl FnMut() -> Result<(), NetlinkError> + Send + Sync + 'static,
    ) -> Self {
        Self { values, apply: Box::new(action), ..self }
    }

    /// How it is taken back, and to what.
    pub(crate) fn undo(
        self,
        values: String,
        action: impl FnMut() -> Result<(), NetlinkError> + Send + Sync + 'static,
    ) -> Self {
        Self { former_values: values, undo: Box::new(action), ..self }
    }

    /// Makes the change; what is returned takes it back.
    pub(crate) fn make(mut self) -> Result<Restore, ChangeError> {
        match (self.apply)() {
            Ok(()) => Ok(Restore { change: Some(self) }),
            Err(cause) => Err(self.failed(self.values.clone(), cause)),
        }
    }

    fn take_back(&mut self) -> Result<(), ChangeError> {
        (self.undo)().map_err(|cause| self.failed(self.former_values.clone(), cause))
    }

    fn failed(&self, values: String, cause: NetlinkError) -> ChangeError {
        ChangeError::refused(self.what, &self.interface, self.index, values, cause)
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change")
            .field("what", &self.what)
            .field("interface", &self.interface)
            .field("values", &self.values)
            .field("former_values", &self.former_values)
            .finish_non_exhaustive()
    }
}

/// A change of an interface that is taken back when this is dropped.
///
/// What comes back are the values from before the change, of the settings that were changed and no others, whoever
/// changed them since. The interface is found wherever this thread is meanwhile: the guard speaks to the network
/// namespace that the change was made in. A drop cannot report an error: [`restore`](Self::restore) does. Nothing is
/// taken back when the process is killed.
#[derive(Debug)]
#[must_use = "the change is taken back at once if this is dropped"]
pub struct Restore {
    /// `None` once it is decided.
    change: Option<Change>,
}

impl Restore {
    /// Takes the change back, and tells whether that worked.
    pub fn restore(mut self) -> Result<(), ChangeError> {
        self.change.take().map_or(Ok(()), |mut change| change.take_back())
    }

    /// Leaves the change in force.
    pub fn keep(mut self) {
        self.change = None;
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        if let Some(mut change) = self.change.take() {
            // An interface that is gone needs nothing put back; for anything else there is `restore`.
            let _ = change.take_back();
        }
    }
}
