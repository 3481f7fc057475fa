//! `/api/history`: the series of the pools, or with `?digest=` those of one statement, with `?digest=all` of all that have one.
//! A series is `{name, labels, step_ms, points}`, a point `[milliseconds since 1970, value]` at the begin of its step. Steps
//! that were not seen have no point, so lines break where nothing is known; a statement has none where it did not run.
//! The last point is of a step that is not over: with `?since=` the time of the last one that is known, it comes again.

use std::collections::BTreeMap;

use serde::Serialize;

use super::WebState;
use super::filter::Filter;
use crate::observe::history::heavy::HeavyPoint;
use crate::observe::history::pool::{GAUGES, PoolPoint, QUANTILES, SUMS};
use crate::observe::history::{LEVELS, PoolSeries, StatementSeries};

pub(super) fn list(state: &WebState, filter: Filter) -> Vec<Series> {
    let (period, of_statements) = (filter.period(), filter.of_statements());
    let (wanted, step_ms) = (filter.wanted(usize::MAX), LEVELS[period.level].step * 1000);
    let mut all: Vec<Series> = if of_statements {
        state
            .insight
            .statement_history(period, &wanted)
            .iter()
            .flat_map(|series| of_statement(series, step_ms))
            .collect()
    } else {
        state.insight.history(period, &wanted).iter().flat_map(|series| of_pool(series, step_ms)).collect()
    };
    all.sort_by(|one, two| (&one.labels, &one.name).cmp(&(&two.labels, &two.name)));
    all.truncate(wanted.limit);
    all
}

/// One series.
#[derive(Debug, Serialize)]
pub(super) struct Series {
    name: String,
    labels: BTreeMap<&'static str, String>,
    step_ms: u32,
    points: Vec<(u64, f64)>,
}

fn of_pool(series: &PoolSeries, step_ms: u32) -> Vec<Series> {
    let labels = BTreeMap::from([("database", series.database.to_string()), ("user", series.user.to_string())]);
    let make = |name: String, value: &dyn Fn(&PoolPoint) -> f32| {
        let points = series.points.iter().map(|point| at(point.at, value(point)));
        Series { name, labels: labels.clone(), step_ms, points: points.collect() }
    };
    let sums = SUMS.into_iter().enumerate();
    let sums = sums.map(|(place, name)| make(name.to_owned(), &move |point| point.sums[place] / point.span));
    let means = GAUGES.into_iter().enumerate();
    let means = means.map(|(place, name)| make(name.to_owned(), &move |point| point.means[place]));
    let most = GAUGES.into_iter().enumerate();
    let most = most.map(|(place, name)| make(format!("{name}_max"), &move |point| point.most[place]));
    let waits = QUANTILES.into_iter().enumerate();
    let waits = waits.map(|(place, name)| make(format!("wait_ms_{name}"), &move |point| point.wait_ms[place]));
    let queries = QUANTILES.into_iter().enumerate();
    let queries = queries.map(|(place, name)| make(format!("query_ms_{name}"), &move |point| point.query_ms[place]));
    sums.chain(means).chain(most).chain(waits).chain(queries).collect()
}

fn of_statement(series: &StatementSeries, step_ms: u32) -> Vec<Series> {
    let labels = BTreeMap::from([
        ("database", series.database.to_string()),
        ("user", series.user.to_string()),
        ("digest", series.digest.to_string()),
    ]);
    let make = |name: &str, value: &dyn Fn(&HeavyPoint) -> f32| {
        let points = series.points.iter().map(|point| at(point.at, value(point)));
        Series { name: name.to_owned(), labels: labels.clone(), step_ms, points: points.collect() }
    };
    let seconds = |point: &HeavyPoint| series.until.saturating_sub(point.at).clamp(1, step_ms / 1000) as f32;
    vec![
        make("statement_calls_per_second", &|point| point.calls as f32 / seconds(point)),
        make("statement_query_ms_per_second", &|point| point.query_ms / seconds(point)),
        make("statement_query_ms_p95", &|point| point.p95_ms),
    ]
}

/// To three digits after the point: more would be longer, and not truer.
fn at(second: u32, value: f32) -> (u64, f64) {
    (u64::from(second) * 1000, (f64::from(value) * 1e3).round() / 1e3)
}
