//! What is wrong, in sentences: from numbers that are known to a short list of problems, the worst first. Pure.

pub use self::ongoing::{Doing, Ongoing};
use self::pools::{of_failing, of_pool};
use self::statements::of_statement;
pub use self::statements::{Does, StatementHealth, Suspicion};
use super::rejections::Reason;
use super::snapshot::Readiness;

mod all;
mod ongoing;
mod pools;
mod statements;

/// How bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Clients wait or fail because of it.
    Bad,
    /// It costs time.
    Warning,
}

/// Where to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A pool, by database and user.
    Pool(String, String),
    /// A statement, by digest, database and user.
    Statement(String, String, String),
    /// A finding, by its number.
    Finding(u64),
    /// All clients.
    Clients,
    /// All pools.
    Pools,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// How bad.
    pub severity: Severity,
    /// In a few words: "pool app/orders saturated for 6 min".
    pub brief: String,
    /// What it means and what to do, in a sentence or two.
    pub detail: String,
    /// Where to look.
    pub place: Place,
    /// Among problems of the same severity the heaviest is named first: milliseconds an hour, or what stands for them.
    pub weight: f64,
}

/// A pool's numbers.
#[derive(Debug, Clone, Default)]
pub struct PoolHealth {
    /// The name that its clients ask for.
    pub database: String,
    /// The user that they log in as.
    pub user: String,
    /// How long it has been saturated without a break, in seconds; see [`saturated_for`].
    pub saturated_s: f64,
    /// Clients that wait now.
    pub waiting: usize,
    /// How long the first of them has waited, in milliseconds.
    pub max_wait_ms: f64,
    /// What beside its size keeps servers from being opened, in a sentence.
    pub obstacle: Option<String>,
    /// Servers that are held now.
    pub held: usize,
    /// Servers that are open now, held or not.
    pub open: usize,
    /// By what, where that is known.
    pub holders: Option<String>,
    /// Servers that there may be.
    pub size: usize,
    /// What 95 % of the waits in the last minute did not exceed, in milliseconds.
    pub wait_p95_ms: f64,
    /// Statements in the last minute.
    pub queries: f64,
    /// And those of them that failed.
    pub errors: f64,
    /// What most of these are: the SQLSTATE, what its statement is called, and its digest.
    pub failure: Option<(String, String, String)>,
    /// Of the time that servers were held in the last minute, the part in which nothing ran in an open transaction.
    pub idle_share: f64,
    /// Servers that were held on average in the last minute.
    pub busy: f64,
}

/// A statement that failed in the last minute, for each of its SQLSTATEs.
#[derive(Debug, Clone, Default)]
pub struct FailingHealth {
    /// Its digest.
    pub digest: String,
    /// The name that its clients ask for.
    pub database: String,
    /// The user that they log in as.
    pub user: String,
    /// What people would call it.
    pub name: String,
    /// The SQLSTATE.
    pub code: String,
    /// How often it failed with that.
    pub failed: f64,
    /// Of so many executions.
    pub calls: f64,
}

/// An unresolved finding.
#[derive(Debug, Clone, Default)]
pub struct FindingHealth {
    /// Its number.
    pub id: u64,
    /// As people call it: "N+1".
    pub name: String,
    /// Whose.
    pub application: String,
    /// Where in the application, if it says so.
    pub route: Option<String>,
    /// The statement that is repeated, as people would call it: "SELECT books by author_id".
    pub subject: String,
    /// How often its statement ran, the last time that it was seen.
    pub executions: u32,
    /// What it wastes each time, in milliseconds.
    pub wasted_each_ms: f64,
    /// What it wastes an hour, in milliseconds.
    pub wasted_an_hour_ms: f64,
    /// What proves it.
    pub proof: String,
}

impl FindingHealth {
    /// Whether it is more than a trifle: it would be worth a line in the log, or adds up to something.
    pub fn is_felt(&self) -> bool {
        let at_once = self.executions >= FELT_EXECUTIONS || self.wasted_each_ms >= FELT_MS;
        at_once || self.wasted_an_hour_ms >= FELT_AN_HOUR_MS
    }
}

/// So many executions in a row are no trifle, however quick they are …
const FELT_EXECUTIONS: u32 = 20;

/// … nor are so many milliseconds of somebody's time …
const FELT_MS: f64 = 20.0;

/// … nor is a thousandth of all time, in milliseconds an hour.
const FELT_AN_HOUR_MS: f64 = HOUR_MS / 1e3;

/// All that is looked at.
#[derive(Debug, Clone, Default)]
pub struct Vitals {
    /// Every pool.
    pub pools: Vec<PoolHealth>,
    /// Statements that ran lately.
    pub statements: Vec<StatementHealth>,
    /// Statements that fail again and again.
    pub failing: Vec<FailingHealth>,
    /// What clients have been at for long.
    pub ongoing: Vec<Ongoing>,
    /// Findings that are not resolved.
    pub findings: Vec<FindingHealth>,
    /// Clients that were turned away in the last minute, by reason.
    pub turned_away: Vec<(Reason, u64)>,
    /// Whether servers are lent at all.
    pub ready: Readiness,
}

/// One step of a pool's history.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// When it began, in seconds.
    pub at: f64,
    /// For how long it was looked at, in seconds.
    pub span: f64,
    /// Clients in the queue on average.
    pub waiting: f64,
    /// Servers on loan on average.
    pub busy: f64,
    /// Servers that there may be; fewer, where something keeps them from being opened.
    pub size: f64,
}

impl Step {
    fn is_full(&self) -> bool {
        self.waiting >= 0.5 && self.busy >= self.size * FULL
    }
}

/// A pool that is full for less is a burst.
const SATURATED_MIN_S: f64 = 5.0;

/// A moment of calm does not end a saturation.
const CALM_S: f64 = 10.0;

/// From so many of its servers on a pool counts as full: the gauge is a mean of moments.
const FULL: f64 = 0.9;

/// A short wait with many servers open is a pool that is being filled, no saturation: in milliseconds.
const WAIT_MIN_MS: f64 = 20.0;

/// Seconds at the end of `steps` (the oldest first) in which the pool was full and clients waited, up to `now`.
pub fn saturated_for(steps: &[Step], now: f64) -> f64 {
    let (mut begin, mut calm) = (now, 0.0);
    for step in steps.iter().rev() {
        if step.at + step.span + CALM_S < begin {
            break;
        }
        if step.is_full() {
            (begin, calm) = (step.at, 0.0);
        } else {
            calm += step.span;
            if calm > CALM_S {
                break;
            }
        }
    }
    now - begin
}

/// A time in which a pool was full and clients waited, in seconds as [`Step`] has them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spell {
    /// Its begin.
    pub begin: f64,
    /// Its end.
    pub end: f64,
}

impl Spell {
    /// How long it was.
    pub fn seconds(&self) -> f64 {
        self.end - self.begin
    }
}

/// All of them, the oldest first; see [`saturated_for`].
pub fn spells(steps: &[Step]) -> Vec<Spell> {
    let mut spells: Vec<Spell> = Vec::new();
    for step in steps.iter().filter(|step| step.is_full()) {
        let end = step.at + step.span;
        match spells.last_mut() {
            Some(spell) if step.at <= spell.end + CALM_S => spell.end = end,
            _ => spells.push(Spell { begin: step.at, end }),
        }
    }
    spells
}

/// Whether it was a problem: neither a burst nor a pool that was being filled. `wait_p95_ms`: the highest while it lasted.
pub fn worth_telling(spell: &Spell, wait_p95_ms: f64) -> bool {
    spell.seconds() >= SATURATED_MIN_S && wait_p95_ms >= WAIT_MIN_MS
}

/// What is wrong, the worst first.
pub fn problems(vitals: &Vitals) -> Vec<Problem> {
    let all = all::standstill(vitals).into_iter().chain(all::turned_away(vitals));
    let pools = vitals.pools.iter().flat_map(of_pool);
    let failing = vitals.failing.iter().filter_map(of_failing);
    let ongoing = ongoing::of_ongoing(&vitals.ongoing);
    let findings = vitals.findings.iter().filter(|finding| finding.is_felt()).map(of_finding);
    let statements = vitals.statements.iter().filter_map(of_statement);
    let mut problems: Vec<Problem> =
        all.chain(pools).chain(failing).chain(ongoing).chain(findings).chain(statements).collect();
    problems.sort_by(|one, two| one.severity.cmp(&two.severity).then(two.weight.total_cmp(&one.weight)));
    problems
}

/// All of it in one sentence; the first `most` problems are named.
pub fn sentence(problems: &[Problem], most: usize) -> String {
    let count = match problems.len() {
        0 => return "No problems.".to_owned(),
        1 => "1 problem: ".to_owned(),
        n => format!("{n} problems: "),
    };
    let named: Vec<&str> = problems.iter().take(most).map(|problem| &*problem.brief).collect();
    let rest = problems.len().saturating_sub(most);
    let rest = if rest > 0 { format!("; and {rest} more") } else { String::new() };
    format!("{count}{}{rest}", named.join("; "))
}

fn waits(clients: usize) -> String {
    match clients {
        0 => "Nobody waits for a server".to_owned(),
        1 => "1 client waits for a server".to_owned(),
        n => format!("{n} clients wait for a server"),
    }
}

fn of_finding(finding: &FindingHealth) -> Problem {
    let application = if finding.application.is_empty() { "an unnamed application" } else { &finding.application };
    let place = match &finding.route {
        Some(route) => format!(" at {route}"),
        None if finding.subject.is_empty() => String::new(),
        None => format!(" ({})", finding.subject),
    };
    Problem {
        severity: Severity::Warning,
        brief: format!("{} in {application}{place}", finding.name),
        detail: finding.proof.clone(),
        place: Place::Finding(finding.id),
        weight: finding.wasted_an_hour_ms,
    }
}

pub(super) const HOUR_MS: f64 = 3.6e6;

fn span(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5_400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.0} h", s / 3_600.0),
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn milliseconds(ms: f64) -> String {
    match ms {
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 1_000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.1} s", ms / 1e3),
    }
}

#[cfg(test)]
mod tests;
