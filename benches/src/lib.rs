//! What the rings and the whole path cost, beside the same work written by hand.
//!
//! The cases are defined once, here, and used twice: criterion (`benches/`) tells their time, `instructions.sh` their
//! exact number of instructions. A case is a group (what is done), an implementation (who does it) and a batch:
//!
//! | group | work of one batch |
//! |---|---|
//! | `xdp-core/fill`, `xdp-core/tx` | write a batch of addresses or descriptors from an array, publish it |
//! | `xdp-core/completion`, `xdp-core/rx` | add up the addresses (and lengths) of a batch, release it |
//! | `xdp-core/tx+completion`, `xdp-core/rx+fill` | one after the other |
//! | `xdp/borrowed` | receive, read one byte of each packet, give the chunks back to the fill ring |
//! | `xdp/owned` | receive, swap the MAC addresses, send, take completions, give the chunks back to the fill ring |
//! | `xdp/drop` | receive, drop each frame, give the chunks back to the fill ring |
//!
//! | implementation | what it is |
//! |---|---|
//! | `floor` | by hand: one acquire load and one release store a batch, index masked per element |
//! | `slice` | by hand: the same, but a batch is at most two contiguous runs |
//! | `ours` | `xdp-core`, or `xdp` where the group says so |
//!
//! The work proper of a batch is one function of [`measured`] that is never inlined: that, and nothing else, is
//! counted as instructions. The kernel is played outside of it, by plain stores to its indices; the time does include
//! those.

#![forbid(unsafe_code)]

mod case;
pub mod journeys;
pub mod measured;
mod plain;
pub mod rings;

pub use case::{BATCHES, Case, each_case};
