//! Parameters that several clients have alike are kept once. Pure.

use std::sync::Arc;

use hashbrown::HashSet;

use super::parameters::Parameters;

/// All that are in use: most of an app's clients are alike.
#[derive(Debug, Default)]
pub(super) struct Interner {
    known: HashSet<Arc<Parameters>>,
    sweep_at: usize,
    /// Bytes of those that came since the last sweep.
    fresh: usize,
}

/// Below this many nobody looks for unused ones.
const SWEEP_FROM: usize = 64;

/// Unless so many bytes have come: what a client may set has no end.
const SWEEP_BYTES: usize = 1 << 20;

/// What takes as many is not kept for a later client that may want the same.
const LARGE: usize = 64 << 10;

impl Interner {
    /// The one that is equal to this.
    pub(super) fn intern(&mut self, parameters: Arc<Parameters>) -> Arc<Parameters> {
        if let Some(known) = self.known.get(&parameters) {
            return known.clone();
        }
        self.fresh += parameters.bytes();
        if self.known.len() >= self.sweep_at.max(SWEEP_FROM) || self.fresh >= SWEEP_BYTES {
            self.sweep();
        }
        self.known.insert(parameters.clone());
        parameters
    }

    fn sweep(&mut self) {
        self.known.retain(|known| Arc::strong_count(known) > 1);
        (self.sweep_at, self.fresh) = (self.known.len() * 2, 0);
    }

    /// Once a second: large ones of clients that have gone go, too.
    pub(super) fn tidy(&mut self) {
        if self.known.iter().any(|known| Arc::strong_count(known) == 1 && known.bytes() >= LARGE) {
            self.sweep();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parameters::tests::parse;
    use super::*;

    #[test]
    fn equal_parameters_are_one_while_somebody_has_them() {
        let mut interner = Interner::default();
        let first = interner.intern(Arc::new(parse("A=1")));
        assert!(Arc::ptr_eq(&first, &interner.intern(Arc::new(parse("A=1")))));
        for n in 0..1000 {
            interner.intern(Arc::new(parse(&format!("A={n}"))));
        }
        assert!(interner.known.len() <= 2 * SWEEP_FROM);
        assert!(Arc::ptr_eq(&first, &interner.intern(Arc::new(parse("A=1")))));
    }

    #[test]
    fn large_ones_are_not_kept_for_nobody() {
        let large = |n: usize| {
            let mut parameters = Parameters::default();
            parameters.set_quiet("my.text", &"x".repeat(LARGE + n));
            Arc::new(parameters)
        };
        let mut interner = Interner::default();
        (0..1_000).for_each(|n| drop(interner.intern(large(n))));
        assert!(interner.known.iter().map(|known| known.bytes()).sum::<usize>() <= 2 * SWEEP_BYTES);
        let used = interner.intern(large(5_000));
        interner.tidy();
        assert_eq!(interner.known.iter().collect::<Vec<_>>(), [&used]);
    }
}
