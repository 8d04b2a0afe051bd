//! What the running kernel does where users of AF_XDP go wrong, and that it cannot happen here.
//!
//! Each file holds one such behaviour: a socket made by hand shows what the kernel does, and the library is driven to
//! where it would matter. Kernels differ in some of these; the tests say what they found, and require only what the
//! library promises everywhere.
#![cfg(all(feature = "fake-kernel", feature = "lab"))]

mod fill_addresses;
mod fill_room;
mod huge_pages;
mod lent_memory;
mod metadata;
mod raw;
mod tx_descriptors;
mod tx_wait;
mod wakeup_flag;

use std::time::Duration;

use xdp::lab::{Entered, Lab};
use xdp::{ChunkSize, QueueId, Umem};

/// Longer than anything takes on a busy machine; only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(30);

const QUEUE: QueueId = QueueId(0);

/// The lab of a test, or none if it cannot run here.
fn lab(test: &str) -> Option<Lab> {
    xdp::lab::require(test).then(|| Lab::new().unwrap())
}

/// Moves the thread into the lab; the names of the pair's ends.
fn enter(lab: &Lab) -> (Entered<'_>, String, String) {
    let pair = lab.pair(0);
    (lab.enter().unwrap(), pair.a().name().to_owned(), pair.b().name().to_owned())
}

fn umem(chunks: u32) -> Umem {
    Umem::builder().chunks(chunks).chunk_size(ChunkSize::K2).build().unwrap()
}

/// A number below `n`, and the state of the generator (SplitMix64) for the next.
fn chance(state: &mut u64, n: u32) -> u32 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) % u64::from(n)) as u32
}
