//! Choices that are the same for the same seed: SplitMix64, <https://prng.di.unimi.it/splitmix64.c>.

/// Where the choices come from.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// Those of one client.
    pub fn of(seed: u64, number: usize) -> Chance {
        let mut chance = Chance(seed ^ (number as u64).wrapping_mul(0xa076_1d64_78bd_642f));
        chance.next();
        chance
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// From `low` to `high`.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// Once in `many`.
    pub fn once_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    /// One of the places of `weights`, each as often as its weight says.
    pub fn weighed(&mut self, weights: impl Iterator<Item = usize> + Clone) -> usize {
        let mut at = self.below(weights.clone().sum());
        for (place, weight) in weights.enumerate() {
            match at.checked_sub(weight) {
                Some(rest) => at = rest,
                None => return place,
            }
        }
        unreachable!("less than the sum of all")
    }
}
