//! One execution as scopes look at it, small enough to wait in a queue. Pure.

use std::sync::Arc;

use super::Execution;
use super::rows::Rows;
use crate::observe::nanos::Nanos;
use crate::observe::report::{Columns, Report};
use crate::observe::who::WhoId;
use crate::sql::digest::{Digest, Kind, SLOTS, Traits};

/// One execution.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) digest: Digest,
    pub(super) client: u32,
    pub(super) who: WhoId,
    pub(super) role: Role,
    /// It may be one page of several.
    pub(super) paged: bool,
    /// A number for its route, 0 for none.
    pub(super) route: u32,
    /// A number for its transaction block on its connection; `None` outside of one.
    pub(super) block: Option<u32>,
    pub(super) sent: Nanos,
    pub(super) ended: Nanos,
    pub(super) wait: Nanos,
    /// It was sent before the one ahead of it on its connection was over.
    pub(super) piped: bool,
    /// A hash of all its values together, 0 for none.
    pub(super) parameters: u32,
    /// A hash for each slot, 0 where there is nothing to link.
    pub(super) values: [u32; SLOTS],
    /// It returned enough rows to loop over, whether they were looked at or not.
    pub(super) many: bool,
    /// Those rows.
    pub(super) result: Option<Arc<Rows>>,
    /// The only row that it returned, and its columns.
    pub(super) only: [u32; SLOTS],
    pub(super) columns: Option<Arc<Columns>>,
}

/// What an execution can be to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Nothing, not even an edge.
    Transparent,
    /// It reads; `loops` if with values one by one, so that it can be somebody's child.
    Read { loops: bool },
    /// It takes rows for itself: what it reads differs each time.
    Claim,
    /// It writes; `loops` if with values one by one.
    Write { loops: bool },
    /// It inserts a single row.
    InsertOne,
}

impl Step {
    /// `result` is left to the caller, who numbers results.
    pub(super) fn of(execution: &Execution<'_>, route: u32) -> Step {
        let report = execution.report;
        let mut values = [0; SLOTS];
        values.iter_mut().zip(execution.values).for_each(|(to, from)| *to = *from);
        // Not read back from `values`, which has only just been written.
        let looped = execution.values.iter().take(SLOTS).any(|value| *value != 0);
        let (only, columns) = only(execution);
        Step {
            digest: report.reading.digest,
            client: report.client,
            who: report.who,
            role: role(report, looped),
            paged: report.reading.traits.has(Traits::PAGED),
            route,
            block: report.in_transaction.then_some(0),
            sent: report.sent,
            ended: report.ended.max(report.sent),
            wait: report.wait,
            piped: report.piped,
            parameters: report.parameters,
            values,
            many: report.rows >= u64::from(FEWEST_ROWS) && returns_rows(report),
            result: None,
            only,
            columns,
        }
    }

    /// Whether its values can have come out of a result.
    pub(super) fn loops(&self) -> bool {
        matches!(self.role, Role::Read { loops: true } | Role::Write { loops: true })
    }

    /// Whether it changes something.
    pub(super) fn writes(&self) -> bool {
        matches!(self.role, Role::Write { .. } | Role::InsertOne)
    }

    /// Its place among others of several clients: before all that it can have caused.
    pub(super) fn place(&self) -> Nanos {
        if self.ended - self.sent < LONG { self.sent } else { self.ended }
    }
}

/// A result of fewer rows is not looped over.
pub(super) const FEWEST_ROWS: u32 = 3;

/// What ran for longer is put where it ended, not where it began: what came between is past by then.
const LONG: Nanos = Nanos::from_millis(100);

fn returns_rows(report: &Report) -> bool {
    report.reading.kind == Kind::Select || report.reading.traits.has(Traits::RETURNING)
}

fn role(report: &Report, looped: bool) -> Role {
    let reading = &report.reading;
    let loops = looped && reading.list <= 1;
    let well = report.sqlstate == [0; 5] || report.sqlstate == *b"00000";
    if !well || reading.digest == Digest(0) || reading.traits.has(Traits::ALLOWED) {
        return Role::Transparent;
    }
    if reading.traits.has(Traits::FETCH) {
        return Role::Claim;
    }
    match reading.kind {
        Kind::Transparent => Role::Transparent,
        Kind::Select if reading.traits.has(Traits::LOCKS) && !loops => Role::Claim,
        // What takes locks is no read that could have been spared.
        Kind::Select if reading.traits.has(Traits::LOCKS) => Role::Write { loops },
        Kind::Select => Role::Read { loops },
        Kind::Insert if reading.list <= 1 && report.rows <= 1 && !reading.traits.has(Traits::MANY_ROWS) => {
            Role::InsertOne
        }
        Kind::Update | Kind::Delete | Kind::Merge => Role::Write { loops },
        Kind::Insert | Kind::Copy | Kind::Other => Role::Write { loops: false },
    }
}

fn only(execution: &Execution<'_>) -> ([u32; SLOTS], Option<Arc<Columns>>) {
    let mut only = [0; SLOTS];
    match execution.capture {
        Some((capture, hashes)) if capture.rows == 1 => {
            only.iter_mut().zip(hashes).for_each(|(to, from)| *to = *from);
            (only, Some(capture.columns.clone()))
        }
        _ => (only, None),
    }
}
