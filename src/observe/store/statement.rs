//! The numbers of one statement of one group of clients.

use std::time::Duration;

use crate::observe::report::Report;
use crate::observe::sparse::Sparse;

/// SQLSTATEs that are told apart in one statement; a statement fails in a few ways. The sixteenth and later ones are `other`.
pub const SQLSTATES_MAX: usize = 16;

/// Stands for SQLSTATEs that found no place.
pub const OTHER_STATES: [u8; 5] = *b"other";

/// What one execution counts among the last ones.
const LATELY: f32 = 1.0 / 64.0;

/// No place in the history.
pub const NO_SLOT: u16 = u16::MAX;

/// Errors by SQLSTATE.
pub type Errors = Vec<([u8; 5], u64)>;

/// What was counted.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Times on the process' clock in nanoseconds: when it first ended, and last.
    pub first: u64,
    /// See `first`.
    pub last: u64,
    /// Executions, failed ones too.
    pub calls: u64,
    /// By their command tags.
    pub rows: u64,
    /// From servers.
    pub bytes: u64,
    /// Rows and bytes of one execution, on average of the last hundred or so.
    pub lately: [f32; 2],
    /// How long clients took for what they did not take at once, in nanoseconds.
    pub drain: u64,
    /// Its place in the history of the heaviest, or [`NO_SLOT`].
    pub slot: u16,
    /// Nanoseconds of `query` when the heaviest were last chosen.
    pub chosen_at: u64,
    /// Execution times.
    pub query: Sparse,
    /// Waits for a server.
    pub wait: Sparse,
    /// Those that failed.
    pub errors: Errors,
    /// One execution with its values, where they may be kept.
    pub example: Option<Box<Example>>,
}

/// One execution with its values.
#[derive(Debug, Clone)]
pub struct Example {
    /// When it ended, on the process' clock.
    pub ended: Duration,
    /// How long it ran.
    pub query: Duration,
    /// In the order of their numbers; `None` is NULL.
    pub parameters: Box<[Option<Box<str>>]>,
}

impl Statement {
    /// Before its first execution.
    pub fn new(slot: u16) -> Statement {
        Statement {
            first: u64::MAX,
            last: 0,
            calls: 0,
            rows: 0,
            bytes: 0,
            lately: [0.0; 2],
            drain: 0,
            slot,
            chosen_at: 0,
            query: Sparse::default(),
            wait: Sparse::default(),
            errors: Vec::new(),
            example: None,
        }
    }

    /// Counts one execution; how many chunks of histograms that took.
    #[inline]
    pub fn count(&mut self, report: &Report, query: u64) -> usize {
        let ended = report.ended.0;
        self.first = self.first.min(ended);
        self.last = self.last.max(ended);
        // What a server says of rows need not be true.
        self.rows = self.rows.wrapping_add(report.rows);
        self.bytes = self.bytes.wrapping_add(report.bytes);
        self.drain += report.drain.0;
        if report.sqlstate != [0; 5] {
            add_error(&mut self.errors, report.sqlstate, 1);
        }
        let waited = usize::from(self.wait.record(report.wait.0));
        // What no server has seen is no run, and no fast one above all.
        if report.unsent {
            return waited;
        }
        self.calls += 1;
        let weight = (1.0 / self.calls as f32).max(LATELY);
        for (mean, new) in self.lately.iter_mut().zip([report.rows, report.bytes]) {
            *mean += (new as f32 - *mean) * weight;
        }
        usize::from(self.query.record(query)) + waited
    }

    /// Adds another one's numbers; how many chunks that took.
    pub fn merge(&mut self, other: &Statement) -> usize {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        let part = other.calls as f32 / (self.calls + other.calls).max(1) as f32;
        self.lately.iter_mut().zip(other.lately).for_each(|(mean, its)| *mean += (its - *mean) * part);
        self.calls += other.calls;
        self.rows = self.rows.wrapping_add(other.rows);
        self.bytes = self.bytes.wrapping_add(other.bytes);
        self.drain += other.drain;
        // What was run before it came here is not heavy now.
        self.chosen_at += other.query.nanos();
        other.errors.iter().for_each(|(state, n)| add_error(&mut self.errors, *state, *n));
        self.query.merge(&other.query) + self.wait.merge(&other.wait)
    }

    /// Chunks of its histograms.
    pub fn chunks(&self) -> usize {
        self.query.chunks() + self.wait.chunks()
    }
}

#[cold]
fn add_error(errors: &mut Errors, state: [u8; 5], n: u64) {
    let state = if errors.len() < SQLSTATES_MAX - 1 || errors.iter().any(|(known, _)| *known == state) {
        state
    } else {
        OTHER_STATES
    };
    match errors.iter_mut().find(|(known, _)| *known == state) {
        Some((_, count)) => *count += n,
        None => errors.push((state, n)),
    }
}
