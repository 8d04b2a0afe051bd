//! Changing a setting of an interface, and putting back what was.

use std::fmt;

use super::netlink::NetlinkError;
use super::{ChangeError, Interface};
use crate::sys::Process;

/// What the kernel remarked about a change though it carried it out, or why it did not.
pub(crate) type Outcome = Result<Option<String>, NetlinkError>;

/// A way to the kernel that carries a change out.
type Action = Box<dyn FnMut() -> Outcome + Send + Sync>;

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
        let nothing = || Box::new(|| Ok(None));
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
        action: impl FnMut() -> Outcome + Send + Sync + 'static,
    ) -> Self {
        Self { values, apply: Box::new(action), ..self }
    }

    /// How it is taken back, and to what.
    pub(crate) fn undo(
        self,
        values: String,
        action: impl FnMut() -> Outcome + Send + Sync + 'static,
    ) -> Self {
        Self { former_values: values, undo: Box::new(action), ..self }
    }

    /// Makes the change; what is returned takes it back.
    pub(crate) fn make(mut self) -> Result<Restore, ChangeError> {
        match (self.apply)() {
            Ok(remark) => Ok(Restore { change: Some(self), remark, maker: Process::this() }),
            Err(cause) => Err(self.failed(self.values.clone(), cause)),
        }
    }

    fn take_back(&mut self) -> Result<(), ChangeError> {
        (self.undo)().map(drop).map_err(|cause| self.failed(self.former_values.clone(), cause))
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
/// taken back when the process is killed, nor by the drop of a copy in a forked child.
#[derive(Debug)]
#[must_use = "the change is taken back at once if this is dropped"]
pub struct Restore {
    /// `None` once it is decided.
    change: Option<Change>,
    remark: Option<String>,
    maker: Process,
}

impl Restore {
    /// What the kernel or the driver remarked about the change though it was made, in its own words. Minimum kernel:
    /// 4.16.
    pub fn remark(&self) -> Option<&str> {
        self.remark.as_deref()
    }

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
        if let Some(mut change) = self.change.take().filter(|_| self.maker.is_this()) {
            // An interface that is gone needs nothing put back; for anything else there is `restore`.
            let _ = change.take_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use xdp_sys::Errno;
    use xdp_sys::if_link::IFLA_IFNAME;
    use xdp_sys::rtnetlink::ifinfomsg;

    use super::*;
    use crate::device::InterfaceError;
    use crate::device::netlink::script::attributes;

    /// An interface that is nowhere.
    fn nic() -> Interface {
        let link = attributes(|body| {
            body.fixed(&ifinfomsg { ifi_index: 7, ..ifinfomsg::default() });
            body.text(IFLA_IFNAME, "eth7");
        });
        Interface::read(&link).expect("a link")
    }

    /// A change that counts how often it is taken back, and how the kernel answers to that.
    fn counted(answer: Result<(), Errno>) -> (Restore, Arc<AtomicU32>) {
        let undone = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&undone);
        let change = Change::new("the rings", &nic())
            .apply("rx 64".into(), || Ok(Some("halved".into())))
            .undo("rx 512".into(), {
                move || {
                    count.fetch_add(1, Ordering::Relaxed);
                    answer.map(|()| None).map_err(|errno| NetlinkError::refused(errno, None))
                }
            });
        (change.make().expect("nothing refuses it"), undone)
    }

    #[test]
    fn a_change_is_taken_back_once_or_kept() {
        let (guard, undone) = counted(Ok(()));
        assert_eq!(guard.remark(), Some("halved"));
        drop(guard);
        assert_eq!(undone.load(Ordering::Relaxed), 1);
        let (guard, undone) = counted(Ok(()));
        guard.restore().expect("taken back");
        assert_eq!(undone.load(Ordering::Relaxed), 1);
        let (guard, undone) = counted(Ok(()));
        guard.keep();
        assert_eq!(undone.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_change_that_cannot_be_taken_back_says_what_should_have_come_back() {
        let (guard, undone) = counted(Err(Errno::EINVAL));
        let error = guard.restore().expect_err("refused");
        assert_eq!(error.to_string(), "the kernel refused to change the rings of eth7 to rx 512");
        assert_eq!(undone.load(Ordering::Relaxed), 1, "and it is not tried again");
        let (guard, _) = counted(Err(Errno::EINVAL));
        drop(guard);
    }

    #[test]
    fn each_refusal_of_the_kernel_is_an_error_of_its_own() {
        let failed = |errno: Errno| {
            let refuse = move || Err(NetlinkError::refused(errno, Some("words".into())));
            let change = Change::new("the rings", &nic()).apply("rx 64".into(), refuse);
            change.make().expect_err("refused")
        };
        let error = failed(Errno::EPERM);
        assert!(matches!(error, ChangeError::Privilege { .. }), "{error}");
        assert!(error.to_string().contains("CAP_NET_ADMIN"), "{error}");
        let error = failed(Errno::EOPNOTSUPP);
        assert!(matches!(error, ChangeError::Unsupported { .. }), "{error}");
        let error = failed(Errno::ENODEV);
        assert!(matches!(error, ChangeError::Interface(InterfaceError::Gone { .. })), "{error}");
        let error = failed(Errno::ERANGE);
        assert_eq!(error.to_string(), "the kernel refused to change the rings of eth7 to rx 64");
        let cause = std::error::Error::source(&error).expect("the kernel's words").to_string();
        assert!(cause.ends_with(": words"), "{cause}");
    }

    #[test]
    fn a_guard_may_be_dropped_by_any_thread() {
        fn any_thread<T: Send + Sync + 'static>(_: &T) {}
        any_thread(&counted(Ok(())).0);
    }
}
