//! Numbers by statement, database, user and application. Bounded: what was used longest ago is added to `other` (digest 0) of
//! its group, and when there are too many of those, to one for all; no call is lost. No clock, no lock, no text.
//!
//! In bytes, at the most: 16,384 places of some 330 in the table, 5.2 MiB; 65,536 chunks of 128 for histograms, 8 MiB; texts
//! and what is known of them [`FACTS_BYTES_MAX`](super::shapes::FACTS_BYTES_MAX), 16 MiB; and 1 KiB for each example where
//! parameters may be kept, 14 MiB. An application with 300 statements takes some 500 KiB.

use hashbrown::HashMap;

use self::groups::{GroupId, Groups, PoolId};
use self::statement::{Example, NO_SLOT, Statement};
use super::history::heavy::Heavy;
use super::report::Report;
use super::shapes::Shapes;
use super::sparse::Sparse;
use super::who::{WhoId, Whos};
use crate::sql::digest::Digest;

pub mod groups;
pub mod slow;
pub mod statement;
pub mod view;

/// Entries: seven eighths of a power of two, which is where the table would grow.
pub const STATEMENTS_MAX: usize = 14_336;

/// Chunks of all histograms together.
pub const CHUNKS_MAX: usize = 65_536;

/// When there are too many of something, this part of them goes at once: looking for the oldest means looking at all.
const SHARE_THAT_GOES: usize = 8;

/// The digest of what is not told apart.
pub const OTHER: Digest = Digest(0);

/// Whose numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    digest: Digest,
    group: GroupId,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Store {
    statements: HashMap<Key, Statement>,
    /// Who they are of.
    pub groups: Groups,
    chunks: usize,
    folded: u64,
    now: u64,
}

/// What a report is counted in besides.
#[derive(Debug)]
pub struct Beside<'a> {
    /// Who the clients are.
    pub whos: &'a Whos,
    /// What the digests stand for.
    pub shapes: &'a mut Shapes,
    /// The history of the heaviest.
    pub heavy: &'a mut Heavy,
}

impl Store {
    /// Counts one execution. For a statement that is known: one look-up, nothing allocated.
    #[inline]
    pub fn see(&mut self, report: &Report, beside: &mut Beside<'_>) {
        let (group, pool) = self.groups.of(report.who, beside.whos);
        let key = Key { digest: report.reading.digest, group };
        let query = report.query.0;
        self.now = report.ended.0;
        self.groups.pool_mut(pool).drain += report.drain.0;
        let statement = match self.statements.get_mut(&key) {
            Some(statement) => statement,
            None => self.admit(key, pool, beside),
        };
        let slot = statement.slot;
        self.chunks += statement.count(report, query);
        if slot != NO_SLOT && !report.unsent {
            beside.heavy.record(slot, query);
        }
    }

    #[cold]
    fn admit(&mut self, key: Key, pool: PoolId, beside: &mut Beside<'_>) -> &mut Statement {
        self.make_room(beside.shapes);
        if key.digest != OTHER {
            beside.shapes.meet(key.digest, self.now);
        }
        let slot = beside.heavy.slot(key.digest, pool);
        self.statements.entry(key).or_insert_with(|| Statement::new(slot))
    }

    /// Adds what was used longest ago to `other`, until nothing is beyond its bound.
    pub fn make_room(&mut self, shapes: &mut Shapes) {
        while shapes.is_full() {
            self.fold_shapes(shapes);
        }
        while self.statements.len() >= STATEMENTS_MAX || self.chunks >= CHUNKS_MAX {
            self.fold_statements(self.statements.len() / SHARE_THAT_GOES + 1);
        }
    }

    #[cold]
    fn fold_shapes(&mut self, shapes: &mut Shapes) {
        let named = self.statements.iter().filter(|(key, _)| key.digest != OTHER);
        named.for_each(|(key, statement)| shapes.meet(key.digest, statement.last));
        let newest = shapes.forget(shapes.len() / SHARE_THAT_GOES + 1);
        self.fold(|key, statement| statement.last <= newest && key.digest != OTHER && !shapes.contains(key.digest));
    }

    #[cold]
    fn fold_statements(&mut self, count: usize) {
        let mut ages: Vec<u64> = self.statements.values().map(|statement| statement.last).collect();
        let last = count.clamp(1, ages.len().max(1)) - 1;
        if ages.is_empty() {
            return;
        }
        let newest = *ages.select_nth_unstable(last).1;
        let mut left = count;
        self.fold(|key, statement| {
            let goes = statement.last <= newest && left > 0 && *key != LAST_RESORT;
            left -= usize::from(goes);
            goes
        });
    }

    /// Adds those to the `other` of their group, or, if they are that, to the one of all.
    fn fold(&mut self, mut goes: impl FnMut(&Key, &Statement) -> bool) {
        let gone: Vec<(Key, Statement)> = self.statements.extract_if(|key, statement| goes(key, statement)).collect();
        for (key, statement) in gone {
            let group = if key.digest == OTHER { LAST_RESORT.group } else { key.group };
            let other = self.statements.entry(Key { digest: OTHER, group }).or_insert_with(|| Statement::new(NO_SLOT));
            self.chunks -= statement.chunks();
            self.chunks += other.merge(&statement);
            self.folded += 1;
        }
    }

    /// Keeps an execution with its values, the slowest of those that come.
    pub fn keep_example(&mut self, report: &Report, whos: &Whos, parameters: &[Option<Box<str>>]) {
        let (group, query) = (self.groups.of(report.who, whos).0, report.query.into());
        let Some(statement) = self.statements.get_mut(&Key { digest: report.reading.digest, group }) else { return };
        if statement.example.as_ref().is_none_or(|example| example.query <= query) {
            let parameters = parameters.into();
            statement.example = Some(Box::new(Example { ended: report.ended.into(), query, parameters }));
        }
    }

    /// Looks anew which statements are the heaviest, by the time they took since the last look.
    pub fn choose(&mut self, heavy: &mut Heavy) {
        let mut recent: HashMap<(Digest, PoolId), u64> = HashMap::new();
        for (key, statement) in &mut self.statements {
            let nanos = statement.query.nanos();
            let pool = self.groups.group(key.group).pool;
            *recent.entry((key.digest, pool)).or_default() += nanos.saturating_sub(statement.chosen_at);
            statement.chosen_at = nanos;
        }
        heavy.choose(&recent);
        for (key, statement) in &mut self.statements {
            statement.slot = heavy.find(key.digest, self.groups.group(key.group).pool);
        }
    }

    /// The pool of a client.
    pub fn pool_of(&mut self, who: WhoId, whos: &Whos) -> PoolId {
        self.groups.of(who, whos).1
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.statements.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// Chunks of all histograms.
    pub fn chunks(&self) -> usize {
        self.chunks
    }

    /// Entries that were added to `other`.
    pub fn folded(&self) -> u64 {
        self.folded
    }

    /// The newest time that was told, on the process' clock, in nanoseconds.
    pub fn now(&self) -> u64 {
        self.now
    }
}

/// Where an `other` goes that was not used for long.
const LAST_RESORT: Key = Key { digest: OTHER, group: 0 };

/// See [`CHUNKS_MAX`]: it must hold more than a single entry can take.
const _: () = assert!(CHUNKS_MAX > 2 * super::sparse::CHUNKS_MAX && size_of::<Sparse>() < 100);

#[cfg(test)]
mod tests;
