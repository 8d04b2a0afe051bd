//! The accounting while traffic runs.

use crate::site::Site;

/// Asks for the accounting over and over, never standing still, and checks what holds at every moment.
pub(crate) fn observe(site: &Site) -> u64 {
    let _alarm = site.gate.alarm();
    let mut looks = 0;
    while !site.is_over() {
        let account = site.umem.accounting();
        let counted = account.sum() - account.pool;
        assert!(counted <= account.chunks, "a chunk was counted in two places: {account}");
        looks += 1;
    }
    looks
}
