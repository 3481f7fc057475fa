//! Statements that an application repeats for want of a better one: N+1 and its kin. Executions and the time in, findings
//! out. Pure.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::finding::Finding;
use super::report::{Capture, Report};
use super::who::{Who, WhoId};
use crate::sql::digest::Digest;
use crate::sql::facts::Facts;

/// One finished statement.
#[derive(Debug, Clone, Copy)]
pub struct Execution<'a> {
    /// Its report. Those of one client come in the order in which they ended; those of several may be 100 ms apart.
    pub report: &'a Report,
    /// A keyed hash for each of `report.reading.slots()`; 0 cannot be linked.
    pub values: &'a [u64],
    /// What it returned, if that was looked at, and the hashes of it, row by row.
    pub capture: Option<(&'a Capture, &'a [u64])>,
    /// A hash of the `traceparent` or `request_id` that came with this very execution.
    pub trace: Option<u64>,
    /// Where the application says it was, if that came with this execution.
    pub route: Option<&'a str>,
}

/// What others know of shapes and clients. Asked only when something has been found, never for each statement.
pub trait Known {
    /// What is known of a shape; `None` while it has not been parsed.
    fn facts(&self, digest: Digest) -> Option<Arc<Facts>>;
    /// Database, user, application and address of this number.
    fn who(&self, id: WhoId) -> Option<Arc<Who>>;
}

/// All that is going on, and what was found.
#[derive(Debug)]
pub struct Repeats {
    findings: Vec<Finding>,
}

impl Repeats {
    /// `n_plus_one`: so many executions for one result make a run, at least 3.
    pub fn new(_n_plus_one: u32) -> Repeats {
        Repeats { findings: Vec::new() }
    }

    /// Takes note of one statement that is over.
    pub fn see(&mut self, _execution: &Execution<'_>, _known: &dyn Known) {}

    /// To be called a few times a second with the process' clock and the time of day.
    pub fn tick(&mut self, _now: Duration, _at: Timestamp, _known: &dyn Known) {}

    /// All findings, in no order.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter()
    }

    /// Those to be logged since the last call.
    pub fn take_alerts(&mut self) -> Vec<Finding> {
        Vec::new()
    }

    /// How often each kind was seen, in the order of `FindingKind::ALL`.
    pub fn totals(&self) -> [u64; 5] {
        [0; 5]
    }

    /// Shapes whose rows should be looked at again.
    pub fn take_rearm(&mut self) -> Vec<Digest> {
        Vec::new()
    }

    /// A shape that is not to be complained of, as parent or as child, from now on.
    pub fn allow(&mut self, _digest: Digest) {}

    /// Results and scopes that were not kept for want of room.
    pub fn left_out(&self) -> u64 {
        0
    }
}
