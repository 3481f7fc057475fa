//! `/api/statements`: one row for each shape, database and user, those first that took the most time.

use std::collections::BTreeMap;

use serde::Serialize;

use super::WebState;
use super::answer::{QuantilesMs, ms, sql, time};
use super::filter::Filter;
use crate::observe::insight::Insight;
use crate::observe::sparse::Sparse;
use crate::observe::store::statement::Example;
use crate::observe::store::view::Row;
use crate::sql::digest::Kind;

/// Rows, if no limit is asked for: the thousandth heaviest takes no time worth a look.
const ROWS: usize = 1_000;

pub(super) fn list(state: &WebState, filter: Filter) -> Vec<Statement> {
    let rows = state.insight.statements(&filter.wanted(ROWS));
    rows.into_iter().map(|row| Statement::new(row, &state.insight)).collect()
}

/// One row. `total_ms` is the time that it ran, without waits for servers; `share` is of the time that all statements ran
/// which the filter lets through.
#[derive(Debug, Serialize)]
pub(super) struct Statement {
    digest: String,
    sql: String,
    kind: Option<&'static str>,
    tables: Vec<String>,
    database: String,
    user: String,
    applications: Vec<String>,
    calls: u64,
    errors: u64,
    errors_by_sqlstate: BTreeMap<String, u64>,
    rows: u64,
    bytes: u64,
    total_ms: f64,
    wait_total_ms: f64,
    share: f64,
    query_ms: Times,
    wait_ms: Times,
    first_seen: String,
    last_seen: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    example: Option<Sample>,
}

#[derive(Debug, Serialize)]
struct Times {
    mean: f64,
    #[serde(flatten)]
    quantiles: QuantilesMs,
}

/// The slowest execution whose values were kept.
#[derive(Debug, Serialize)]
struct Sample {
    time: String,
    query_ms: f64,
    parameters: Vec<Option<Box<str>>>,
}

impl Statement {
    fn new(row: Row, insight: &Insight) -> Statement {
        let numbers = &row.numbers;
        // What waited in vain is no call.
        let times = |times: &Sparse| Times {
            mean: (ms(times.sum()) / times.count().max(1) as f64 * 1e3).round() / 1e3,
            quantiles: times.quantiles().into(),
        };
        let (total_ms, wait_total_ms) = (ms(numbers.query.sum()), ms(numbers.wait.sum()));
        Statement {
            digest: row.digest.to_string(),
            sql: sql(row.digest, row.facts.as_ref()),
            kind: row.facts.as_ref().map(|facts| kind(facts.kind)),
            tables: row.facts.as_ref().map(|facts| facts.tables.clone()).unwrap_or_default(),
            calls: numbers.calls,
            errors: row.errors().iter().map(|(_, count)| count).sum(),
            errors_by_sqlstate: row.errors().iter().map(|(state, count)| (name(state), *count)).collect(),
            rows: numbers.rows,
            bytes: numbers.bytes,
            total_ms,
            wait_total_ms,
            share: (row.share * 1e6).round() / 1e6,
            query_ms: times(&numbers.query),
            wait_ms: times(&numbers.wait),
            first_seen: time(insight.time(numbers.first)),
            last_seen: time(insight.time(numbers.last)),
            example: row.example().map(|example| Sample::new(example, insight)),
            database: row.database.to_string(),
            user: row.user.to_string(),
            applications: row.applications.iter().map(ToString::to_string).collect(),
        }
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Select => "select",
        Kind::Insert => "insert",
        Kind::Update => "update",
        Kind::Delete => "delete",
        Kind::Merge => "merge",
        Kind::Copy => "copy",
        Kind::Transparent => "transparent",
        Kind::Other => "other",
    }
}

fn name(sqlstate: &[u8; 5]) -> String {
    String::from_utf8_lossy(sqlstate).into_owned()
}

impl Sample {
    fn new(example: &Example, insight: &Insight) -> Sample {
        Sample {
            time: time(insight.time(u64::try_from(example.ended.as_nanos()).unwrap_or(u64::MAX))),
            query_ms: ms(example.query),
            parameters: example.parameters.to_vec(),
        }
    }
}
