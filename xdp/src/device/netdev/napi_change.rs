//! Changing how patiently the queues of an interface are polled.

use std::time::Duration;

use xdp_sys::netdev::{
    NETDEV_A_NAPI_DEFER_HARD_IRQS, NETDEV_A_NAPI_GRO_FLUSH_TIMEOUT, NETDEV_A_NAPI_ID,
    NETDEV_A_NAPI_IRQ_SUSPEND_TIMEOUT, NETDEV_A_NAPI_THREADED, NETDEV_CMD_NAPI_SET,
};

use super::Napi;
use crate::device::change::{Change, Outcome, Restore};
use crate::device::family::FamilySocket;
use crate::device::{ChangeError, Interface};

/// New settings of one NAPI context, made by [`Napi::change`]; what is not named stays. Minimum kernel: 6.13.
///
/// For busy polling: let the interrupt stay off over a few empty polls, and a timer poll if user space does not.
///
/// ```no_run
/// use std::time::Duration;
/// use xdp::device::{Interface, Napi};
///
/// let nic = Interface::by_name("eth0")?;
/// let mut guards = Vec::new();
/// for napi in Napi::of(&nic)?.unwrap_or_default() {
///     let patient = napi.change().defer_hard_irqs(2).gro_flush_timeout(Duration::from_micros(200));
///     guards.push(patient.until_dropped(&nic)?);
/// }
/// # Ok::<(), xdp::device::ChangeError>(())
/// ```
#[doc(alias = "NETDEV_CMD_NAPI_SET")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "nothing changes before `apply` or `until_dropped`"]
pub struct NapiChange {
    id: u32,
    defer_hard_irqs: Option<u32>,
    gro_flush_timeout: Option<Duration>,
    irq_suspend_timeout: Option<Duration>,
    /// As the kernel numbers it, so that what comes back is what was.
    threaded: Option<u32>,
}

const WHAT: &str = "a NAPI context";

impl NapiChange {
    pub(super) fn new(id: u32) -> Self {
        Self { id, defer_hard_irqs: None, gro_flush_timeout: None, irq_suspend_timeout: None, threaded: None }
    }

    /// How many polls in a row may find nothing before the interrupt is enabled again.
    pub fn defer_hard_irqs(self, polls: u32) -> Self {
        Self { defer_hard_irqs: Some(polls), ..self }
    }

    /// How long a timer waits until the next poll while the interrupt is off.
    pub fn gro_flush_timeout(self, timeout: Duration) -> Self {
        Self { gro_flush_timeout: Some(timeout), ..self }
    }

    /// How long the interrupt stays off at most while user space polls and finds packets.
    pub fn irq_suspend_timeout(self, timeout: Duration) -> Self {
        Self { irq_suspend_timeout: Some(timeout), ..self }
    }

    /// Lets a thread of the kernel poll, whose priority and processor can be chosen. Minimum kernel: 6.17.
    pub fn in_thread(self) -> Self {
        Self { threaded: Some(1), ..self }
    }

    /// Lets softirqs poll, as they do unless somebody chose otherwise. Minimum kernel: 6.17.
    pub fn in_softirq(self) -> Self {
        Self { threaded: Some(0), ..self }
    }

    /// Changes the settings, for good. Needs `CAP_NET_ADMIN`.
    pub fn apply(self, interface: &Interface) -> Result<(), ChangeError> {
        self.until_dropped(interface).map(Restore::keep)
    }

    /// Changes the settings until the guard is dropped. Needs `CAP_NET_ADMIN`.
    ///
    /// `interface` is the one that the context was listed for.
    pub fn until_dropped(self, interface: &Interface) -> Result<Restore, ChangeError> {
        let unsupported = || ChangeError::unsupported(WHAT, interface);
        let all = Napi::of(interface)?.ok_or_else(unsupported)?;
        let now = all.into_iter().find(|napi| napi.id() == self.id).ok_or_else(unsupported)?;
        let former = self.before(&now).ok_or_else(unsupported)?;
        let family = || FamilySocket::netdev(interface)?.ok_or_else(unsupported);
        let (apply, undo) = (self.action(family()?), former.action(family()?));
        Change::new(WHAT, interface).apply(self.to_string(), apply).undo(former.to_string(), undo).make()
    }

    /// What this changes, as it is now; `None` if the kernel does not know one of the settings.
    pub(super) fn before(self, now: &Napi) -> Option<Self> {
        /// The value of now, if there is to be a new one.
        fn kept<T>(new: Option<T>, now: Option<T>) -> Option<Option<T>> {
            if new.is_some() { now.map(Some) } else { Some(None) }
        }
        Some(Self {
            id: self.id,
            defer_hard_irqs: kept(self.defer_hard_irqs, now.defer_hard_irqs())?,
            gro_flush_timeout: kept(self.gro_flush_timeout, now.gro_flush_timeout())?,
            irq_suspend_timeout: kept(self.irq_suspend_timeout, now.irq_suspend_timeout())?,
            threaded: kept(self.threaded, now.threaded())?,
        })
    }

    fn action(self, mut family: FamilySocket) -> impl FnMut() -> Outcome + use<> {
        move || {
            let mut request = family.request(NETDEV_CMD_NAPI_SET).value(NETDEV_A_NAPI_ID, &self.id);
            if let Some(polls) = self.defer_hard_irqs {
                request = request.value(NETDEV_A_NAPI_DEFER_HARD_IRQS, &polls);
            }
            for (kind, timeout) in [
                (NETDEV_A_NAPI_GRO_FLUSH_TIMEOUT, self.gro_flush_timeout),
                (NETDEV_A_NAPI_IRQ_SUSPEND_TIMEOUT, self.irq_suspend_timeout),
            ] {
                if let Some(timeout) = timeout {
                    let nanoseconds = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
                    request = request.value(kind, &nanoseconds);
                }
            }
            if let Some(threaded) = self.threaded {
                request = request.value(NETDEV_A_NAPI_THREADED, &threaded);
            }
            family.tell(&request)
        }
    }
}

impl std::fmt::Display for NapiChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let time = |name, timeout: Option<Duration>| Some(format!("{name} {} ns", timeout?.as_nanos()));
        let parts = [
            self.defer_hard_irqs.map(|polls| format!("defer-hard-irqs {polls}")),
            time("gro-flush-timeout", self.gro_flush_timeout),
            time("irq-suspend-timeout", self.irq_suspend_timeout),
            self.threaded.map(|mode| format!("threaded {mode}")),
        ];
        write!(f, "{} (NAPI {})", parts.into_iter().flatten().collect::<Vec<_>>().join(", "), self.id)
    }
}
