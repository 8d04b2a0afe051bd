//! Whole packets, and parts of packets.

/// Which IP packets, by whether they are fragments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fragments {
    /// Whole packets only.
    None,
    /// The first fragment of a packet, which has ports.
    First,
    /// Fragments after the first one, which have none.
    Later,
    /// Any fragment.
    Any,
}

impl Fragments {
    /// Whether a packet is one of these.
    pub(super) fn include(self, fragment: Option<Part>) -> bool {
        match self {
            Self::None => fragment.is_none(),
            Self::First => fragment == Some(Part::First),
            Self::Later => fragment == Some(Part::Later),
            Self::Any => fragment.is_some(),
        }
    }
}

/// Which part of a packet a fragment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::program) enum Part {
    First,
    Later,
}
