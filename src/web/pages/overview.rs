//! `/`: what is wrong, in a sentence; how much there is to do and where the time goes. Pure.

use jiff::Timestamp;
use maud::{Markup, html};

use super::ask::Ask;
use super::chart::{self, Axis, Series};
use super::frame::empty;
use super::parts::{SlowRow, problem_list, slow_table};
use super::write;
use crate::observe::health::{Problem, sentence};

/// What the page shows.
#[derive(Debug)]
pub(super) struct Overview {
    /// What is wrong, the worst first.
    pub(super) problems: Vec<Problem>,
    /// What was wrong before, the latest first.
    pub(super) earlier: Vec<Earlier>,
    /// The big numbers.
    pub(super) numbers: Vec<Number>,
    /// Of the picture.
    pub(super) axis: Axis,
    /// Seconds a second: wait, query, idle in transaction, drain.
    pub(super) time: Vec<Series>,
    /// The slowest of late.
    pub(super) slow: Vec<SlowRow>,
    /// Whether any client has ever asked anything.
    pub(super) has_traffic: bool,
    /// Where clients connect, for the empty page.
    pub(super) now: Timestamp,
}

/// Something that was wrong and is over.
#[derive(Debug)]
pub(super) struct Earlier {
    /// When it was seen last.
    pub(super) at: Timestamp,
    /// What it was, in a few words.
    pub(super) brief: String,
    /// How bad it was, or what proves it.
    pub(super) detail: String,
    /// Where it can be seen.
    pub(super) href: String,
}

/// A big number.
#[derive(Debug)]
pub(super) struct Number {
    /// What it counts.
    pub(super) name: &'static str,
    /// It.
    pub(super) value: String,
    /// What helps to judge it.
    pub(super) beside: String,
    /// Where the list behind it is.
    pub(super) href: String,
    /// How it was.
    pub(super) trend: Vec<f64>,
    /// It is out of bounds.
    pub(super) is_bad: bool,
}

/// Problems that are listed.
const SHOWN: usize = 12;

/// Problems that the sentence names.
const NAMED: usize = 3;

pub(super) fn page(view: &Overview, ask: &Ask) -> Markup {
    html! {
        section class={ "health " (mood(view)) } {
            h1 { (headline(view)) }
            @if view.problems.is_empty() { p class="sub" { (calm(view, ask)) } }
            @else {
                (problem_list(&view.problems[..view.problems.len().min(SHOWN)], ask))
                @if view.problems.len() > SHOWN {
                    p class="sub" { "and " (view.problems.len() - SHOWN) " smaller ones, most of them "
                        a href=(ask.to("/findings", &[])) { "findings" } "." }
                }
            }
        }
        @if !view.earlier.is_empty() { (earlier(view)) }
        section class="numbers" aria-label="Now" { @for number in &view.numbers { (big(number)) } }
        section {
            h2 { "Where the time goes" small { "seconds spent in each second, last " (ask.span()) } }
            @if view.time.iter().any(|series| series.values.iter().flatten().any(|value| *value > 0.0)) {
                (chart::area(&view.axis, &view.time, seconds, "Seconds that clients spend in each second, by what for"))
            } @else {
                (empty("Nothing has run in this time.", "Here stands how long clients wait for a server, how long \
                    statements run, how long transactions idle, and how long clients take for their rows."))
            }
        }
        section {
            h2 { "Slowest of late" a class="more" href=(ask.to("/slow", &[])) { "all slow statements" } }
            @if view.slow.is_empty() {
                (empty("No statement was slow in this time.", "Those that run or wait for longer than [observe] slow_query stand here."))
            } @else { (slow_table(&view.slow, ask, view.now, false)) }
        }
    }
}

fn earlier(view: &Overview) -> Markup {
    html! {
        section class="earlier" {
            h2 { "Earlier" }
            ul class="plain" {
                @for one in &view.earlier {
                    li {
                        time datetime=(write::datetime(one.at)) { (write::ago(one.at, view.now)) }
                        div { a href=(one.href) { (one.brief) } span class="sub" { ": " (one.detail) } }
                    }
                }
            }
        }
    }
}

fn seconds(n: f64) -> String {
    format!("{} s", write::count(n))
}

fn mood(view: &Overview) -> &'static str {
    use crate::observe::health::Severity::{Bad, Warning};
    match view.problems.first().map(|problem| problem.severity) {
        Some(Bad) => "bad",
        Some(Warning) => "warn",
        None => "good",
    }
}

fn headline(view: &Overview) -> String {
    match (view.problems.is_empty(), view.has_traffic) {
        (true, false) => "Nobody has asked anything yet.".to_owned(),
        (true, true) if !view.earlier.is_empty() => "No problems now.".to_owned(),
        (true, true) => "No problems.".to_owned(),
        (false, _) => sentence(&view.problems, NAMED),
    }
}

fn calm(view: &Overview, ask: &Ask) -> Markup {
    html! {
        @if view.has_traffic {
            "No pool is saturated, no finding is open, few statements fail, and none stands out. "
            a href=(ask.to("/statements", &[])) { "Which statements take the most time" } "?"
        } @else {
            "Let your app connect to pgweir instead of Postgres. What is wrong then stands here in one sentence: pools \
             that are saturated, N+1 and duplicate reads, missing indexes, statements that fail."
        }
    }
}

fn big(number: &Number) -> Markup {
    html! {
        a class=(if number.is_bad { "number bad" } else { "number" }) href=(number.href) {
            span class="name" { (number.name) @if number.is_bad { " ▲" } }
            b { (number.value) }
            span class="sub" { (number.beside) }
            (chart::spark(&number.trend, &format!("{}, trend", number.name)))
        }
    }
}
