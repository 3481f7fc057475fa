//! Statements as they are shown: one row for digest, database and user, its applications together. Chosen and added up under
//! the analyst's lock, so only what is asked for is copied; quantiles are the reader's.

use std::cmp::Reverse;
use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashMap;

use super::groups::PoolId;
use super::statement::{Errors, Example, NO_SLOT, Statement};
use super::{Key, OTHER, Store};
use crate::observe::insight::Wanted;
use crate::observe::shapes::Shapes;
use crate::sql::digest::Digest;
use crate::sql::facts::Facts;

/// One row, before it is made readable.
#[derive(Debug)]
pub struct Row {
    /// Its shape.
    pub digest: Digest,
    /// What is known of the shape.
    pub facts: Option<Arc<Facts>>,
    /// The name that its clients ask for.
    pub database: Arc<str>,
    /// The user that they log in as.
    pub user: Arc<str>,
    /// What they say they are, in order.
    pub applications: Vec<Arc<str>>,
    /// All together.
    pub numbers: Statement,
    /// Of the time that all wanted statements ran, 0 to 1.
    pub share: f64,
}

impl Row {
    /// Those that failed, by SQLSTATE.
    pub fn errors(&self) -> &Errors {
        &self.numbers.errors
    }

    /// One execution with its values.
    pub fn example(&self) -> Option<&Example> {
        self.numbers.example.as_deref()
    }
}

/// What a row is chosen by: lent, for most rows are not shown and need not be copied.
#[derive(Debug)]
pub struct Choice<'s> {
    /// Its shape.
    pub digest: Digest,
    /// The name that its clients ask for.
    pub database: &'s str,
    /// The user that they log in as.
    pub user: &'s str,
    /// All together.
    pub numbers: &'s Statement,
    shapes: &'s Shapes,
}

impl Choice<'_> {
    /// What is known of the shape.
    pub fn facts(&self) -> Option<&Facts> {
        self.shapes.facts(self.digest).map(|facts| &**facts)
    }
}

/// What is known before a row is chosen.
struct Sum {
    nanos: u64,
    /// Most are run by one application: thousands of rows, and no list for each.
    first: Key,
    more: Vec<Key>,
}

impl Sum {
    fn keys(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.first).chain(&self.more)
    }
}

impl Store {
    /// Wanted rows, those first that took the most time.
    pub fn rows(&self, shapes: &Shapes, wanted: &Wanted) -> Vec<Row> {
        let mut sums: Vec<_> = self.sums(wanted).into_iter().collect();
        let all = sums.iter().map(|(_, sum)| sum.nanos).sum::<u64>();
        sums.sort_unstable_by_key(|((digest, pool), sum)| (std::cmp::Reverse(sum.nanos), *digest, *pool));
        sums.truncate(wanted.limit);
        sums.into_iter().map(|((digest, pool), sum)| self.row(digest, pool, &sum, all, shapes)).collect()
    }

    /// A part of the wanted rows, those first whose `rank` is highest, and how many all are; those without a rank are none.
    pub fn ranked<R: Ord>(
        &self,
        shapes: &Shapes,
        wanted: &Wanted,
        rank: impl Fn(&Choice<'_>) -> Option<R>,
        part: Range<usize>,
    ) -> (Vec<Row>, usize) {
        let sums = self.sums(wanted);
        let all = sums.values().map(|sum| sum.nanos).sum::<u64>();
        let ranked = sums.into_iter().filter_map(|((digest, pool), sum)| {
            let rank = self.rank(digest, pool, &sum, shapes, &rank)?;
            Some(((Reverse(rank), digest, pool), sum))
        });
        let mut ranked: Vec<_> = ranked.collect();
        let count = ranked.len();
        ranked.sort_unstable_by(|(one, _), (two, _)| one.cmp(two));
        let part = ranked.into_iter().skip(part.start).take(part.len());
        let row = |((_, digest, pool), sum)| self.row(digest, pool, &sum, all, shapes);
        (part.map(row).collect(), count)
    }

    fn rank<R>(
        &self,
        digest: Digest,
        pool: PoolId,
        sum: &Sum,
        shapes: &Shapes,
        rank: impl Fn(&Choice<'_>) -> Option<R>,
    ) -> Option<R> {
        let names = self.groups.pool(pool);
        let choice = |numbers| Choice { digest, database: &names.database, user: &names.user, numbers, shapes };
        if sum.more.is_empty() {
            return rank(&choice(&self.statements[&sum.first]));
        }
        let mut together = Statement::new(NO_SLOT);
        for key in sum.keys() {
            together.merge(&self.statements[key]);
        }
        rank(&choice(&together))
    }

    fn sums(&self, wanted: &Wanted) -> HashMap<(Digest, PoolId), Sum> {
        let mut sums: HashMap<(Digest, PoolId), Sum> = HashMap::new();
        for (key, statement) in &self.statements {
            let group = self.groups.group(key.group);
            if wanted.digest(key.digest) && wanted.group(&group.database, &group.user, &group.application) {
                let nanos = statement.query.nanos();
                let more = |sum: &mut Sum| {
                    sum.nanos += nanos;
                    sum.more.push(*key);
                };
                let new = || Sum { nanos, first: *key, more: Vec::new() };
                sums.entry((key.digest, group.pool)).and_modify(more).or_insert_with(new);
            }
        }
        sums
    }

    fn row(&self, digest: Digest, pool: PoolId, sum: &Sum, all: u64, shapes: &Shapes) -> Row {
        let mut numbers = Statement::new(NO_SLOT);
        let mut applications = Vec::with_capacity(1 + sum.more.len());
        for key in sum.keys() {
            let statement = &self.statements[key];
            numbers.merge(statement);
            if slower(&statement.example, &numbers.example) {
                numbers.example.clone_from(&statement.example);
            }
            applications.push(self.groups.group(key.group).application.clone());
        }
        applications.sort_unstable();
        let pool = self.groups.pool(pool);
        Row {
            digest,
            facts: shapes.facts(digest).cloned(),
            database: pool.database.clone(),
            user: pool.user.clone(),
            applications,
            numbers,
            share: if all == 0 { 0.0 } else { sum.nanos as f64 / all as f64 },
        }
    }
}

fn slower(one: &Option<Box<Example>>, than: &Option<Box<Example>>) -> bool {
    let query = |example: &Option<Box<Example>>| example.as_ref().map(|example| example.query);
    query(one) > query(than)
}

/// What a digest is called where SQL is expected and none is known.
pub fn name_of(digest: Digest) -> String {
    if digest == OTHER { "other".to_owned() } else { digest.to_string() }
}
