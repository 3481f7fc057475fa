//! What was so lately, for statements and for the health of all.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use jiff::Timestamp;

use super::failures::Failures;
use super::judge::Judge;
use super::ongoing::ongoing;
use super::steps::{self, BUSY, ERRORS, QUERIES, WAITING};
use super::{Known, clients, findings, pools};
use crate::observe::finding::FindingKind;
use crate::observe::health::{FindingHealth, PoolHealth, Step, Vitals, saturated_for};
use crate::observe::history::heavy::{HeavyPoint, QUERY_BOUNDS_US, RANGES};
use crate::observe::history::{LEVELS, POOLS_MAX, Period, PoolSeries};
use crate::observe::insight::{FindingView, Wanted};
use crate::observe::pins::Pins;
use crate::observe::snapshot::{ClientState, ClientView, PoolView, Running};
use crate::observe::store::view::Row;
use crate::sql::digest::{Digest, Kind};
use crate::sql::facts::Facts;
use crate::web::pages::chart::Axis;
use crate::web::pages::findings::name;
use crate::web::pages::write;

/// What one statement did in a time.
#[derive(Debug, Default)]
pub(super) struct Lately {
    /// Executions.
    pub(super) calls: f64,
    /// How long they ran, all together, in milliseconds.
    pub(super) query_ms: f64,
    points: Vec<HeavyPoint>,
}

/// What takes longer is not told apart.
const LONGEST_MS: f64 = 10_000.0;

/// What it did in one slot of an axis.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Slot {
    /// Executions.
    pub(super) calls: f64,
    /// How long they ran, all together.
    pub(super) query_ms: f64,
    /// The highest p95.
    pub(super) p95_ms: f64,
    /// How many of them took how long.
    pub(super) spread: [f64; RANGES],
}

impl Lately {
    /// One quantity of each slot, `None` where it did not run.
    pub(super) fn values(&self, axis: &Axis, value: impl Fn(&Slot) -> f64) -> Vec<Option<f64>> {
        let mut slots: Vec<Option<Slot>> = vec![None; axis.count];
        for point in &self.points {
            if let Some(at) = axis.slot(point.at) {
                let slot = slots[at].get_or_insert_default();
                slot.calls += f64::from(point.calls);
                slot.query_ms += f64::from(point.query_ms);
                slot.p95_ms = slot.p95_ms.max(f64::from(point.p95_ms));
                slot.spread.iter_mut().zip(point.spread()).for_each(|(sum, count)| *sum += count);
            }
        }
        slots.iter().map(|slot| slot.as_ref().map(&value)).collect()
    }

    /// What this part of the executions did not exceed, about, in milliseconds. `ever`: the same of all that there have been, which
    /// is exact: where that can be what it is now, it is.
    pub(super) fn quantile(&self, part: f64, ever: f64) -> f64 {
        let mut spread = [0.0; RANGES];
        for point in &self.points {
            spread.iter_mut().zip(point.spread()).for_each(|(sum, count)| *sum += count);
        }
        let mut below = spread.iter().sum::<f64>() * part;
        let within = |(range, count): (usize, &f64)| {
            let (share, here) = (below / count.max(f64::EPSILON), below <= *count);
            below -= count;
            here.then_some((range, share))
        };
        let (range, share) = spread.iter().enumerate().find_map(within).unwrap_or((RANGES - 1, 1.0));
        let bound = |number: usize| QUERY_BOUNDS_US.get(number).map_or(LONGEST_MS, |micros| *micros as f64 / 1e3);
        let (low, high) = (if range == 0 { 0.01 } else { bound(range - 1) }, bound(range));
        let is_here = ever >= low && (ever < high || range == RANGES - 1);
        if is_here { ever } else { low * (high / low).powf(share) }
    }

    /// p95 over time, for a picture as small as a word.
    pub(super) fn trend(&self, axis: &Axis) -> Vec<f64> {
        const JOINED: usize = 6;
        let most = |part: &[Option<f64>]| part.iter().flatten().copied().fold(0.0, f64::max);
        self.values(axis, |slot| slot.p95_ms).chunks(JOINED).map(most).collect()
    }
}

/// What all statements that have a history did in a time.
#[derive(Debug, Default)]
pub(super) struct Recent {
    /// How long that was and something was seen, in seconds.
    pub(super) seconds: f64,
    query_ms: f64,
    /// By shape, for most of the thousands of rows that ask have none; of a shape the few pools that run it.
    all: ByShape,
}

/// A shape's database, user and numbers, for each of its pools.
type ByShape = HashMap<Digest, Vec<(Arc<str>, Arc<str>, Lately)>>;

impl Recent {
    /// As long as the axis is.
    pub(super) fn of(known: &Known, level: usize, axis: &Axis, wanted: &Wanted) -> Recent {
        Recent::since(known, level, axis.begin, wanted)
    }

    /// From `since` until now.
    pub(super) fn since(known: &Known, level: usize, since: u32, wanted: &Wanted) -> Recent {
        let pools = Wanted { digest: None, application_name: None, ..wanted.clone() };
        let whole = known.history(level, since, &pools);
        let all = known.insight.statement_history(Period { level, since }, &Wanted { digest: None, ..pools });
        let first = whole.iter().filter_map(|pool| pool.points.first()).map(|point| point.at).min();
        let first = first.unwrap_or(since).max(since);
        let query_ms =
            whole.iter().flat_map(|pool| &pool.points).map(|point| f64::from(point.sums[steps::QUERY])).sum();
        let lately = |points: Vec<HeavyPoint>| Lately {
            calls: points.iter().map(|point| f64::from(point.calls)).sum(),
            query_ms: points.iter().map(|point| f64::from(point.query_ms)).sum(),
            points,
        };
        let mut by_shape = ByShape::new();
        for series in all.into_iter().filter(|series| !series.points.is_empty()) {
            let its = (series.database, series.user, lately(series.points));
            by_shape.entry(series.digest).or_default().push(its);
        }
        Recent { seconds: f64::from(known.seconds().saturating_sub(first).max(1)), query_ms, all: by_shape }
    }

    /// Whether nothing is known.
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// What a statement did.
    pub(super) fn get(&self, row: &Row) -> Option<&Lately> {
        self.of_statement(row.digest, &row.database, &row.user)
    }

    /// The same for one that is not copied.
    pub(super) fn of_statement(&self, digest: Digest, database: &str, user: &str) -> Option<&Lately> {
        let mut pools = self.all.get(&digest)?.iter();
        pools.find(|(of, by, _)| **of == *database && **by == *user).map(|(_, _, lately)| lately)
    }

    /// Its part of the time that all ran.
    pub(super) fn share(&self, lately: &Lately) -> f64 {
        let all: f64 = self.all.values().flatten().map(|(_, _, lately)| lately.query_ms).sum();
        lately.query_ms / self.query_ms.max(all).max(f64::EPSILON)
    }
}

/// What people would call it: `SELECT posts by slug`; its own words where it has no table, or is of no usual kind.
pub(super) fn called(facts: &Facts) -> String {
    let verb = match facts.kind {
        Kind::Select => "SELECT",
        Kind::Insert => "INSERT",
        Kind::Update => "UPDATE",
        Kind::Delete => "DELETE",
        Kind::Merge => "MERGE",
        Kind::Copy => "COPY",
        Kind::Transparent | Kind::Other => return own_words(&facts.sql),
    };
    let tables = facts.tables.iter().take(2).map(String::as_str).collect::<Vec<_>>().join(", ");
    let columns: Vec<&str> = facts.compared.iter().flatten().map(|compared| &*compared.column).take(2).collect();
    let by = if columns.is_empty() { String::new() } else { format!(" by {}", columns.join(", ")) };
    if tables.is_empty() { own_words(&facts.sql) } else { format!("{verb} {tables}{by}") }
}

/// The begin of a text.
fn own_words(sql: &str) -> String {
    match sql.char_indices().nth(WORDS) {
        Some((end, _)) => format!("{}…", &sql[..end]),
        None => sql.to_owned(),
    }
}

/// So many characters name a statement.
const WORDS: usize = 60;

/// Pools are judged by the last minute.
pub(super) const MINUTE_S: u32 = 60;

/// Only the heaviest are looked at.
const HEAVIEST: usize = 300;

/// A finding that was not seen for longer, in seconds, is no problem of now. One without proof never is: it is shown among the
/// findings and raises no alarm.
pub(super) const FINDING_S: i64 = 900;

/// The heaviest of the wanted statements.
pub(super) fn heaviest(known: &Known, wanted: &Wanted) -> Vec<Row> {
    known.insight.statements(&Wanted { limit: HEAVIEST, ..wanted.clone() })
}

/// All that health is judged by.
pub(super) fn vitals(known: &Known) -> Vitals {
    let found = known.insight.findings(&Wanted::default());
    let open = found.iter().filter(|view| {
        let age = known.now.as_second() - view.finding.last_seen.as_second();
        let is_proven = view.finding.kind != FindingKind::SuspectedLoop;
        is_proven && view.finding.resolved_at.is_none() && age <= FINDING_S
    });
    let (judge, failures) = (Judge::of(known), Failures::of(known));
    Vitals {
        pools: pool_vitals(known, &failures),
        failing: failures.by_statement(&judge),
        statements: judge.statements().to_vec(),
        ongoing: ongoing(known),
        turned_away: known.snapshot.turned_away.clone(),
        ready: known.snapshot.ready.clone(),
        findings: open.map(|view| finding_health(known, view)).collect(),
    }
}

/// What is told of a finding where all that is wrong is told.
pub(super) fn finding_health(known: &Known, view: &FindingView) -> FindingHealth {
    let shown = findings::shown(known, view);
    FindingHealth {
        id: shown.id,
        name: name(shown.kind).to_owned(),
        application: shown.application,
        route: shown.route,
        subject: view.children.iter().flatten().next().map(|facts| called(facts)).unwrap_or_default(),
        executions: shown.executions,
        wasted_each_ms: shown.wasted_ms[0],
        wasted_an_hour_ms: shown.wasted_ms[1],
        proof: shown.proof,
    }
}

fn pool_vitals(known: &Known, failures: &Failures) -> Vec<PoolHealth> {
    let series = known.history(0, 0, &Wanted::default());
    let mut all: Vec<PoolHealth> =
        series.iter().map(|pool| pool_vital(known, pool, pools::picture(known, pool), failures)).collect();
    all.extend(without_history(known, &series).map(|picture| {
        let nothing = PoolSeries { database: picture.database.clone(), user: picture.user.clone(), points: Vec::new() };
        pool_vital(known, &nothing, Some(picture), failures)
    }));
    all
}

/// Of pools for whose history there is no place, those whose clients wait, the longest first: no more than have one.
fn without_history<'k>(known: &'k Known, series: &[PoolSeries]) -> impl Iterator<Item = &'k PoolView> {
    let has_one =
        |pool: &PoolView| series.iter().any(|other| other.database == pool.database && other.user == pool.user);
    let waiting = known.snapshot.pools.iter().filter(|pool| !pool.max_wait.is_zero());
    let mut pools: Vec<&PoolView> = waiting.filter(|pool| !has_one(pool)).collect();
    pools.sort_by_key(|pool| Reverse(pool.max_wait));
    pools.into_iter().take(POOLS_MAX)
}

fn pool_vital(known: &Known, pool: &PoolSeries, picture: Option<&PoolView>, failures: &Failures) -> PoolHealth {
    let minute = pool.points.iter().filter(|point| point.at + MINUTE_S >= known.seconds());
    let minute = steps::whole(minute);
    let held = minute.rates[steps::QUERY] + minute.rates[steps::DRAIN] + minute.rates[steps::IDLE];
    let errors = minute.rates[ERRORS] * minute.span;
    PoolHealth {
        database: pool.database.to_string(),
        user: pool.user.to_string(),
        saturated_s: saturated_s(known, pool, picture.map_or(f64::INFINITY, most)),
        waiting: picture.map_or(0, |picture| picture.clients.waiting.max(picture.queued)),
        max_wait_ms: picture.map_or(0.0, |picture| picture.max_wait.as_secs_f64() * 1e3),
        obstacle: picture.and_then(|picture| picture.obstacle.clone()),
        held: picture.map_or(0, |picture| picture.servers.active),
        open: picture.map_or(0, pools::open),
        holders: picture.filter(|picture| picture.max_wait >= LONG_WAIT).and_then(|_| holders(known, pool)),
        size: picture.map_or(0, |picture| picture.pool_size),
        wait_p95_ms: minute.wait_ms[1],
        queries: minute.rates[QUERIES] * minute.span,
        errors,
        failure: failures.worst(&pool.database, &pool.user),
        idle_share: minute.rates[steps::IDLE] / held.max(f64::EPSILON),
        busy: minute.means[BUSY],
    }
}

/// Servers that the pool can have now, where that is not its size: those that are open, while no more can be opened. One
/// without any is cut off, not full.
fn most(picture: &PoolView) -> f64 {
    if picture.obstacle.is_some() { pools::open(picture).max(1) as f64 } else { f64::INFINITY }
}

/// The coarser series is asked for only where it may say more. `most`: no more servers can be had.
fn saturated_s(known: &Known, pool: &PoolSeries, most: f64) -> f64 {
    let now = f64::from(known.seconds());
    let lately = saturated_for(&health_steps(pool, most), now);
    if lately < f64::from(LEVELS[0].points as u32 * LEVELS[0].step) * 0.95 {
        return lately;
    }
    let (database, user) = (Some(pool.database.to_string()), Some(pool.user.to_string()));
    let longer = known.history(1, 0, &Wanted { database, user, ..Wanted::default() });
    longer.first().map_or(lately, |longer| saturated_for(&health_steps(longer, most), now).max(lately))
}

/// What most of those do who hold the pool's servers, and for how long the first has: named while they do it.
fn holders(known: &Known, pool: &PoolSeries) -> Option<String> {
    let its = |client: &&ClientView| {
        client.state == ClientState::Active && client.database == pool.database && client.user == pool.user
    };
    let mut crowds: HashMap<(Running, Pins), (usize, Option<Timestamp>)> = HashMap::new();
    for client in known.clients.iter().filter(its).filter(|client| client.running != Running::Unknown) {
        // What runs says enough.
        let ties = if client.running == Running::AtRest { client.pins } else { Pins::NONE };
        let crowd = crowds.entry((client.running, ties)).or_default();
        crowd.0 += 1;
        crowd.1 = [crowd.1, client.since].into_iter().flatten().min();
    }
    let what = |((running, ties), (n, since)): ((Running, Pins), (usize, Option<Timestamp>))| {
        let doing = match running {
            Running::Nothing => "clients that run nothing, in a transaction".to_owned(),
            Running::AtRest if ties.is_empty() => "clients that run nothing and keep their server".to_owned(),
            Running::AtRest => format!("clients that run nothing, tied to their server by {}", ties.names()),
            _ => Some(clients::running(known, running)).filter(|words| !words.is_empty())?,
        };
        let long = since.map(|since| write::ms((known.now.as_millisecond() - since.as_millisecond()) as f64));
        let long = long.map_or(String::new(), |long| format!(", the first since {long}"));
        Some(format!("{n} held by {doing}{long}"))
    };
    let mut crowds: Vec<_> = crowds.into_iter().collect();
    // The longest first: all others may wait for it.
    crowds.sort_by_key(|(_, (n, since))| (since.is_none(), *since, usize::MAX - n));
    let named: Vec<String> = crowds.into_iter().filter_map(what).take(HOLDERS).collect();
    (!named.is_empty()).then(|| named.join("; "))
}

/// Who waits for longer wants to know what for.
const LONG_WAIT: Duration = Duration::from_millis(500);

/// What so many do is named.
const HOLDERS: usize = 3;

/// What saturation is judged by. `most`: no more servers can be had.
pub(super) fn health_steps(pool: &PoolSeries, most: f64) -> Vec<Step> {
    let step = |point| {
        let step = steps::whole([point]);
        Step {
            at: f64::from(point.at),
            span: f64::from(point.span),
            waiting: step.means[WAITING],
            busy: step.means[BUSY],
            size: step.means[steps::SIZE].min(most),
        }
    };
    pool.points.iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_long_takes_as_long_as_it_ever_did() {
        let lately = |range: usize| {
            let mut parts = [0; RANGES];
            parts[range] = 255;
            let points = vec![HeavyPoint { calls: 1, query_ms: 65e3, parts, ..HeavyPoint::default() }];
            Lately { calls: 1.0, query_ms: 65e3, points }
        };
        assert_eq!(lately(RANGES - 1).quantile(0.5, 65e3), 65e3);
        assert_eq!(lately(3).quantile(0.5, 7.0), 7.0);
        // Most were quicker once.
        assert!((2_000.0..10_000.0).contains(&lately(RANGES - 1).quantile(0.5, 3.0)));
    }
}
