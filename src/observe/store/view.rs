//! Statements as they are shown: one row for digest, database and user, its applications together. Chosen and added up under
//! the analyst's lock, so only what is asked for is copied; quantiles are the reader's.

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

/// What is known before a row is chosen.
#[derive(Default)]
struct Sum {
    nanos: u64,
    keys: Vec<Key>,
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

    fn sums(&self, wanted: &Wanted) -> HashMap<(Digest, PoolId), Sum> {
        let mut sums: HashMap<(Digest, PoolId), Sum> = HashMap::new();
        for (key, statement) in &self.statements {
            let group = self.groups.group(key.group);
            if wanted.digest(key.digest) && wanted.group(&group.database, &group.user, &group.application) {
                let sum = sums.entry((key.digest, group.pool)).or_default();
                sum.nanos += statement.query.nanos();
                sum.keys.push(*key);
            }
        }
        sums
    }

    fn row(&self, digest: Digest, pool: PoolId, sum: &Sum, all: u64, shapes: &Shapes) -> Row {
        let mut numbers = Statement::new(NO_SLOT);
        let mut applications = Vec::with_capacity(sum.keys.len());
        for key in &sum.keys {
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
