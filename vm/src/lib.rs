//! What the script `run` needs in Rust: the first process of a virtual machine, which runs test binaries there
//! (`xdp-vm-guest`), and the table of their results (`xdp-vm-table`). Both sides of what the one writes and the other
//! reads are here.
//!
//! - [`record`]: what happened in one machine, line by line.
//! - [`exceptions`]: which tests cannot hold on which kernel, and why.
//! - [`table`]: all of it, judged, for people.

#![forbid(unsafe_code)]

pub mod exceptions;
pub mod record;
pub mod table;
