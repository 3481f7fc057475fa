//! `/statement`: one statement: how long it takes and took, who runs it, what is wrong with it, slow examples. Pure.

use jiff::Timestamp;
use maud::{Markup, html};

use super::ask::Ask;
use super::chart::{self, Axis, Band, Series};
use super::findings::{FindingView, brief_list};
use super::frame::empty;
use super::parts::{SlowRow, Sql, Times, named, pool_href, slow_table};
use super::statements::{StatementRow, badges};
use super::write;
use crate::observe::health::Problem;

/// What the page shows.
#[derive(Debug)]
pub(super) struct StatementView {
    /// Its numbers.
    pub(super) row: StatementRow,
    /// Of the pictures.
    pub(super) axis: Axis,
    /// Mean and p95 over time; empty where it has no history.
    pub(super) times: Vec<Series>,
    /// Executions a second over time.
    pub(super) rate: Vec<Series>,
    /// How many executions took how long over time, the longest first; empty where it has no history.
    pub(super) bands: Vec<Band>,
    /// How often it took how long: upper bounds in words, and counts.
    pub(super) bars: Vec<(String, u64)>,
    /// Where the time of an average execution goes.
    pub(super) split: Times,
    /// Who runs it: application, calls, mean of the time in Postgres in milliseconds.
    pub(super) applications: Vec<Caller>,
    /// Errors by SQLSTATE.
    pub(super) errors: Vec<(String, u64)>,
    /// What its numbers say.
    pub(super) problem: Option<Problem>,
    /// Findings that name it.
    pub(super) findings: Vec<FindingView>,
    /// Slow executions.
    pub(super) slow: Vec<SlowRow>,
    /// When it was first seen and last.
    pub(super) seen: [Timestamp; 2],
    /// Tables that it names.
    pub(super) tables: Vec<String>,
    /// Now.
    pub(super) now: Timestamp,
}

/// One application that runs it.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// Its name.
    pub(super) application: String,
    /// Executions.
    pub(super) calls: u64,
    /// What one takes in Postgres, on average, in milliseconds.
    pub(super) mean_ms: f64,
}

pub(super) fn page(view: &StatementView, ask: &Ask) -> Markup {
    let sql = &view.row.sql;
    html! {
        p class="trail" { a href=(ask.to("/statements", &[])) { "Statements" } " /" }
        h1 { "Statement " code { (sql.digest) } }
        pre class="sql" tabindex="0" { code { (sql.text) } }
        p class="sub" {
            a href=(ask.to("/statements", &[("database", &sql.database), ("user", &sql.user)])) {
                (sql.database) "/" (sql.user)
            }
            @for table in &view.tables {
                " · " a href=(ask.to("/statements", &[("text", table)])) { (table) }
            }
            (badges(&view.row.badges, ask))
            " · first seen " (write::ago(view.seen[0], view.now)) ", last " (write::ago(view.seen[1], view.now))
        }
        @if let Some(problem) = &view.problem {
            p class="verdict" { b { "◆ " (problem.brief) "." } " " (problem.detail) }
        }
        (facts(view, ask))
        (pictures(view, ask))
        div class="two" { (split(view, ask)) (callers(view, ask)) }
        @if !view.findings.is_empty() { section { h2 { "Findings" } (brief_list(&view.findings, ask)) } }
        section id="slow" {
            h2 {
                "Slow executions"
                a class="more" href=(sql.slow(ask, "all")) { "all, with errors" }
            }
            @if view.slow.is_empty() {
                (empty("None was slow.", "Executions that run or wait for longer than [observe] slow_query stand here."))
            } @else { (slow_table(&view.slow, ask, view.now, true)) }
        }
    }
}

fn facts(view: &StatementView, ask: &Ask) -> Markup {
    let row = &view.row;
    let Sql { database, user, .. } = &row.sql;
    let fact = |name: &str, value: String, href: &str| html! { div { dt { (name) } dd { a href=(href) { (value) } } } };
    let rivals = ask.to("/statements", &[("database", database), ("user", user)]);
    html! {
        dl class="facts" {
            (fact("Load", row.share.map_or_else(|| "–".to_owned(), write::percent), &rivals))
            (fact("Calls/s", write::count(row.rate), "#rate"))
            (fact("Calls", write::count(row.calls as f64), "#callers"))
            (fact("p50", write::ms(row.query_ms[0]), "#times"))
            (fact("p95", write::ms(row.query_ms[1]), "#times"))
            (fact("p99", write::ms(row.query_ms[2]), "#times"))
            (fact("Wait p95", write::ms(row.wait_p95_ms), &pool_href(ask, database, user)))
            (fact("Rows/call", write::count(row.rows), &row.sql.slow(ask, "rows")))
            (fact("Bytes/call", write::bytes(row.bytes), &row.sql.slow(ask, "bytes")))
            (fact("Errors", write::count(row.errors as f64), &row.sql.slow(ask, "error")))
        }
    }
}

fn pictures(view: &StatementView, ask: &Ask) -> Markup {
    html! {
        div class="two" {
            section id="times" {
                h2 { "Time in Postgres" small { "last " (ask.span()) } }
                @if view.times.is_empty() {
                    (empty("No history.", "The 200 heaviest statements have one."))
                } @else { (chart::lines(&view.axis, &view.times, None, write::ms, "Mean and p95 over time")) }
            }
            section id="rate" {
                h2 { "Calls a second" small { "last " (ask.span()) } }
                @if view.rate.is_empty() { (empty("No history.", "The 200 heaviest statements have one.")) }
                @else { (chart::area(&view.axis, &view.rate, write::count, "Executions a second over time")) }
            }
        }
        @if view.bands.iter().any(|band| band.counts.iter().any(|count| *count > 0.0)) {
            section id="spread" {
                h2 { "How long it took, over time" small { "by the time in Postgres; stronger: a larger part of the executions of that time" } }
                (chart::heat(&view.axis, &view.bands, about, "Executions over time, by their time in Postgres"))
            }
        }
        section {
            h2 { "How long it took, in all" small { "executions since the start, by their time in Postgres; each range ends at its label" } }
            (chart::bars(&view.bars, "Executions by their time in Postgres"))
        }
    }
}

/// Executions in a range are known to the 255th of all: a fraction of one is one.
fn about(n: f64) -> String {
    write::count(n.ceil())
}

fn split(view: &StatementView, ask: &Ask) -> Markup {
    let pieces = view.split.pieces();
    html! {
        section {
            h2 { "Where its time goes" small { "of an average execution" } }
            (chart::key(&pieces, write::ms))
            (chart::pieces(&pieces, 1.0, &view.split.words()))
            p class="sub" { (view.split.why()) }
            @if !view.errors.is_empty() {
                h3 { "Errors" }
                ul class="plain" {
                    @for (state, count) in &view.errors { li { code { (state) } " × " a href=(view.row.sql.slow(ask, "error")) { (write::count(*count as f64)) } } }
                }
            }
        }
    }
}

fn callers(view: &StatementView, ask: &Ask) -> Markup {
    let whose = [("database", &*view.row.sql.database), ("user", &*view.row.sql.user)];
    html! {
        section id="callers" {
            h2 { "Who runs it" }
            table class="dense narrow" {
                thead {
                    tr { th scope="col" { "Application" } th class="n" scope="col" { "Calls" } th class="n" scope="col" { "Mean" } th { "" } }
                }
                tbody {
                    @for caller in &view.applications {
                        @let own = [whose[0], whose[1], ("application_name", &*caller.application)];
                        tr {
                            td data-l="application" {
                                a href=(ask.to("/statements", &own)) { (named(&caller.application)) }
                            }
                            td class="n" data-l="calls" { a href=(ask.to("/clients", &own)) { (write::count(caller.calls as f64)) } }
                            td class="n" data-l="mean" { (write::ms(caller.mean_ms)) }
                            td { a href=(ask.to("/clients", &own)) { "clients" } }
                        }
                    }
                }
            }
        }
    }
}
