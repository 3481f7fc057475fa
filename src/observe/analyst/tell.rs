//! The analyst's lines in the log, with the fields of the API. How many a second is the log's to limit.

use std::fmt::Write;
use std::time::Duration;

use tracing::warn;

use crate::observe::insight::FindingView;
use crate::observe::store::slow::Slow;

/// `slow_query`.
pub(super) fn slow(slow: &Slow, sql: &str) {
    warn!(
        event = "slow_query",
        reason = slow.reasons.names().join(","),
        time = %format_args!("{:.3}", slow.time),
        digest = %slow.digest,
        sql,
        database = &*slow.group.database,
        user = &*slow.group.user,
        client_id = slow.client,
        addr = &*slow.addr,
        application_name = &*slow.group.application,
        wait_ms = ms(slow.wait),
        query_ms = ms(slow.query),
        drain_ms = ms(slow.drain),
        total_ms = ms(slow.total()),
        rows = slow.rows,
        bytes = slow.bytes,
        sqlstate = slow.sqlstate(),
        in_transaction = slow.in_transaction,
        parameters = slow.parameters.as_deref().map(list),
        tags = (!slow.tags.is_empty()).then(|| pairs(slow)),
    );
}

/// `finding`.
pub(super) fn finding(view: &FindingView) {
    let finding = &view.finding;
    let who = view.who.as_deref();
    let sql = |facts: Option<&std::sync::Arc<crate::sql::facts::Facts>>| facts.map(|facts| facts.sql.clone());
    warn!(
        event = "finding",
        id = finding.id,
        kind = finding.kind.as_str(),
        database = who.map(|who| &*who.database),
        user = who.map(|who| &*who.user),
        application_name = who.map(|who| &*who.application_name),
        parent_digest = finding.parent.as_ref().map(|parent| parent.digest.to_string()),
        parent_sql = sql(view.parent.as_ref()),
        parent_rows = finding.parent.as_ref().map(|parent| parent.rows),
        parent_column = finding.parent.as_ref().and_then(|parent| parent.column.as_deref()),
        child_digest = finding.children.first().map(ToString::to_string),
        child_sql = sql(view.children.first().and_then(Option::as_ref)),
        executions = finding.executions,
        distinct_parameters = finding.distinct_parameters,
        occurrences = finding.occurrences,
        wasted_ms = ms(finding.wasted),
        manner = finding.manner.as_str(),
        route = finding.route.as_deref(),
        proof = finding.proof,
        fix = finding.fix,
        first_seen = %format_args!("{:.3}", finding.first_seen),
        last_seen = %format_args!("{:.3}", finding.last_seen),
    );
}

fn ms(duration: Duration) -> f64 {
    (duration.as_nanos() as f64 / 1e3).round() / 1e3
}

/// `'a', NULL, 'b'`
fn list(parameters: &[Option<Box<str>>]) -> String {
    let mut text = String::new();
    for value in parameters {
        let comma = if text.is_empty() { "" } else { ", " };
        let written = match value {
            Some(value) => write!(text, "{comma}'{}'", value.replace('\'', "''")),
            None => write!(text, "{comma}NULL"),
        };
        written.expect("writing to a String does not fail");
    }
    text
}

/// `controller=users, route=/users`
fn pairs(slow: &Slow) -> String {
    slow.tags.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
}
