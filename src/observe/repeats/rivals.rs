//! Loops over several results by the same executions: the values stand in more than one, and only one of those is the parent. Pure.

use std::collections::VecDeque;

use super::ledger::Key;
use super::occurrence::Occurrence;
use super::run::Order;
use crate::observe::nanos::Nanos;

/// The last loops.
#[derive(Debug, Default)]
pub(super) struct Rivals(VecDeque<Rival>);

/// One of them.
#[derive(Debug, Clone, Copy)]
struct Rival {
    key: Key,
    serial: u64,
    client: u32,
    first: Nanos,
    last: Nanos,
    n: u32,
    in_order: bool,
    /// When the parent ended.
    ended: Nanos,
}

/// What a loop is to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Its executions are nobody else's.
    Alone,
    /// Another parent explains them better.
    Worse,
    /// It explains them better than this one, of this result, which has been told.
    Better(Key, u64),
}

impl Rivals {
    /// One more loop.
    pub(super) fn meet(&mut self, key: Key, seen: &Occurrence) -> Standing {
        let Some(new) = Rival::of(key, seen) else { return Standing::Alone };
        let same = self.0.iter().position(|old| old.shares(&new));
        let standing = match same.map(|at| (at, self.0[at])) {
            Some((_, old)) if !new.beats(&old) => return Standing::Worse,
            Some((at, old)) => {
                self.0.remove(at);
                Standing::Better(old.key, old.serial)
            }
            None => Standing::Alone,
        };
        self.0.push_back(new);
        if self.0.len() > RECENT {
            self.0.pop_front();
        }
        standing
    }
}

impl Rival {
    fn of(key: Key, seen: &Occurrence) -> Option<Rival> {
        let (rows, order) = (seen.rows()?, seen.order()?);
        let pace = &seen.pace;
        Some(Rival {
            key,
            serial: rows.serial,
            client: pace.client,
            first: pace.first,
            last: pace.last,
            n: seen.n,
            in_order: order != Order::All,
            ended: rows.ended,
        })
    }

    /// Whether the executions of both are the same: those of one shape on one connection come one after the other.
    fn shares(&self, other: &Rival) -> bool {
        let same = |a: &Key, b: &Key| (a.app, a.child) == (b.app, b.child) && a.parent != b.parent;
        let (begin, end) = (self.first.max(other.first), self.last.min(other.last));
        let shorter = (self.last - self.first).min(other.last - other.first);
        same(&self.key, &other.key) && self.client == other.client && begin < end && (end - begin).0 * 2 >= shorter.0
    }

    /// In order; more of them; the result that came later.
    fn beats(&self, other: &Rival) -> bool {
        let more = |a: &Rival, b: &Rival| a.n * 4 > b.n * 5;
        match (self.in_order, other.in_order) {
            (true, false) => true,
            (false, true) => false,
            _ if more(self, other) => true,
            _ if more(other, self) => false,
            _ => self.ended > other.ended,
        }
    }
}

/// Loops that are known again.
const RECENT: usize = 64;
