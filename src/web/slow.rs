//! `/api/slow`: single executions, the newest first.

use std::collections::BTreeMap;

use serde::Serialize;

use super::WebState;
use super::answer::{ms, sql, time};
use super::filter::Filter;
use crate::observe::insight::SlowView;

pub(super) fn list(state: &WebState, filter: Filter) -> Vec<Slow> {
    let all = filter.all();
    state.insight.slow(&filter.wanted(usize::MAX), all).iter().map(Slow::from).collect()
}

/// One row.
#[derive(Debug, Serialize)]
pub(super) struct Slow {
    time: String,
    /// `query`, `wait`, `error`, `rows`, `bytes`, `text`: each that applies.
    reason: Vec<&'static str>,
    digest: String,
    sql: String,
    database: String,
    user: String,
    client: Client,
    wait_ms: f64,
    query_ms: f64,
    /// What all statements of its text took, of whose ends Postgres tells together; the last of them bears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    text_ms: Option<f64>,
    drain_ms: f64,
    total_ms: f64,
    rows: u64,
    bytes: u64,
    sqlstate: Option<String>,
    in_transaction: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Vec<Option<Box<str>>>>,
    /// What the application says in a comment: route, controller, traceparent, …
    tags: BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
struct Client {
    id: u32,
    addr: String,
    application_name: String,
}

impl From<&SlowView> for Slow {
    fn from(SlowView { slow, facts }: &SlowView) -> Slow {
        let client = Client {
            id: slow.client,
            addr: slow.addr.to_string(),
            application_name: slow.group.application.to_string(),
        };
        Slow {
            time: time(slow.time),
            reason: slow.reasons.names(),
            digest: slow.digest.to_string(),
            sql: sql(slow.digest, facts.as_ref()),
            database: slow.group.database.to_string(),
            user: slow.group.user.to_string(),
            client,
            wait_ms: ms(slow.wait),
            query_ms: ms(slow.query),
            text_ms: slow.text.map(ms),
            drain_ms: ms(slow.drain),
            total_ms: ms(slow.total()),
            rows: slow.rows,
            bytes: slow.bytes,
            sqlstate: slow.sqlstate().map(str::to_owned),
            in_transaction: slow.in_transaction,
            parameters: slow.parameters.as_deref().map(<[_]>::to_vec),
            tags: slow.tags.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
        }
    }
}
