//! `/statements`: one row a statement, those first that take the most time. Pure.

use maud::{Markup, html};

use super::ask::Ask;
use super::chart::{self, Piece};
use super::frame::{Choices, empty, filters, leaves, sorted};
use super::parts::{Sql, pool_href};
use super::write;
use crate::observe::health::Suspicion;

/// What marks a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Badge {
    /// It belongs to a finding, by the finding's number and name.
    Finding(u64, &'static str),
    /// Its numbers are suspicious.
    Suspicion(Suspicion),
}

/// One row.
#[derive(Debug, Clone, Default)]
pub(super) struct StatementRow {
    /// What it is.
    pub(super) sql: Sql,
    /// Of the time that all statements ran in the range, 0 to 1; `None` where the history does not tell.
    pub(super) share: Option<f64>,
    /// Executions a second in the range, or since it was first seen.
    pub(super) rate: f64,
    /// Executions since the start.
    pub(super) calls: u64,
    /// p50, p95 and p99 of the time in Postgres since the start, in milliseconds.
    pub(super) query_ms: [f64; 3],
    /// p95 of the wait for a server since the start, in milliseconds.
    pub(super) wait_p95_ms: f64,
    /// Rows a call.
    pub(super) rows: f64,
    /// Bytes a call.
    pub(super) bytes: f64,
    /// Those that failed, since the start.
    pub(super) errors: u64,
    /// What marks it.
    pub(super) badges: Vec<Badge>,
    /// Its p95 over time.
    pub(super) trend: Vec<f64>,
}

/// What the page shows.
#[derive(Debug)]
pub(super) struct Statements {
    /// One part of the list.
    pub(super) rows: Vec<StatementRow>,
    /// How long the list is.
    pub(super) all: usize,
    /// Names to choose from.
    pub(super) choices: Choices,
    /// Whether shares are those of the range; else of all since the start.
    pub(super) is_of_range: bool,
}

/// How the list can begin: what the address calls it, and the column.
pub(super) const SORTS: [(&str, &str); 10] = [
    ("load", "Load"),
    ("rate", "Calls/s"),
    ("p50", "p50"),
    ("p95", "p95"),
    ("p99", "p99"),
    ("wait", "Wait p95"),
    ("rows", "Rows/call"),
    ("bytes", "Bytes/call"),
    ("errors", "Errors"),
    ("calls", "Calls"),
];

const PATH: &str = "/statements";

pub(super) fn page(view: &Statements, ask: &Ask) -> Markup {
    html! {
        h1 { "Statements" small { (whence(view, ask)) } }
        (filters(PATH, ask, &view.choices, Some("part of the SQL, a table")))
        @if view.rows.is_empty() {
            @if ask.is_narrow() { (empty("No statement matches.", "Ask for less, or for all of them.")) }
            @else {
                (empty("No statement has run yet.", "Each shape of a statement, without its values, has one row here: its \
                    part of the load, how often it runs, how long it takes and waits."))
            }
        } @else {
            table class="dense statements" {
                thead {
                    tr {
                        (sorted(PATH, ask, "load", "load", "Load"))
                        th scope="col" { "Statement" }
                        @for (sort, name) in &SORTS[1..] { (sorted(PATH, ask, sort, "load", name)) }
                        th scope="col" { "p95" }
                    }
                }
                tbody { @for row in &view.rows { (line(row, ask)) } }
            }
            (leaves(PATH, ask, view.rows.len(), view.all))
        }
    }
}

fn whence(view: &Statements, ask: &Ask) -> String {
    if view.is_of_range {
        format!("load and calls/s of the last {}, all else since the start", ask.span())
    } else {
        "all numbers since the start".to_owned()
    }
}

fn line(row: &StatementRow, ask: &Ask) -> Markup {
    let href = row.sql.short_href(ask);
    // A part of the statement's page, where the number is taken apart.
    let number = |name: &str, part: &str, value: String| {
        html! { td class="n" data-l=(name) { a href={ (href) "#" (part) } { (value) } } }
    };
    let Sql { database, user, .. } = &row.sql;
    html! {
        tr {
            td class="load" data-l="load" { (load(row.share, &href)) }
            td class="wide" {
                (row.sql.link(ask))
                div class="sub" { (row.sql.database) "/" (row.sql.user) (badges(&row.badges, ask)) }
            }
            (number("calls/s", "rate", write::count(row.rate)))
            @for (name, value) in ["p50", "p95", "p99"].into_iter().zip(row.query_ms) {
                (number(name, "times", write::ms(value)))
            }
            td class="n" data-l="wait p95" { a href=(pool_href(ask, database, user)) { (write::ms(row.wait_p95_ms)) } }
            (number("rows", "slow", write::count(row.rows)))
            (number("bytes", "slow", write::bytes(row.bytes)))
            td class="n" data-l="errors" {
                @if row.errors > 0 { a class="bad" href=(row.sql.slow(ask, "error")) { (write::count(row.errors as f64)) } }
                @else { "0" }
            }
            (number("calls", "callers", write::count(row.calls as f64)))
            td data-l="p95 over time" { (chart::spark(&row.trend, "p95 over time")) }
        }
    }
}

fn load(share: Option<f64>, href: &str) -> Markup {
    html! {
        @match share {
            None => span title="Not among the 200 heaviest: no history" { "–" },
            Some(share) => {
                @let words = write::percent(share);
                @let piece = Piece { name: "load", class: "s-query", value: share };
                a href={ (href) "#times" } { (words) } (chart::pieces(&[piece], share, &words))
            }
        }
    }
}

/// Marks with words; those of findings lead there.
pub(super) fn badges(badges: &[Badge], ask: &Ask) -> Markup {
    html! {
        @for badge in badges {
            " "
            @match badge {
                Badge::Finding(id, name) => {
                    a class="badge" href={ (ask.to("/findings", &[])) "#f" (id) } { "◆ " (name) }
                },
                Badge::Suspicion(suspicion) => span class="badge" { "◆ " (suspicion_words(*suspicion)) },
            }
        }
    }
}

fn suspicion_words(suspicion: Suspicion) -> &'static str {
    match suspicion {
        Suspicion::Locks => "waits for locks",
        Suspicion::MissingIndex => "no index?",
        Suspicion::WideRows => "wide rows",
        Suspicion::ManyRows => "many rows",
        Suspicion::Dominates => "dominates",
    }
}
