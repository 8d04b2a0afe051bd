//! The wakeup rule against a driver that sleeps: no work lies in a ring while both sides sleep.
//!
//! Here the steps of both sides follow one another in any order; what the processor may reorder is the business of the
//! fence, and of a model checker.

use xdp_core::fake::{FakeKernel, Wakeup};
use xdp_core::{Addr, Desc, Options, WakePolicy};

use crate::Word;

/// What a driver is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Driver {
    /// Looks at the ring by itself.
    Polls,
    /// Has found the ring empty and has set the flag; it looks once more before it sleeps.
    Dozes,
    /// Does nothing until it is woken.
    Sleeps,
}

/// A sender and a driver, step by step in any order.
pub fn model(words: &[u64]) {
    let Some((first, steps)) = words.split_first() else { return };
    let mut word = Word::new(*first);
    let policy = if word.once_in(4) { WakePolicy::Always } else { WakePolicy::WhenAsked };
    let (entries, start) = (word.entries(), word.start());
    let (mut kernel, mut rings) = FakeKernel::starting_at(entries, start).expect("a power of two");
    let (mut driver, mut unchecked, mut published, mut consumed) = (Driver::Polls, false, 0u64, 0u64);
    for word in steps {
        let mut word = Word::new(*word);
        match word.below(3) {
            // We publish, and look at the flag only later: the driver may do anything in between.
            0 => {
                let n = word.amount(entries) as usize;
                let desc = Desc { addr: Addr(0), len: 60, options: Options::NONE };
                let done = rings.tx.submit_from(&vec![desc; n]) as u64;
                published += done;
                unchecked |= done > 0;
            }
            // We look, and kick if the rule says so.
            1 => {
                let outstanding = rings.tx.outstanding();
                assert_eq!(u64::from(outstanding), published - consumed);
                let kicks = policy.needs_kick(rings.tx.flags_after_submit(), outstanding);
                if policy == WakePolicy::WhenAsked {
                    assert!(!kicks || driver != Driver::Polls, "a driver that polls is not disturbed");
                }
                assert!(!kicks || outstanding > 0, "no work, no system call");
                unchecked = false;
                if kicks {
                    kernel.ask_for_wakeup(Wakeup::NotNeeded, Wakeup::NotNeeded);
                    driver = Driver::Polls;
                }
            }
            // The driver goes on.
            _ => match driver {
                Driver::Polls => {
                    let n = word.amount(entries);
                    let taken = (0..n).take_while(|_| kernel.transmit().is_some()).count() as u64;
                    consumed += taken;
                    if published == consumed && n > 0 {
                        kernel.ask_for_wakeup(Wakeup::NotNeeded, Wakeup::Needed);
                        driver = Driver::Dozes;
                    }
                }
                Driver::Dozes if kernel.peek_tx(0).is_some() => {
                    kernel.ask_for_wakeup(Wakeup::NotNeeded, Wakeup::NotNeeded);
                    driver = Driver::Polls;
                }
                Driver::Dozes => driver = Driver::Sleeps,
                Driver::Sleeps => {}
            },
        }
        let forgotten = driver == Driver::Sleeps && published > consumed && !unchecked;
        assert!(!forgotten, "{} entries lie in the ring, and nobody will look", published - consumed);
    }
}
