//! Chance that is the same for the same seed. Xorshift: nothing here needs better.

/// A source of numbers.
pub(crate) struct Chance(u64);

impl Chance {
    /// Any seed will do.
    pub(crate) fn new(seed: u64) -> Chance {
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..8 {
            chance.next();
        }
        chance
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// From 0 to below `most`.
    pub(crate) fn below(&mut self, most: usize) -> usize {
        (self.next() >> 16) as usize % most
    }

    /// From 1 to `most`.
    pub(crate) fn number(&mut self, most: usize) -> i32 {
        self.below(most) as i32 + 1
    }
}
