//! What can happen to an interface.

use std::fmt;

use crate::device::AttachedXdp;

/// The interface that an event is about, as it was called then.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct LinkId {
    /// The number that stays the same when the interface is renamed, until it is removed.
    pub index: u32,
    /// The name. The kernel allows names that are not UTF-8: they are shown with U+FFFD in them.
    pub name: String,
}

/// Why an interface is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DownReason {
    /// It was set down (`ip link set NAME down`).
    Administrator,
    /// It is set up, and its driver sees nobody at the other end of the cable.
    Carrier,
}

/// Something that happened to an interface. `Display` is a sentence for an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkEvent {
    /// There is a new interface: made, plugged in, or moved here from another network namespace.
    Added(LinkId),
    /// It is set up and has a carrier: packets can come and go.
    Up(LinkId),
    /// It was up and is not any more. What makes it so first is told; a cable that is pulled while the interface is
    /// set down is not.
    Down {
        /// The interface.
        link: LinkId,
        /// Why.
        reason: DownReason,
    },
    /// It has another name now.
    Renamed {
        /// The interface, by its new name.
        link: LinkId,
        /// Its name before.
        before: String,
    },
    /// The largest packet is another one, in bytes without the link header.
    Mtu {
        /// The interface.
        link: LinkId,
        /// Before.
        before: u32,
        /// Now.
        now: u32,
    },
    /// An XDP program was attached, detached or replaced.
    Programs {
        /// The interface.
        link: LinkId,
        /// The programs before, by their numbers and the places where they run.
        before: AttachedXdp,
        /// The programs now.
        now: AttachedXdp,
    },
    /// It was moved to another network namespace: out of sight from here.
    Moved(LinkId),
    /// It was removed. An interface that gets its index later is another one.
    Removed(LinkId),
    /// More happened than the kernel could keep for us (`ENOBUFS`). What can be told from how things are now follows
    /// as events of its own, after [`look`](super::LinkEvents::look) for whoever does not wait with
    /// [`next_event`](super::LinkEvents::next_event); what was undone in between is not told.
    Lost,
}

impl LinkEvent {
    /// The interface that it is about; `None` for [`Lost`](LinkEvent::Lost), which is about all.
    pub fn link(&self) -> Option<&LinkId> {
        match self {
            Self::Added(link) | Self::Up(link) | Self::Moved(link) | Self::Removed(link) => Some(link),
            Self::Down { link, .. }
            | Self::Renamed { link, .. }
            | Self::Mtu { link, .. }
            | Self::Programs { link, .. } => Some(link),
            Self::Lost => None,
        }
    }
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names may hold anything but a slash and white space, and a terminal obeys some of it.
        write!(f, "{} (index {})", self.name.escape_debug(), self.index)
    }
}

impl fmt::Display for LinkEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added(link) => write!(f, "{link} is new"),
            Self::Up(link) => write!(f, "{link} is up"),
            Self::Down { link, reason: DownReason::Administrator } => write!(f, "{link} was set down"),
            Self::Down { link, reason: DownReason::Carrier } => write!(f, "{link} has lost its carrier"),
            Self::Renamed { link, before } => {
                write!(f, "{link} has a new name, it was {} before", before.escape_debug())
            }
            Self::Mtu { link, before, now } => {
                write!(f, "{link} has an MTU of {now}, it was {before} before")
            }
            Self::Programs { link, before, now } => {
                write!(f, "{link} has {now} attached, and had {before} before")
            }
            Self::Moved(link) => write!(f, "{link} was moved to another network namespace"),
            Self::Removed(link) => write!(f, "{link} was removed"),
            Self::Lost => f.write_str("more happened to the interfaces than the kernel could tell"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_reads_as_a_sentence_that_no_name_can_disturb() {
        let link = || LinkId { index: 7, name: "eth0".into() };
        let programs =
            LinkEvent::Programs { link: link(), before: AttachedXdp::default(), now: AttachedXdp::default() };
        assert_eq!(programs.to_string(), "eth0 (index 7) has no program attached, and had no program before");
        let carrier = LinkEvent::Down { link: link(), reason: DownReason::Carrier };
        assert_eq!(carrier.to_string(), "eth0 (index 7) has lost its carrier");
        let hostile = LinkId { index: 8, name: "\u{1b}[2J".into() };
        assert_eq!(LinkEvent::Up(hostile).to_string(), "\\u{1b}[2J (index 8) is up");
        assert_eq!(LinkEvent::Lost.link(), None);
        assert_eq!(programs.link(), Some(&link()));
    }
}
