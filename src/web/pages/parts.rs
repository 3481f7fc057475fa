//! What several pages show: a statement's text, slow executions, problems, badges. Pure.

use jiff::Timestamp;
use maud::{Markup, html};

use super::ask::{Ask, tag};
use super::chart::{self, Piece};
use super::write;
use crate::observe::health::{Place, Problem, Severity};
use crate::sql::fitting;

/// A statement as it is named on pages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Sql {
    /// Its digest.
    pub(super) digest: String,
    /// Its text without values; of the unknown the digest. Not to be trusted.
    pub(super) text: String,
    /// The name that its clients ask for.
    pub(super) database: String,
    /// The user that they log in as.
    pub(super) user: String,
}

/// So much of a text is shown in a list, in bytes.
const SHOWN: usize = 220;

impl Sql {
    /// The address of its page.
    pub(super) fn href(&self, ask: &Ask) -> String {
        ask.to("/statement", &[("digest", &self.digest), ("database", &self.database), ("user", &self.user)])
    }

    /// The same in few bytes, for numbers.
    pub(super) fn short_href(&self, ask: &Ask) -> String {
        ask.to("/statement", &[("digest", &self.digest), ("pool", &tag(&self.database, &self.user))])
    }

    /// The address of its executions that are kept, for one reason of [`SlowPage`](super::slow::SlowPage)'s.
    pub(super) fn slow(&self, ask: &Ask, reason: &str) -> String {
        let whose = [("digest", &*self.digest), ("database", &self.database), ("user", &self.user)];
        ask.to("/slow", &[whose[0], whose[1], whose[2], ("reason", reason)])
    }

    /// Its beginning, which leads to its page.
    pub(super) fn link(&self, ask: &Ask) -> Markup {
        html! { a class="sql" href=(self.href(ask)) { (beginning(&self.text, SHOWN)) } }
    }
}

/// As much of a text as fits, with a mark where something is missing.
pub(super) fn beginning(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    format!("{}…", fitting(text, most).trim_end())
}

/// Where a pool's page is.
pub(super) fn pool_href(ask: &Ask, database: &str, user: &str) -> String {
    ask.to("/pool", &[("database", database), ("user", user)])
}

/// Where the time of one execution or of many went, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Times {
    /// For a server.
    pub(super) wait: f64,
    /// In Postgres.
    pub(super) query: f64,
    /// Until the client had taken it.
    pub(super) drain: f64,
}

impl Times {
    /// All together.
    pub(super) fn total(&self) -> f64 {
        self.wait + self.query + self.drain
    }

    /// The parts of a bar.
    pub(super) fn pieces(&self) -> [Piece; 3] {
        [
            Piece { name: "wait", class: "s-wait", value: self.wait },
            Piece { name: "query", class: "s-query", value: self.query },
            Piece { name: "drain", class: "s-drain", value: self.drain },
        ]
    }

    /// The largest part: `92 % pool wait`.
    pub(super) fn why(&self) -> String {
        let parts = [(self.wait, "pool wait"), (self.query, "in Postgres"), (self.drain, "slow reader")];
        let (most, name) = parts.into_iter().max_by(|one, two| one.0.total_cmp(&two.0)).unwrap_or_default();
        format!("{} {name}", write::percent(if self.total() > 0.0 { most / self.total() } else { 0.0 }))
    }

    /// All parts in words.
    pub(super) fn words(&self) -> String {
        let drain = if self.drain > 0.0 { format!(", drain {}", write::ms(self.drain)) } else { String::new() };
        format!("wait {}, query {}{drain}", write::ms(self.wait), write::ms(self.query))
    }
}

/// One slow execution.
#[derive(Debug, Clone)]
pub(super) struct SlowRow {
    /// When it was over.
    pub(super) at: Timestamp,
    /// What it was.
    pub(super) sql: Sql,
    /// Where its time went.
    pub(super) times: Times,
    /// Of its command tag.
    pub(super) rows: u64,
    /// From the server.
    pub(super) bytes: u64,
    /// Its error.
    pub(super) sqlstate: Option<String>,
    /// Its client's application and address.
    pub(super) application: String,
    /// `address:port`, or `unix`.
    pub(super) addr: String,
    /// Why it is kept, where it was not slow: `rows`, `bytes`, `error`.
    pub(super) reasons: Vec<String>,
    /// It ran in a transaction block.
    pub(super) in_transaction: bool,
    /// Its values, where they may be kept.
    pub(super) parameters: Option<Vec<Option<String>>>,
    /// Where the application says it was.
    pub(super) route: Option<String>,
}

/// A list of them; bars are as long as their time is of the longest. `own`: all are of the statement that the page is about.
pub(super) fn slow_table(rows: &[SlowRow], ask: &Ask, now: Timestamp, own: bool) -> Markup {
    let longest = rows.iter().map(|row| row.times.total()).fold(0.0_f64, f64::max).max(0.001);
    html! {
        table class="dense slow" {
            thead {
                tr {
                    th scope="col" { "When" } th scope="col" { @if own { "Where" } @else { "Statement" } } th class="n" scope="col" { "Took" }
                    th scope="col" { "Why" } th class="n" scope="col" { "Rows" } th class="n" scope="col" { "Bytes" }
                    th scope="col" { "Client" }
                }
            }
            tbody { @for row in rows { (slow_row(row, ask, now, longest, own)) } }
        }
    }
}

fn slow_row(row: &SlowRow, ask: &Ask, now: Timestamp, longest: f64, own: bool) -> Markup {
    let whose = [("database", &*row.sql.database), ("user", &row.sql.user), ("application_name", &row.application)];
    html! {
        tr {
            td class="when" data-l="when" {
                time datetime=(write::datetime(row.at)) title=(write::moment(row.at)) { (write::ago(row.at, now)) }
            }
            td class="wide" {
                @if !own { (row.sql.link(ask)) }
                div class="sub" {
                    (place_of(row, own))
                    @if let Some(state) = &row.sqlstate { " · " b class="bad" { "error " (state) } }
                    @if let Some(values) = &row.parameters { " · " (parameters(values)) }
                }
            }
            td class="n" data-l="took" { (write::ms(row.times.total())) }
            td class="why" {
                (chart::pieces(&row.times.pieces(), row.times.total() / longest, &row.times.words()))
                span { (row.times.why()) @for reason in &row.reasons { " · " (reason) } }
            }
            td class="n" data-l="rows" { (write::count(row.rows as f64)) }
            td class="n" data-l="bytes" { (write::bytes(row.bytes as f64)) }
            td data-l="client" {
                a href=(ask.to("/clients", &whose)) { (named(&row.application)) }
                div class="sub" { (row.addr) }
            }
        }
    }
}

/// Whose it was, where in the application, and whether others depended on it.
fn place_of(row: &SlowRow, own: bool) -> String {
    let pool = (!own).then(|| format!("{}/{}", row.sql.database, row.sql.user));
    let route = row.route.as_ref().map(|route| beginning(route, 80));
    let block = match (row.in_transaction, own) {
        (true, _) => Some("in a transaction".to_owned()),
        (false, true) => Some("outside a transaction".to_owned()),
        (false, false) => None,
    };
    [pool, route, block].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn parameters(values: &[Option<String>]) -> Markup {
    html! {
        span class="values" {
            @for (place, value) in values.iter().take(8).enumerate() {
                @if place > 0 { ", " }
                "$" (place + 1) " = "
                @match value { Some(value) => code { (beginning(value, 40)) }, None => "NULL" }
            }
        }
    }
}

/// What stands for an application without a name.
pub(super) fn named(application: &str) -> &str {
    if application.is_empty() { "(no name)" } else { application }
}

/// Problems, the worst first, each with the way to where it can be seen.
pub(super) fn problem_list(problems: &[Problem], ask: &Ask) -> Markup {
    html! {
        ol class="problems" {
            @for problem in problems {
                li class=(severity(problem.severity)) {
                    (sign(problem.severity))
                    div {
                        a href=(place(&problem.place, ask)) { (problem.brief) }
                        p { (problem.detail) }
                    }
                }
            }
        }
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Bad => "bad",
        Severity::Warning => "warn",
    }
}

/// A sign that differs in shape and word, not in colour alone.
pub(super) fn sign(severity: Severity) -> Markup {
    match severity {
        Severity::Bad => html! { span class="sign bad" { "▲ bad" } },
        Severity::Warning => html! { span class="sign warn" { "◆ costs time" } },
    }
}

/// Where a problem can be seen.
pub(super) fn place(place: &Place, ask: &Ask) -> String {
    match place {
        Place::Pool(database, user) => pool_href(ask, database, user),
        Place::Statement(digest, database, user) => {
            ask.to("/statement", &[("digest", digest), ("database", database), ("user", user)])
        }
        Place::Finding(id) => format!("{}#f{id}", ask.to("/findings", &[])),
        Place::Clients => ask.to("/clients", &[]),
        Place::Pools => ask.to("/pools", &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_it_took_so_long() {
        let check = |wait: f64, query: f64, drain: f64, wanted: &str| {
            assert_eq!(Times { wait, query, drain }.why(), wanted);
        };
        check(92.0, 8.0, 0.0, "92 % pool wait");
        check(0.0, 250.0, 0.1, "100 % in Postgres");
        check(1.0, 10.0, 89.0, "89 % slow reader");
        check(0.0, 0.0, 0.0, "0 % slow reader");
    }

    #[test]
    fn long_texts_are_cut_between_letters() {
        assert_eq!(beginning("SELECT 1", 8), "SELECT 1");
        assert_eq!(beginning("SELECT 12", 8), "SELECT 1…");
        assert_eq!(beginning("ääää", 3), "ä…");
    }
}
