//! Binding a socket to its queue: modes, patience with a queue that is being released, and what came of it.

use std::time::{Duration, Instant};

use xdp_core::packets::COPY_MODE_FRAMES;
use xdp_sys::Errno;
use xdp_sys::if_xdp::{
    AF_XDP, SOL_XDP, XDP_COPY, XDP_OPTIONS, XDP_OPTIONS_ZEROCOPY, XDP_USE_NEED_WAKEUP, XDP_USE_SG,
    XDP_ZEROCOPY, sockaddr_xdp, xdp_options,
};

use crate::device::{Capabilities, Interface};
use crate::socket::at::At;
use crate::socket::error::BindError;
use crate::socket::options::{Mode, NeedWakeup, ObtainedMode};
use crate::socket::port::Port;
use crate::sys;

/// How long a bind goes on against a busy queue: the kernel releases a closed socket late, 20 ms on a quiet machine.
const BUSY_PATIENCE: Duration = Duration::from_millis(500);

/// Binds as the settings say; the mode obtained, why it is copy mode where zero-copy was preferred, and how often the
/// queue was still busy.
pub(super) fn to_queue(at: &At<'_>, port: &Port) -> Result<(ObtainedMode, Option<String>, u32), BindError> {
    let fd = port.fd();
    let wakeup = match at.config.need_wakeup {
        NeedWakeup::WhenAsked => XDP_USE_NEED_WAKEUP,
        NeedWakeup::Always => 0,
    };
    let several = if at.config.multi_buffer { XDP_USE_SG } else { 0 };
    let deadline = Instant::now() + BUSY_PATIENCE;
    let mut retries = 0;
    let mut bind = |flags: u16| loop {
        let address = sockaddr_xdp {
            sxdp_family: AF_XDP as u16,
            sxdp_flags: flags | wakeup | several,
            sxdp_ifindex: at.interface.index(),
            sxdp_queue_id: at.queue.0,
            sxdp_shared_umem_fd: 0,
        };
        match sys::bind(fd, &address) {
            // An earlier socket of this queue may be closed and not yet released; the kernel has no event for that.
            Err(Errno::EBUSY) if Instant::now() < deadline => {
                retries += 1;
                std::thread::sleep(Duration::from_millis(1));
            }
            other => return other,
        }
    };
    let (obtained, why_copy) = match at.config.mode {
        Mode::Copy => (bind(XDP_COPY), None),
        Mode::ZeroCopy => (bind(XDP_ZEROCOPY), None),
        Mode::PreferZeroCopy => match bind(XDP_ZEROCOPY) {
            Err(errno) if falls_back(errno) => (bind(XDP_COPY), Some(why_copy(at, errno))),
            other => (other, None),
        },
    };
    obtained.map_err(|errno| at.bind_error(errno, at.config.mode))?;
    let is_zero_copy = match sys::option::<xdp_options>(fd, SOL_XDP, XDP_OPTIONS) {
        Ok((options, _)) => options.flags & XDP_OPTIONS_ZEROCOPY != 0,
        // Before 5.3 the kernel does not tell; it was asked for one mode and did not refuse.
        Err(_) => why_copy.is_none() && at.config.mode != Mode::Copy,
    };
    let mode = if is_zero_copy { ObtainedMode::ZeroCopy } else { ObtainedMode::Copy };
    Ok((mode, why_copy, retries))
}

/// Whether a refusal of zero-copy leaves a chance for copy mode.
fn falls_back(errno: Errno) -> bool {
    !matches!(errno, Errno::EBUSY | Errno::ENODEV | Errno::EPERM | Errno::ENETDOWN | Errno::ENXIO)
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
pub(super) fn most_frames(at: &At<'_>, mode: ObtainedMode) -> u32 {
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
