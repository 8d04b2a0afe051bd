//! Being inside a lab.

use std::cell::Cell;
use std::marker::PhantomData;
use std::os::fd::AsFd;
use std::thread;

use xdp_sys::Errno;

use super::LabError;
use super::namespace::Namespace;
use crate::sys;

thread_local! {
    /// How many labs, one inside the other, the thread has entered.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// The calling thread is inside a lab; dropping this takes it back to where it was.
///
/// Drop guards of several labs in reverse order. One that is dropped too early takes the thread back to where *it* came
/// from, which leaves no guard of a later lab in force, and panics. A guard stays on its thread:
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
    /// How many guards this thread has, this one included.
    depth: usize,
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
        let depth = DEPTH.get() + 1;
        DEPTH.set(depth);
        Ok(Self { before, depth, lab: PhantomData, not_send: PhantomData })
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let innermost = DEPTH.get();
        if innermost < self.depth {
            // An earlier guard took the thread away, and said so.
            return;
        }
        DEPTH.set(self.depth - 1);
        if let Err(errno) = sys::enter_net(self.before.as_fd()) {
            // Going on would do in the lab what is meant for the machine. This happens only to a thread that gave up
            // CAP_SYS_ADMIN while inside.
            let message = format!("this thread cannot leave the lab: {errno}");
            assert!(thread::panicking(), "{message}");
            eprintln!("{message}");
        }
        assert!(
            innermost == self.depth || thread::panicking(),
            "a lab was left before one that was entered later: drop the guards in reverse order"
        );
    }
}
