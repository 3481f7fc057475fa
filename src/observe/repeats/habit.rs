//! What one shape does by itself within one scope: the same again, many values in a row, row after row. Pure.

use super::climb::{Climb, Pair};
use super::company::Company;
use super::link::{Pace, REST};
use super::scope::Told;
use super::step::{Role, Step};
use crate::observe::finding::FindingKind;
use crate::observe::nanos::Nanos;
use crate::observe::who::WhoId;
use crate::sql::digest::Digest;

/// One shape's last second; of inserts, its last minute.
#[derive(Debug, Default)]
pub(super) struct Habit {
    window: Option<Window>,
    /// Its loop was found elsewhere.
    explained: bool,
    climb: Option<Box<Climb>>,
}

#[derive(Debug)]
struct Window {
    role: Role,
    who: WhoId,
    route: u32,
    pace: Pace,
    /// Values that came first, and how often each.
    values: [u32; VALUES],
    times: [u16; VALUES],
    /// Those that are told apart, and executions with others: each of these is taken for one of its own.
    distinct: u8,
    others: u32,
    /// What others had read by new values when it ran last, and how often that was something since the time before.
    fresh: u32,
    parted: u32,
    /// How many had a value that a result before them holds.
    linked: u32,
    /// What came with its inserts.
    company: Company,
    /// What had passed before it began.
    before: Passed,
    /// How close its executions come, if it means something in this scope: what bears a trace is told of in that one's.
    gap: Option<Nanos>,
}

/// A habit that was seen.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) kind: FindingKind,
    pub(super) digest: Digest,
    pub(super) who: WhoId,
    pub(super) route: u32,
    pub(super) n: u32,
    pub(super) distinct: u32,
    pub(super) wasted: Nanos,
    pub(super) pace: Pace,
    /// Of a walk: which value came from which column.
    pub(super) pair: Option<Pair>,
}

/// What has passed in a scope so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Passed {
    /// Statements.
    pub(super) count: u32,
    /// Those of them that wrote.
    pub(super) writes: u32,
    /// And that read something by values which were new, and from no result, nor those of the one before that did so.
    pub(super) fresh: u32,
    /// That one's.
    pub(super) parameters: u32,
}

/// What one execution is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Looked {
    /// It has just become a loop whose source is not known.
    pub(super) blind: bool,
    /// It reads something by values that are new in the scope, and from no result.
    pub(super) fresh: bool,
}

/// What it is, how many executions, how many values among them, and what was wasted.
type Habitual = (FindingKind, u32, u32, Nanos);

impl Habit {
    /// One more execution.
    pub(super) fn step(
        &mut self,
        step: &Step,
        linked: bool,
        scope: Passed,
        gap: Option<Nanos>,
        told: &mut Vec<Told>,
    ) -> Looked {
        if step.role == Role::Claim {
            return Looked::default();
        }
        if self.window.as_ref().is_some_and(|window| window.is_over(step, scope)) {
            self.end_window(step.digest, scope, gap.is_some(), told);
        }
        if gap.is_some() {
            self.climb(step, told);
        }
        let window = self.window.get_or_insert_with(|| Window::new(step, scope, gap));
        let fresh = window.step(step, linked, scope);
        let loops = window.distinct >= LOOKED_FOR as u8 && window.linked == 0;
        Looked { blind: window.pace.n == LOOKED_FOR && loops, fresh }
    }

    /// A loop was found that explains the repetition.
    pub(super) fn explain(&mut self) {
        self.explained = true;
    }

    /// Something else was written in this transaction block.
    pub(super) fn accompany(&mut self, block: u32) {
        if let Some(window) = &mut self.window {
            window.company.accompany(block);
        }
    }

    /// The shape rests.
    pub(super) fn end(&mut self, digest: Digest, scope: Passed, tells: bool, told: &mut Vec<Told>) {
        self.end_window(digest, scope, tells, told);
        if let Some(climb) = self.climb.take()
            && tells
        {
            told.extend(climb.end(digest).map(Told::Habit));
        }
        self.explained = false;
    }

    fn end_window(&mut self, digest: Digest, scope: Passed, tells: bool, told: &mut Vec<Told>) {
        let Some(window) = self.window.take() else { return };
        let explained = self.explained || self.climb.as_ref().is_some_and(|climb| climb.is_walk());
        if tells && window.gap.is_some() {
            told.extend(window.ran(digest));
            told.extend(window.seen(digest, scope).filter(|_| !explained).map(Told::Habit));
        }
    }

    fn climb(&mut self, step: &Step, told: &mut Vec<Told>) {
        match (&mut self.climb, &step.columns) {
            (Some(climb), _) => told.extend(climb.step(step).map(Told::Habit)),
            (None, Some(columns)) if step.loops() => self.climb = Some(Box::new(Climb::new(step, columns.clone()))),
            (None, _) => {}
        }
    }

    /// What it takes beside itself, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.climb.as_ref().map_or(0, |climb| climb.bytes())
    }
}

impl Window {
    fn new(step: &Step, scope: Passed, gap: Option<Nanos>) -> Window {
        Window {
            role: step.role,
            who: step.who,
            route: step.route,
            pace: Pace::new(step, false),
            values: [0; VALUES],
            times: [0; VALUES],
            distinct: 0,
            others: 0,
            fresh: 0,
            parted: 0,
            linked: 0,
            company: Company::default(),
            before: Passed { count: scope.count.saturating_sub(1), ..scope },
            gap,
        }
    }

    /// Whether the next execution is not of it: too late, or something was written.
    fn is_over(&self, step: &Step, scope: Passed) -> bool {
        let reads = matches!(self.role, Role::Read { .. });
        let wrote = reads && scope.writes != self.before.writes && self.times.iter().any(|times| *times > 1);
        let own = self.gap.unwrap_or(BREATH);
        let (longest, own) =
            if self.role == Role::InsertOne { (LONGEST_INSERTS, own.max(BETWEEN_INSERTS)) } else { (REST, own) };
        let asked = step.sent - step.wait;
        wrote || step.sent > self.pace.first + longest || asked > self.pace.last + own
    }

    /// Whether it reads something by values that are new, in a scope in which so much has passed.
    fn step(&mut self, step: &Step, linked: bool, scope: Passed) -> bool {
        let asked = scope.fresh > self.fresh && scope.parameters != step.parameters;
        self.parted += u32::from(self.pace.n > 0 && asked);
        self.pace.step(step);
        self.company.step(step.block);
        self.linked += u32::from(linked);
        self.route = if step.route == 0 { self.route } else { step.route };
        let known = usize::from(self.distinct);
        let before = self.values[..known].iter().position(|value| *value == step.parameters);
        match before {
            Some(at) => self.times[at] = self.times[at].saturating_add(1),
            None if known < VALUES => {
                (self.values[known], self.times[known]) = (step.parameters, 1);
                self.distinct += 1;
            }
            None => self.others += 1,
        }
        let reads = step.role == (Role::Read { loops: true });
        let fresh = before.is_none() && !linked && reads && step.parameters != scope.parameters;
        self.fresh = scope.fresh + u32::from(fresh);
        fresh
    }

    /// How often it read, and how often of that the same.
    fn ran(&self, digest: Digest) -> Option<Told> {
        let (again, _) = self.again();
        matches!(self.role, Role::Read { .. }).then_some(Told::Ran(digest, self.who, self.pace.n, again))
    }

    fn seen(&self, digest: Digest, scope: Passed) -> Option<Seen> {
        let (kind, n, distinct, wasted) = match self.role {
            Role::InsertOne => self.inserts(scope)?,
            Role::Read { .. } => self.duplicates().or_else(|| self.suspicion())?,
            Role::Write { .. } => self.suspicion()?,
            Role::Claim | Role::Transparent => return None,
        };
        let (who, route, pace) = (self.who, self.route, self.pace.clone());
        Some(Seen { kind, digest, who, route, n, distinct, wasted, pace, pair: None })
    }

    fn inserts(&self, scope: Passed) -> Option<Habitual> {
        let n = self.pace.n;
        let most = n * 2 >= scope.count.saturating_sub(self.before.count);
        // One insert beside another write for each of many transactions is no loop of inserts.
        let alone = self.company.accompanied() * 2 < n;
        (n >= INSERTS && most && alone).then(|| (FindingKind::RowAtATimeInsert, n, self.values(), self.pace.wasted()))
    }

    fn duplicates(&self) -> Option<Habitual> {
        let loops = self.distinct >= 3 && self.linked * 5 >= self.pace.n * 4;
        let (n, values) = self.again();
        (n > 0 && !loops && !self.is_requests())
            .then(|| (FindingKind::DuplicateRead, n, values, self.pace.share(n - values)))
    }

    /// Something new before each, as who asks: those are requests one after the other, and not one that repeats itself.
    fn is_requests(&self) -> bool {
        self.parted * 5 >= self.pace.n.saturating_sub(1) * 4
    }

    /// Executions whose values came several times, and how many values those are.
    fn again(&self) -> (u32, u32) {
        let again = self.times.iter().filter(|times| **times >= DUPLICATES);
        again.fold((0, 0), |(n, values), times| (n + u32::from(*times), values + 1))
    }

    fn suspicion(&self) -> Option<Habitual> {
        let looped = matches!(self.role, Role::Read { loops: true } | Role::Write { loops: true });
        let many = self.pace.n >= SUSPECTED && usize::from(self.distinct) >= VALUES;
        (looped && many && self.linked * 5 < self.pace.n * 4 && !self.is_requests())
            .then(|| (FindingKind::SuspectedLoop, self.pace.n, self.values(), self.pace.share(self.pace.n - 1)))
    }

    /// How many values there were, at most.
    fn values(&self) -> u32 {
        u32::from(self.distinct) + self.others
    }
}

/// So many values are told apart; a suspected loop has at least as many.
pub(super) const VALUES: usize = 8;

/// On a connection one request asks again sooner than that. A process that serves request after request asks the same for each of
/// them, and repeats nothing.
pub(super) const BREATH: Nanos = Nanos::from_millis(20);

/// The same statement with the same values so often is a duplicate read.
const DUPLICATES: u16 = 3;

/// And with different ones a suspected loop.
pub(super) const SUSPECTED: u32 = 10;

/// Inserts of one row each.
const INSERTS: u32 = 10;

/// A loop that makes what it inserts does so in this time.
const BETWEEN_INSERTS: Nanos = Nanos::from_millis(40);

/// Those go on for longer than a second, and are told at least so often.
const LONGEST_INSERTS: Nanos = Nanos::from_secs(60);

/// So many executions with as many values have the results before them looked at.
const LOOKED_FOR: u32 = 3;
