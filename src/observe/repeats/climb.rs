//! A statement that asks for what its last execution returned: up a tree, down a list. Pure.

use std::sync::Arc;

use super::habit::Seen;
use super::link::Pace;
use super::step::Step;
use crate::observe::finding::FindingKind;
use crate::observe::report::Columns;
use crate::observe::who::WhoId;
use crate::sql::digest::{Digest, SLOTS};

/// One shape's steps so far.
#[derive(Debug)]
pub(super) struct Climb {
    columns: Arc<Columns>,
    who: WhoId,
    route: u32,
    /// The last result's only row.
    only: [u32; SLOTS],
    /// The values that it was asked with.
    values: [u32; SLOTS],
    /// The column that every step's value came from, a bit for each of a slot's eight.
    pairs: u64,
    /// Values asked for on the way; none may come again.
    path: [u32; SLOTS],
    steps: u32,
    pace: Pace,
}

/// Which value came from which column.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) slot: u8,
    pub(super) column: u8,
    pub(super) columns: Arc<Columns>,
}

impl Climb {
    /// The first statement of what may become one.
    pub(super) fn new(step: &Step, columns: Arc<Columns>) -> Climb {
        let mut pace = Pace::new(step, false);
        pace.step(step);
        Climb {
            columns,
            who: step.who,
            route: step.route,
            only: step.only,
            values: step.values,
            pairs: u64::MAX,
            path: [0; SLOTS],
            steps: 0,
            pace,
        }
    }

    /// One more; what came before it, if that was a walk and ends here.
    pub(super) fn step(&mut self, step: &Step) -> Option<Seen> {
        let pairs = self.pairs & self.pairs_of(step);
        if pairs != 0 && step.sent >= self.pace.last {
            self.path[self.steps as usize % SLOTS] = value_of(pairs, step);
            self.steps += 1;
            self.pairs = pairs;
            self.pace.step(step);
            (self.only, self.values) = (step.only, step.values);
            return None;
        }
        let seen = self.seen(step.digest);
        if self.steps > 0 {
            *self = Climb::new(step, self.columns.clone());
        } else {
            (self.only, self.values) = (step.only, step.values);
            self.pace = Pace::new(step, false);
            self.pace.step(step);
        }
        seen
    }

    /// Whether it has gone far enough to be told.
    pub(super) fn is_walk(&self) -> bool {
        self.steps >= STEPS
    }

    /// It is over.
    pub(super) fn end(self, digest: Digest) -> Option<Seen> {
        self.seen(digest)
    }

    fn seen(&self, digest: Digest) -> Option<Seen> {
        let first = self.pairs.trailing_zeros() as u8;
        let pair = Pair { slot: first / 8, column: first % 8, columns: self.columns.clone() };
        self.is_walk().then(|| Seen {
            kind: FindingKind::TreeWalk,
            digest,
            who: self.who,
            route: self.route,
            n: self.pace.n,
            distinct: self.steps + 1,
            wasted: self.pace.wasted(),
            pace: self.pace.clone(),
            pair: Some(pair),
        })
    }

    fn pairs_of(&self, step: &Step) -> u64 {
        if self.only == [0; SLOTS] {
            return 0;
        }
        let new =
            |(slot, value): &(usize, &u32)| **value != 0 && self.values[*slot] != **value && !self.path.contains(value);
        let pairs = step.values.iter().enumerate().filter(new).flat_map(|(slot, value)| {
            let columns = self.only.iter().enumerate().filter(move |(_, only)| *only == value);
            columns.map(move |(column, _)| 1_u64 << (slot * SLOTS + column))
        });
        pairs.fold(0, |all, pair| all | pair)
    }

    /// What it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Climb>()
    }
}

fn value_of(pairs: u64, step: &Step) -> u32 {
    step.values[pairs.trailing_zeros() as usize / SLOTS]
}

/// So many steps are a walk.
const STEPS: u32 = 5;
