//! Several statements whose ends were heard of together. Those of one text: Postgres says nothing before all are over, so how long each
//! took is not known. None is blamed alone: the time is divided among those that may have taken it, and the last bears what all
//! took. Pure.

use std::ops::Range;

use super::{Bound, Entry, Tape};
use crate::sql::digest::Kind;

impl Tape {
    /// What runs first is over, a command that takes no time. In front of what it was sent for, BEGIN say, it is over when that is, as far as
    /// the server says, and the time is the other's.
    pub fn complete_brief(&mut self, batch: u32, rows: u64, now: u64) {
        let followed = self.entries.get(self.over + 1).is_some_and(|next| next.running.batch == batch);
        let before = self.over;
        self.complete(batch, rows, now);
        if let Some(entry) = self.entries.get_mut(before).filter(|_| followed && self.over > before) {
            entry.end.ended = entry.end.begun;
            self.last_end = entry.end.ended;
        }
    }

    /// The text of this batch is none, and which of its statements that lies in is not known: what fails is none of them, if they are
    /// several.
    pub fn mistake(&mut self, batch: u32) {
        let several = self.entries.get(self.over + 1).is_some_and(|next| next.running.batch == batch);
        if let Some(entry) = self.entries.get_mut(self.over).filter(|entry| several && entry.running.batch == batch) {
            entry.running.bound = Bound::default();
        }
    }

    /// A text of this batch is over.
    #[inline]
    pub(in crate::session) fn end_text(&mut self, batch: u32) {
        if self.over > 1 {
            self.divide(batch);
        }
    }

    #[cold]
    fn divide(&mut self, batch: u32) {
        let mut begin = 0;
        while begin < self.over {
            let heard = self.entries[begin].end.heard;
            let same = |entry: &Entry| entry.running.batch == batch && entry.end.heard == heard;
            let count = self.entries.range(begin..self.over).take_while(|entry| same(entry)).count();
            if count > 1 {
                self.divide_among(begin..begin + count);
            }
            begin += count.max(1);
        }
    }

    /// What begins and ends transactions takes no time where something else may have.
    fn divide_among(&mut self, all: Range<usize>) {
        let works = |entry: &Entry| entry.running.bound.reading.kind != Kind::Transparent;
        let (begun, ended) = (self.entries[all.start].end.begun, self.entries[all.end - 1].end.ended);
        // The time in which the client took nothing is theirs no more than any other.
        let stalled: u64 = self.entries.range(all.clone()).map(|entry| entry.end.stalled).sum();
        let workers = self.entries.range(all.clone()).filter(|entry| works(entry)).count() as u64;
        let count = if workers == 0 { all.len() as u64 } else { workers };
        let last = self.entries.range(all.clone()).rposition(works).map_or(all.end - 1, |place| all.start + place);
        self.entries[last].end.text = (ended - begun).saturating_sub(stalled);
        let mut so_far = 0;
        for entry in self.entries.range_mut(all) {
            let at = |part: u64| begun + (ended - begun) * part / count;
            let part = u64::from(workers == 0 || works(entry));
            entry.end.begun = at(so_far);
            so_far += part;
            entry.end.ended = at(so_far);
            entry.end.stalled = stalled * part / count;
        }
    }
}
