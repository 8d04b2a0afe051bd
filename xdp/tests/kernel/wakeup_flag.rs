//! The wakeup flag is written by the kernel at any moment, so a loop that waits for it must look each time: a plain load
//! is moved out of the loop by the optimiser, and the loop never ends.

use std::hint;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use xdp_core::fake::{FakeKernel, Wakeup};

#[test]
fn a_loop_on_the_wakeup_flag_sees_every_change() {
    const CHANGES: u32 = 200;
    let (kernel, rings) = FakeKernel::new(8).unwrap();
    let looking = AtomicU32::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            for change in 1..=CHANGES {
                // The loop on the other side is about to begin; a while later it has. It may be further already: the two
                // flags do not change at the same moment, and one of them may have been right by chance.
                while looking.load(Ordering::Acquire) < change {
                    hint::spin_loop();
                    thread::yield_now();
                }
                for _ in 0..change % 256 {
                    hint::spin_loop();
                }
                let flag = if change % 2 == 1 { Wakeup::Needed } else { Wakeup::NotNeeded };
                kernel.ask_for_wakeup(flag, flag);
            }
        });
        for change in 1..=CHANGES {
            looking.store(change, Ordering::Release);
            // Nothing but the look at the flag is in these loops.
            if change % 4 < 2 {
                while rings.tx.flags() != change % 2 {}
            } else {
                while rings.fill.flags() != change % 2 {}
            }
        }
    });
}
