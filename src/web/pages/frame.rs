//! What all pages have around them: head, navigation, time range, filters, the turning of leaves. Pure.

use std::borrow::Cow;

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, html};

use super::ask::{Ask, ROWS, SPANS};
use super::{assets, write};
use crate::observe::history::LEVELS;

/// The entries of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Overview,
    Pools,
    Statements,
    Slow,
    Findings,
    Clients,
}

impl Tab {
    const ALL: [Tab; 6] = [Tab::Overview, Tab::Pools, Tab::Statements, Tab::Slow, Tab::Findings, Tab::Clients];

    /// Where it leads.
    pub(super) fn path(self) -> &'static str {
        match self {
            Tab::Overview => "/",
            Tab::Pools => "/pools",
            Tab::Statements => "/statements",
            Tab::Slow => "/slow",
            Tab::Findings => "/findings",
            Tab::Clients => "/clients",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Tab::Overview => "Overview",
            Tab::Pools => "Pools",
            Tab::Statements => "Statements",
            Tab::Slow => "Slow",
            Tab::Findings => "Findings",
            Tab::Clients => "Clients",
        }
    }
}

/// What the frame says.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    /// Where in the navigation we are.
    pub(super) tab: Tab,
    /// The page's path.
    pub(super) path: &'static str,
    /// Of the window.
    pub(super) title: &'a str,
    /// What was asked for.
    pub(super) ask: &'a Ask,
    /// Our version.
    pub(super) version: &'static str,
    /// Now.
    pub(super) now: Timestamp,
    /// When the process started.
    pub(super) started: Timestamp,
    /// Why no server can be had, if none can.
    pub(super) not_ready: Option<Cow<'a, str>>,
}

/// The whole page.
pub(super) fn document(frame: &Frame, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (frame.title) " · pgweir" }
                link rel="icon" href=(assets::ICON.address());
                link rel="stylesheet" href=(assets::STYLE.address());
                script src=(assets::SCRIPT.address()) defer {}
            }
            body {
                a class="skip" href="#main" { "To the content" }
                (header(frame))
                main id="main" data-live=(live_seconds(frame.ask)) {
                    @if let Some(why) = &frame.not_ready {
                        p class="alarm" role="alert" { b { "No server can be had: " } (why) }
                    }
                    (body)
                    footer {
                        "pgweir " (frame.version) ", up for "
                        (write::seconds((frame.now.as_millisecond() - frame.started.as_millisecond()) as f64 / 1e3))
                        " · " time datetime=(write::datetime(frame.now)) { (frame.now.strftime("%Y-%m-%d %H:%M:%S")) }
                        " UTC · " a href="/metrics" { "metrics" } " · " a href="/addresses" { "addresses" }
                    }
                }
            }
        }
    };
    page.into_string()
}

/// Seconds between two looks of the script: a day changes more slowly than a minute.
fn live_seconds(ask: &Ask) -> u32 {
    [2, 10, 60][ask.level()]
}

fn header(frame: &Frame) -> Markup {
    html! {
        header {
            nav aria-label="Pages" {
                a class="brand" href=(frame.ask.to("/", &[])) { "pgweir" }
                @for tab in Tab::ALL {
                    a href=(frame.ask.to(tab.path(), &[])) aria-current=[(tab == frame.tab).then_some("page")] {
                        (tab.name())
                    }
                }
            }
            div class="right" {
                nav class="ranges" aria-label="Time range" {
                    @for (place, level) in LEVELS.iter().enumerate() {
                        a href=(frame.ask.href(frame.path, &[("range", level.name)]))
                            aria-current=[(place == frame.ask.level()).then_some("true")] { (SPANS[place]) }
                    }
                }
                button id="live" type="button" hidden aria-pressed="true" { "live" }
            }
        }
    }
}

/// Names to choose from.
#[derive(Debug, Clone, Default)]
pub(super) struct Choices {
    /// Of databases.
    pub(super) databases: Vec<String>,
    /// Of users.
    pub(super) users: Vec<String>,
    /// Of applications; empty where a list does not tell them apart.
    pub(super) applications: Vec<String>,
}

/// More names than this are not listed to choose from.
const CHOICES_MAX: usize = 60;

/// A form that narrows a list; works without script. `text` is what the free text looks for, if there is one.
pub(super) fn filters(path: &str, ask: &Ask, choices: &Choices, text: Option<&str>) -> Markup {
    let hidden = [("range", &ask.range), ("state", &ask.state), ("sort", &ask.sort), ("reason", &ask.reason)];
    html! {
        form class="filters" method="get" action=(path) role="search" {
            @for (name, value) in hidden.into_iter().filter(|(_, value)| !value.is_empty()) {
                input type="hidden" name=(name) value=(value);
            }
            (choice("database", "Database", &ask.database, &choices.databases))
            (choice("user", "User", &ask.user, &choices.users))
            (choice("application_name", "Application", &ask.application_name, &choices.applications))
            @if let Some(placeholder) = text {
                label { span { "Text" } input type="search" name="text" value=(ask.text) placeholder=(placeholder); }
            }
            button type="submit" { "Filter" }
            @if ask.is_narrow() { a class="clear" href=(ask.to(path, &[("sort", &ask.sort)])) { "Show all" } }
        }
    }
}

fn choice(name: &str, label: &str, chosen: &str, names: &[String]) -> Markup {
    let is_known = chosen.is_empty() || names.iter().take(CHOICES_MAX).any(|known| known == chosen);
    html! {
        @if !names.is_empty() || !chosen.is_empty() {
            label {
                span { (label) }
                select name=(name) {
                    option value="" { "any" }
                    @if !is_known { option value=(chosen) selected { (chosen) } }
                    @for known in names.iter().filter(|known| !known.is_empty()).take(CHOICES_MAX) {
                        option value=(known) selected[known == chosen] { (known) }
                    }
                }
            }
        }
    }
}

/// Which rows of a long list are shown, and the ways to the others.
pub(super) fn leaves(path: &str, ask: &Ask, shown: usize, all: usize) -> Markup {
    let first = ask.skipped();
    let leaf = first / ROWS;
    html! {
        @if all > ROWS || first > 0 {
            nav class="leaves" aria-label="Parts of the list" {
                @if leaf > 0 {
                    a rel="prev" href=(ask.href(path, &[("page", &(leaf - 1).to_string())])) { "← previous " (ROWS) }
                }
                span { (first + shown.min(1)) "–" (first + shown) " of " (all) }
                @if first + shown < all {
                    a rel="next" href=(ask.href(path, &[("page", &(leaf + 1).to_string())])) { "next " (ROWS) " →" }
                }
            }
        }
    }
}

/// What stands where there is nothing yet: what would appear, and when.
pub(super) fn empty(what: &str, when: &str) -> Markup {
    html! { div class="empty" { p { b { (what) } } p { (when) } } }
}

/// The head of a column that a list can begin with: `sort` is what the address calls it.
pub(super) fn sorted(path: &str, ask: &Ask, sort: &str, default: &str, name: &str) -> Markup {
    let current = if ask.sort.is_empty() { default } else { &ask.sort };
    let is_current = current == sort;
    let to = if sort == default { "" } else { sort };
    html! {
        th class=(if sort == "load" { "load" } else { "n" }) scope="col" aria-sort=[is_current.then_some("descending")] {
            a href=(ask.href(path, &[("sort", to)])) { (name) @if is_current { span class="arrow" { " ↓" } } }
        }
    }
}
