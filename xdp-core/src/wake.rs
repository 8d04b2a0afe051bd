//! When the kernel has to be woken: a pure rule, and the one fence that it needs.
//!
//! With the need-wakeup flag in use, the kernel sets a bit in a ring's flags word when it stops looking at the ring
//! by itself. The danger is a store-load race: we publish an entry and read a flag that is still clear, the kernel
//! sets the flag and reads a ring that still looks empty, and both sleep. Our side is closed by a full fence between
//! the store and the load ([`flags_after_publish`]); if the kernel's side reads the ring again after it set the flag
//! (drivers do), one of the two sees the other's store. The kernel's core has no barrier of its own there, so whoever
//! waits long for outstanding entries should kick once more: where `xdp` sleeps, it sleeps in `poll`, which does
//! that.
//!
//! | # | access | order | pairs with |
//! |---|--------|-------|------------|
//! | 5 | fence after the store of our producer | SeqCst | the driver's `xsk_set_tx_need_wakeup`, and its second look at the ring |
//! | 6 | load flags | Relaxed | none: the fence orders it; a stale value costs one system call or one late kick |

use crate::sync::{AtomicU32, Ordering, fence, row};

/// The bit of a ring's flags word by which the kernel asks to be woken. Minimum kernel: 5.4.
#[doc(alias = "XDP_RING_NEED_WAKEUP")]
pub const NEED_WAKEUP: u32 = 1;

/// Whether waking is left to the kernel's wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WakePolicy {
    /// Kick whenever there is work: the socket was bound without the need-wakeup flag, or the mode cannot do without.
    Always,
    /// Kick only when the flag asks for it.
    WhenAsked,
    /// Kick whenever there is work, sent or not completed: the socket polls its queue itself, and nothing moves but by
    /// its calls.
    Polling,
}

impl WakePolicy {
    /// Whether a ring with this flags word and that many submitted, unconsumed entries needs a system call.
    ///
    /// Outstanding work counts whether or not anything was submitted just now: a full tx ring must be kicked too, or
    /// it stays full.
    #[inline]
    pub const fn needs_kick(self, flags: u32, outstanding: u32) -> bool {
        outstanding > 0 && (!matches!(self, Self::WhenAsked) || flags & NEED_WAKEUP != 0)
    }
}

/// Reads a ring's flags word so that an entry published before is visible to a kernel that goes to sleep now.
#[inline]
pub fn flags_after_publish(flags: &AtomicU32) -> u32 {
    fence(row(5, Ordering::SeqCst));
    flags.load(Ordering::Relaxed) // row 6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outstanding_work_is_kicked_when_asked_for_and_always_without_the_flag() {
        for (policy, flags, outstanding, kick) in [
            (WakePolicy::WhenAsked, 0, 0, false),
            (WakePolicy::WhenAsked, 0, 7, false),
            (WakePolicy::WhenAsked, NEED_WAKEUP, 0, false),
            (WakePolicy::WhenAsked, NEED_WAKEUP, 1, true),
            (WakePolicy::WhenAsked, !NEED_WAKEUP, 1, false),
            (WakePolicy::Always, 0, 0, false),
            (WakePolicy::Always, 0, 1, true),
            (WakePolicy::Always, NEED_WAKEUP, u32::MAX, true),
            (WakePolicy::Polling, 0, 0, false),
            (WakePolicy::Polling, 0, 1, true),
        ] {
            assert_eq!(policy.needs_kick(flags, outstanding), kick, "{policy:?} {flags} {outstanding}");
        }
    }
}
