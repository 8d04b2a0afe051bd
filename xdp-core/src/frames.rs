//! Where free chunks live and how they come home: the pool, the return path, and the custody table.
//!
//! The conservation rule: at every moment each chunk is in exactly one place: a pool, the return path, the user's
//! hands, or the kernel's on behalf of one end of one socket. [`Custody`] is the proof of it at run time.
//!
//! - F1 a chunk is pushed to the return path only by whoever has it in hand, so it is never there twice.
//! - F2 a chunk that the kernel names is believed only if the custody table says that the kernel has it, from that
//!   very end. A batch on loan changes nothing in the table: a chunk that is named twice in one batch is lent twice, and
//!   goes back to the kernel twice. It still never becomes two frames.
//!
//! | # | access | order | pairs with |
//! |---|--------|-------|------------|
//! | 7 | CAS of the head that pushes | Release | row 8: the link and the packet bytes are seen by whoever takes the chunk |
//! | 8 | CAS of the head that takes all | Acquire | row 7 |
//! | 9 | load/store of a link | Relaxed | ordered by rows 7 and 8: a link is written before its push, read after its take |
//! | 10 | load/store of a custody byte | Relaxed | none: only who has the chunk touches it, and chunks change hands in order |
//! | 11 | count what was taken | Release / Acquire | itself: who sees the count sees the pushes that it counts |

mod custody;
mod pool;
mod returns;

pub use custody::{Custody, CustodyView, Holder, Seat, make_plain};
pub use pool::Pool;
pub use returns::ReturnPath;

#[cfg(all(test, not(loom)))]
mod tests;
