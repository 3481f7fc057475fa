//! What [`repeats`](crate::observe::repeats) is told of each execution: the report with its part of the batch's lists, and what
//! its comment says.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::DefaultHashBuilder;

use crate::observe::repeats::{Execution, Known, Repeats};
use crate::observe::report::{Batch, Comment};
use crate::observe::shapes::Shapes;
use crate::observe::store::slow::Tags;
use crate::observe::who::{Who, WhoId, Whos};
use crate::sql::digest::Digest;
use crate::sql::facts::Facts;

/// What is known of shapes and clients.
pub(super) struct Acquainted<'a> {
    pub(super) shapes: &'a Shapes,
    pub(super) whos: &'a Whos,
    /// For traces: it has a key of its own in each process.
    pub(super) hasher: &'a DefaultHashBuilder,
}

impl Known for Acquainted<'_> {
    fn facts(&self, digest: Digest) -> Option<Arc<Facts>> {
        self.shapes.facts(digest).cloned()
    }

    fn who(&self, id: WhoId) -> Option<Arc<Who>> {
        self.whos.get(id)
    }
}

/// Goes through a batch's reports in their order.
#[derive(Debug, Default)]
pub(super) struct Repeating {
    /// The next comment.
    comment: usize,
}

impl Repeating {
    /// Tells of one report.
    #[inline]
    pub(super) fn see(&mut self, repeats: &mut Repeats, batch: &Batch, place: usize, known: &Acquainted<'_>) {
        let report = &batch.reports[place];
        let capture = report.capture.of(&batch.captures).first();
        let capture = capture.map(|capture| (capture, capture.hashes.of(&batch.hashes)));
        let values = report.values.of(&batch.hashes);
        let execution = Execution { report, values, capture, trace: None, route: None };
        match batch.comments.get(self.comment).filter(|comment| comment.report as usize == place) {
            None => repeats.see(&execution, known),
            Some(comment) => {
                self.comment += 1;
                see_tagged(repeats, execution, comment, known);
            }
        }
    }
}

fn see_tagged(repeats: &mut Repeats, execution: Execution<'_>, comment: &Comment, known: &Acquainted<'_>) {
    let (tags, hasher) = (tags(&comment.text), known.hasher);
    let value = |names: &[&str]| {
        let named = |name: &&str| tags.iter().find(|(known, _)| **known == **name).map(|(_, value)| &**value);
        names.iter().find_map(named)
    };
    let trace = value(&["traceparent", "request_id"]).map(|value| trace(value, hasher));
    repeats.see(&Execution { trace, route: value(&ROUTES), ..execution }, known);
}

/// Where the application says it was, the most telling first.
const ROUTES: [&str; 3] = ["route", "action", "controller"];

/// Of `00-<trace>-<span>-<flags>` the trace: its spans belong together (<https://www.w3.org/TR/trace-context/#traceparent-header>).
fn trace(value: &str, hasher: &DefaultHashBuilder) -> u64 {
    let trace = match value.split('-').collect::<Vec<_>>()[..] {
        [_, trace, _, _] => trace,
        _ => value,
    };
    hasher.hash_one(trace)
}

/// What the comment says that came with an execution.
pub(super) fn comment_of(batch: &Batch, place: usize) -> Option<&Comment> {
    let found = batch.comments.binary_search_by_key(&(place as u32), |comment| comment.report);
    found.ok().map(|at| &batch.comments[at])
}

/// Reads a comment. TAGS: `sql::tags` reads it here, bounded there or here to 16 tags of 256 bytes.
pub(super) fn tags(_comment: &[u8]) -> Tags {
    Tags::default()
}
