//! What becomes of the workers' reports: numbers, shapes, slow ones, history, findings. All of it under one lock, taken once a
//! batch; lines for the log are written after it. Two threads: [`Analyst::take`]'s, and that of [`Analyst::read_texts`], for
//! the one slow reading that each shape gets.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hashbrown::DefaultHashBuilder;
use jiff::Timestamp;

use self::repeating::{Acquainted, Repeating, comment_of, tags};
use super::anchor::Anchor;
use super::cold::Cold;
use super::history::History;
use super::insight::{FindingView, Insight, Totals};
use super::nanos::Nanos;
use super::repeats::{Reference, Repeats};
use super::report::{Batch, NewText, Report};
use super::shapes::Shapes;
use super::snapshot::Snapshot;
use super::store::slow::{Reasons, Slow, SlowRing, cut_parameters};
use super::store::view::name_of;
use super::store::{Beside, Store};
use super::who::{Who, Whos};
use crate::config;
use crate::sql::digest::Digest;
use crate::sql::facts::{Facts, facts};

mod repeating;
mod tell;

/// What was left out, since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Reports that came when the analyst did not keep up.
    pub reports: u64,
    /// Texts that came when too many waited to be read.
    pub texts: u64,
    /// Statements whose numbers were added to `other`.
    pub statements: u64,
    /// Results and scopes that were not looked at for repetition, for want of room.
    pub repeats: u64,
    /// Pools in use that have no history, counted once a second.
    pub history: u64,
    /// Clients whose host, application or names were not told apart: see [`Whos::number`].
    pub who: u64,
}

/// All that is kept.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) store: Store,
    pub(super) shapes: Shapes,
    pub(super) slow: SlowRing,
    pub(super) history: History,
    pub(super) repeats: Repeats,
    dropped: Dropped,
    seconds: u32,
}

impl Books {
    fn new(observe: &config::Observe) -> Books {
        Books {
            store: Store::default(),
            shapes: Shapes::default(),
            slow: SlowRing::default(),
            history: History::default(),
            repeats: Repeats::new(n_plus_one(observe)),
            dropped: Dropped::default(),
            seconds: 0,
        }
    }

    /// Without the heaviest.
    pub(super) fn totals(&self) -> Totals {
        let dropped = Dropped {
            statements: self.store.folded(),
            repeats: self.repeats.left_out(),
            history: self.history.refused(),
            ..self.dropped
        };
        Totals {
            dropped,
            shapes: self.shapes.len(),
            pools: self.store.groups.pools().to_vec(),
            findings: self.repeats.totals(),
            heaviest: Vec::new(),
        }
    }
}

/// What the analyst and those who read share.
#[derive(Debug)]
pub(super) struct Shared {
    books: Mutex<Books>,
    cold: Cold,
    /// Nanoseconds; `[observe] slow_query`.
    slow: AtomicU64,
    pub(super) forgotten: AtomicU64,
    pub(super) whos: Arc<Whos>,
    /// When the process' clock began.
    epoch: Anchor,
    hasher: DefaultHashBuilder,
}

impl Shared {
    pub(super) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn time(&self, nanos: u64) -> Timestamp {
        self.epoch.time(Duration::from_nanos(nanos))
    }

    pub(super) fn reload(&self, observe: &config::Observe) {
        self.slow.store(Nanos::from(observe.slow_after()).0, Relaxed);
        self.books().repeats.set_least(n_plus_one(observe));
    }
}

fn n_plus_one(observe: &config::Observe) -> u32 {
    u32::try_from(observe.n_plus_one).unwrap_or(u32::MAX)
}

/// The heaviest statements are chosen every so many seconds.
const CHOICE: u32 = 10;

/// The one who is told.
#[derive(Debug)]
pub struct Analyst {
    shared: Arc<Shared>,
}

impl Analyst {
    /// `epoch`: when the process' clock, on which reports say when they were sent, stood at zero.
    pub fn new(whos: Arc<Whos>, observe: &config::Observe, epoch: Timestamp) -> Analyst {
        let shared = Shared {
            books: Mutex::new(Books::new(observe)),
            cold: Cold::default(),
            slow: AtomicU64::new(0),
            forgotten: AtomicU64::new(0),
            whos,
            epoch: Anchor::new(epoch, Duration::ZERO),
            hasher: DefaultHashBuilder::default(),
        };
        shared.reload(observe);
        Analyst { shared: Arc::new(shared) }
    }

    /// What the wall's clock shows when the process' shows `now`, to be told a few times a second: it may have been set.
    pub fn look_at_clock(&self, now: Nanos, wall: Timestamp) {
        self.shared.epoch.hold(wall, now.into());
    }

    /// For those who show what is known.
    pub fn insight(&self) -> Insight {
        Insight { shared: self.shared.clone() }
    }

    /// Takes in what a worker has to tell.
    pub fn take(&self, batch: &Batch) {
        let mut slow = Vec::new();
        let mut books = self.shared.books();
        let shapes = books.shapes_before();
        books.dropped.reports += batch.dropped;
        books.dropped.texts += batch.dropped_texts;
        self.ask(&mut books, batch);
        self.count(&mut books, batch, &mut slow);
        let Books { store, shapes: table, .. } = &mut *books;
        store.make_room(table);
        let forgot = books.shapes_before() != shapes;
        drop(books);
        if forgot {
            self.shared.forgotten.fetch_add(1, Relaxed);
        }
        slow.iter().for_each(|slow| tell::slow(slow, &self.sql_of(slow, batch)));
    }

    /// A line is written once: where its shape has just come and its text waits to be read, it is read here.
    fn sql_of(&self, slow: &Slow, batch: &Batch) -> String {
        let known = slow.facts.clone().or_else(|| self.shared.books().shapes.facts(slow.digest).cloned());
        let text = || batch.texts.iter().find(|text| text.reading.digest == slow.digest);
        let read = |text: &NewText| facts(&text.text, text.backslash, &text.reading).sql;
        known.map(|facts| facts.sql.clone()).or_else(|| text().map(read)).unwrap_or_else(|| name_of(slow.digest))
    }

    /// Has the texts of new shapes read.
    fn ask(&self, books: &mut Books, batch: &Batch) {
        for text in &batch.texts {
            let (digest, now) = (text.reading.digest, books.store.now());
            let Books { store, shapes, .. } = books;
            store.make_room(shapes);
            if shapes.ask(digest, now) && !self.shared.cold.offer(text) {
                shapes.give_up(digest);
                books.dropped.texts += 1;
            }
        }
    }

    fn count(&self, books: &mut Books, batch: &Batch, slow: &mut Vec<Arc<Slow>>) {
        let threshold = Nanos(self.shared.slow.load(Relaxed));
        let Books { store, shapes, history, repeats, .. } = books;
        let mut repeating = Repeating::default();
        let mut beside = Beside { whos: &self.shared.whos, shapes, heavy: &mut history.heavy };
        let mut remarkable = Vec::new();
        for (place, report) in batch.reports.iter().enumerate() {
            store.see(report, &mut beside);
            let reasons = Reasons::of(report, threshold);
            if !reasons.is_empty() {
                remarkable.push((place, reasons));
            }
            let (shapes, whos) = (&*beside.shapes, beside.whos);
            repeating.see(repeats, batch, place, &Acquainted { shapes, whos, hasher: &self.shared.hasher });
        }
        for (place, reasons) in remarkable {
            let entry = self.remember(books, batch, place, reasons);
            if reasons.is_slow() {
                slow.push(entry);
            }
        }
    }

    #[cold]
    fn remember(&self, books: &mut Books, batch: &Batch, place: usize, reasons: Reasons) -> Arc<Slow> {
        let (report, whos) = (&batch.reports[place], &self.shared.whos);
        let note = report.note.of(&batch.notes).first();
        let parameters = note.and_then(|note| note.parameters.as_deref()).map(cut_parameters);
        if let Some(parameters) = &parameters {
            books.store.keep_example(report, whos, parameters);
        }
        let (group, pool) = books.store.groups.of(report.who, whos);
        books.store.groups.pool_mut(pool).slow += u64::from(reasons.is_slow());
        let addr = note.map(|note| note.addr.clone());
        books.slow.keep(Slow {
            number: 0,
            time: self.shared.time(report.ended.0),
            reasons,
            digest: report.reading.digest,
            facts: books.shapes.facts(report.reading.digest).cloned(),
            group: books.store.groups.group(group).clone(),
            client: report.client,
            addr: addr.unwrap_or_else(|| self.host(report)),
            wait: report.wait.into(),
            query: report.query.into(),
            text: (report.text != Nanos::ZERO).then(|| report.text.into()),
            drain: report.drain.into(),
            rows: report.rows,
            bytes: report.bytes,
            sqlstate: report.sqlstate,
            in_transaction: report.in_transaction,
            parameters,
            tags: comment_of(batch, place).map(|comment| tags(&comment.text)).unwrap_or_default(),
        })
    }

    fn host(&self, report: &Report) -> Box<str> {
        self.shared.whos.get(report.who).map(|who| who.host.to_string()).unwrap_or_default().into()
    }

    /// A second has passed, and a picture was taken.
    pub fn second(&self, snapshot: &Snapshot) {
        let mut books = self.shared.books();
        let Books { store, history, seconds, .. } = &mut *books;
        history.second(snapshot, &store.groups);
        *seconds += 1;
        if seconds.is_multiple_of(CHOICE) {
            store.choose(&mut history.heavy);
        }
    }

    /// To be called a few times a second, with the process' clock. What has come to be a finding gets its line; the shapes
    /// that are returned should be captured again.
    pub fn tick(&self, now: Nanos) -> Vec<Digest> {
        let (at, insight) = (self.shared.time(now.0), self.insight());
        let mut books = self.shared.books();
        let Books { shapes, repeats, .. } = &mut *books;
        repeats.tick(now, at, &self.acquainted(shapes));
        let (alerts, again) = (repeats.take_alerts(), repeats.take_rearm());
        let alerts: Vec<FindingView> = alerts.iter().map(|finding| insight.view(&books, finding)).collect();
        drop(books);
        alerts.iter().for_each(tell::finding);
        again
    }

    /// Whose databases should be asked for their foreign keys: see [`Repeats::take_questions`].
    pub fn take_questions(&self) -> Vec<Arc<Who>> {
        self.shared.books().repeats.take_questions()
    }

    /// The answer.
    pub fn declare(&self, database: &str, references: Vec<Reference>) {
        let mut books = self.shared.books();
        let Books { shapes, repeats, .. } = &mut *books;
        repeats.declare(database, references, &self.acquainted(shapes));
    }

    fn acquainted<'a>(&'a self, shapes: &'a Shapes) -> Acquainted<'a> {
        Acquainted { shapes, whos: &self.shared.whos, hasher: &self.shared.hasher }
    }

    /// Reads texts until [`Analyst::close`]: a thread's whole work.
    pub fn read_texts(&self) {
        while let Some(text) = self.shared.cold.next() {
            let facts = facts(&text.text, text.backslash, &text.reading);
            self.shared.books().shapes.learn(text.reading.digest, facts);
        }
    }

    /// Ends [`Analyst::read_texts`] when all that waits has been read.
    pub fn close(&self) {
        self.shared.cold.close();
    }
}

impl Books {
    /// A text is often read a moment after its first execution was slow.
    pub(super) fn facts_of(&self, slow: &Slow) -> Option<Arc<Facts>> {
        slow.facts.as_ref().or_else(|| self.shapes.facts(slow.digest)).cloned()
    }

    /// Changes whenever something was forgotten or dropped.
    fn shapes_before(&self) -> (u64, u64) {
        (self.shapes.forgotten(), self.dropped.texts)
    }
}

#[cfg(test)]
mod tests;
