//! What can be checked before anything is asked of the kernel's socket layer.

use crate::QueueId;
use crate::device::Interface;
use crate::diagnosis::kernel::has_multi_buffer;
use crate::metadata::Reserve;
use crate::socket::bind;
use crate::socket::builder::Direction;
use crate::socket::error::{BindError, RingKind};
use crate::socket::options::{Mode, MultiBuffer, RingSizes};
use crate::umem::Umem;

pub(crate) fn sizes(rings: RingSizes, direction: Direction) -> Result<(), BindError> {
    let sizes = [
        (RingKind::Rx, rings.rx, direction.receives()),
        (RingKind::Tx, rings.tx, direction.sends()),
        (RingKind::Fill, rings.fill, true),
        (RingKind::Completion, rings.completion, true),
    ];
    match sizes
        .into_iter()
        .find(|(_, entries, used)| *used && !(entries.is_power_of_two() && *entries <= RingSizes::MOST))
    {
        Some((ring, entries, _)) => Err(BindError::RingSize { ring, entries }),
        None => Ok(()),
    }
}

/// The mode to ask for: checksums in software are of copy mode.
pub(crate) fn mode(mode: Mode, umem: &Umem) -> Result<Mode, BindError> {
    match (umem.home().reserve, mode) {
        (Reserve::SoftwareChecksum, Mode::ZeroCopy) => Err(BindError::SoftwareChecksum),
        (Reserve::SoftwareChecksum, _) => Ok(Mode::Copy),
        (_, mode) => Ok(mode),
    }
}

pub(crate) fn interface(
    interface: &Interface,
    queue: QueueId,
    direction: Direction,
) -> Result<(), BindError> {
    let name = || interface.name().to_owned();
    let queues = interface.queues();
    for (used, queues, direction) in
        [(direction.receives(), queues.rx, "receive"), (direction.sends(), queues.tx, "transmit")]
    {
        if used && queue.0 >= queues {
            return Err(BindError::Queue { interface: name(), queue, queues, direction });
        }
    }
    if !interface.is_up() {
        return Err(BindError::InterfaceDown { interface: name() });
    }
    Ok(())
}

/// Whether packets can have several frames, where that is wanted; why not, where it is only preferred. Asked before the
/// program is loaded, so that the program and the socket agree.
pub(crate) fn multi_buffer(
    interface: &Interface,
    mode: Mode,
    wanted: MultiBuffer,
) -> Result<Option<String>, BindError> {
    match wanted {
        MultiBuffer::Never => Ok(None),
        // What cannot be told for want of privilege fails for want of it when the socket is made.
        _ if has_multi_buffer() == Some(false) => match wanted {
            MultiBuffer::Require => Err(BindError::NoMultiBuffer),
            _ => Ok(Some("more need Linux 6.6 or later".to_owned())),
        },
        MultiBuffer::Prefer if mode == Mode::ZeroCopy && bind::zero_copy_frames(interface) == Some(1) => {
            Ok(Some("its driver takes no more in zero-copy mode".to_owned()))
        }
        _ => Ok(None),
    }
}
