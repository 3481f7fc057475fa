//! `/findings`: N+1 and its kin: the loop, the proof, one real occurrence, what it costs, who, the cure. Pure.

use jiff::Timestamp;
use maud::{Markup, html};

use super::ask::Ask;
use super::chart::{self, Run};
use super::frame::{Choices, empty, filters};
use super::parts::{Sql, named};
use super::write;
use crate::observe::finding::FindingKind;

/// One finding.
#[derive(Debug, Clone)]
pub(super) struct FindingView {
    /// Its number.
    pub(super) id: u64,
    /// What it is.
    pub(super) kind: FindingKind,
    /// Whose.
    pub(super) database: String,
    /// Whose.
    pub(super) user: String,
    /// Whose.
    pub(super) application: String,
    /// Where in it, if it says so.
    pub(super) route: Option<String>,
    /// The statement whose rows were looped over, how many those were and by which column.
    pub(super) parent: Option<(Sql, u64, Option<String>)>,
    /// Statements that were repeated.
    pub(super) children: Vec<Sql>,
    /// How often, in the last occurrence.
    pub(super) executions: u32,
    /// With so many different values.
    pub(super) distinct: u32,
    /// `sequential`, `parallel`, `pipelined`.
    pub(super) manner: &'static str,
    /// How often it was seen.
    pub(super) occurrences: u64,
    /// What one occurrence wastes, an hour, and all so far, in milliseconds.
    pub(super) wasted_ms: [f64; 3],
    /// In words.
    pub(super) proof: String,
    /// As SQL and a sentence.
    pub(super) fix: String,
    /// One real occurrence.
    pub(super) waterfall: Vec<Run>,
    /// When it was first seen and last.
    pub(super) seen: [Timestamp; 2],
    /// Since when it is not seen although its parent runs.
    pub(super) resolved: Option<Timestamp>,
}

/// What the page shows.
#[derive(Debug)]
pub(super) struct Findings {
    /// Those that still happen, the most wasteful first.
    pub(super) open: Vec<FindingView>,
    /// Those that do not.
    pub(super) resolved: Vec<FindingView>,
    /// How many open ones are not shown.
    pub(super) more: usize,
    /// Names to choose from.
    pub(super) choices: Choices,
    /// Now.
    pub(super) now: Timestamp,
}

/// As people call it.
pub(super) fn name(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::NPlusOne => "N+1",
        FindingKind::TreeWalk => "tree walk",
        FindingKind::DuplicateRead => "duplicate reads",
        FindingKind::SuspectedLoop => "suspected loop",
        FindingKind::RowAtATimeInsert => "row-at-a-time insert",
    }
}

const PATH: &str = "/findings";

pub(super) fn page(view: &Findings, ask: &Ask) -> Markup {
    html! {
        h1 { "Findings" small { "statements that are run again and again where one would do" } }
        (filters(PATH, ask, &view.choices, Some("part of the SQL, a route")))
        @if view.open.is_empty() {
            @if ask.is_narrow() { (empty("No open finding matches.", "Ask for less, or for all of them.")) }
            @else {
                (empty("Nothing found.", "A statement for each row of another (N+1), the same read twice, rows inserted one \
                    by one: each with its proof and its cure."))
            }
        }
        @for finding in &view.open { (card(finding, ask, view.now)) }
        @if view.more > 0 { p class="sub" { "and " (view.more) " more: ask for one application or database." } }
        @if !view.resolved.is_empty() {
            section {
                h2 { "Resolved" small { "the parent runs, the loop does not" } }
                @for finding in &view.resolved { (card(finding, ask, view.now)) }
            }
        }
    }
}

fn card(finding: &FindingView, ask: &Ask, now: Timestamp) -> Markup {
    let [each, an_hour, all] = finding.wasted_ms;
    html! {
        article class=(if finding.resolved.is_some() { "finding resolved" } else { "finding" }) id={ "f" (finding.id) } {
            h2 {
                @if finding.resolved.is_some() { span class="sign good" { "✓ resolved: " (name(finding.kind)) } }
                @else { span class="sign warn" { "◆ " (name(finding.kind)) } }
                " " (whose(finding, ask))
            }
            dl class="facts" {
                div { dt { "Wasted an hour" } dd { (write::ms(an_hour)) } }
                div { dt { "Each time" } dd { (write::ms(each)) } }
                div { dt { "So far" } dd { (write::ms(all)) } }
                div { dt { "Seen" } dd { (write::count(finding.occurrences as f64)) "×" } }
                div { dt { "Last" } dd { (write::ago(finding.seen[1], now)) } }
                @if let Some(at) = finding.resolved { div { dt { "Resolved" } dd { (write::ago(at, now)) } } }
            }
            (chain(finding, ask))
            p class="proof" { b { "Proof: " } (finding.proof) }
            @if !finding.waterfall.is_empty() {
                p class="sub" { "One real occurrence, " (finding.manner) ":" }
                (chart::waterfall(&finding.waterfall))
            }
            @if !finding.fix.is_empty() {
                p { b { "Cure" } }
                pre class="sql" tabindex="0" { code { (finding.fix) } }
            }
        }
    }
}

fn whose(finding: &FindingView, ask: &Ask) -> Markup {
    let who = [("database", &*finding.database), ("user", &*finding.user), ("application_name", &*finding.application)];
    html! {
        a href=(ask.to("/clients", &who)) { (named(&finding.application)) }
        @if let Some(route) = &finding.route { " at " b { (route) } }
        small { (finding.database) "/" (finding.user) }
    }
}

/// Parent → child × n.
fn chain(finding: &FindingView, ask: &Ask) -> Markup {
    html! {
        ol class="chain" {
            @if let Some((parent, rows, column)) = &finding.parent {
                li {
                    span class="times" { "1 ×" } (parent.link(ask))
                    div class="sub" {
                        (rows) " rows" @if let Some(column) = column { ", looped over by " code { (column) } }
                    }
                }
            }
            @for child in &finding.children {
                li {
                    span class="times" { (finding.executions) " ×" } (child.link(ask))
                    div class="sub" {
                        @if finding.distinct == 1 { "always the same values" } @else { (finding.distinct) " different values" }
                    }
                }
            }
        }
    }
}

/// Findings in a line each.
pub(super) fn brief_list(findings: &[FindingView], ask: &Ask) -> Markup {
    html! {
        ul class="plain" {
            @for finding in findings {
                li {
                    a class="badge" href={ (ask.to(PATH, &[])) "#f" (finding.id) } { "◆ " (name(finding.kind)) }
                    " in " (named(&finding.application))
                    @if let Some(route) = &finding.route { " at " (route) }
                    ", " (finding.executions) " × each time, wastes " (write::ms(finding.wasted_ms[1])) " an hour"
                    @if finding.resolved.is_some() { " (resolved)" }
                }
            }
        }
    }
}
