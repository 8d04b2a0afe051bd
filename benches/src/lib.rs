//! What the rings and the whole path cost, beside the same work written by hand.
//!
//! The cases are defined once, here, and used three times: criterion (`benches/`) and `times` tell their time,
//! `instructions.sh` their exact number of instructions; `report.sh` prints all of it. A case is a group (what is
//! done), an implementation (who does it) and a batch (of how many):
//!
//! | group | work of one batch |
//! |---|---|
//! | `xdp-core/reserve+submit`, `xdp-core/peek+release` | the index arithmetic of a ring alone |
//! | `xdp-core/fill`, `xdp-core/tx` | write a batch of addresses or descriptors from an array, publish it |
//! | `xdp-core/completion`, `xdp-core/rx` | add up the addresses (and lengths) of a batch, release it |
//! | `xdp-core/tx+completion`, `xdp-core/rx+fill` | one after the other |
//! | `xdp-core/pool-push+pop`, `xdp-core/pool-bulk` | chunks into a pool and out of it: one by one, all at once |
//! | `xdp-core/return-push`, `-push-all`, `-take-all` | chunks onto the return path one by one, at once, and off it |
//! | `xdp/recv`, `xdp/alloc` | get frames and keep them |
//! | `xdp/send`, `xdp/send-from` | hand frames over that were kept: one by one, all at once; not yet published |
//! | `xdp/frame-drop`, `xdp/frame-recycle` | get rid of frames that were kept: one by one, all at once |
//! | `xdp/rx-seek`, `xdp/rx-peek`, `xdp/rx-commit` | the steps of `xdp/borrowed` |
//! | `xdp/tx-seek`, `xdp/tx-peek`, `xdp/tx-commit`, `xdp/tx-kick` | the steps of `xdp/sent` |
//! | `xdp/borrowed` | receive, read one byte of each packet, give the chunks back to the fill ring |
//! | `xdp/sent` | take free chunks, write one byte of each packet, send, take completions |
//! | `xdp/owned` | receive, swap the MAC addresses, send, take completions, give the chunks back to the fill ring |
//! | `xdp/owned-each` | the same, but sent one by one |
//! | `xdp/recycled` | receive, swap the MAC addresses, give the frames back to the fill ring in bulk |
//! | `xdp/drop` | receive, drop each frame, give the chunks back to the fill ring |
//!
//! | implementation | what it is |
//! |---|---|
//! | `floor` | by hand: one acquire load and one release store a batch, index masked per element |
//! | `slice` | by hand: the same, but a batch is at most two contiguous runs |
//! | `careful` | by hand: as `floor`, but what the kernel names is believed only if a table says that it has it |
//! | `ours` | `xdp-core`, or `xdp` where the group says so |
//!
//! What is by hand is safe code, too, does all that the group says, and nothing else: but for `careful` it believes
//! the kernel's numbers, keeps no account of who has a chunk, and counts nothing. `careful` tells how much of the
//! distance to the floor is the price of checking at all; no bar refers to it.
//!
//! The work proper of a batch is one function of [`measured`] that is never inlined: that, and nothing else, is
//! counted as instructions. The kernel is played outside of it, and does as much in every implementation: it looks
//! how far it may go, and stores its index. The time does include that.

#![forbid(unsafe_code)]

mod bar;
mod case;
pub mod chunks;
pub mod cursors;
pub mod frames;
pub mod journeys;
pub mod measured;
mod plain;
pub mod rings;
pub mod steps;

pub use bar::{BARS, Bar};
pub use case::{BATCHES, Group, Implementation, ROUND, Subject, groups, steps_of_round};
