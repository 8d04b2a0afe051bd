//! Who polls the queues of an interface, and how patiently.

use std::time::Duration;

use xdp_sys::netdev::{
    NETDEV_A_NAPI_DEFER_HARD_IRQS, NETDEV_A_NAPI_GRO_FLUSH_TIMEOUT, NETDEV_A_NAPI_ID, NETDEV_A_NAPI_IFINDEX,
    NETDEV_A_NAPI_IRQ, NETDEV_A_NAPI_IRQ_SUSPEND_TIMEOUT, NETDEV_A_NAPI_PID, NETDEV_A_NAPI_THREADED,
    NETDEV_CMD_NAPI_GET,
};

use super::NapiChange;
use crate::device::family::{FamilySocket, attributes};
use crate::device::netlink::Attributes;
use crate::device::{Interface, InterfaceError};

/// One NAPI context: what polls some queues of an interface when their interrupt comes. Minimum kernel: 6.8.
#[doc(alias = "NETDEV_CMD_NAPI_GET")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Napi {
    id: u32,
    irq: Option<u32>,
    thread: Option<u32>,
    /// 0 is not; kernels to come tell several ways apart.
    threaded: Option<u32>,
    defer_hard_irqs: Option<u32>,
    gro_flush_timeout: Option<Duration>,
    irq_suspend_timeout: Option<Duration>,
}

impl Napi {
    /// Lists those of an interface, by number; `None` if the kernel is too old.
    ///
    /// An interface that is down has none.
    pub fn of(interface: &Interface) -> Result<Option<Vec<Self>>, InterfaceError> {
        let Some(mut family) = FamilySocket::netdev(interface)? else { return Ok(None) };
        let request = family.netdev_dump(NETDEV_CMD_NAPI_GET, NETDEV_A_NAPI_IFINDEX);
        let answers =
            family.ask(&request).map_err(|cause| interface.query_failed("the NAPI contexts", cause))?;
        let Some(answers) = answers else { return Ok(None) };
        let mut all: Vec<_> = answers.iter().filter_map(|answer| Self::read(attributes(answer)?)).collect();
        all.sort_by_key(Self::id);
        Ok(Some(all))
    }

    /// Reads the attributes of an answer; `None` if it has no number.
    pub(crate) fn read(attributes: Attributes<'_>) -> Option<Self> {
        let number = |kind| attributes.find(kind)?.value::<u32>();
        let time = |kind| attributes.find(kind)?.number().map(Duration::from_nanos);
        Some(Self {
            id: number(NETDEV_A_NAPI_ID)?,
            irq: number(NETDEV_A_NAPI_IRQ),
            thread: number(NETDEV_A_NAPI_PID),
            threaded: number(NETDEV_A_NAPI_THREADED),
            defer_hard_irqs: number(NETDEV_A_NAPI_DEFER_HARD_IRQS),
            gro_flush_timeout: time(NETDEV_A_NAPI_GRO_FLUSH_TIMEOUT),
            irq_suspend_timeout: time(NETDEV_A_NAPI_IRQ_SUSPEND_TIMEOUT),
        })
    }

    /// New settings of it, to be completed and applied. Minimum kernel: 6.13.
    pub fn change(&self) -> NapiChange {
        NapiChange::new(self.id)
    }

    /// Its number on this machine, as `SO_INCOMING_NAPI_ID` gives it.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The interrupt that wakes it; `None` if the driver does not say, or there is none.
    pub fn irq(&self) -> Option<u32> {
        self.irq
    }

    /// The kernel's thread that polls, if one does.
    pub fn thread(&self) -> Option<u32> {
        self.thread
    }

    /// Whether a thread of the kernel polls instead of a softirq. Minimum kernel: 6.17.
    pub fn is_threaded(&self) -> Option<bool> {
        self.threaded.map(|mode| mode != 0)
    }

    /// The same as the kernel numbers it.
    pub(super) fn threaded(&self) -> Option<u32> {
        self.threaded
    }

    /// How many polls in a row may find nothing before the interrupt is enabled again. Minimum kernel: 6.13.
    pub fn defer_hard_irqs(&self) -> Option<u32> {
        self.defer_hard_irqs
    }

    /// How long a timer waits until the next poll while the interrupt is off. Minimum kernel: 6.13.
    pub fn gro_flush_timeout(&self) -> Option<Duration> {
        self.gro_flush_timeout
    }

    /// How long the interrupt stays off at most while user space polls and finds packets. Minimum kernel: 6.13.
    pub fn irq_suspend_timeout(&self) -> Option<Duration> {
        self.irq_suspend_timeout
    }
}
