//! Of all together.

use std::collections::HashSet;

use super::earlier::earlier;
use super::pools::NOW_S;
use super::steps::{self, BUSY, QUERIES, Step, WAITING, trend};
use super::{Known, slow, vitals};
use crate::observe::health::{self, Problem};
use crate::observe::insight::Wanted;
use crate::web::pages::ask::Ask;
use crate::web::pages::overview::{Number, Overview};
use crate::web::pages::parts::SlowRow;
use crate::web::pages::write;

/// Slow executions on the overview.
const SLOW: usize = 8;

/// Among so many of the newest the slowest are looked for.
const SLOW_AMONG: usize = 200;

/// What is wrong, the worst first.
pub(in crate::web::pages) fn problems(known: &Known) -> Vec<Problem> {
    health::problems(&vitals::vitals(known))
}

/// The page's.
pub(in crate::web::pages) fn overview(known: &Known, ask: &Ask) -> Overview {
    let axis = known.axis(ask);
    let history = known.history(ask.level(), axis.begin, &Wanted::default());
    let slots = steps::together(&axis, &history);
    Overview {
        problems: problems(known),
        earlier: earlier(known, ask),
        numbers: numbers(known, ask, &slots),
        time: steps::time(&slots),
        axis,
        slow: slowest(known, ask),
        has_traffic: known.snapshot.pools.iter().any(|pool| pool.numbers.queries() > 0),
        now: known.now,
    }
}

/// The slowest execution of each of the slowest statements.
fn slowest(known: &Known, ask: &Ask) -> Vec<SlowRow> {
    let since = known.now.as_second() - i64::from(ask.seconds());
    let mut rows = slow::rows(known, &Wanted { limit: SLOW_AMONG, ..Wanted::default() }, false);
    rows.retain(|row| row.at.as_second() >= since);
    rows.sort_by(|one, two| two.times.total().total_cmp(&one.times.total()));
    let mut seen = HashSet::new();
    rows.retain(|row| seen.insert(row.sql.clone()));
    rows.truncate(SLOW);
    rows
}

/// A wait beyond this, in milliseconds, is felt.
const WAIT_BAD_MS: f64 = 20.0;

fn numbers(known: &Known, ask: &Ask, slots: &[Option<Step>]) -> Vec<Number> {
    let now = known.seconds();
    let recent = steps::whole_together(&known.history(0, now.saturating_sub(NOW_S), &Wanted::default()), 0);
    let most = |value: fn(&Step) -> f64| slots.iter().flatten().map(value).fold(0.0, f64::max);
    let pools = &known.snapshot.pools;
    let waiting: usize = pools.iter().map(|pool| pool.clients.waiting.max(pool.queued)).sum();
    let max_wait_ms = pools.iter().map(|pool| pool.max_wait.as_secs_f64() * 1e3).fold(0.0, f64::max);
    let busy: usize = pools.iter().map(|pool| pool.servers.active).sum();
    let size: usize = pools.iter().map(|pool| pool.pool_size).sum();
    let number = |name, value, beside, href, trend, is_bad| Number { name, value, beside, href, trend, is_bad };
    let highest = |text: String| format!("highest {text}");
    vec![
        number(
            "Queries/s",
            write::count(recent.rates[QUERIES]),
            highest(write::count(most(|step| step.rates[QUERIES]))),
            ask.to("/statements", &[]),
            trend(slots, |step| step.rates[QUERIES]),
            false,
        ),
        number(
            "p95 query",
            write::ms(recent.query_ms[1]),
            highest(write::ms(most(|step| step.query_ms[1]))),
            ask.to("/statements", &[("sort", "p95")]),
            trend(slots, |step| step.query_ms[1]),
            false,
        ),
        number(
            "p95 wait",
            write::ms(recent.wait_ms[1]),
            highest(write::ms(most(|step| step.wait_ms[1]))),
            ask.to("/pools", &[]),
            trend(slots, |step| step.wait_ms[1]),
            recent.wait_ms[1] >= WAIT_BAD_MS,
        ),
        number(
            "Waiting now",
            waiting.to_string(),
            highest(write::count(most(|step| step.most[WAITING]))),
            ask.to("/clients", &[("state", "waiting")]),
            trend(slots, |step| step.most[WAITING]),
            waiting > 0 && recent.wait_ms[1].max(max_wait_ms) >= WAIT_BAD_MS,
        ),
        number(
            "Servers busy",
            format!("{busy} of {size}"),
            highest(write::count(most(|step| step.most[BUSY]))),
            ask.to("/clients", &[("state", "active")]),
            trend(slots, |step| step.means[BUSY]),
            busy > 0 && busy >= size,
        ),
    ]
}
