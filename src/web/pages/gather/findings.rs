//! Of findings.

use super::{Known, contains, statements, wanted};
use crate::observe::finding::Bar;
use crate::observe::insight::FindingView as Found;
use crate::sql::digest::Digest;
use crate::sql::facts::Facts;
use crate::web::pages::ask::Ask;
use crate::web::pages::chart::Run;
use crate::web::pages::findings::{FindingView, Findings};
use crate::web::pages::parts::{Sql, beginning};

/// Each brings a waterfall: more of them would be a heavy page.
const OPEN_MAX: usize = 25;
const RESOLVED_MAX: usize = 10;

/// As they are asked for.
pub(in crate::web::pages) fn findings(known: &Known, ask: &Ask) -> Findings {
    let all = known.insight.findings(&wanted(ask));
    let all: Vec<FindingView> =
        all.iter().map(|found| shown(known, found)).filter(|view| is_named(view, &ask.text)).collect();
    let (mut open, mut resolved): (Vec<_>, Vec<_>) = all.into_iter().partition(|view| view.resolved.is_none());
    open.sort_by(|one, two| two.wasted_ms[1].total_cmp(&one.wasted_ms[1]));
    let more = open.len().saturating_sub(OPEN_MAX);
    open.truncate(OPEN_MAX);
    resolved.truncate(RESOLVED_MAX);
    Findings { open, resolved, more, choices: known.choices(), now: known.now }
}

fn is_named(view: &FindingView, text: &str) -> bool {
    let parent = view.parent.as_ref().map_or("", |(sql, ..)| &*sql.text);
    let route = view.route.as_deref().unwrap_or_default();
    view.children.iter().any(|child| contains(text, &[&child.text])) || contains(text, &[parent, route])
}

/// One of them, with its names.
pub(super) fn shown(known: &Known, found: &Found) -> FindingView {
    let finding = &found.finding;
    let ms = |duration: std::time::Duration| duration.as_secs_f64() * 1e3;
    let who = |part: fn(&crate::observe::who::Who) -> &str| found.who.as_deref().map_or("", part).to_owned();
    let sql = |digest: Digest, facts: Option<&Facts>| Sql {
        digest: digest.to_string(),
        text: statements::text(digest, facts.map(|facts| &*facts.sql)),
        database: who(|who| &who.database),
        user: who(|who| &who.user),
    };
    let parent = finding.parent.as_ref();
    let parent = parent.map(|parent| (sql(parent.digest, found.parent.as_deref()), parent.rows, parent.column.clone()));
    let children = finding.children.iter().zip(&found.children);
    FindingView {
        id: finding.id,
        kind: finding.kind,
        database: who(|who| &who.database),
        user: who(|who| &who.user),
        application: who(|who| &who.application_name),
        route: finding.route.clone(),
        parent,
        children: children.map(|(digest, facts)| sql(*digest, facts.as_deref())).collect(),
        executions: finding.executions,
        distinct: finding.distinct_parameters,
        manner: finding.manner.as_str(),
        occurrences: finding.occurrences,
        wasted_ms: [finding.wasted_each, finding.wasted_an_hour, finding.wasted].map(ms),
        proof: finding.proof.clone(),
        fix: finding.fix.clone(),
        waterfall: finding.waterfall.iter().map(|bar| run(known, found, bar)).collect(),
        seen: [finding.first_seen, finding.last_seen],
        resolved: finding.resolved_at,
    }
}

fn run(known: &Known, found: &Found, bar: &Bar) -> Run {
    let finding = &found.finding;
    let is_parent = finding.parent.as_ref().is_some_and(|parent| parent.digest == bar.digest);
    let child = finding.children.iter().position(|child| *child == bar.digest);
    let facts = match child {
        Some(place) if !is_parent => found.children.get(place).and_then(Option::as_deref),
        _ if is_parent => found.parent.as_deref(),
        _ => None,
    };
    let other = if facts.is_none() { known.insight.facts(bar.digest) } else { None };
    let sql = facts.or(other.as_deref()).map(|facts| &*facts.sql);
    let ms = |duration: std::time::Duration| duration.as_secs_f64() * 1e3;
    Run {
        name: beginning(&statements::text(bar.digest, sql), NAME),
        is_parent,
        begin_ms: ms(bar.begin),
        wait_ms: ms(bar.wait),
        query_ms: ms(bar.query),
    }
}

/// So much of a statement is its name in a waterfall, in bytes.
const NAME: usize = 60;
