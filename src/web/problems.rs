//! `/api/problems`: what the first page says is wrong, the worst first.

use serde::Serialize;

use super::filter::Filter;
use super::{WebState, pages};
use crate::observe::health::{Problem, Severity};

pub(super) fn list(state: &WebState, filter: Filter) -> Vec<Row> {
    let problems = pages::problems(state);
    problems.into_iter().take(filter.limit()).map(|(problem, page)| Row::new(problem, page)).collect()
}

/// One row.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    /// `bad`: clients wait or fail because of it; `warning`: it costs time.
    severity: &'static str,
    brief: String,
    /// What it means and what to do.
    detail: String,
    /// Where on the dashboard to look.
    page: String,
}

impl Row {
    fn new(problem: Problem, page: String) -> Row {
        let severity = match problem.severity {
            Severity::Bad => "bad",
            Severity::Warning => "warning",
        };
        Row { severity, brief: problem.brief, detail: problem.detail, page }
    }
}
