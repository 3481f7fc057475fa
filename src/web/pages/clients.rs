//! `/clients`: who is connected, and what each does. Pure.

use maud::{Markup, html};

use super::ask::Ask;
use super::frame::{Choices, empty, filters, leaves, sorted};
use super::parts::named;
use super::write;
use crate::observe::snapshot::ClientState;

/// One client.
#[derive(Debug, Clone)]
pub(super) struct ClientRow {
    /// Ours.
    pub(super) id: u64,
    /// `address:port`, or `unix`.
    pub(super) addr: String,
    /// What it says it is.
    pub(super) application: String,
    /// The name that it asked for.
    pub(super) database: String,
    /// The user that it logged in as.
    pub(super) user: String,
    /// What it does.
    pub(super) state: ClientState,
    /// For how long, in milliseconds, where that is known.
    pub(super) since_ms: Option<f64>,
    /// What its server runs, in words.
    pub(super) running: String,
    /// What ties it to its server.
    pub(super) ties: Vec<&'static str>,
    /// How long it has been here, in seconds.
    pub(super) age_s: f64,
    /// Statements.
    pub(super) queries: u64,
    /// Transactions.
    pub(super) transactions: u64,
    /// Time spent waiting and in statements, in milliseconds.
    pub(super) wait_ms: f64,
    /// See `wait_ms`.
    pub(super) query_ms: f64,
    /// Open findings about its application.
    pub(super) findings: usize,
}

/// Clients of one application.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Crowd {
    /// What they say they are.
    pub(super) application: String,
    /// The name that they asked for.
    pub(super) database: String,
    /// The user that they logged in as.
    pub(super) user: String,
    /// Those that hold a server, wait, rest.
    pub(super) counts: [usize; 3],
    /// Open findings about them.
    pub(super) findings: usize,
}

/// What the page shows.
#[derive(Debug)]
pub(super) struct Clients {
    /// One part of the list.
    pub(super) rows: Vec<ClientRow>,
    /// How long the list is.
    pub(super) all: usize,
    /// The largest crowds.
    pub(super) crowds: Vec<Crowd>,
    /// Names to choose from.
    pub(super) choices: Choices,
}

const PATH: &str = "/clients";

/// What `state` may be, and its word.
const STATES: [(&str, &str); 4] =
    [("", "all"), ("waiting", "waiting for a server"), ("active", "holding a server"), ("idle", "at rest")];

pub(super) fn page(view: &Clients, ask: &Ask) -> Markup {
    html! {
        h1 { "Clients" small { (write::count(view.all as f64)) @if ask.is_narrow() { " match" } @else { " connected" } } }
        (filters(PATH, ask, &view.choices, Some("part of an address")))
        p class="tabs" {
            @for (state, words) in STATES {
                a href=(ask.href(PATH, &[("state", state)])) aria-current=[(ask.state == state).then_some("true")] { (words) }
            }
        }
        @if view.rows.is_empty() {
            @if ask.is_narrow() { (empty("No client matches.", "Ask for less, or for all of them.")) }
            @else { (empty("No client is connected.", "Each connection of an application has one row here.")) }
        } @else {
            @if view.crowds.len() > 1 { (crowds(&view.crowds, ask)) }
            (client_table(&view.rows, ask))
            (leaves(PATH, ask, view.rows.len(), view.all))
        }
    }
}

fn crowds(crowds: &[Crowd], ask: &Ask) -> Markup {
    html! {
        table class="dense narrow" {
            thead {
                tr {
                    th scope="col" { "Application" } th class="n" scope="col" { "Hold" } th class="n" scope="col" { "Wait" }
                    th class="n" scope="col" { "Rest" } th class="n" scope="col" { "Findings" }
                }
            }
            tbody { @for crowd in crowds { (crowd_line(crowd, ask)) } }
        }
    }
}

fn crowd_line(crowd: &Crowd, ask: &Ask) -> Markup {
    let whose = |state: &str| {
        let Crowd { application, database, user, .. } = crowd;
        ask.to(PATH, &[("database", database), ("user", user), ("application_name", application), ("state", state)])
    };
    html! {
        tr {
            th scope="row" {
                a href=(whose("")) { (named(&crowd.application)) } span class="sub" { " " (crowd.database) "/" (crowd.user) }
            }
            @for ((state, name), count) in [("active", "hold"), ("waiting", "wait"), ("idle", "rest")].into_iter().zip(crowd.counts) {
                td class="n" data-l=(name) { a href=(whose(state)) { (count) } }
            }
            td class="n" data-l="findings" { (findings_link(crowd.findings, &crowd.application, ask)) }
        }
    }
}

fn findings_link(findings: usize, application: &str, ask: &Ask) -> Markup {
    html! {
        @if findings > 0 {
            a class="badge" href=(ask.to("/findings", &[("application_name", application)])) { "◆ " (findings) }
        } @else { "0" }
    }
}

/// A list of clients.
pub(super) fn client_table(rows: &[ClientRow], ask: &Ask) -> Markup {
    let column = |sort: &str, name: &str| sorted(PATH, ask, sort, "", name);
    html! {
        table class="dense clients" {
            thead {
                tr {
                    th scope="col" { "Client" } th scope="col" { "Application" } th scope="col" { "State" }
                    (column("age", "Here for")) (column("queries", "Statements")) (column("transactions", "Transactions"))
                    (column("wait", "Waited")) (column("query", "In statements"))
                    th class="n" scope="col" { "Findings" }
                }
            }
            tbody { @for row in rows { (line(row, ask)) } }
        }
    }
}

fn line(row: &ClientRow, ask: &Ask) -> Markup {
    let whose = [("database", &*row.database), ("user", &*row.user), ("application_name", &*row.application)];
    let statements = ask.to("/statements", &whose);
    let slow = |reason: &str| ask.to("/slow", &[whose[0], whose[1], whose[2], ("text", &row.addr), ("reason", reason)]);
    html! {
        tr {
            th scope="row" class="wide" { code { (row.addr) } span class="sub" { " #" (row.id) } }
            td data-l="application" {
                a href=(statements) { (named(&row.application)) }
                div class="sub" { (row.database) "/" (row.user) }
            }
            td data-l="state" { (state(row)) }
            td class="n" data-l="here for" { (write::seconds(row.age_s)) }
            td class="n" data-l="statements" { a href=(statements) { (write::count(row.queries as f64)) } }
            td class="n" data-l="transactions" { (write::count(row.transactions as f64)) }
            td class="n" data-l="waited" { a href=(slow("wait")) { (write::ms(row.wait_ms)) } }
            td class="n" data-l="in statements" { a href=(slow("")) { (write::ms(row.query_ms)) } }
            td class="n" data-l="findings" { (findings_link(row.findings, &row.application, ask)) }
        }
    }
}

fn state(row: &ClientRow) -> Markup {
    let (class, words) = match row.state {
        ClientState::Idle => ("idle", "○ at rest"),
        ClientState::Active => ("good", "● holds a server"),
        ClientState::Waiting => ("warn", "◆ waits"),
    };
    html! {
        span class={ "state " (class) } { (words) }
        @if let Some(since) = row.since_ms { span class="sub" { " " (write::ms(since)) } }
        @if !row.running.is_empty() { div class="sub" { (row.running) } }
        @if !row.ties.is_empty() { div class="sub" { "tied by " (row.ties.join(", ")) } }
    }
}
