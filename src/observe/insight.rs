//! What the analyst knows, for those who show it: a handle that copies what is asked for under one short lock, which is never
//! the path's.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use jiff::Timestamp;

use super::analyst::{Books, Dropped, Shared};
use super::finding::{Finding, FindingKind};
use super::history::{Period, PoolSeries, StatementSeries};
use super::store::groups::PoolTotals;
use super::store::slow::Slow;
use super::store::view::{Choice, Row};
use super::who::{Who, WhoId};
use crate::config;
use crate::sql::digest::Digest;
use crate::sql::facts::Facts;

/// Which rows are wanted; `None` is any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Of this database.
    pub database: Option<String>,
    /// Of this user.
    pub user: Option<String>,
    /// Of this application.
    pub application_name: Option<String>,
    /// Of this shape.
    pub digest: Option<Digest>,
    /// So many at the most.
    pub limit: usize,
}

impl Default for Wanted {
    fn default() -> Wanted {
        Wanted { database: None, user: None, application_name: None, digest: None, limit: usize::MAX }
    }
}

impl Wanted {
    /// Whether this pool is.
    pub fn pool(&self, database: &str, user: &str) -> bool {
        is(&self.database, database) && is(&self.user, user)
    }

    /// Whether this application of it is.
    pub fn group(&self, database: &str, user: &str, application: &str) -> bool {
        self.pool(database, user) && is(&self.application_name, application)
    }

    /// Whether this shape is.
    pub fn digest(&self, digest: Digest) -> bool {
        self.digest.is_none_or(|wanted| wanted == digest)
    }
}

fn is(wanted: &Option<String>, value: &str) -> bool {
    wanted.as_ref().is_none_or(|wanted| wanted == value)
}

/// A finding with the names that it needs to be shown.
#[derive(Debug, Clone)]
pub struct FindingView {
    /// What was concluded.
    pub finding: Finding,
    /// Whose it is; `None`: of clients that are not told apart.
    pub who: Option<Arc<Who>>,
    /// What is known of its parent's shape.
    pub parent: Option<Arc<Facts>>,
    /// And of its children's, one for each.
    pub children: Vec<Option<Arc<Facts>>>,
}

/// A slow execution, and what is known of its shape by now.
#[derive(Debug, Clone)]
pub struct SlowView {
    /// The execution.
    pub slow: Arc<Slow>,
    /// What was known when it came, or is known now.
    pub facts: Option<Arc<Facts>>,
}

/// Numbers for `/metrics`.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    /// What was left out, and why.
    pub dropped: Dropped,
    /// Shapes that are told apart now.
    pub shapes: usize,
    /// By pool; the first is of clients that are not told apart.
    pub pools: Vec<PoolTotals>,
    /// How often each kind of finding was seen, in the order of [`FindingKind::ALL`].
    pub findings: [u64; FindingKind::ALL.len()],
    /// The heaviest statements, [`HEAVIEST`] at the most.
    pub heaviest: Vec<Heaviest>,
}

/// Statements that have a label of their own in `/metrics`: each is two series.
pub const HEAVIEST: usize = 50;

/// One of them.
#[derive(Debug, Clone)]
pub struct Heaviest {
    /// Its shape.
    pub digest: Digest,
    /// The name that its clients ask for.
    pub database: Arc<str>,
    /// The user that they log in as.
    pub user: Arc<str>,
    /// Executions.
    pub calls: u64,
    /// How long they ran, in seconds.
    pub seconds: f64,
}

/// The handle; cheap to clone.
#[derive(Debug, Clone)]
pub struct Insight {
    pub(super) shared: Arc<Shared>,
}

impl Insight {
    /// Statements, those first that took the most time.
    pub fn statements(&self, wanted: &Wanted) -> Vec<Row> {
        self.read(|books| books.store.rows(&books.shapes, wanted))
    }

    /// A part of the wanted statements, those first whose `rank` is highest, and how many have one.
    pub fn ranked<R: Ord>(
        &self,
        wanted: &Wanted,
        rank: impl Fn(&Choice<'_>) -> Option<R>,
        part: Range<usize>,
    ) -> (Vec<Row>, usize) {
        self.read(|books| books.store.ranked(&books.shapes, wanted, rank, part))
    }

    /// Slow executions, the newest first; `all`: those as well that failed or returned very much.
    pub fn slow(&self, wanted: &Wanted, all: bool) -> Vec<SlowView> {
        self.read(|books| {
            let list = books.slow.list(wanted, all).into_iter();
            list.map(|slow| SlowView { facts: books.facts_of(&slow), slow }).collect()
        })
    }

    /// Findings, those first that were seen last.
    pub fn findings(&self, wanted: &Wanted) -> Vec<FindingView> {
        let view = |books: &Books, finding: &Finding| self.view(books, finding);
        let mut findings: Vec<FindingView> =
            self.read(|books| books.repeats.findings().map(|finding| view(books, finding)).collect());
        findings.retain(|view| view.is_wanted(wanted));
        findings.sort_by_key(|view| std::cmp::Reverse((view.finding.last_seen, view.finding.id)));
        findings.truncate(wanted.limit);
        findings
    }

    pub(super) fn view(&self, books: &Books, finding: &Finding) -> FindingView {
        let facts = |digest: &Digest| books.shapes.facts(*digest).cloned();
        FindingView {
            who: self.shared.whos.get(finding.who),
            parent: finding.parent.as_ref().and_then(|parent| facts(&parent.digest)),
            children: finding.children.iter().map(facts).collect(),
            finding: finding.clone(),
        }
    }

    /// Of each finding its number and whose it is: small enough to be asked for with each list of clients.
    pub fn finders(&self) -> Vec<(u64, Arc<Who>)> {
        let ids: Vec<(u64, WhoId)> = self.read(|books| books.repeats.findings().map(|f| (f.id, f.who)).collect());
        ids.into_iter().filter_map(|(id, who)| self.shared.whos.get(who).map(|who| (id, who))).collect()
    }

    /// The series of pools.
    pub fn history(&self, period: Period, wanted: &Wanted) -> Vec<PoolSeries> {
        self.read(|books| books.history.pools(period, wanted))
    }

    /// The series of the heaviest statements.
    pub fn statement_history(&self, period: Period, wanted: &Wanted) -> Vec<StatementSeries> {
        self.read(|books| books.history.statements(period, wanted, &books.store.groups))
    }

    /// What is known of a shape.
    pub fn facts(&self, digest: Digest) -> Option<Arc<Facts>> {
        self.read(|books| books.shapes.facts(digest).cloned())
    }

    /// Numbers for `/metrics`.
    pub fn totals(&self) -> Totals {
        let wanted = Wanted { limit: HEAVIEST, ..Wanted::default() };
        let (mut totals, rows) = self.read(|books| (books.totals(), books.store.rows(&books.shapes, &wanted)));
        let heaviest = |row: Row| Heaviest {
            digest: row.digest,
            calls: row.numbers.calls,
            seconds: row.numbers.query.sum().as_secs_f64(),
            database: row.database,
            user: row.user,
        };
        totals.dropped.who = self.shared.whos.fell_back();
        totals.heaviest = rows.into_iter().map(heaviest).collect();
        totals
    }

    /// A moment on the process' clock, in nanoseconds, as a time of day.
    pub fn time(&self, nanos: u64) -> Timestamp {
        self.shared.time(nanos)
    }

    /// Takes new thresholds from now on.
    pub fn reload(&self, observe: &config::Observe) {
        self.shared.reload(observe);
    }

    /// Grows whenever texts of shapes were forgotten or dropped: workers that remember which texts they have told should
    /// tell them again.
    pub fn forgotten(&self) -> u64 {
        self.shared.forgotten.load(Relaxed)
    }

    fn read<T>(&self, of: impl FnOnce(&Books) -> T) -> T {
        of(&self.shared.books())
    }
}

impl FindingView {
    /// Whether it is among the wanted ones.
    pub fn is_wanted(&self, wanted: &Wanted) -> bool {
        let finding = &self.finding;
        let mut digests = finding.children.iter().copied().chain(finding.parent.as_ref().map(|parent| parent.digest));
        let names = self.who.as_deref();
        let names = names.map_or([""; 3], |who| [&*who.database, &*who.user, &*who.application_name]);
        wanted.group(names[0], names[1], names[2]) && (wanted.digest.is_none() || digests.any(|d| wanted.digest(d)))
    }
}
