//! `/pools`: one row a pool. Pure.

use maud::{Markup, html};

use super::ask::Ask;
use super::chart;
use super::frame::empty;
use super::parts::pool_href;
use super::write;

/// What a pool does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Nobody wants anything.
    Idle,
    /// All are served at once.
    Flowing,
    /// Some wait.
    Waiting,
    /// All servers are held and some have waited for long.
    Saturated,
}

impl State {
    /// In a word and a sign, for a class of the style sheet.
    pub(super) fn words(self) -> (&'static str, &'static str) {
        match self {
            State::Idle => ("○ idle", "idle"),
            State::Flowing => ("● flowing", "good"),
            State::Waiting => ("◆ waiting", "warn"),
            State::Saturated => ("▲ saturated", "bad"),
        }
    }

    /// As it stands on pages.
    pub(super) fn badge(self) -> Markup {
        let (words, class) = self.words();
        html! { span class={ "state " (class) } { (words) } }
    }
}

/// One row.
#[derive(Debug, Clone)]
pub(super) struct PoolRow {
    /// The name that its clients ask for.
    pub(super) database: String,
    /// The user that they log in as.
    pub(super) user: String,
    /// When a server returns.
    pub(super) mode: &'static str,
    /// How it is.
    pub(super) state: State,
    /// Servers on loan, resting, logging in.
    pub(super) servers: [usize; 3],
    /// The most that were on loan at once in the range.
    pub(super) busy_most: f64,
    /// Servers that there may be.
    pub(super) size: usize,
    /// Clients that hold a server, wait, rest.
    pub(super) clients: [usize; 3],
    /// The most that waited at once in the range.
    pub(super) waiting_most: f64,
    /// The highest of each in the range: p50, p95, p99, maximum of the wait, in milliseconds.
    pub(super) wait_ms: [f64; 4],
    /// Highest p95 of the time in Postgres in the range, in milliseconds.
    pub(super) query_p95_ms: f64,
    /// Statements a second now.
    pub(super) queries: f64,
    /// Errors a second in the range.
    pub(super) errors: f64,
    /// p95 of the wait over time.
    pub(super) trend: Vec<f64>,
}

pub(super) fn page(rows: &[PoolRow], ask: &Ask) -> Markup {
    html! {
        h1 { "Pools" small { "servers shared by the clients of one database and user, last " (ask.span()) } }
        @if rows.is_empty() {
            (empty("No pool yet.", "A pool comes with the first client that logs in: one for each database and user."))
        } @else {
            table class="dense" {
                thead {
                    tr {
                        th scope="col" { "Pool" } th scope="col" { "State" }
                        th class="n" scope="col" { "Busy" } th class="n" scope="col" { "Most" }
                        th class="n" scope="col" { "Limit" }
                        th class="n" scope="col" { "Clients" } th class="n" scope="col" { "Waiting" }
                        th class="n" scope="col" title="The highest of the range" { "Highest wait p50" } th class="n" scope="col" { "p95" }
                        th class="n" scope="col" { "p99" } th class="n" scope="col" { "Max" }
                        th class="n" scope="col" title="The highest of the range" { "Highest query p95" } th class="n" scope="col" { "Queries/s" }
                        th class="n" scope="col" { "Errors/s" } th scope="col" { "Wait p95" }
                    }
                }
                tbody { @for row in rows { (line(row, ask)) } }
            }
        }
    }
}

fn line(row: &PoolRow, ask: &Ask) -> Markup {
    let whose = [("database", &*row.database), ("user", &row.user)];
    let clients = |state: &str| ask.to("/clients", &[whose[0], whose[1], ("state", state)]);
    let href = pool_href(ask, &row.database, &row.user);
    let all: usize = row.clients.iter().sum();
    html! {
        tr {
            th scope="row" class="wide" {
                a href=(href) { (row.database) "/" (row.user) } div class="sub" { (row.mode) " pooling" }
            }
            td data-l="state" { (row.state.badge()) }
            td class="n" data-l="busy" { a href=(clients("active")) { (row.servers[0]) } }
            td class="n" data-l="most" { a href=(href) { (write::count(row.busy_most)) } }
            td class="n" data-l="limit" { a href={ (href) "#size" } { (row.size) } }
            td class="n" data-l="clients" { a href=(clients("")) { (all) } }
            td class="n" data-l="waiting" {
                a href=(clients("waiting")) { (row.clients[1]) } " " a class="sub" href={ (href) "#waits" } { "max " (write::count(row.waiting_most)) }
            }
            @for (name, value) in ["wait p50", "wait p95", "wait p99", "wait max"].into_iter().zip(row.wait_ms) {
                td class="n" data-l=(name) { a href={ (href) "#waits" } { (write::ms(value)) } }
            }
            td class="n" data-l="query p95" {
                a href=(ask.to("/statements", &[whose[0], whose[1], ("sort", "p95")])) { (write::ms(row.query_p95_ms)) }
            }
            td class="n" data-l="queries/s" { a href=(ask.to("/statements", &whose)) { (write::count(row.queries)) } }
            td class="n" data-l="errors/s" {
                a href=(ask.to("/slow", &[whose[0], whose[1], ("reason", "error")])) { (write::count(row.errors)) }
            }
            td data-l="wait p95 over time" { (chart::spark(&row.trend, "p95 of the wait over time")) }
        }
    }
}
