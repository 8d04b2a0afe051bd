//! The list of subjects, for engines that run them all.

use crate::{
    cursor, edits, hostile_rings, hostile_socket, layout, packets, pools, ring, shared_queue, sockets, wake,
};

/// A subject: its name and its model.
#[derive(Debug, Clone, Copy)]
pub struct Subject {
    /// The name on a command line.
    pub name: &'static str,
    /// Panics if what must hold does not.
    pub model: fn(&[u64]),
}

/// All subjects, in the order in which they build on each other.
pub const SUBJECTS: &[Subject] = &[
    Subject { name: "producer", model: cursor::producer },
    Subject { name: "consumer", model: cursor::consumer },
    Subject { name: "hostile-words", model: cursor::hostile_words },
    Subject { name: "rings", model: ring::model },
    Subject { name: "layout", model: layout::aligned },
    Subject { name: "unaligned", model: layout::unaligned },
    Subject { name: "packets", model: packets::reading },
    Subject { name: "packet-check", model: packets::checking },
    Subject { name: "wake", model: wake::model },
    Subject { name: "pools", model: pools::model },
    Subject { name: "sockets", model: sockets::model },
    Subject { name: "shared-queue", model: shared_queue::model },
    Subject { name: "edits", model: edits::model },
    Subject { name: "hostile-rings", model: hostile_rings::model },
    Subject { name: "hostile-socket", model: hostile_socket::model },
];
