//! Which shapes have been met, and whose rows are worth looking at: a table of fixed size that all workers read and write
//! without a lock. What is lost in it costs a text told twice or a row looked at in vain, nothing else.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};

use super::nanos::Nanos;
use crate::sql::digest::Digest;

/// What is known of a shape when it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// It has not been met, as far as is known here: its text is to be told.
    pub new: bool,
    /// Its rows are to be looked at.
    pub capture: bool,
    /// It may take long: in a pipeline its end is to be told before the next one's.
    pub flush: bool,
}

/// Shapes: 4 in each of 4,096 sets, 256 KiB in all.
#[derive(Debug)]
pub struct Known {
    entries: Box<[Entry]>,
}

#[derive(Debug, Default)]
struct Entry {
    digest: AtomicU64,
    /// How often it has run since it was met or armed.
    runs: AtomicU32,
    /// It has taken long.
    long: AtomicBool,
}

/// A statement that takes this long can bear to have its end flushed: that costs some ten microseconds.
const LONG: Nanos = Nanos::from_millis(1);

/// After so many runs it may show again that it takes long.
const FORGIVEN: u32 = 1024;

/// Its first runs show how long it takes.
const EARLY: u32 = 16;

const SETS: usize = 4096;
const WAYS: usize = 4;

/// A shape's rows are looked at for so many runs,
const ALWAYS: u32 = 512;

/// for so many more when somebody wants to see them,
const ARMED: u32 = 64;

/// and otherwise in one of so many.
const SELDOM: u32 = 16;

impl Default for Known {
    fn default() -> Known {
        Known { entries: std::iter::repeat_with(Entry::default).take(SETS * WAYS).collect() }
    }
}

impl Known {
    /// A shape runs.
    #[inline]
    pub fn run(&self, digest: Digest) -> Sight {
        for entry in self.set(digest) {
            if entry.digest.load(Relaxed) == digest.0 {
                let runs = entry.runs.load(Relaxed);
                // Two workers may count one run: it does not matter.
                entry.runs.store(if runs == u32::MAX { ALWAYS } else { runs + 1 }, Relaxed);
                if runs.is_multiple_of(FORGIVEN) {
                    entry.long.store(false, Relaxed);
                }
                return Sight {
                    new: false,
                    capture: runs < ALWAYS || runs.is_multiple_of(SELDOM),
                    flush: runs < EARLY || entry.long.load(Relaxed),
                };
            }
        }
        Sight { new: true, capture: true, flush: true }
    }

    /// Whether it has been met, as far as is known here.
    pub fn has(&self, digest: Digest) -> bool {
        self.set(digest).iter().any(|entry| entry.digest.load(Relaxed) == digest.0)
    }

    /// Its text has been told: it is met.
    #[cold]
    pub fn meet(&self, digest: Digest) {
        let set = self.set(digest);
        let least = set.iter().min_by_key(|entry| entry.runs.load(Relaxed));
        if let Some(entry) = least {
            entry.digest.store(digest.0, Relaxed);
            entry.runs.store(1, Relaxed);
            entry.long.store(false, Relaxed);
        }
        // The others are not kept for ever because they once ran often.
        set.iter().for_each(|entry| entry.runs.store(entry.runs.load(Relaxed) / 2, Relaxed));
    }

    /// Nothing was met: the analyst has forgotten some of it, and every text is told again.
    pub fn forget(&self) {
        self.entries.iter().for_each(|entry| entry.digest.store(0, Relaxed));
    }

    /// How long a run of it took.
    #[inline]
    pub fn took(&self, digest: Digest, duration: Nanos) {
        if duration >= LONG {
            let entry = self.set(digest).iter().find(|entry| entry.digest.load(Relaxed) == digest.0);
            entry.into_iter().for_each(|entry| entry.long.store(true, Relaxed));
        }
    }

    /// A shape's rows are worth looking at again.
    pub fn arm(&self, digest: Digest) {
        let entry = self.set(digest).iter().find(|entry| entry.digest.load(Relaxed) == digest.0);
        entry.into_iter().for_each(|entry| entry.runs.store(ALWAYS - ARMED, Relaxed));
    }

    fn set(&self, digest: Digest) -> &[Entry] {
        let at = (digest.0 ^ (digest.0 >> 32)) as usize % SETS * WAYS;
        &self.entries[at..at + WAYS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn met_once_and_looked_at_less_and_less() {
        let (known, digest) = (Known::default(), Digest(77));
        assert!(known.run(digest).new);
        known.meet(digest);
        let looked = |runs: u32| (0..runs).filter(|_| known.run(digest).capture).count();
        assert_eq!(looked(500), 500);
        let later = looked(1600);
        assert!((100..130).contains(&later), "{later}");
        known.arm(digest);
        assert_eq!(looked(ARMED), ARMED as usize);
        assert!(!known.run(digest).new);
    }

    #[test]
    fn a_set_that_is_full_forgets_the_one_that_ran_least() {
        let known = Known::default();
        let digests: Vec<Digest> = (0..5).map(|n| Digest(1 + n * SETS as u64)).collect();
        for digest in &digests[..4] {
            known.meet(*digest);
            (0..10).for_each(|_| _ = known.run(*digest));
        }
        (0..50).for_each(|_| digests[1..4].iter().for_each(|digest| _ = known.run(*digest)));
        known.meet(digests[4]);
        assert!(known.run(digests[0]).new);
        assert!(digests[1..].iter().all(|digest| !known.run(*digest).new));
    }
}
