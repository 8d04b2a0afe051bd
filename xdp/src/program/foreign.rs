//! Who else has a program on an interface.

use std::fmt;
use std::os::fd::AsFd;

use super::{AttachedMode, bpf};
use crate::device::{Interface, InterfaceError};

/// Somebody else's program on an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForeignProgram {
    /// The kernel's number for it: `bpftool prog show id`.
    pub id: u32,
    /// Its name, if it has one and this thread may know it, which takes `CAP_SYS_ADMIN`.
    pub name: Option<String>,
    /// Where it runs.
    pub mode: AttachedMode,
}

impl ForeignProgram {
    /// Who runs on this interface, or nobody.
    pub(crate) fn on(ifindex: u32) -> Result<Option<Self>, InterfaceError> {
        let attached = Interface::by_index(ifindex)?.xdp();
        let programs = [
            (attached.driver(), AttachedMode::Driver),
            (attached.generic(), AttachedMode::Generic),
            (attached.hardware(), AttachedMode::Hardware),
        ];
        let Some((id, mode)) = programs.into_iter().find_map(|(id, mode)| Some((id?, mode))) else {
            return Ok(None);
        };
        let name = bpf::program_by_id(id)
            .and_then(|program| bpf::program_info(program.as_fd()))
            .ok()
            .map(|info| info.name)
            .filter(|name| !name.is_empty());
        Ok(Some(Self { id, name, mode }))
    }
}

impl ForeignProgram {
    /// What ip-link(8) calls the place. Its plain `xdp` means the driver's where the driver has XDP, and so leaves a
    /// generic program there.
    pub(crate) fn keyword(&self) -> &'static str {
        match self.mode {
            AttachedMode::Driver => "xdpdrv",
            AttachedMode::Generic => "xdpgeneric",
            AttachedMode::Hardware => "xdpoffload",
        }
    }
}

impl fmt::Display for ForeignProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, name, mode } = self;
        match name {
            Some(name) => write!(f, "program \"{name}\" (id {id}) in {mode} mode"),
            None => write!(f, "program {id} in {mode} mode"),
        }
    }
}
