//! From words to steps: total, and zero is always the least.

use xdp_core::ChunkSize;

/// A word that the parts of one step are drawn from, one after the other.
///
/// Every word means something, and smaller words mean smaller parts, so that engines which shrink words shrink steps.
/// When more is drawn than 64 bits can say, the rest follows from the word like a random number from its seed.
#[derive(Debug, Clone, Copy)]
pub struct Word {
    left: u64,
    /// How many values `left` can still have, less one.
    span: u64,
    seed: u64,
}

impl Word {
    /// The parts of `word`.
    pub fn new(word: u64) -> Self {
        Self { left: word, span: u64::MAX, seed: word }
    }

    /// A number below `n`, or 0 if `n` is 0.
    pub fn below(&mut self, n: u32) -> u32 {
        let n = u64::from(n.max(1));
        if self.span < n - 1 {
            self.refill();
        }
        let part = self.left % n;
        (self.left, self.span) = (self.left / n, self.span / n);
        part as u32
    }

    /// One time in `n`.
    pub fn once_in(&mut self, n: u32) -> bool {
        self.below(n) == n - 1
    }

    /// A number up to `most`, every order of magnitude as likely as every other.
    pub fn amount(&mut self, most: u32) -> u32 {
        let bits = self.below(u32::BITS - most.leading_zeros() + 1);
        match bits {
            0 => 0,
            _ => ((1u64 << (bits - 1)) + u64::from(self.below(1 << (bits - 1)))).min(u64::from(most)) as u32,
        }
    }

    /// As [`Word::amount`], but now and then all that a `u32` can say.
    pub fn greedy(&mut self, most: u32) -> u32 {
        if self.once_in(32) { u32::MAX } else { self.amount(most) }
    }

    /// A ring length: 1 to 2^15, short ones more often, since on them every step matters.
    pub fn entries(&mut self) -> u32 {
        let log2 = self.below(16);
        1 << if log2 > 8 && !self.once_in(8) { log2 - 8 } else { log2 }
    }

    /// The size of chunks: mostly the smallest, often any.
    pub fn chunk_size(&mut self) -> ChunkSize {
        match self.below(8) {
            0 | 1 => ChunkSize::K4,
            2 | 3 => ChunkSize::Unaligned(2048 + self.below(2049)),
            _ => ChunkSize::K2,
        }
    }

    /// An index to start at: 0, somewhere before the wrap, or anywhere.
    pub fn start(&mut self) -> u32 {
        match self.below(4) {
            0 => 0,
            1 => self.rest() as u32,
            _ => u32::MAX - self.amount(1 << 17),
        }
    }

    /// Whatever is left.
    pub fn rest(&mut self) -> u64 {
        let rest = self.left;
        self.refill();
        rest
    }

    fn refill(&mut self) {
        // Zero stays the least.
        if self.seed != 0 {
            self.seed = splitmix(&mut self.seed).max(1);
        }
        (self.left, self.span) = (self.seed, u64::MAX);
    }
}

/// The next number of a sequence that is the same for the same seed.
pub fn splitmix(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut word = *seed;
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// The words that bytes stand for, as a fuzzer supplies them; a rest of less than eight bytes is a smaller word.
pub fn words_of(bytes: &[u8]) -> Vec<u64> {
    bytes
        .chunks(8)
        .map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(word)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_keep_their_bounds_and_reach_them() {
        let mut most = 0;
        for word in 0..100_000u64 {
            let mut word = Word::new(word.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            assert!(word.below(7) < 7);
            let amount = word.amount(40);
            assert!(amount <= 40);
            most = most.max(amount);
            assert!(word.entries().is_power_of_two());
        }
        assert_eq!(most, 40);
        assert_eq!(Word::new(u64::MAX).below(0), 0);
        assert_eq!(Word::new(0).amount(u32::MAX), 0);
    }

    #[test]
    fn bytes_become_words() {
        assert_eq!(words_of(&[1, 0, 0, 0, 0, 0, 0, 0, 2]), [1, 2]);
    }
}
