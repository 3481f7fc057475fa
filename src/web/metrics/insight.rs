//! What the analyst counts. A digest is a label, SQL never is.

use std::fmt;

use super::Page;
use crate::observe::finding::FindingKind;
use crate::observe::insight::{Heaviest, Totals};
use crate::observe::store::groups::PoolTotals;

pub(super) fn write(totals: &Totals, page: &mut Page<'_>) -> fmt::Result {
    slow(totals, page)?;
    let mut findings =
        page.counter("findings_total", "Occurrences of what was found to be wrong with what clients ask, by kind.")?;
    for (kind, count) in FindingKind::ALL.into_iter().zip(totals.findings) {
        findings.sample(&[("kind", kind.as_str())], count)?;
    }
    let mut dropped = page.counter("insight_dropped_total", "What was left out, to stay within bounds.")?;
    let what = &totals.dropped;
    dropped.sample(&[("what", "reports")], what.reports)?;
    dropped.sample(&[("what", "texts")], what.texts)?;
    dropped.sample(&[("what", "statements")], what.statements)?;
    dropped.sample(&[("what", "repeats")], what.repeats)?;
    dropped.sample(&[("what", "history")], what.history)?;
    dropped.sample(&[("what", "who")], what.who)?;
    page.gauge("insight_shapes", "Shapes of statements that are told apart.")?.known(Some(totals.shapes as u64))?;
    heaviest(totals, page)
}

/// The clients that are not told apart have a series only once it tells something.
fn slow(totals: &Totals, page: &mut Page<'_>) -> fmt::Result {
    let mut slow = page.counter("slow_queries_total", "Statements that ran, or waited for a server, for too long.")?;
    let pools = totals.pools.iter().enumerate().filter(|(place, pool)| *place > 0 || pool.slow > 0);
    pools.map(|(_, pool)| pool).try_for_each(|PoolTotals { database, user, slow: count, .. }| {
        slow.sample(&[("database", database), ("user", user)], *count)
    })
}

fn heaviest(totals: &Totals, page: &mut Page<'_>) -> fmt::Result {
    let labels = |Heaviest { digest, database, user, .. }: &Heaviest| {
        [("database", database.to_string()), ("user", user.to_string()), ("digest", digest.to_string())]
    };
    let mut seconds = page.counter("statement_seconds_total", "How long the heaviest statements ran, by digest.")?;
    for statement in &totals.heaviest {
        let labels = labels(statement);
        seconds.sample(&labels.each_ref().map(|(name, value)| (*name, &**value)), statement.seconds)?;
    }
    let mut calls = page.counter("statement_calls_total", "How often the heaviest statements ran, by digest.")?;
    for statement in &totals.heaviest {
        let labels = labels(statement);
        calls.sample(&labels.each_ref().map(|(name, value)| (*name, &**value)), statement.calls)?;
    }
    Ok(())
}
