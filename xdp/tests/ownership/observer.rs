//! The accounting while traffic runs.

use std::thread;

use crate::site::Site;

/// Asks for the accounting over and over, never standing still: the places sum to the chunk count at every moment,
/// whatever moves and whichever socket is closed meanwhile.
pub(crate) fn observe(site: &Site) -> u64 {
    let _alarm = site.gate.alarm();
    let mut looks = 0;
    while !site.is_over() {
        let account = site.umem.accounting();
        assert_eq!(account.sum(), site.umem.chunks(), "{account}");
        looks += 1;
        thread::yield_now();
    }
    looks
}
