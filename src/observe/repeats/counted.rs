//! Which loops have been counted: a connection, its group and its trace may each tell of the same one, seconds apart. Pure.

use std::collections::VecDeque;

use hashbrown::HashMap;

use super::occurrence::Occurrence;
use crate::observe::finding::FindingKind;
use crate::observe::nanos::Nanos;
use crate::sql::digest::Digest;

/// The last ones, by the result that they went over and what they repeated.
#[derive(Debug, Default)]
pub(super) struct Counted {
    counts: HashMap<Of, Count>,
    order: VecDeque<Of>,
}

type Of = (FindingKind, u64, Digest);

/// As much of one as has been counted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Count {
    n: u32,
    pub(super) wasted: Nanos,
}

/// What is seen of one again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// No more of it than was counted before.
    Old,
    /// It was counted before, but this is more of it: so much more is wasted.
    More(Nanos),
    /// It was not.
    New,
}

impl Counted {
    /// Seen once more.
    pub(super) fn count(&mut self, seen: &Occurrence) -> News {
        let Some(serial) = seen.serial() else { return News::New };
        let (of, count) = ((seen.kind, serial, seen.child), Count { n: seen.n, wasted: seen.wasted });
        match self.counts.get_mut(&of) {
            Some(before) if before.n >= count.n => News::Old,
            Some(before) => News::More(count.wasted - std::mem::replace(before, count).wasted),
            None => {
                self.remember(of, count);
                News::New
            }
        }
    }

    fn remember(&mut self, of: Of, count: Count) {
        if self.order.len() >= MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.counts.remove(&oldest);
        }
        self.order.push_back(of);
        self.counts.insert(of, count);
    }

    /// What was counted of this result was none of it.
    pub(super) fn take_back(&mut self, serial: u64, child: Digest) -> Option<Count> {
        let taken = (FindingKind::NPlusOne, serial, child);
        self.order.retain(|of| *of != taken);
        self.counts.remove(&taken)
    }
}

/// Two seconds of two thousand a second.
const MOST: usize = 4_096;
