//! Numbers that look like chance and are the same each time. Pure.

/// A sequence between 0 and 1: splitmix64's steps.
#[derive(Debug, Default)]
pub(super) struct Chance(u64);

impl Chance {
    /// The next one, 0 ≤ x < 1.
    pub(super) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
