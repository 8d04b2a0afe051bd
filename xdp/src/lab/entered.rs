//! Being inside a lab.

use std::marker::PhantomData;
use std::os::fd::AsFd;
use std::thread;

use xdp_sys::Errno;

use super::LabError;
use super::namespace::Namespace;
use crate::sys;

/// The calling thread is inside a lab; dropping this takes it back to where it was.
///
/// Drop guards of several labs in reverse order. A guard stays on its thread:
///
/// ```compile_fail,E0277
/// let lab = xdp::lab::Lab::new().unwrap();
/// let inside = lab.enter().unwrap();
/// std::thread::scope(|scope| {
///     scope.spawn(|| drop(inside));
/// });
/// ```
#[derive(Debug)]
#[must_use = "the thread leaves the lab at once if this is dropped"]
pub struct Entered<'lab> {
    before: Namespace,
    lab: PhantomData<&'lab Namespace>,
    /// Which namespace a thread is in is a property of the thread, so this must be dropped where it was made.
    not_send: PhantomData<*const ()>,
}

impl<'lab> Entered<'lab> {
    pub(super) fn new(lab: &'lab Namespace) -> Result<Self, LabError> {
        let before = Namespace::of_this_thread()?;
        sys::enter_net(lab.as_fd()).map_err(|errno| match errno {
            Errno::EPERM => LabError::Privilege { step: "enter a lab", capability: "CAP_SYS_ADMIN" },
            errno => LabError::Namespace { step: "enter the lab", cause: sys::io_error(errno) },
        })?;
        Ok(Self { before, lab: PhantomData, not_send: PhantomData })
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if let Err(errno) = sys::enter_net(self.before.as_fd()) {
            // Going on would do in the lab what is meant for the machine. This happens only to a thread that gave up
            // CAP_SYS_ADMIN while inside.
            let message = format!("this thread cannot leave the lab: {errno}");
            assert!(thread::panicking(), "{message}");
            eprintln!("{message}");
        }
    }
}
