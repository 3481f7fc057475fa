//! The analyst's lines in the log, with the fields of the API. How many a second is the log's to limit.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tracing::warn;

use crate::observe::insight::FindingView;
use crate::observe::store::slow::Slow;
use crate::sql::facts::Facts;
use crate::sql::fitting;

/// `slow_query`.
pub(super) fn slow(slow: &Slow, sql: &str) {
    warn!(
        event = "slow_query",
        reason = &*json(&slow.reasons.names()),
        time = %format_args!("{:.3}", slow.time),
        digest = %slow.digest,
        sql,
        database = &*slow.group.database,
        user = &*slow.group.user,
        client.id = slow.client,
        client.addr = &*slow.addr,
        client.application_name = &*slow.group.application,
        wait_ms = ms(slow.wait),
        query_ms = ms(slow.query),
        text_ms = slow.text.map(ms),
        drain_ms = ms(slow.drain),
        total_ms = ms(slow.total()),
        rows = slow.rows,
        bytes = slow.bytes,
        sqlstate = slow.sqlstate(),
        in_transaction = slow.in_transaction,
        parameters = slow.parameters.as_deref().map(json).as_deref(),
        tags = &*json(&tags(slow)),
    );
}

/// `finding`.
pub(super) fn finding(view: &FindingView) {
    let finding = &view.finding;
    let who = view.who.as_deref();
    warn!(
        event = "finding",
        id = finding.id,
        kind = finding.kind.as_str(),
        database = who.map(|who| &*who.database),
        user = who.map(|who| &*who.user),
        application_name = who.map(|who| &*who.application_name),
        parent.digest = finding.parent.as_ref().map(|parent| parent.digest.to_string()),
        parent.sql = view.parent.as_ref().map(|facts| &*facts.sql),
        parent.rows = finding.parent.as_ref().map(|parent| parent.rows),
        parent.column = finding.parent.as_ref().and_then(|parent| parent.column.as_deref()),
        children = &*json(&children(view)),
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

/// A list or an object, as the log takes it.
fn json<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("texts become JSON")
}

/// Digest and text of each, cut to what a line has room for.
#[derive(Serialize)]
struct Child<'a> {
    digest: String,
    sql: &'a str,
}

/// A longer text is cut: a line has to hold all of them.
const LONGEST: usize = 2 * 1024;

fn children(view: &FindingView) -> Vec<Child<'_>> {
    let all = view.finding.children.iter().zip(&view.children);
    all.map(|(digest, facts)| Child { digest: digest.to_string(), sql: sql(facts.as_ref()) }).collect()
}

fn sql(facts: Option<&Arc<Facts>>) -> &str {
    facts.map_or("", |facts| fitting(&facts.sql, LONGEST))
}

fn tags(slow: &Slow) -> BTreeMap<&str, &str> {
    slow.tags.iter().map(|(name, value)| (&**name, &**value)).collect()
}
