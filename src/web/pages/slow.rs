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

pub(super) fn page(view: &SlowPage, ask: &Ask) -> Markup {
    let is_all = ask.reason == "all";
    html! {
        h1 { "Slow" small { @if is_all { "and failed, and those that returned very much" } @else { "executions, the newest first" } } }
        (filters(PATH, ask, &view.choices, Some("part of the SQL, an address")))
        p class="tabs" {
            a href=(ask.href(PATH, &[("reason", "")])) aria-current=[(!is_all).then_some("true")] { "slow" }
            a href=(ask.href(PATH, &[("reason", "all")])) aria-current=[is_all.then_some("true")] {
                "with errors and large results"
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
