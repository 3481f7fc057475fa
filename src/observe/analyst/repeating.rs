//! What [`repeats`](crate::observe::repeats) is told of each execution: the report with its part of the batch's lists, and what
//! its comment says.

use std::borrow::Cow;
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
use crate::sql::tags::tags as read;

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

/// Tags of one comment, and bytes of a name or value, that are kept.
const TAGS_MAX: usize = 16;
const TAG_BYTES_MAX: usize = 256;

/// Reads a comment.
pub(super) fn tags(comment: &[u8]) -> Tags {
    let short = |(name, value): &(Cow<'_, str>, Cow<'_, str>)| name.len().max(value.len()) <= TAG_BYTES_MAX;
    let tags = read(comment).filter(short).take(TAGS_MAX);
    tags.map(|(name, value)| (Box::from(&*name), Box::from(&*value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments() {
        #[track_caller]
        fn check(comment: &str, wanted: &[(&str, &str)]) {
            let tags = tags(comment.as_bytes());
            assert_eq!(tags.iter().map(|(name, value)| (&**name, &**value)).collect::<Vec<_>>(), wanted, "{comment}");
        }
        check("", &[]);
        check("route='/a%20b',action='show'", &[("route", "/a b"), ("action", "show")]);
        check(&format!("a='{}',b='1'", "x".repeat(TAG_BYTES_MAX + 1)), &[("b", "1")]);
        check("a='1',".repeat(99).trim_end_matches(','), &[("a", "1"); TAGS_MAX]);
    }

    #[test]
    fn spans_of_one_trace_are_one() {
        let hasher = DefaultHashBuilder::default();
        let trace = |value| trace(value, &hasher);
        assert_eq!(trace("00-4bf9-00f0-01"), trace("00-4bf9-00f1-00"));
        assert_ne!(trace("00-4bf9-00f0-01"), trace("00-4bfa-00f0-01"));
        assert_ne!(trace("request 1"), trace("request 2"));
    }
}
