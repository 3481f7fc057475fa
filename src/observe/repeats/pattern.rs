//! One pattern of one application: how often, how much, whether it is a finding yet, whether it is to be logged. Pure.

use std::time::Duration;

use super::counted::{Count, News};
use super::occurrence::Occurrence;
use crate::observe::finding::{Finding, FindingKind};
use crate::observe::nanos::Nanos;
use crate::sql::digest::Digest;

/// One pattern.
#[derive(Debug, Default)]
pub(super) struct Pattern {
    pub(super) finding: Option<Finding>,
    pub(super) occurrences: u64,
    pub(super) wasted: Nanos,
    /// When it was seen first and last, on the process' clock.
    pub(super) first: Nanos,
    pub(super) last: Nanos,
    /// How often its parent had run when it was seen last.
    pub(super) ran: u64,
    /// When its words were last put together.
    pub(super) worded: Option<Nanos>,
    /// Further children of the same loop.
    pub(super) siblings: Vec<Digest>,
    most: u32,
    hour: [Slice; SLICES],
    /// Occurrences that are worth a line in the log.
    strong: [Option<Nanos>; ALERT_AFTER],
    alerted: Option<Nanos>,
    votes: Vec<(String, u32)>,
}

/// Five minutes.
#[derive(Debug, Clone, Copy, Default)]
struct Slice {
    number: u64,
    wasted: Nanos,
}

impl Pattern {
    /// Seen once more, unless that is no news.
    pub(super) fn count(&mut self, seen: &Occurrence, news: News) {
        let at = seen.pace.last;
        match news {
            News::Old => return,
            News::More(wasted) => self.add(at, wasted),
            News::New => {
                self.occurrences += 1;
                self.add(at, seen.wasted);
            }
        }
        self.first = if self.occurrences == 1 { seen.pace.first } else { self.first };
        self.last = self.last.max(at);
        self.most = self.most.max(seen.n);
    }

    /// What was counted was none of it.
    pub(super) fn take_back(&mut self, count: Count) {
        self.occurrences = self.occurrences.saturating_sub(1);
        self.wasted = self.wasted - count.wasted.min(self.wasted);
        let slice = self.hour.iter_mut().max_by_key(|slice| slice.number);
        slice.into_iter().for_each(|slice| slice.wasted = slice.wasted - count.wasted.min(slice.wasted));
    }

    fn add(&mut self, at: Nanos, wasted: Nanos) {
        self.wasted += wasted;
        let number = at.as_secs() / SLICE.as_secs();
        let slice = &mut self.hour[number as usize % SLICES];
        if slice.number != number {
            *slice = Slice { number, wasted: Nanos::ZERO };
        }
        slice.wasted += wasted;
    }

    /// Whether it has been seen often enough to be shown.
    pub(super) fn is_finding(&self) -> bool {
        self.occurrences >= 2 || self.most >= AT_ONCE
    }

    /// Wasted in the hour before it was seen last, as if it had gone on for all of it.
    pub(super) fn wasted_an_hour(&self) -> Duration {
        let number = self.last.as_secs() / SLICE.as_secs();
        let recent = self.hour.iter().filter(|slice| slice.number + SLICES as u64 > number);
        let wasted: Nanos = recent.map(|slice| slice.wasted).sum();
        let seen = (self.last - self.first.min(self.last)).clamp(SLICE, HOUR);
        Duration::from(wasted).mul_f64(HOUR.0 as f64 / seen.0 as f64)
    }

    /// Whether this occurrence is to be logged.
    pub(super) fn alerts(&mut self, seen: &Occurrence) -> bool {
        let (now, strong) = (seen.pace.last, seen.wasted >= WORTH || seen.n >= AT_ONCE);
        if !strong || seen.kind == FindingKind::SuspectedLoop {
            return false;
        }
        self.strong.rotate_right(1);
        self.strong[0] = Some(now);
        let often = self.strong[ALERT_AFTER - 1].is_some_and(|third| now - third <= ALERT_WITHIN);
        let quiet = self.alerted.is_none_or(|last| now - last >= HOUR);
        if often && quiet {
            self.alerted = Some(now);
        }
        often && quiet
    }

    /// One more vote on the parent's column; the one that has most.
    pub(super) fn vote(&mut self, column: Option<String>) -> Option<String> {
        let column = column?;
        match self.votes.iter().position(|(name, _)| *name == column) {
            Some(at) => self.votes[at].1 += 1,
            None if self.votes.len() < MOST_VOTED => self.votes.push((column, 1)),
            None => {}
        }
        self.votes.iter().rev().max_by_key(|(_, votes)| *votes).map(|(name, _)| name.clone())
    }
}

/// One occurrence of so many executions is a finding, fewer have to be seen twice.
const AT_ONCE: u32 = 20;

/// What an occurrence has to waste to be worth a line in the log.
const WORTH: Nanos = Nanos::from_millis(20);

/// The occurrence with this number is logged …
const ALERT_AFTER: usize = 3;

/// … if they came within this time.
const ALERT_WITHIN: Nanos = Nanos::from_secs(15 * 60);

/// Then not again for so long.
const HOUR: Nanos = Nanos::from_secs(3600);

/// An hour in slices of five minutes.
const SLICE: Nanos = Nanos::from_secs(300);
const SLICES: usize = 12;

/// Columns of one parent that are voted on.
const MOST_VOTED: usize = 8;
