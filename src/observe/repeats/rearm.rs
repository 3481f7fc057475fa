//! Shapes whose rows are to be looked at again, since one was repeated out of who knows what: for each pair of those at once, and
//! then, where nothing came of it, more and more seldom. Pure.

use hashbrown::HashMap;

use crate::observe::nanos::Nanos;
use crate::sql::digest::Digest;

/// Shapes to be looked at, until somebody takes them.
#[derive(Debug, Default)]
pub(super) struct Rearm {
    wanted: Vec<Digest>,
    /// What was looked at in vain.
    vain: HashMap<Pair, Rest>,
}

/// A shape that returned rows, and one that was repeated after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Pair {
    pub(super) parent: Digest,
    pub(super) child: Digest,
}

/// Until when it is left alone, and for how long that was.
#[derive(Debug, Clone, Copy)]
struct Rest {
    until: Nanos,
    length: Nanos,
}

impl Rearm {
    /// The rows of the parent would be of use.
    pub(super) fn want(&mut self, pair: Pair, now: Nanos) {
        let known = self.vain.get(&pair).copied();
        if known.is_some_and(|rest| now < rest.until) || self.wanted.len() >= MOST_WANTED {
            return;
        }
        if known.is_none() && self.vain.len() >= MOST_VAIN {
            self.vain.clear();
        }
        let length = known.map_or(SHORTEST, |rest| (rest.length + rest.length).min(LONGEST));
        self.vain.insert(pair, Rest { until: now + length, length });
        if !self.wanted.contains(&pair.parent) {
            self.wanted.push(pair.parent);
        }
    }

    /// This shape was seen in a loop: to look was not in vain.
    pub(super) fn found(&mut self, child: Digest) {
        self.vain.retain(|pair, _| pair.child != child);
    }

    pub(super) fn take(&mut self) -> Vec<Digest> {
        std::mem::take(&mut self.wanted)
    }
}

const SHORTEST: Nanos = Nanos::from_secs(1);

const LONGEST: Nanos = Nanos::from_secs(64);

/// Shapes that are wanted at once.
const MOST_WANTED: usize = 256;

/// Pairs that are remembered; then all are new again.
const MOST_VAIN: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_at_in_vain_is_looked_at_less_and_less() {
        let mut rearm = Rearm::default();
        let pair = |parent, child| Pair { parent: Digest(parent), child: Digest(child) };
        let mut wants = |pair, second: u64| {
            rearm.want(pair, Nanos::from_secs(second));
            rearm.take().len()
        };
        let looked: Vec<u64> = (0..200).filter(|second| wants(pair(1, 1), *second) == 1).collect();
        assert_eq!(looked, [0, 1, 3, 7, 15, 31, 63, 127, 191]);
        assert_eq!((wants(pair(1, 2), 192), wants(pair(2, 1), 192)), (1, 1), "others are new");
        assert_eq!(wants(pair(1, 2), 192), 0);
        rearm.found(Digest(2));
        rearm.want(pair(1, 2), Nanos::from_secs(192));
        assert_eq!(rearm.take(), [Digest(1)]);
        (0..2 * MOST_VAIN as u64).for_each(|child| rearm.want(pair(7, child), Nanos::ZERO));
        assert!(rearm.vain.len() <= MOST_VAIN && rearm.take() == [Digest(7)]);
    }
}
