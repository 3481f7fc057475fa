//! All patterns that were seen: which are findings, which are to be logged, which are over. Pure.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use jiff::{SignedDuration, Timestamp};

use super::Known;
use super::counted::{Counted, News};
use super::link::Loop;
use super::occurrence::{Bonds, Occurrence, is_in_doubt};
use super::pattern::Pattern;
use super::references::{Reference, References};
use super::rivals::{Rivals, Standing};
use super::words;
use crate::observe::finding::{Finding, FindingKind};
use crate::observe::nanos::Nanos;
use crate::observe::who::{Who, WhoId};
use crate::sql::digest::Digest;

/// All patterns.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    patterns: HashMap<Key, Pattern>,
    /// A number for each database, user and application, and the one of each of their addresses.
    apps: HashMap<App, u32>,
    of_who: HashMap<WhoId, u32>,
    /// How often the parents of findings ran.
    runs: HashMap<(u32, Digest), u64>,
    /// Pairs of columns that values alone have proved to belong together.
    pairs: HashSet<String>,
    references: References,
    rivals: Rivals,
    counted: Counted,
    alerts: Vec<Finding>,
    totals: [u64; FindingKind::ALL.len()],
    /// The last loops: children of the same result belong together.
    recent: VecDeque<(u64, Key)>,
    found: u64,
    clock: Clock,
}

type App = (Arc<str>, Arc<str>, Arc<str>);

/// Which pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    kind: FindingKind,
    pub(super) app: u32,
    pub(super) parent: Digest,
    pub(super) child: Digest,
}

/// Both clocks at one moment.
#[derive(Debug, Clone, Copy, Default)]
struct Clock {
    now: Nanos,
    at: Timestamp,
}

impl Clock {
    fn at(&self, moment: Nanos) -> Timestamp {
        let apart = |a: Nanos, b: Nanos| SignedDuration::from_nanos((a - b).0 as i64);
        let later = self.at.checked_add(apart(moment, self.now)).unwrap_or(self.at);
        later.checked_sub(apart(self.now, moment)).unwrap_or(later)
    }
}

impl Ledger {
    /// A loop is over.
    pub(super) fn looped(&mut self, ended: &Loop, route: Option<&str>, known: &dyn Known) {
        let (parent, child) = (known.facts(ended.rows.digest), known.facts(ended.child));
        let who = known.who(ended.who);
        let declared = who.as_deref().and_then(|who| self.references.of(&who.database));
        let bonds = Bonds { pairs: &self.pairs, declared };
        let Some(seen) = Occurrence::of_loop(ended, parent.as_deref(), child.as_deref(), bonds) else {
            if let Some(who) = who.filter(|_| is_in_doubt(ended, child.as_deref())) {
                self.references.wait(ended, route, who, self.clock.now);
            }
            if let Some(seen) = Occurrence::of_doubt(ended, child.as_deref()) {
                self.note(&seen, route, known);
            }
            return;
        };
        if let Some(pair) = seen.pair(parent.as_deref(), child.as_deref())
            && self.pairs.len() < MOST_PAIRS
        {
            self.pairs.insert(pair);
        }
        self.note(&seen, route, known);
    }

    /// See [`super::Repeats::take_questions`].
    pub(super) fn take_questions(&mut self) -> Vec<Arc<Who>> {
        self.references.take_questions(self.clock.now)
    }

    /// See [`super::Repeats::declare`].
    pub(super) fn declare(&mut self, database: &str, references: Vec<Reference>, known: &dyn Known) {
        for waited in self.references.told(database, references, self.clock.now) {
            self.looped(&waited.ended, waited.route.as_deref(), known);
        }
    }

    /// Something was seen that has not been excluded by what is known of its shapes.
    pub(super) fn note(&mut self, seen: &Occurrence, route: Option<&str>, known: &dyn Known) {
        let parent = seen.rows().map_or(Digest(0), |rows| rows.digest);
        let key = Key { kind: seen.kind, app: self.app(seen.who, known), parent, child: seen.child };
        if self.is_explained(&key) {
            return;
        }
        self.forget_suspicion(&key);
        match self.rivals.meet(key, seen) {
            Standing::Alone => {}
            Standing::Worse => return,
            Standing::Better(other, serial) => self.take_back(other, serial),
        }
        let forgotten = !self.patterns.contains_key(&key);
        self.make_room(&key);
        let ran = self.runs.get(&(key.app, parent)).copied().unwrap_or(0);
        let pattern = self.patterns.entry(key).or_default();
        let news = match self.counted.count(seen) {
            _ if forgotten => News::New,
            news => news,
        };
        pattern.count(seen, news);
        pattern.ran = ran;
        let fresh = pattern.finding.is_none();
        match news {
            News::Old => return,
            News::More(_) => pattern.worded = None,
            News::New => {}
        }
        if pattern.is_finding() {
            Self::tell(pattern, seen, route, self.clock, &mut self.found, known);
        }
        if news == News::New && pattern.finding.is_some() {
            self.totals[seen.kind as usize] += if fresh { pattern.occurrences } else { 1 };
        }
        if news == News::New && pattern.alerts(seen) {
            self.alerts.extend(pattern.finding.clone());
        }
        if parent != Digest(0) {
            self.runs.entry((key.app, parent)).or_insert(0);
            self.relate(seen, key);
        }
    }

    /// A loop whose source was not seen this time, but is known.
    fn is_explained(&self, key: &Key) -> bool {
        key.kind == FindingKind::SuspectedLoop
            && self.patterns.iter().any(|(of, pattern)| has_told(FindingKind::NPlusOne, of, pattern, key))
    }

    /// Once the source is known, what was suspected before is forgotten.
    fn forget_suspicion(&mut self, key: &Key) {
        if key.kind == FindingKind::NPlusOne {
            self.patterns.retain(|of, pattern| !has_told(FindingKind::SuspectedLoop, of, pattern, key));
        }
    }

    /// It was another's loop.
    fn take_back(&mut self, key: Key, serial: u64) {
        let Some(pattern) = self.patterns.get_mut(&key) else { return };
        let Some(count) = self.counted.take_back(serial, key.child) else { return };
        pattern.take_back(count);
        if pattern.finding.is_some() {
            let total = &mut self.totals[key.kind as usize];
            *total = total.saturating_sub(1);
        }
        if pattern.occurrences == 0 {
            self.forget(&key);
        }
    }

    /// Brings the pattern's finding up to date.
    fn tell(
        pattern: &mut Pattern,
        seen: &Occurrence,
        route: Option<&str>,
        clock: Clock,
        found: &mut u64,
        known: &dyn Known,
    ) {
        let moment = seen.pace.last;
        let stale = pattern.worded.is_none_or(|last| moment - last >= REWORD);
        if stale {
            pattern.worded = Some(moment);
            let column = pattern.vote(words::column(seen, known));
            let id = pattern.finding.as_ref().map_or_else(
                || {
                    *found += 1;
                    *found
                },
                |finding| finding.id,
            );
            let who = pattern.finding.as_ref().map_or(seen.who, |finding| finding.who);
            let first_seen = pattern.finding.as_ref().map_or(clock.at(pattern.first), |finding| finding.first_seen);
            let told = pattern.finding.take().and_then(|finding| finding.route);
            let finding = Finding {
                id,
                who,
                first_seen,
                route: route.map(str::to_owned).or(told),
                ..words::finding(seen, column, known)
            };
            pattern.finding = Some(finding);
        }
        let (occurrences, wasted, an_hour) = (pattern.occurrences, pattern.wasted, pattern.wasted_an_hour());
        let Some(finding) = &mut pattern.finding else { return };
        (finding.occurrences, finding.wasted, finding.wasted_an_hour) = (occurrences, wasted.into(), an_hour);
        finding.wasted_each = finding.wasted / u32::try_from(occurrences).unwrap_or(u32::MAX).max(1);
        finding.last_seen = clock.at(moment);
        finding.resolved_at = None;
        finding.siblings.clone_from(&pattern.siblings);
    }

    /// Children of the same result name each other.
    fn relate(&mut self, seen: &Occurrence, key: Key) {
        let Some(serial) = seen.rows().map(|rows| rows.serial) else { return };
        let others: Vec<Key> = self.recent.iter().filter(|(of, _)| *of == serial).map(|(_, key)| *key).collect();
        for other in others.iter().filter(|other| other.child != key.child) {
            self.relative(key, other.child);
            self.relative(*other, key.child);
        }
        self.recent.push_back((serial, key));
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }

    fn relative(&mut self, key: Key, child: Digest) {
        let Some(pattern) = self.patterns.get_mut(&key) else { return };
        if pattern.siblings.len() < SIBLINGS && !pattern.siblings.contains(&child) {
            pattern.siblings.push(child);
            if let Some(finding) = &mut pattern.finding {
                finding.siblings.push(child);
            }
        }
    }

    /// A result that somebody may loop over.
    pub(super) fn ran(&mut self, who: WhoId, digest: Digest) {
        if let Some(app) = self.of_who.get(&who)
            && let Some(runs) = self.runs.get_mut(&(*app, digest))
        {
            *runs += 1;
        }
    }

    /// Sets the clocks, and looks what is over.
    pub(super) fn tick(&mut self, now: Nanos, at: Timestamp) {
        let before = std::mem::replace(&mut self.clock, Clock { now, at });
        if before.now.as_secs() / 60 == now.as_secs() / 60 {
            return;
        }
        for (key, pattern) in &mut self.patterns {
            let runs = self.runs.get(&(key.app, key.parent)).copied().unwrap_or(0);
            let over = runs >= pattern.ran + RESOLVED_RUNS && now - pattern.last >= RESOLVED_AFTER;
            if let Some(finding) = &mut pattern.finding
                && over
                && finding.resolved_at.is_none()
            {
                finding.resolved_at = Some(at);
            }
        }
    }

    /// A number for database, user and application; 0 where they are not known.
    fn app(&mut self, who: WhoId, known: &dyn Known) -> u32 {
        if let Some(app) = self.of_who.get(&who) {
            return *app;
        }
        let Some(names) = known.who(who) else { return 0 };
        let next = self.apps.len() as u32 + 1;
        let app = (names.database.clone(), names.user.clone(), names.application_name.clone());
        let number = *self.apps.entry(app).or_insert(next);
        self.of_who.insert(who, number);
        number
    }

    /// The pattern that was seen longest ago goes, and the count of its parent's runs if nobody else needs it.
    fn make_room(&mut self, key: &Key) {
        if self.patterns.len() < MOST_PATTERNS || self.patterns.contains_key(key) {
            return;
        }
        // Those that were never shown go first.
        let oldest = self.patterns.iter().min_by_key(|(_, pattern)| (pattern.finding.is_some(), pattern.last));
        if let Some(key) = oldest.map(|(key, _)| *key) {
            self.forget(&key);
        }
    }

    fn forget(&mut self, key: &Key) {
        self.patterns.remove(key);
        let needed = self.patterns.keys().any(|other| (other.app, other.parent) == (key.app, key.parent));
        if !needed {
            self.runs.remove(&(key.app, key.parent));
        }
    }

    /// All that are shown.
    pub(super) fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.patterns.values().filter_map(|pattern| pattern.finding.as_ref())
    }

    /// See [`super::Repeats::take_alerts`].
    pub(super) fn take_alerts(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.alerts)
    }

    /// Occurrences of findings by kind.
    pub(super) fn totals(&self) -> [u64; FindingKind::ALL.len()] {
        self.totals
    }
}

/// Findings and what may become one.
const MOST_PATTERNS: usize = 1_000;

/// Pairs of columns that are remembered.
const MOST_PAIRS: usize = 1_000;

/// Loops of which siblings are looked for.
const RECENT: usize = 64;

/// Further children of one loop that are named.
const SIBLINGS: usize = 7;

/// Words are put together again at most so often.
const REWORD: Nanos = Nanos::from_secs(1);

/// So many runs of the parent without the child, and so long, and it is over.
const RESOLVED_RUNS: u64 = 200;
const RESOLVED_AFTER: Nanos = Nanos::from_secs(24 * 3600);

/// Whether of this kind, and of the same child of the same application, a finding was made.
fn has_told(kind: FindingKind, of: &Key, pattern: &Pattern, key: &Key) -> bool {
    of.kind == kind && of.app == key.app && of.child == key.child && pattern.finding.is_some()
}
