//! What can be checked before anything is asked of the kernel's socket layer.

use crate::QueueId;
use crate::device::Interface;
use crate::socket::builder::Direction;
use crate::socket::error::{BindError, RingKind};
use crate::socket::options::RingSizes;

pub(super) fn sizes(rings: RingSizes, direction: Direction) -> Result<(), BindError> {
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

pub(super) fn interface(
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
