//! The changes of settings that a client's texts have made, and which of them may have been undone since. Pure.

use super::undone::Undone;
use crate::sql::{Change, To};

/// Bytes of values that are remembered.
const MOST_VALUED: usize = 256 << 10;

/// Changes of settings, in the order of their texts.
#[derive(Debug, Default)]
pub struct Changed {
    /// Each with its batch.
    all: Vec<(u32, Change)>,
    /// The bytes of their values.
    valued: usize,
    /// How many of them have been looked at by [`Changed::take_resets`].
    looked_at: usize,
    /// How many of them nothing can undo: DISCARD ALL commits at once.
    kept: usize,
    /// What may have been undone.
    pub undone: Undone,
}

impl Changed {
    /// A text of this batch makes these.
    pub fn extend(&mut self, batch: u32, changes: Vec<Change>) {
        self.valued += changes.iter().map(|change| change.value().map_or(0, str::len)).sum::<usize>();
        self.all.extend(changes.into_iter().map(|change| (batch, change)));
        if self.valued > MOST_VALUED {
            // The server knows them.
            let valued = self.all.iter_mut().filter(|(_, change)| change.value().is_some());
            valued.for_each(|(_, change)| change.to = To::Unread);
            self.valued = 0;
        }
    }

    /// A text passes that rolls back what was changed so far.
    pub fn pass_rollback(&mut self) {
        self.undone.pass_rollback(self.all.len());
    }

    /// A DISCARD ALL has succeeded.
    pub fn keep(&mut self) {
        let all = self.all[self.kept..].iter().position(|(_, change)| change.to == To::AllDefault);
        self.kept += all.map_or(0, |place| place + 1);
    }

    /// Whether [`Changed::take_resets`] would tell of any.
    pub fn has_resets(&self) -> bool {
        self.all[self.looked_at..].iter().any(|(_, change)| change.is_reset())
    }

    /// Which of these settings have gone back to what they were when the session started, since this was last asked. To be asked
    /// where what was sent so far has succeeded.
    pub fn take_resets<'a>(&mut self, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
        let from = std::mem::replace(&mut self.looked_at, self.all.len());
        let last = |name: &str| Change::last_about(name, self.all[from..].iter().map(|(_, change)| change));
        names.filter(|name| last(name).is_some_and(Change::is_reset)).collect()
    }

    /// And then the client was given what it started with.
    pub fn restored(&mut self, batch: u32, name: &str, value: &str) {
        let change = Change { name: name.to_ascii_lowercase(), to: To::Value(value.to_string()) };
        self.all.push((batch, change));
    }

    /// Whether what this batch has made of a setting is what it is when a session starts.
    pub fn resets(&self, name: &str, batch: u32) -> bool {
        let lasts = |place: usize| place < self.kept || !self.undone.reaches(place, batch);
        let lasting = self.all.iter().enumerate().filter(|(place, (of, _))| *of == batch && lasts(*place));
        Change::last_about(name, lasting.map(|(_, (_, change))| change)).is_some_and(Change::is_reset)
    }

    /// The changes that are certain, and those that may not be so; none are where it is not `known` that all were made.
    pub fn part(self, known: bool) -> (Vec<Change>, Vec<Change>) {
        let readable = self.all.iter().all(|(_, change)| change.to != To::Unread);
        let sure: Vec<bool> = (0..self.all.len()).map(|place| known && readable && !self.is_doubtful(place)).collect();
        let (certain, doubtful): (Vec<_>, Vec<_>) = self.all.into_iter().zip(sure).partition(|(_, sure)| *sure);
        let bare = |changes: Vec<((u32, Change), bool)>| changes.into_iter().map(|((_, change), _)| change).collect();
        (bare(certain), bare(doubtful))
    }

    /// Whether this change may not be so, and no later one that is makes that all the same.
    fn is_doubtful(&self, place: usize) -> bool {
        let (batch, change) = &self.all[place];
        let mut later = self.all.iter().enumerate().skip(place + 1);
        self.undone.reaches(place, *batch)
            && !later.any(|(place, (batch, later))| !self.undone.reaches(place, *batch) && later.covers(change))
    }
}
