//! Binding a socket to its queue: modes, patience with a queue that is being released, and what came of it.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

use xdp_core::packets::COPY_MODE_FRAMES;
use xdp_sys::Errno;
use xdp_sys::if_xdp::{
    AF_XDP, SOL_XDP, XDP_COPY, XDP_OPTIONS, XDP_OPTIONS_ZEROCOPY, XDP_SHARED_UMEM, XDP_USE_NEED_WAKEUP,
    XDP_USE_SG, XDP_ZEROCOPY, sockaddr_xdp, xdp_options,
};

use crate::device::{Capabilities, Interface};
use crate::socket::at::At;
use crate::socket::error::BindError;
use crate::socket::options::{Mode, NeedWakeup, ObtainedMode};
use crate::socket::port::{BoundTo, Port};
use crate::socket::share::{self, Registration, Source};
use crate::sys;
use crate::umem::Umem;

/// How long a bind goes on against a busy queue: the kernel releases a closed socket late, 20 ms on a quiet machine.
const BUSY_PATIENCE: Duration = Duration::from_millis(500);

/// What came of a bind.
#[derive(Debug)]
pub(crate) struct Obtained {
    pub(crate) mode: ObtainedMode,
    /// Why it is copy mode where zero-copy was preferred.
    pub(crate) why_copy: Option<String>,
    /// How often the queue was still busy.
    pub(crate) busy_retries: u32,
}

/// Binds as the settings say, with the UMEM from where `source` says.
pub(crate) fn to_queue(
    at: &At<'_>,
    port: &Port,
    mut source: Source,
    place: BoundTo,
) -> Result<(Obtained, Registration), BindError> {
    let mut binder = Binder::new(at, port.fd());
    if let Source::Prefer(first) | Source::Require(first) = &source {
        match binder.share(first) {
            Ok(obtained) => return Ok((obtained, share::kind(first, place))),
            Err(errno) if matches!(source, Source::Require(_)) || is_final(errno) => {
                return Err(at.bind_error(errno, at.config.mode));
            }
            Err(errno) => source.do_without(&format!("the kernel refused to share: {errno}"))?,
        }
        // The refusal has left the socket as it was before.
        at.register(port.fd(), port.umem())?;
    }
    let why = if let Source::Own(why) = source { why } else { None };
    Ok((binder.own(port.umem())?, Registration::Own { why }))
}

/// Binds a socket without fill and completion rings to the queue that `first` has, whose rings it shares.
pub(crate) fn to_rings_of(at: &At<'_>, fd: BorrowedFd<'_>, first: &Port) -> Result<Obtained, BindError> {
    Binder::new(at, fd).share(first).map_err(|errno| at.bind_error(errno, at.config.mode))
}

/// One bind, tried as often as there is hope.
struct Binder<'a> {
    at: &'a At<'a>,
    fd: BorrowedFd<'a>,
    deadline: Instant,
    retries: u32,
}

impl<'a> Binder<'a> {
    fn new(at: &'a At<'a>, fd: BorrowedFd<'a>) -> Self {
        Self { at, fd, deadline: Instant::now() + BUSY_PATIENCE, retries: 0 }
    }

    fn bind(&mut self, flags: u16, shared: Option<BorrowedFd<'_>>) -> Result<(), Errno> {
        let address = sockaddr_xdp {
            sxdp_family: AF_XDP as u16,
            sxdp_flags: flags,
            sxdp_ifindex: self.at.interface.index(),
            sxdp_queue_id: self.at.queue.0,
            sxdp_shared_umem_fd: shared.map_or(0, |fd| fd.as_raw_fd() as u32),
        };
        loop {
            match sys::bind(self.fd, &address) {
                // An earlier socket of this queue may be closed and not yet released; the kernel has no event for that.
                Err(Errno::EBUSY) if Instant::now() < self.deadline => {
                    self.retries += 1;
                    std::thread::sleep(Duration::from_millis(1));
                }
                other => return other,
            }
        }
    }

    /// Shares the registration of `first`. The mode and all other flags are inherited, and must not be given.
    fn share(&mut self, first: &Port) -> Result<Obtained, Errno> {
        self.bind(XDP_SHARED_UMEM, Some(first.fd()))?;
        Ok(self.obtained(None, first.is_zero_copy()))
    }

    /// With a registration of its own.
    fn own(&mut self, umem: &Umem) -> Result<Obtained, BindError> {
        let at = self.at;
        let wakeup = match at.config.need_wakeup {
            NeedWakeup::WhenAsked => XDP_USE_NEED_WAKEUP,
            NeedWakeup::Always => 0,
        };
        let several = if at.config.multi_buffer { XDP_USE_SG } else { 0 };
        let mut bind = |mode: u16| self.bind(mode | wakeup | several, None);
        let (bound, why_copy) = match at.config.mode {
            Mode::Copy => (bind(XDP_COPY), None),
            Mode::ZeroCopy if !umem.has_whole_chunks() => return Err(BindError::UnalignedZeroCopy),
            Mode::PreferZeroCopy if !umem.has_whole_chunks() => {
                (bind(XDP_COPY), Some("unaligned chunks that lie across pages".to_owned()))
            }
            Mode::ZeroCopy => (bind(XDP_ZEROCOPY), None),
            Mode::PreferZeroCopy => match bind(XDP_ZEROCOPY) {
                Err(errno) if !is_final(errno) => (bind(XDP_COPY), Some(why_copy(at, errno))),
                other => (other, None),
            },
        };
        bound.map_err(|errno| at.bind_error(errno, at.config.mode))?;
        let is_likely = why_copy.is_none() && at.config.mode != Mode::Copy;
        Ok(self.obtained(why_copy, is_likely))
    }

    /// What the kernel says. Before 5.3 it does not tell; then it is what was asked for and not refused.
    fn obtained(&self, why_copy: Option<String>, is_likely: bool) -> Obtained {
        let is_zero_copy = match sys::option::<xdp_options>(self.fd, SOL_XDP, XDP_OPTIONS) {
            Ok((options, _)) => options.flags & XDP_OPTIONS_ZEROCOPY != 0,
            Err(_) => is_likely,
        };
        let mode = if is_zero_copy { ObtainedMode::ZeroCopy } else { ObtainedMode::Copy };
        Obtained { mode, why_copy, busy_retries: self.retries }
    }
}

/// Whether a refusal leaves no chance for another mode, or another registration.
fn is_final(errno: Errno) -> bool {
    matches!(errno, Errno::EBUSY | Errno::ENODEV | Errno::EPERM | Errno::ENETDOWN | Errno::ENXIO)
}

fn why_copy(at: &At<'_>, errno: Errno) -> String {
    let driver = at.interface.driver().or(at.interface.kind()).unwrap_or("unknown");
    match errno {
        // What an older kernel's answer may come from, too, is not told apart there.
        Errno::EOPNOTSUPP if at.config.multi_buffer && zero_copy_frames(at.interface) == Some(1) => {
            format!("driver {driver} has no packets of several frames in zero-copy mode")
        }
        Errno::EOPNOTSUPP => format!("driver {driver} has no zero-copy on this queue"),
        other => format!("driver {driver} refused zero-copy: {other}"),
    }
}

/// Frames that a packet can have to be sent.
pub(crate) fn most_frames(at: &At<'_>, mode: ObtainedMode) -> u32 {
    match mode {
        _ if !at.config.multi_buffer => 1,
        ObtainedMode::Copy => COPY_MODE_FRAMES,
        ObtainedMode::ZeroCopy => zero_copy_frames(at.interface).unwrap_or(1),
    }
}

/// Frames that a packet can have in zero-copy mode, where the kernel tells.
pub(super) fn zero_copy_frames(interface: &Interface) -> Option<u32> {
    Capabilities::of(interface).ok()?.zero_copy_segments()
}
