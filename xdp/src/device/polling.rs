//! How patiently all queues of an interface are polled: the settings that older kernels have for an interface only.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::change::{Change, Restore};
use super::netlink::NetlinkError;
use super::{ChangeError, Interface};

/// How patiently all queues of an interface are polled. Minimum kernel: 5.8 for the empty polls, 5.12 for threads.
///
/// From Linux 6.13 on each [`Napi`](super::Napi) has settings of its own, of which these are what it starts with; a
/// change here changes all of them.
#[doc(alias("napi_defer_hard_irqs", "gro_flush_timeout"))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Polling {
    defer_hard_irqs: Option<u32>,
    gro_flush_timeout: Option<Duration>,
    threaded: Option<bool>,
}

impl Polling {
    /// Reads `/sys`; `None` if there is none, or if it may be that of another network namespace, as in many containers:
    /// the hardware address tells, so of an interface without one nothing is known.
    pub fn of(interface: &Interface) -> Option<Self> {
        let folder = Folder::of(interface)?;
        let number = |file| folder.read(file)?.parse::<u64>().ok();
        Some(Self {
            defer_hard_irqs: number(DEFER).and_then(|polls| u32::try_from(polls).ok()),
            gro_flush_timeout: number(FLUSH).map(Duration::from_nanos),
            threaded: number(THREADED).map(|threaded| threaded != 0),
        })
    }

    /// New settings, to be completed and applied.
    pub fn change() -> PollingChange {
        PollingChange::default()
    }

    /// How many polls in a row may find nothing before the interrupt is enabled again.
    pub fn defer_hard_irqs(&self) -> Option<u32> {
        self.defer_hard_irqs
    }

    /// How long a timer waits until the next poll while the interrupt is off.
    pub fn gro_flush_timeout(&self) -> Option<Duration> {
        self.gro_flush_timeout
    }

    /// Whether threads of the kernel poll instead of softirqs.
    pub fn is_threaded(&self) -> Option<bool> {
        self.threaded
    }
}

const DEFER: &str = "napi_defer_hard_irqs";
const FLUSH: &str = "gro_flush_timeout";
const THREADED: &str = "threaded";

/// New settings of how all queues of an interface are polled, made by [`Polling::change`]; what is not named stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use = "nothing changes before `apply` or `until_dropped`"]
pub struct PollingChange {
    defer_hard_irqs: Option<u32>,
    gro_flush_timeout: Option<Duration>,
}

const WHAT: &str = "the polling";

impl PollingChange {
    /// How many polls in a row may find nothing before the interrupt is enabled again. Minimum kernel: 5.8.
    pub fn defer_hard_irqs(self, polls: u32) -> Self {
        Self { defer_hard_irqs: Some(polls), ..self }
    }

    /// How long a timer waits until the next poll while the interrupt is off.
    pub fn gro_flush_timeout(self, timeout: Duration) -> Self {
        Self { gro_flush_timeout: Some(timeout), ..self }
    }

    /// Changes the settings, for good. Needs `CAP_NET_ADMIN` and a `/sys` that can be written to.
    pub fn apply(self, interface: &Interface) -> Result<(), ChangeError> {
        self.until_dropped(interface).map(Restore::keep)
    }

    /// Changes the settings until the guard is dropped. Needs `CAP_NET_ADMIN` and a `/sys` that can be written to.
    ///
    /// The guard must be dropped where `/sys` is the same.
    pub fn until_dropped(self, interface: &Interface) -> Result<Restore, ChangeError> {
        let unsupported = || ChangeError::unsupported(WHAT, interface);
        let now = Polling::of(interface).ok_or_else(unsupported)?;
        let missing = self.defer_hard_irqs.is_some() && now.defer_hard_irqs.is_none()
            || self.gro_flush_timeout.is_some() && now.gro_flush_timeout.is_none();
        if missing {
            return Err(unsupported());
        }
        let former = Self {
            defer_hard_irqs: self.defer_hard_irqs.and(now.defer_hard_irqs),
            gro_flush_timeout: self.gro_flush_timeout.and(now.gro_flush_timeout),
        };
        let (nic, same) = (interface.clone(), interface.clone());
        // Of two files the first may be written and the second refused: then the first is as it was again.
        let apply = move || self.write(&nic).inspect_err(|_| drop(former.write(&nic)));
        Change::new(WHAT, interface)
            .apply(self.to_string(), move || apply().map(|()| None))
            .undo(former.to_string(), move || former.write(&same).map(|()| None))
            .make()
    }

    fn write(&self, interface: &Interface) -> Result<(), NetlinkError> {
        let folder =
            Folder::of(interface).ok_or_else(|| NetlinkError::refused(xdp_sys::Errno::ENODEV, None))?;
        if let Some(polls) = self.defer_hard_irqs {
            folder.write(DEFER, u128::from(polls))?;
        }
        self.gro_flush_timeout.map_or(Ok(()), |timeout| folder.write(FLUSH, timeout.as_nanos()))
    }
}

impl fmt::Display for PollingChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let defer = self.defer_hard_irqs.map(|polls| format!("defer-hard-irqs {polls}"));
        let flush = self.gro_flush_timeout.map(|time| format!("gro-flush-timeout {} ns", time.as_nanos()));
        f.write_str(&defer.into_iter().chain(flush).collect::<Vec<_>>().join(", "))
    }
}

/// The folder of an interface in a `/sys` that shows the right one.
struct Folder {
    path: PathBuf,
}

impl Folder {
    /// `None` if the interface of that name there is another one: `/sys` shows the network namespace of whoever
    /// mounted it. Index and hardware address tell them apart, where there is an address: every namespace has a
    /// loopback of index 1 and address zero.
    fn of(interface: &Interface) -> Option<Self> {
        let path = Path::new("/sys/class/net").join(interface.name());
        let folder = Self { path };
        let same_index = folder.read("ifindex")?.parse() == Ok(interface.index());
        let mac = interface.mac().filter(|mac| *mac != [0; 6])?;
        let same_address = folder.read("address")? == mac.map(|byte| format!("{byte:02x}")).join(":");
        (same_index && same_address).then_some(folder)
    }

    fn read(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.path.join(file)).ok().map(|text| text.trim().to_owned())
    }

    fn write(&self, file: &str, number: u128) -> Result<(), NetlinkError> {
        fs::write(self.path.join(file), number.to_string()).map_err(|error| {
            // The file says "not allowed" where the system call of other settings says "no privilege".
            let errno = match error.raw_os_error() {
                Some(libc::EACCES) => libc::EPERM,
                other => other.unwrap_or(libc::EIO),
            };
            NetlinkError::refused(xdp_sys::Errno::from_raw(errno), None)
        })
    }
}
