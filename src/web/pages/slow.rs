//! `/slow`: single executions that were slow, the newest first. Pure.

use jiff::Timestamp;
use maud::{Markup, html};

use super::ask::Ask;
use super::chart;
use super::frame::{Choices, empty, filters, leaves};
use super::parts::{SlowRow, Times, slow_table};

/// What the page shows.
#[derive(Debug)]
pub(super) struct SlowPage {
    /// One part of the list.
    pub(super) rows: Vec<SlowRow>,
    /// How long the list is.
    pub(super) all: usize,
    /// Names to choose from.
    pub(super) choices: Choices,
    /// Now.
    pub(super) now: Timestamp,
}

const PATH: &str = "/slow";

/// Why executions are listed: as the address says it, on the page, and in its title.
const REASONS: [(&str, &str, &str); 7] = [
    ("", "slow", "executions, the newest first"),
    ("wait", "waited long", "because they waited for a server"),
    ("query", "ran long", "because they ran long in Postgres"),
    ("error", "failed", "or not: executions that failed"),
    ("rows", "many rows", "or not: executions that returned very many rows"),
    ("bytes", "many bytes", "or not: executions that returned very much"),
    ("all", "all", "and failed, and those that returned very much"),
];

fn words(ask: &Ask) -> &'static str {
    REASONS.into_iter().find(|(reason, _, _)| *reason == ask.reason).map_or("", |(_, _, words)| words)
}

pub(super) fn page(view: &SlowPage, ask: &Ask) -> Markup {
    html! {
        h1 { "Slow" small { (words(ask)) } }
        (filters(PATH, ask, &view.choices, Some("part of the SQL, an address")))
        p class="tabs" {
            @for (reason, name, _) in REASONS {
                a href=(ask.href(PATH, &[("reason", reason)])) aria-current=[(reason == ask.reason).then_some("true")] { (name) }
            }
            @if !ask.digest.is_empty() {
                a href=(ask.href(PATH, &[("digest", "")])) { "of all statements, not of " code { (ask.digest) } " alone" }
            }
        }
        @if view.rows.is_empty() {
            @if ask.is_narrow() || !ask.digest.is_empty() { (empty("None matches.", "Ask for less, or for all of them.")) }
            @else {
                (empty("Nothing was slow.", "Executions that ran or waited for a server for longer than [observe] \
                    slow_query stand here, and why: the pool, Postgres, or the client that took its rows slowly."))
            }
        } @else {
            (chart::key(&Times::default().pieces(), |_| String::new()))
            (slow_table(&view.rows, ask, view.now, false))
            (leaves(PATH, ask, view.rows.len(), view.all))
        }
    }
}
