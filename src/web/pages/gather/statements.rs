//! Of statements: their rows, and all about one of them.

use std::time::Duration;

use hashbrown::HashMap;

use super::judge::Judge;
use super::vitals::{self, Recent};
use super::{Known, contains, findings, slow, wanted};
use crate::observe::health::Suspicion;
use crate::observe::history::heavy::RANGES;
use crate::observe::insight::{FindingView, Wanted};
use crate::observe::store::statement::Statement;
use crate::observe::store::view::{Choice, Row, name_of};
use crate::sql::digest::Digest;
use crate::web::pages::ask::{Ask, ROWS, tag};
use crate::web::pages::chart::{Axis, Band, Series};
use crate::web::pages::findings::name;
use crate::web::pages::parts::{Sql, Times};
use crate::web::pages::statement::{Caller, StatementView};
use crate::web::pages::statements::{Badge, StatementRow, Statements};

/// One part of the list, as it is asked for.
pub(in crate::web::pages) fn statements(known: &Known, ask: &Ask) -> Statements {
    let axis = known.axis(ask);
    let wanted = wanted(ask);
    let (recent, judge) = (Recent::of(known, ask.level(), &axis, &wanted), Judge::of(known));
    let is_of_range = wanted.application_name.is_none() && !recent.is_empty();
    let recent = is_of_range.then_some(&recent);
    let heft = |one: &Choice<'_>| is_named(one, &ask.text).then(|| Heft::new(one, &ask.sort, recent));
    let (rows, all) = known.insight.ranked(&wanted, heft, ask.skipped()..ask.skipped() + ROWS);
    let found = known.insight.findings(&Wanted::default());
    let rows = rows.iter().map(|row| shown(known, row, recent, &axis, badges(row, &judge, &found))).collect();
    Statements { rows, all, choices: known.choices(), is_of_range }
}

fn is_named(one: &Choice<'_>, text: &str) -> bool {
    if text.is_empty() {
        return true;
    }
    let digest = one.digest.to_string();
    one.facts().map_or_else(|| contains(text, &[&digest]), |facts| contains(text, &[&facts.sql, &digest]))
}

/// What a list is ordered by: whole numbers, for they have an order.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Heft(u64, u64);

impl Heft {
    fn new(one: &Choice<'_>, sort: &str, recent: Option<&Recent>) -> Heft {
        let numbers = one.numbers;
        let calls = numbers.calls.max(1);
        let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let lately = |part: fn(&vitals::Lately) -> f64| {
            let lately = recent.and_then(|recent| recent.of_statement(one.digest, one.database, one.user));
            lately.map_or(0, |lately| (part(lately) * 1e3) as u64)
        };
        let first = match sort {
            "rate" if recent.is_some() => lately(|lately| lately.calls),
            "rate" | "calls" => numbers.calls,
            "p50" => nanos(numbers.query.quantile(0.5)),
            "p95" => nanos(numbers.query.quantile(0.95)),
            "p99" => nanos(numbers.query.quantile(0.99)),
            "wait" => nanos(numbers.wait.quantile(0.95)),
            "rows" => numbers.rows.saturating_mul(1000) / calls,
            "bytes" => numbers.bytes / calls,
            "errors" => numbers.errors.iter().map(|(_, count)| count).sum(),
            _ => lately(|lately| lately.query_ms),
        };
        Heft(first, numbers.query.nanos())
    }
}

fn sql(row: &Row) -> Sql {
    Sql {
        digest: row.digest.to_string(),
        text: text(row.digest, row.facts.as_ref().map(|facts| &*facts.sql)),
        database: row.database.to_string(),
        user: row.user.to_string(),
    }
}

/// A shape's text; of one that is not known its digest.
pub(super) fn text(digest: Digest, sql: Option<&str>) -> String {
    sql.filter(|sql| !sql.is_empty()).map_or_else(|| name_of(digest), str::to_owned)
}

fn shown(known: &Known, row: &Row, recent: Option<&Recent>, axis: &Axis, badges: Vec<Badge>) -> StatementRow {
    let numbers = &row.numbers;
    let calls = numbers.calls.max(1) as f64;
    let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
    let query = numbers.query.quantiles();
    let lately = recent.and_then(|recent| recent.get(row));
    let since =
        (known.now.as_millisecond() - known.insight.time(numbers.first).as_millisecond()).max(1_000) as f64 / 1e3;
    StatementRow {
        sql: sql(row),
        share: match recent {
            Some(recent) => lately.map(|lately| recent.share(lately)),
            None => Some(row.share),
        },
        rate: match (recent, lately) {
            (Some(recent), Some(lately)) => lately.calls / recent.seconds,
            _ => numbers.calls as f64 / since,
        },
        calls: numbers.calls,
        query_ms: [query.p50, query.p95, query.p99].map(ms),
        wait_p95_ms: ms(numbers.wait.quantile(0.95)),
        rows: numbers.rows as f64 / calls,
        bytes: numbers.bytes as f64 / calls,
        errors: numbers.errors.iter().map(|(_, count)| count).sum(),
        badges,
        trend: lately.map(|lately| lately.trend(axis)).unwrap_or_default(),
    }
}

fn badges(row: &Row, judge: &Judge, found: &[FindingView]) -> Vec<Badge> {
    let its = |view: &&FindingView| {
        let is_named = view.finding.children.contains(&row.digest);
        is_named && view.finding.resolved_at.is_none() && view.is_wanted(&whose(row))
    };
    let findings = found.iter().filter(its).map(|view| Badge::Finding(view.finding.id, name(view.finding.kind)));
    let suspicions: Vec<Suspicion> = judge.health(row).map(|health| health.suspicions()).unwrap_or_default();
    findings.take(BADGES_MAX).chain(suspicions.into_iter().map(Badge::Suspicion)).collect()
}

/// More of them would hide the statement.
const BADGES_MAX: usize = 3;

fn whose(row: &Row) -> Wanted {
    Wanted { database: Some(row.database.to_string()), user: Some(row.user.to_string()), ..Wanted::default() }
}

/// All about the statement that is asked for.
pub(in crate::web::pages) fn statement(known: &Known, ask: &Ask) -> Option<StatementView> {
    let axis = known.axis(ask);
    let wanted = Wanted { application_name: None, ..wanted(ask) };
    wanted.digest?;
    let is_meant = |row: &Row| ask.pool.is_empty() || ask.pool == tag(&row.database, &row.user);
    let row = known.insight.statements(&wanted).into_iter().find(is_meant)?;
    let own = Wanted { digest: Some(row.digest), limit: usize::MAX, ..whose(&row) };
    // Its part of the time is of all that the pool did.
    let (recent, judge) = (Recent::of(known, ask.level(), &axis, &whose(&row)), Judge::of(known));
    let found = known.insight.findings(&Wanted::default());
    let about = |view: &FindingView| {
        let finding = &view.finding;
        let is_parent = finding.parent.as_ref().is_some_and(|parent| parent.digest == row.digest);
        (is_parent || finding.children.contains(&row.digest)) && view.is_wanted(&whose(&row))
    };
    let lately = recent.get(&row);
    Some(StatementView {
        row: shown(known, &row, Some(&recent), &axis, badges(&row, &judge, &found)),
        times: lately.map(|lately| times(lately, &axis)).unwrap_or_default(),
        rate: lately.map(|lately| rate(lately, &axis)).unwrap_or_default(),
        bands: lately.map(|lately| bands(lately, &axis)).unwrap_or_default(),
        bars: bars(&row),
        split: split(&row),
        applications: callers(known, &row, &own),
        errors: errors(&row),
        problem: judge.health(&row).and_then(|health| health.problem()),
        findings: found.iter().filter(|view| about(view)).take(ROWS).map(|view| findings::shown(known, view)).collect(),
        slow: slow::rows(known, &Wanted { limit: EXAMPLES, ..own }, false),
        seen: [known.insight.time(row.numbers.first), known.insight.time(row.numbers.last)],
        tables: row.facts.as_ref().map(|facts| facts.tables.clone()).unwrap_or_default(),
        now: known.now,
        axis,
    })
}

/// Slow executions on a statement's page.
const EXAMPLES: usize = 10;

fn times(lately: &vitals::Lately, axis: &Axis) -> Vec<Series> {
    let of = |name, class, value: fn(&vitals::Slot) -> f64| Series { name, class, values: lately.values(axis, value) };
    vec![of("mean", "s-p50", |slot| slot.query_ms / slot.calls.max(1.0)), of("p95", "s-p95", |slot| slot.p95_ms)]
}

fn rate(lately: &vitals::Lately, axis: &Axis) -> Vec<Series> {
    let step = f64::from(axis.step);
    let values = lately.values(axis, |slot| slot.calls).into_iter();
    // Where it did not run, it ran zero times; the last slot is not over.
    let values = values.take(axis.count - 1).map(|calls| Some(calls.unwrap_or(0.0) / step));
    vec![Series { name: "calls/s", class: "s-query", values: values.chain([None]).collect() }]
}

fn bands(lately: &vitals::Lately, axis: &Axis) -> Vec<Band> {
    let counts = |band: usize| lately.values(axis, |slot| slot.spread[band]).into_iter();
    let counts = |band: usize| counts(band).map(Option::unwrap_or_default).collect();
    BANDS.iter().enumerate().rev().map(|(band, name)| Band { name: (*name).to_owned(), counts: counts(band) }).collect()
}

/// What lies between [`QUERY_BOUNDS_US`](crate::observe::history::heavy::QUERY_BOUNDS_US), in words.
const BANDS: [&str; RANGES] =
    ["< 0.1 ms", "0.1–1 ms", "1–5 ms", "5–20 ms", "20–100 ms", "0.1–0.5 s", "0.5–2 s", "> 2 s"];

/// Upper ends of the ranges that are told apart, and their names.
const ENDS: [(u64, &str); 15] = [
    (50, "50 µs"),
    (100, "0.1"),
    (200, "0.2"),
    (500, "0.5"),
    (1_000, "1 ms"),
    (2_000, "2"),
    (5_000, "5"),
    (10_000, "10"),
    (20_000, "20"),
    (50_000, "50"),
    (100_000, "0.1 s"),
    (200_000, "0.2"),
    (500_000, "0.5"),
    (1_000_000, "1 s"),
    (5_000_000, "5 s"),
];

fn bars(row: &Row) -> Vec<(String, u64)> {
    let counts = row.numbers.query.split(&ENDS.map(|(micros, _)| Duration::from_micros(micros)));
    let names = ENDS.into_iter().map(|(_, name)| name).chain(["more"]);
    names.map(str::to_owned).zip(counts).collect()
}

fn split(row: &Row) -> Times {
    let mean = |sum: Duration, count: u64| sum.as_secs_f64() * 1e3 / count.max(1) as f64;
    let Statement { calls, wait, query, drain, .. } = &row.numbers;
    // What waited in vain is no call.
    Times {
        wait: mean(wait.sum(), wait.count()),
        query: mean(query.sum(), *calls),
        drain: mean(Duration::from_nanos(*drain), *calls),
    }
}

/// Applications whose numbers are looked up one by one.
const CALLERS_MAX: usize = 20;

fn callers(known: &Known, row: &Row, own: &Wanted) -> Vec<Caller> {
    let caller = |application: &std::sync::Arc<str>| {
        let wanted = Wanted { application_name: Some(application.to_string()), ..own.clone() };
        let row = known.insight.statements(&wanted).into_iter().next()?;
        let mean_ms = row.numbers.query.sum().as_secs_f64() * 1e3 / row.numbers.calls.max(1) as f64;
        Some(Caller { application: application.to_string(), calls: row.numbers.calls, mean_ms })
    };
    let mut callers: Vec<Caller> = row.applications.iter().take(CALLERS_MAX).filter_map(caller).collect();
    callers.sort_by_key(|caller| std::cmp::Reverse(caller.calls));
    callers
}

fn errors(row: &Row) -> Vec<(String, u64)> {
    let mut errors: HashMap<String, u64> = HashMap::new();
    for (state, count) in &row.numbers.errors {
        *errors.entry(String::from_utf8_lossy(state).into_owned()).or_default() += count;
    }
    let mut errors: Vec<(String, u64)> = errors.into_iter().collect();
    errors.sort_by_key(|(state, count)| (std::cmp::Reverse(*count), state.clone()));
    errors
}
