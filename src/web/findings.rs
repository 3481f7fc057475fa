//! `/api/findings`: what the analyst concluded, that first which was seen last.

use std::sync::Arc;

use serde::Serialize;

use super::WebState;
use super::answer::{ms, sql, time};
use super::filter::Filter;
use crate::observe::finding::Bar;
use crate::observe::insight::FindingView;
use crate::sql::digest::Digest;
use crate::sql::facts::Facts;

pub(super) fn list(state: &WebState, filter: Filter) -> Vec<Finding> {
    state.insight.findings(&filter.wanted(usize::MAX)).iter().map(Finding::from).collect()
}

/// One row. `wasted_ms` is of all occurrences together.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    id: u64,
    kind: &'static str,
    database: String,
    user: String,
    application_name: String,
    host: String,
    route: Option<String>,
    parent: Option<Parent>,
    children: Vec<Child>,
    /// Digests of further statements of the same loop: findings of their own.
    siblings: Vec<String>,
    executions: u32,
    distinct_parameters: u32,
    occurrences: u64,
    wasted_ms: f64,
    wasted_each_ms: f64,
    wasted_an_hour_ms: f64,
    manner: &'static str,
    proof: String,
    fix: String,
    waterfall: Vec<Step>,
    first_seen: String,
    last_seen: String,
    resolved_at: Option<String>,
}

#[derive(Debug, Serialize)]
struct Parent {
    digest: String,
    sql: String,
    rows: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<String>,
}

#[derive(Debug, Serialize)]
struct Child {
    digest: String,
    sql: String,
}

/// One statement of an occurrence.
#[derive(Debug, Serialize)]
struct Step {
    digest: String,
    begin_ms: f64,
    wait_ms: f64,
    query_ms: f64,
}

impl From<&FindingView> for Finding {
    fn from(view: &FindingView) -> Finding {
        let finding = &view.finding;
        let who = view.who.as_deref();
        let parent = finding.parent.as_ref().map(|parent| Parent {
            digest: parent.digest.to_string(),
            sql: sql(parent.digest, view.parent.as_ref()),
            rows: parent.rows,
            column: parent.column.clone(),
        });
        Finding {
            id: finding.id,
            kind: finding.kind.as_str(),
            database: who.map_or_else(String::new, |who| who.database.to_string()),
            user: who.map_or_else(String::new, |who| who.user.to_string()),
            application_name: who.map_or_else(String::new, |who| who.application_name.to_string()),
            host: who.map_or_else(String::new, |who| who.host.to_string()),
            route: finding.route.clone(),
            parent,
            siblings: finding.siblings.iter().map(ToString::to_string).collect(),
            children: finding.children.iter().zip(&view.children).map(Child::from).collect(),
            executions: finding.executions,
            distinct_parameters: finding.distinct_parameters,
            occurrences: finding.occurrences,
            wasted_ms: ms(finding.wasted),
            wasted_each_ms: ms(finding.wasted_each),
            wasted_an_hour_ms: ms(finding.wasted_an_hour),
            manner: finding.manner.as_str(),
            proof: finding.proof.clone(),
            fix: finding.fix.clone(),
            waterfall: finding.waterfall.iter().map(Step::from).collect(),
            first_seen: time(finding.first_seen),
            last_seen: time(finding.last_seen),
            resolved_at: finding.resolved_at.map(time),
        }
    }
}

impl From<(&Digest, &Option<Arc<Facts>>)> for Child {
    fn from((digest, facts): (&Digest, &Option<Arc<Facts>>)) -> Child {
        Child { digest: digest.to_string(), sql: sql(*digest, facts.as_ref()) }
    }
}

impl From<&Bar> for Step {
    fn from(bar: &Bar) -> Step {
        Step { digest: bar.digest.to_string(), begin_ms: ms(bar.begin), wait_ms: ms(bar.wait), query_ms: ms(bar.query) }
    }
}
