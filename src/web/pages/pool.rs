//! `/pool`: how long clients waited, for whom, and how many servers there should be. Pure.

use maud::{Markup, html};

use super::ask::Ask;
use super::chart::{self, Axis, Band, Limit, Series};
use super::clients::{ClientRow, client_table};
use super::frame::empty;
use super::pools::PoolRow;
use super::write;
use crate::observe::advice::{Advice, Prediction, Reason, Verdict, WAIT_GOAL_MS};

/// What the page shows.
#[derive(Debug)]
pub(super) struct PoolView {
    /// Its numbers.
    pub(super) row: PoolRow,
    /// Of all pictures.
    pub(super) axis: Axis,
    /// How many waited for how long, the longest first.
    pub(super) bands: Vec<Band>,
    /// Busy and waiting.
    pub(super) use_of: Vec<Series>,
    /// p50, p95 and p99 of the wait.
    pub(super) waits: Vec<Series>,
    /// Where the time goes.
    pub(super) time: Vec<Series>,
    /// How many servers there should be; `None`: too little was seen.
    pub(super) advice: Option<Advice>,
    /// What keeps it from having as many servers as its size, in a sentence.
    pub(super) kept_short: Option<String>,
    /// What takes most of the time, where that may be time in which it waits for locks.
    pub(super) held_up: Option<String>,
    /// Clients that wait, a few.
    pub(super) waiting: Vec<ClientRow>,
    /// Clients that hold a server, a few, those first that hold it longest.
    pub(super) holding: Vec<ClientRow>,
}

pub(super) fn page(view: &PoolView, ask: &Ask) -> Markup {
    let row = &view.row;
    let whose = [("database", &*row.database), ("user", &row.user)];
    let [busy, resting, login] = row.servers;
    html! {
        p class="trail" { a href=(ask.to("/pools", &[])) { "Pools" } " /" }
        h1 { (row.database) "/" (row.user) " " (row.state.badge()) }
        p class="sub" {
            (row.mode) " pooling, " a href=(ask.to("/clients", &[whose[0], whose[1], ("state", "active")])) {
                (busy) " of " (row.size) " servers busy"
            }
            ", " (resting) " at rest, " (login)
            " logging in; " a href=(ask.to("/clients", &[whose[0], whose[1], ("state", "waiting")])) {
                (row.clients[1]) " clients wait"
            }
            "; " a href=(ask.to("/statements", &whose)) { "statements" }
            ", " a href=(ask.to("/slow", &whose)) { "slow ones" }
            ", " a href=(ask.to("/findings", &whose)) { "findings" }
        }
        (advice(view, row))
        div class="two" {
            section {
                h2 { "Busy and waiting" small { "on average, against the pool's size" } }
                (chart::lines(&view.axis, &view.use_of, Some(Limit { at: row.size as f64, name: "size" }), write::count,
                    "Servers busy and clients waiting over time"))
            }
            section {
                h2 { "Where the time goes" small { "seconds in each second" } }
                (chart::area(&view.axis, &view.time, write::count, "Seconds spent in each second, by what for"))
            }
        }
        section id="waits" {
            h2 { "How long clients waited" small { "stronger: a larger part of those who asked at that time" } }
            @if view.bands.iter().any(|band| band.counts.iter().any(|count| *count > 0.0)) {
                (chart::heat(&view.axis, &view.bands, write::count, "Waits for a server over time, by length"))
            } @else { (empty("Nobody asked for a server in this time.", "Here stands how many waited for how long.")) }
        }
        section {
            h2 { "Wait" small { "p50, p95, p99 of the time from asking for a server to having one" } }
            (chart::lines(&view.axis, &view.waits, None, write::ms, "Quantiles of the wait over time"))
        }
        (crowd("Who waits", &view.waiting, "Nobody waits.", "Clients that want a server stand here.", ask,
            &ask.to("/clients", &[whose[0], whose[1], ("state", "waiting")])))
        (crowd("Who holds", &view.holding, "No server is held.", "Clients that hold a server stand here, those first \
            that hold it longest.", ask, &ask.to("/clients", &[whose[0], whose[1], ("state", "active")])))
    }
}

fn crowd(title: &str, clients: &[ClientRow], what: &str, when: &str, ask: &Ask, href: &str) -> Markup {
    html! {
        section {
            h2 { (title) a class="more" href=(href) { "all of them" } }
            @if clients.is_empty() { (empty(what, when)) } @else { (client_table(clients, ask)) }
        }
    }
}

fn advice(view: &PoolView, row: &PoolRow) -> Markup {
    html! {
        section class="advice" id="size" {
            h2 { "Is the size right?" }
            @if let Some(obstacle) = &view.kept_short { (kept_short(row, obstacle)) } @else { (played(view, row)) }
        }
    }
}

fn played(view: &PoolView, row: &PoolRow) -> Markup {
    html! {
        @match &view.advice {
            None => (empty("Too little has been seen.", "After a hundred transactions they are played again with \
                fewer and with more servers, and the size that keeps the wait short stands here.")),
            Some(advice) => {
                p class="verdict" { (verdict(advice, row.size, view.held_up.as_deref())) }
                p class="sub" {
                    (write::count(advice.arrivals)) " transactions/s × " (write::ms(advice.hold_ms)) " held = "
                    b { (write::count(advice.offered)) " servers" } " busy, if nobody waited. The busiest "
                    (write::seconds(advice.stretch as f64)) " of the last 15 min, played again:"
                }
                (predictions(&advice.predictions))
            }
        }
    }
}

fn kept_short(row: &PoolRow, obstacle: &str) -> Markup {
    let [busy, resting, _] = row.servers;
    html! {
        p class="verdict" {
            b { "▲ It has " (busy + resting) " servers and cannot have its " (row.size) "." } " Why: " (obstacle)
            ". A larger " code { "pool_size" } " would change nothing."
        }
    }
}

fn verdict(advice: &Advice, size: usize, held_up: Option<&str>) -> Markup {
    html! {
        @match advice.verdict {
            Verdict::Enough { smallest } => {
                b { "● " (size) " servers are enough." } " "
                (smallest) @if smallest == 1 { " keeps " } @else { " keep " }
                "99 % of the waits under " (WAIT_GOAL_MS) " ms."
            },
            Verdict::More { smallest, gains } => {
                b { "▲ " (smallest) " servers would do" @if !gains { ", if Postgres has more to give" } "." }
                " With " (size) ", waits are longer than they need be: set "
                code { "pool_size = " (smallest) } " if Postgres has room for them."
                @if !gains {
                    " Whether it then serves more at once is not known, for about as many servers were busy all the time: \
                    see first whether its processors have time left."
                }
                @if let Some(statement) = held_up {
                    " Not so if " (statement) ", which takes most of the time, waits for locks: more would wait with it."
                }
            },
            Verdict::NotMore(reason) => { b { "▲ More connections will not help." } " " (because(reason)) },
        }
    }
}

fn because(reason: Reason) -> Markup {
    html! {
        @match reason {
            Reason::HoldsGrow { from_ms, to_ms } => {
                "The same statement takes " (write::ms(from_ms)) " while few servers are busy and " (write::ms(to_ms))
                " while many are: Postgres has no more to give. Make the heaviest statements cheaper."
            },
            Reason::IdleInTransaction { share } => {
                (write::percent(share)) " of the time that servers are held, a transaction is open and nothing runs in \
                it. Have the application commit sooner."
            },
            Reason::Endless => "Transactions come faster than any number of servers serves them. Make them shorter.",
        }
    }
}

fn predictions(predictions: &[Prediction]) -> Markup {
    html! {
        table class="dense narrow" {
            thead {
                tr {
                    th scope="col" { "Size" }
                    @for one in predictions {
                        th class="n" scope="col" {
                            (one.size)
                            small { @if one.change == 0 { "now" } @else { (format!("{:+} %", one.change)) } }
                        }
                    }
                }
            }
            tbody {
                tr {
                    th scope="row" { "p99 wait" }
                    @for one in predictions {
                        td class="n" data-l=(one.size) {
                            (write::ms(one.wait_p99_ms)) @if one.wait_p99_ms >= WAIT_GOAL_MS { " ▲" }
                        }
                    }
                }
            }
        }
    }
}
