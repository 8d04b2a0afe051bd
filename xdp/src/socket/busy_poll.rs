//! Busy polling: the program's own system calls drive the NIC's queue, instead of interrupts.

use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use xdp_sys::Errno;

use crate::QueueId;
use crate::device::{ChangeError, Interface, Napi, NicQueue, QueueSide, Restore};
use crate::sys;

/// How a socket drives its queue itself. Minimum kernel: 5.11, built with `CONFIG_NET_RX_BUSY_POLL`.
///
/// Each [`Rx::kick`](crate::Rx::kick) and [`Tx::kick`](crate::Tx::kick) is a system call then, need-wakeup flag or
/// not: the kernel polls the NIC within it, on the caller's processor, and packets move.
/// [`Rx::wait`](crate::Rx::wait) polls for [`timeout`](BusyPoll::timeout) before it sleeps.
///
/// The whole recipe, of which [`interrupts_off`](BusyPoll::interrupts_off) is the second part:
///
/// 1. the socket prefers busy polling: as soon as it polls, the NIC's interrupt stays off;
/// 2. the queue's NAPI keeps it off over a few empty polls (`defer_hard_irqs`), and polls by a timer if the program
///    does not come back in time (`gro_flush_timeout`): with neither, each poll ends in an interrupt and nothing is
///    gained;
/// 3. one thread a queue, pinned, that kicks in a loop: no other processor touches the queue's packets.
///
/// How long an interrupt may stay off while polls find packets (`irq_suspend_timeout`, Minimum kernel: 6.13) is an
/// alternative to 2 for programs that wait with epoll: see [`NapiChange`](crate::device::NapiChange).
///
/// Which NAPI a socket polls the kernel learns at the bind, of sockets in zero-copy mode only (Minimum kernel: 6.15);
/// from 5.11 to 6.12 with the first packet, in either mode. The report's `polled_napi` tells what it knows at the
/// bind. A socket whose kernel knows none is polled for as if nothing was set: by interrupts. That is how copy mode
/// is since 6.13.
///
/// A zero-copy socket that sends prefers busy polling only where the driver sends by the same NAPI as it receives by:
/// elsewhere (virtio_net) the kernel would wake nobody to send. The report's `busy_poll` says what is in force.
///
/// ```no_run
/// use std::time::Duration;
/// use xdp::{BusyPoll, QueueId, Receive, Socket, Umem};
///
/// let umem = Umem::builder().build()?;
/// let busy = BusyPoll::default().budget(64).interrupts_off(2, Duration::from_micros(200));
/// let mut socket =
///     Socket::builder(&umem).receive(Receive::Everything).busy_poll(busy).bind("eth0", QueueId(0))?;
/// loop {
///     socket.rx().kick()?;                                          // drives the NIC
///     let batch = socket.rx().seek(64);
///     batch.iter().for_each(|packet| println!("{} bytes", packet.len()));
///     batch.commit();
/// }
/// # #[allow(unreachable_code)]
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias("SO_PREFER_BUSY_POLL", "SO_BUSY_POLL", "SO_BUSY_POLL_BUDGET"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "it is for `SocketBuilder::busy_poll`"]
pub struct BusyPoll {
    is_preferred: bool,
    timeout: Duration,
    budget: Option<u16>,
    patience: Option<Patience>,
}

/// What the queue's NAPI is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Patience {
    defer_hard_irqs: u32,
    gro_flush_timeout: Duration,
}

/// Preferred, for 20 µs before a wait sleeps, 64 packets a poll; the queue's NAPI is left alone.
impl Default for BusyPoll {
    fn default() -> Self {
        Self { is_preferred: true, timeout: Duration::from_micros(20), budget: Some(64), patience: None }
    }
}

impl BusyPoll {
    /// Does not claim the queue: the kernel polls it, too, whenever it has a reason to.
    pub fn not_preferred(self) -> Self {
        Self { is_preferred: false, ..self }
    }

    /// How long a wait polls before it sleeps; 20 µs if not said, 1 µs to 2147 s.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Packets that one poll takes at most; 64 if not said. More than the kernel's 8 needs `CAP_NET_ADMIN`.
    pub fn budget(self, packets: u16) -> Self {
        Self { budget: Some(packets), ..self }
    }

    /// Leaves the packets that one poll takes to the kernel: 8.
    pub fn kernel_budget(self) -> Self {
        Self { budget: None, ..self }
    }

    /// As long as the socket lives, keeps the queue's interrupt off over `polls` empty polls in a row, and polls by a
    /// timer if the program has not for `timeout`. Afterwards both are as they were.
    ///
    /// Minimum kernel: 6.15, zero-copy mode, and `CAP_NET_ADMIN`; refused where the socket would poll nothing. The
    /// program may stop polling for `timeout` at most, or packets are lost for want of room in the NIC; 200 µs is
    /// what others use.
    #[doc(alias("napi_defer_hard_irqs", "gro_flush_timeout"))]
    pub fn interrupts_off(self, polls: u32, timeout: Duration) -> Self {
        Self { patience: Some(Patience { defer_hard_irqs: polls, gro_flush_timeout: timeout }), ..self }
    }

    /// Sets the socket's options.
    pub(super) fn apply(&self, fd: BorrowedFd<'_>) -> Result<(), BusyPollError> {
        let micros = self.timeout.as_nanos().div_ceil(1000).clamp(1, i32::MAX as u128) as i32;
        let options = [
            (BusyPollOption::Prefer, self.is_preferred.then_some(1)),
            (BusyPollOption::Budget, self.budget.map(i32::from)),
            (BusyPollOption::Timeout, Some(micros)),
        ];
        for (option, value) in options {
            let Some(value) = value else { continue };
            sys::set_option(fd, libc::SOL_SOCKET, option.name(), &value)
                .map_err(|errno| BusyPollError::refused(option, value, errno))?;
        }
        Ok(())
    }

    /// The settings that are in force after the bind, in which the kernel has learnt which NAPI it polls.
    ///
    /// Of a zero-copy socket that prefers busy polling the kernel expects that polling sends, too, and wakes nobody
    /// for it (`xsk_no_wakeup`). Where the driver sends by another NAPI than it receives by (virtio_net does) nothing
    /// would ever leave: there a socket that sends does not prefer it.
    pub(super) fn settle(
        self,
        fd: BorrowedFd<'_>,
        polled: Option<u32>,
        interface: &Interface,
        queue: QueueId,
    ) -> Result<Self, BusyPollError> {
        let queues = NicQueue::of(interface).map_err(ChangeError::from)?.unwrap_or_default();
        let sending = queues.iter().find(|one| (one.side(), one.id()) == (QueueSide::Tx, queue));
        if !self.is_preferred || polled.is_none() || sending.and_then(NicQueue::napi) == polled {
            return Ok(self);
        }
        let (option, value) = (BusyPollOption::Prefer, 0);
        sys::set_option(fd, libc::SOL_SOCKET, option.name(), &value)
            .map_err(|errno| BusyPollError::refused(option, value, errno))?;
        Ok(self.not_preferred())
    }

    /// Whether the socket claims the queue for itself.
    pub fn is_preferred(&self) -> bool {
        self.is_preferred
    }

    /// Makes the NAPI patient that the socket polls, if that was asked for.
    pub(super) fn patience(
        &self,
        polled: Option<u32>,
        interface: &Interface,
        queue: QueueId,
    ) -> Result<Option<Restore>, BusyPollError> {
        let Some(Patience { defer_hard_irqs, gro_flush_timeout }) = self.patience else { return Ok(None) };
        let not_polled = || BusyPollError::NotPolled { interface: interface.name().to_owned(), queue };
        // Where the socket polls nothing, this would do nothing but keep packets waiting.
        let polled = polled.ok_or_else(not_polled)?;
        let all = Napi::of(interface).map_err(ChangeError::from)?.unwrap_or_default();
        let napi = all.into_iter().find(|napi| napi.id() == polled).ok_or_else(not_polled)?;
        let change = napi.change().defer_hard_irqs(defer_hard_irqs).gro_flush_timeout(gro_flush_timeout);
        Ok(Some(change.until_dropped(interface)?))
    }

    /// How long a wait polls before it sleeps.
    pub(crate) fn spin(&self) -> Duration {
        self.timeout
    }
}

/// The NAPI context that a socket polls, as far as the kernel knows it yet.
pub(super) fn polled_napi(fd: BorrowedFd<'_>) -> Option<u32> {
    let (id, _) = sys::option::<u32>(fd, libc::SOL_SOCKET, libc::SO_INCOMING_NAPI_ID).ok()?;
    Some(id).filter(|id| *id != 0)
}

/// An option of the socket that busy polling needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BusyPollOption {
    /// `SO_PREFER_BUSY_POLL`
    Prefer,
    /// `SO_BUSY_POLL_BUDGET`
    Budget,
    /// `SO_BUSY_POLL`
    Timeout,
}

impl BusyPollOption {
    fn name(self) -> i32 {
        match self {
            Self::Prefer => libc::SO_PREFER_BUSY_POLL,
            Self::Budget => libc::SO_BUSY_POLL_BUDGET,
            Self::Timeout => libc::SO_BUSY_POLL,
        }
    }
}

impl fmt::Display for BusyPollOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Prefer => "SO_PREFER_BUSY_POLL",
            Self::Budget => "SO_BUSY_POLL_BUDGET",
            Self::Timeout => "SO_BUSY_POLL",
        })
    }
}

/// Why a socket cannot busy-poll as it was told to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BusyPollError {
    /// A capability is missing.
    #[error(
        "not allowed to set {option} to {value}: it needs CAP_NET_ADMIN (run as root, or setcap cap_net_admin+ep); \
         without it, take `not_preferred` and `kernel_budget`"
    )]
    Privilege {
        /// The option.
        option: BusyPollOption,
        /// The value asked for.
        value: i32,
    },
    /// The kernel does not know the option.
    #[error(
        "this kernel has no {option}: busy polling of AF_XDP needs Linux 5.11 or later, built with \
         CONFIG_NET_RX_BUSY_POLL"
    )]
    Unsupported {
        /// The option.
        option: BusyPollOption,
    },
    /// Any other refusal of the kernel.
    #[error("the kernel refused to set {option} to {value}")]
    Kernel {
        /// The option.
        option: BusyPollOption,
        /// The value asked for.
        value: i32,
        /// What the kernel said.
        #[source]
        cause: io::Error,
    },
    /// The kernel knows no NAPI context that this socket could poll, so its interrupt must stay on.
    #[error(
        "the socket on queue {queue} of {interface} would poll nothing: in copy mode no kernel from 6.13 on lets it, in \
         zero-copy mode those from 6.15 on do if the driver names its NAPI; leave `interrupts_off` out, or use zero-copy"
    )]
    NotPolled {
        /// The interface's name.
        interface: String,
        /// The queue.
        queue: QueueId,
    },
    /// The queue's NAPI could not be told to keep its interrupt off.
    #[error(transparent)]
    Napi(#[from] ChangeError),
}

impl BusyPollError {
    fn refused(option: BusyPollOption, value: i32, errno: Errno) -> Self {
        match errno {
            Errno::EPERM => Self::Privilege { option, value },
            Errno::ENOPROTOOPT => Self::Unsupported { option },
            other => Self::Kernel { option, value, cause: sys::io_error(other) },
        }
    }
}
