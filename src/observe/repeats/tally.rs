//! How large a part of a shape's executions are repetitions. Independent requests that share a connection ask the same now and
//! then, and nobody could tell that from a loop; but a program that asks everything three times does so always. Pure.

use crate::observe::who::WhoId;
use crate::sql::digest::Digest;

/// Shapes of applications, each in its place; who takes another's place begins anew.
#[derive(Debug)]
pub(super) struct Tally(Box<[Entry]>);

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    digest: Digest,
    who: WhoId,
    runs: u32,
    again: u32,
}

/// 24 KiB each thousand.
const PLACES: usize = 4096;

/// What was long ago counts half.
const MOST: u32 = 20_000;

/// One in so many has to be one: half of them.
const SHARE: u32 = 2;

impl Default for Tally {
    fn default() -> Tally {
        Tally(vec![Entry::default(); PLACES].into())
    }
}

impl Tally {
    /// It ran so often, and so often it was one of several with the same values.
    pub(super) fn count(&mut self, digest: Digest, who: WhoId, runs: u32, again: u32) {
        let entry = self.entry(digest, who);
        if (entry.digest, entry.who) != (digest, who) {
            *entry = Entry { digest, who, ..Entry::default() };
        }
        entry.runs += runs;
        entry.again += again;
        if entry.runs > MOST {
            (entry.runs, entry.again) = (entry.runs / 2, entry.again / 2);
        }
    }

    /// Whether repetition is what it does.
    pub(super) fn repeats(&mut self, digest: Digest, who: WhoId) -> bool {
        let entry = self.entry(digest, who);
        (entry.digest, entry.who) == (digest, who) && entry.again * SHARE >= entry.runs
    }

    fn entry(&mut self, digest: Digest, who: WhoId) -> &mut Entry {
        let place = (digest.0 ^ u64::from(who.0).wrapping_mul(0x9e37_79b9_7f4a_7c15)) >> 7;
        &mut self.0[place as usize % PLACES]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_all() {
        let (mut tally, digest, who) = (Tally::default(), Digest(7), WhoId(1));
        assert!(!tally.repeats(digest, who));
        tally.count(digest, who, 3, 3);
        assert!(tally.repeats(digest, who));
        (0..20).for_each(|_| tally.count(digest, who, 1, 0));
        assert!(!tally.repeats(digest, who), "three of 23");
        (0..1_000_000).for_each(|_| tally.count(digest, who, 4, 4));
        assert!(tally.repeats(digest, who) && !tally.repeats(digest, WhoId(2)));
    }
}
