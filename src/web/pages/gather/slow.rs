//! Of slow executions.

use super::{Known, contains, leaf, statements, wanted};
use crate::observe::insight::{SlowView, Wanted};
use crate::observe::store::slow::Slow;
use crate::web::pages::ask::Ask;
use crate::web::pages::parts::{SlowRow, Sql, Times};
use crate::web::pages::slow::SlowPage;
use crate::web::pages::write;

/// One part of the list, as it is asked for.
pub(in crate::web::pages) fn slow(known: &Known, ask: &Ask) -> SlowPage {
    let since = known.now.as_second() - i64::from(ask.seconds());
    let is_else = ask.reason == "all" || KINDS.contains(&&*ask.reason);
    let all = known.insight.slow(&wanted(ask), is_else);
    let all = all.into_iter().filter(|view| view.slow.time.as_second() >= since && is_for(view, &ask.reason));
    let all: Vec<SlowView> = all.filter(|view| is_named(view, &ask.text)).collect();
    let count = all.len();
    let rows = leaf(all, ask).iter().map(row).collect();
    SlowPage { rows, all: count, choices: known.choices(), now: known.now }
}

/// Reasons that can be asked for one by one.
const KINDS: [&str; 5] = ["query", "wait", "error", "rows", "bytes"];

/// Whether it is kept for this reason; whatever is none of [`KINDS`] wants no certain one.
fn is_for(view: &SlowView, reason: &str) -> bool {
    !KINDS.contains(&reason) || view.slow.reasons.names().contains(&reason)
}

fn is_named(view: &SlowView, text: &str) -> bool {
    let sql = view.facts.as_ref().map_or("", |facts| &*facts.sql);
    text.is_empty() || contains(text, &[sql, &view.slow.addr, &view.slow.digest.to_string()])
}

/// The newest of the wanted ones; `all`: also those that were not slow.
pub(super) fn rows(known: &Known, wanted: &Wanted, all: bool) -> Vec<SlowRow> {
    known.insight.slow(wanted, all).iter().map(row).collect()
}

fn row(view: &SlowView) -> SlowRow {
    let slow = &view.slow;
    let ms = |duration: std::time::Duration| duration.as_secs_f64() * 1e3;
    let route = slow.tags.iter().find(|(name, _)| ROUTES.contains(&&**name)).map(|(_, value)| value.to_string());
    let values = |values: &[Option<Box<str>>]| values.iter().map(|value| value.as_deref().map(str::to_owned)).collect();
    SlowRow {
        at: slow.time,
        sql: Sql {
            digest: slow.digest.to_string(),
            text: statements::text(slow.digest, view.facts.as_ref().map(|facts| &*facts.sql)),
            database: slow.group.database.to_string(),
            user: slow.group.user.to_string(),
        },
        times: Times { wait: ms(slow.wait), query: ms(slow.query), drain: ms(slow.drain) },
        rows: slow.rows,
        bytes: slow.bytes,
        sqlstate: slow.sqlstate().map(str::to_owned),
        application: slow.group.application.to_string(),
        addr: slow.addr.to_string(),
        reasons: slow.reasons.names().into_iter().filter_map(|name| said(name, slow)).collect(),
        in_transaction: slow.in_transaction,
        parameters: slow.parameters.as_deref().map(values),
        route,
    }
}

/// Why a statement is kept, where its times do not say it.
fn said(reason: &str, slow: &Slow) -> Option<String> {
    match (reason, slow.text) {
        ("query" | "wait", _) => None,
        ("text", Some(text)) => Some(format!("its text took {}", write::ms(text.as_secs_f64() * 1e3))),
        (reason, _) => Some(reason.to_owned()),
    }
}

/// Tags of a comment that say where in the application a statement comes from, as frameworks write them.
const ROUTES: [&str; 4] = ["route", "controller", "action", "path"];
