//! A program at work on an interface.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{fmt, io};

use xdp_sys::Errno;
use xdp_sys::if_link::{XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE};

use super::hook::{Hook, Way};
use super::{
    AttachError, DriverRefusal, ForeignProgram, MissingPrivilege, Pin, PinError, Program, ReplaceError,
};
use crate::device::{Interface, InterfaceError, InterfaceRef};
use crate::sys::io_error;

/// Where the program may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AttachMode {
    /// In the driver, or else, if the driver refuses, in generic mode: [`Attachment::why_generic`] then says why.
    #[default]
    PreferDriver,
    /// In the driver or not at all.
    Driver,
    /// After the driver, on socket buffers: slower, and possible on every interface.
    Generic,
}

/// Where a program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AttachedMode {
    /// In the driver, before a socket buffer exists. Also called native mode; the only one with zero-copy.
    #[doc(alias = "XDP_FLAGS_DRV_MODE")]
    Driver,
    /// After the driver, on socket buffers.
    #[doc(alias = "XDP_FLAGS_SKB_MODE")]
    Generic,
    /// On the NIC itself. Nothing here attaches so, but somebody else's program may be.
    #[doc(alias = "XDP_FLAGS_HW_MODE")]
    Hardware,
}

impl fmt::Display for AttachedMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Driver => "driver",
            Self::Generic => "generic",
            Self::Hardware => "hardware",
        })
    }
}

/// A program at work on an interface, for as long as this exists.
///
/// Dropping it takes the program off the interface, and so does the end of the process, `kill -9` included. The drop
/// does not wait for duplicates of the descriptor, such as a child of this process has from fork to exec; in a forked
/// child it leaves the parent's program where it is. Packets that the program already handed to a socket stay there.
/// Several sockets share one attachment through an [`Arc`], and should: on many drivers attaching and detaching
/// resets the queues and interrupts the link.
///
/// [`Arc`]: std::sync::Arc
#[derive(Debug)]
#[doc(alias = "bpf_link")]
#[must_use = "dropping it takes the program off the interface"]
pub struct Attachment {
    // Field order is drop order: the program leaves the interface before its map can go.
    hook: Hook,
    program: Mutex<Program>,
    interface: Interface,
    mode: AttachedMode,
    why_generic: Option<DriverRefusal>,
}

impl Attachment {
    pub(super) fn new(
        program: Program,
        interface: InterfaceRef<'_>,
        mode: AttachMode,
        way: Way,
    ) -> Result<Self, AttachError> {
        let interface = Interface::find(interface)?;
        if let Some(bound) = program.bound() {
            let name = || interface.name().to_owned();
            if bound.ifindex != interface.index() {
                let bound_to = bound.interface.clone();
                return Err(AttachError::OtherInterface { interface: name(), bound_to });
            }
            if mode == AttachMode::Generic {
                return Err(AttachError::NeedsDriver { interface: name() });
            }
        }
        let attempt = Attempt { program: &program, interface: &interface, way };
        let (hook, mode, why_generic) = match mode {
            AttachMode::Driver => (attempt.driver()?, AttachedMode::Driver, None),
            AttachMode::Generic => (attempt.generic()?, AttachedMode::Generic, None),
            AttachMode::PreferDriver => match attempt.driver() {
                Ok(hook) => (hook, AttachedMode::Driver, None),
                Err(AttachError::Driver { refusal, .. }) if program.bound().is_none() => {
                    (attempt.generic()?, AttachedMode::Generic, Some(refusal))
                }
                Err(error) => return Err(error),
            },
        };
        Ok(Self { hook, program: Mutex::new(program), interface, mode, why_generic })
    }

    /// The mode obtained.
    pub fn mode(&self) -> AttachedMode {
        self.mode
    }

    /// Why the program runs in generic mode though driver mode was preferred.
    pub fn why_generic(&self) -> Option<&DriverRefusal> {
        self.why_generic.as_ref()
    }

    /// The interface as it was when the program was attached.
    pub fn interface(&self) -> &Interface {
        &self.interface
    }

    /// The program, as [`replace`](Self::replace) left it.
    pub fn program(&self) -> Program {
        self.current().clone()
    }

    /// Puts another program in the place of the one that runs, in one step: each packet meets one of the two, none
    /// meets neither, and the link of the NIC stays up.
    ///
    /// The new program looks into the same socket map ([`ProgramBuilder::sharing`](super::ProgramBuilder::sharing)),
    /// so that the sockets that are registered stay so. Its counters begin at zero.
    ///
    /// Minimum kernel: 5.9.
    #[doc(alias = "BPF_LINK_UPDATE")]
    pub fn replace(&self, program: &Program) -> Result<(), ReplaceError> {
        let mut current = self.current();
        let interface = || self.interface.name().to_owned();
        if !current.shares_map_with(program) {
            return Err(ReplaceError::OtherMap { interface: interface() });
        }
        if let Some(bound) = program.bound() {
            if bound.ifindex != self.interface.index() || self.mode != AttachedMode::Driver {
                let bound_to = bound.interface.clone();
                return Err(ReplaceError::Bound { interface: interface(), bound_to });
            }
        }
        self.hook
            .replace(&current, program)
            .map_err(|errno| ReplaceError::from_errno(errno, &self.interface, program))?;
        *current = program.clone();
        Ok(())
    }

    /// Gives the link a name in the BPF file system: as long as it has one, the program stays at work after
    /// [`leave`](Self::leave), and after the end of the process.
    ///
    /// Minimum kernel: 5.9.
    pub fn pin(&self, path: impl AsRef<Path>) -> Result<Pin, PinError> {
        let path = path.as_ref();
        match self.hook.link() {
            Some(link) => Pin::new(link, path),
            None => Err(PinError::NoLink { path: path.to_owned() }),
        }
    }

    /// Lets go of the link without taking the program off the interface: it stays at work for as long as somebody
    /// else holds the link, by a descriptor or a [`pin`](Self::pin); without a link, until somebody takes it off.
    pub fn leave(mut self) {
        self.hook.leave();
    }

    /// Whether a link holds the program, which ends with its last holder; else the interface does, until the program
    /// is taken off.
    pub fn is_link(&self) -> bool {
        self.hook.link().is_some()
    }

    fn current(&self) -> MutexGuard<'_, Program> {
        // A clone and an assignment: a panic leaves nothing half done.
        self.program.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the program still runs: not so once the interface is gone, or an administrator detached the link.
    pub fn is_attached(&self) -> io::Result<bool> {
        self.hook.is_attached()
    }

    /// Whether [`program`](Self::program) is what runs on the interface, asked while nobody replaces it: an answer
    /// about the interface that is older may name the one before.
    pub(crate) fn is_at_work(&self) -> bool {
        self.hook.runs(&self.current())
    }

    /// Takes the program off the interface: the drop by a name that says what it does.
    pub fn detach(self) {}
}

/// The descriptor of the link. Where there is none, one that names the interface's program only while it is open.
impl AsFd for Attachment {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.hook.as_fd()
    }
}

struct Attempt<'a> {
    program: &'a Program,
    interface: &'a Interface,
    way: Way,
}

impl Attempt<'_> {
    fn driver(&self) -> Result<Hook, AttachError> {
        self.hook(XDP_FLAGS_DRV_MODE, |cause| {
            let refusal = DriverRefusal::from_errno(cause, self.interface.mtu(), self.program.multi_buffer());
            AttachError::Driver { interface: self.interface.name().to_owned(), refusal }
        })
    }

    fn generic(&self) -> Result<Hook, AttachError> {
        self.hook(XDP_FLAGS_SKB_MODE, |cause| AttachError::Kernel {
            interface: self.interface.name().to_owned(),
            cause: io_error(cause),
        })
    }

    /// Attaches, or says what stands in the way; `refused` words what is left when nothing better is known.
    fn hook(&self, mode: u32, refused: impl Fn(Errno) -> AttachError) -> Result<Hook, AttachError> {
        /// Whoever occupied the interface may be gone before we can look who it is: then it is worth another attempt.
        const ATTEMPTS: u32 = 2;
        let mut errno = Errno::EBUSY;
        for _ in 0..ATTEMPTS {
            errno = match Hook::attach(self.program, self.interface.index(), mode, self.way) {
                Ok(hook) => return Ok(hook),
                Err(errno) => errno,
            };
            if !matches!(errno, Errno::EBUSY | Errno::EEXIST) {
                break;
            }
            // EBUSY: a program in the same mode. EEXIST: in another mode.
            let interface = || self.interface.name().to_owned();
            match ForeignProgram::on(self.interface.index()) {
                Ok(Some(program)) => return Err(AttachError::Occupied { interface: interface(), program }),
                Ok(None) => {}
                Err(InterfaceError::UnknownIndex { .. }) => {
                    return Err(AttachError::Gone { interface: interface() });
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(explain(self.interface, errno).unwrap_or_else(|| refused(errno)))
    }
}

/// What an error number means whatever the mode, if it means one thing.
fn explain(interface: &Interface, errno: Errno) -> Option<AttachError> {
    let name = || interface.name().to_owned();
    match errno {
        Errno::EPERM => {
            Some(AttachError::Permission { interface: name(), missing: MissingPrivilege::of_this_thread() })
        }
        // No program on the interface itself, or it would have been found: the kernel says the same of one above.
        Errno::EEXIST => Some(AttachError::UpperOccupied { interface: name() }),
        // A missing interface is an invalid argument to this call.
        Errno::EINVAL | Errno::ENODEV if is_gone(interface) => Some(AttachError::Gone { interface: name() }),
        _ => None,
    }
}

fn is_gone(interface: &Interface) -> bool {
    matches!(Interface::by_index(interface.index()), Err(InterfaceError::UnknownIndex { .. }))
}

/// Sockets on different threads share a program and its attachment.
const _: () = {
    const fn shared_between_threads<T: Send + Sync>() {}
    shared_between_threads::<Program>();
    shared_between_threads::<Attachment>();
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_for_want_of_privilege_names_the_interface_and_the_remedy() {
        let loopback = Interface::by_name("lo").expect("every namespace has one");
        let error = explain(&loopback, Errno::EPERM).expect("it means one thing");
        assert!(matches!(error, AttachError::Permission { .. }), "{error}");
        assert!(error.to_string().starts_with("not allowed to attach a program to lo: "), "{error}");
        assert!(error.to_string().contains("CAP_BPF"), "{error}");
    }

    #[test]
    fn what_only_the_driver_can_explain_is_left_to_it() {
        let loopback = Interface::by_name("lo").expect("every namespace has one");
        assert!(explain(&loopback, Errno::EOPNOTSUPP).is_none());
        assert!(explain(&loopback, Errno::ENODEV).is_none(), "it is there");
    }
}
