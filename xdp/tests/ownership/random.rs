//! Chance with a seed.

use std::hash::{BuildHasher, RandomState};
use std::thread;

/// Seeds of every run; one more is new each time.
const SEEDS: [u64; 4] = [1, 0x5eed, 0xdead_beef, u64::MAX];

/// Numbers that are all determined by a seed.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, by the generator that is known as SplitMix64.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `n`.
    pub(crate) fn below(&mut self, n: u32) -> u32 {
        (self.next() % u64::from(n)) as u32
    }

    /// True once in `n` times.
    pub(crate) fn once_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }

    /// Chance for somebody else.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.next())
    }
}

/// Runs `test` with the first `fixed` of the fixed seeds and a new one, or with the one of the environment.
pub(crate) fn with_seeds(fixed: usize, test: impl Fn(u64)) {
    let given =
        std::env::var("XDP_TEST_SEED").ok().map(|seed| seed.parse().expect("XDP_TEST_SEED is a number"));
    let new = RandomState::new().hash_one(0);
    let seeds =
        given.map_or_else(|| SEEDS[..fixed].iter().copied().chain([new]).collect(), |seed| vec![seed]);
    for seed in seeds {
        let _said_on_failure = Seed(seed);
        test(seed);
    }
}

struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("failed with XDP_TEST_SEED={}", self.0);
        }
    }
}
