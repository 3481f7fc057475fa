//! What failed in the last minute, as far as that is kept.

use std::sync::Arc;

use hashbrown::HashMap;

use super::Known;
use super::judge::Judge;
use super::vitals::{MINUTE_S, called};
use crate::observe::health::FailingHealth;
use crate::observe::insight::{Insight, Wanted};
use crate::sql::digest::Digest;

/// How often each statement of each pool failed with which SQLSTATE.
pub(super) struct Failures {
    counts: HashMap<Of, usize>,
    /// Those are of so much of the last minute: of a rush no more is kept.
    part: f64,
    insight: Insight,
}

type Of = (Arc<str>, Arc<str>, String, Digest);

impl Failures {
    /// As of now.
    pub(super) fn of(known: &Known) -> Failures {
        let since = known.now.as_second() - i64::from(MINUTE_S);
        let mut counts: HashMap<Of, usize> = HashMap::new();
        let newest = known.insight.slow(&Wanted { limit: FAILURES, ..Wanted::default() }, true);
        let oldest =
            newest.last().filter(|_| newest.len() >= FAILURES).map_or(since, |view| view.slow.time.as_second());
        let part = (known.now.as_second() - oldest.max(since) + 1) as f64 / f64::from(MINUTE_S);
        for view in newest.iter().filter(|view| view.slow.time.as_second() >= since) {
            if let Some(code) = view.slow.sqlstate() {
                let of =
                    (view.slow.group.database.clone(), view.slow.group.user.clone(), code.to_owned(), view.slow.digest);
                *counts.entry(of).or_default() += 1;
            }
        }
        Failures { counts, part: part.min(1.0), insight: known.insight.clone() }
    }

    /// What failed most often of a pool's: the SQLSTATE, what it is called, its digest.
    pub(super) fn worst(&self, database: &str, user: &str) -> Option<(String, String, String)> {
        let its = self.counts.iter().filter(|((of, by, ..), _)| **of == *database && **by == *user);
        let ((.., code, digest), _) = its.max_by_key(|((.., code, digest), n)| (**n, code.clone(), digest.0))?;
        Some((code.clone(), self.name(*digest), digest.to_string()))
    }

    /// Those of which it is known how often they ran, beside that.
    pub(super) fn by_statement(&self, judge: &Judge) -> Vec<FailingHealth> {
        let failing = self.counts.iter().filter_map(|((database, user, code, digest), failed)| {
            Some(FailingHealth {
                digest: digest.to_string(),
                database: database.to_string(),
                user: user.to_string(),
                name: self.name(*digest),
                code: code.clone(),
                failed: *failed as f64,
                calls: judge.calls_in_a_minute(*digest, database, user)? * self.part,
            })
        });
        failing.collect()
    }

    fn name(&self, digest: Digest) -> String {
        self.insight.facts(digest).map_or_else(|| format!("statement {digest}"), |facts| called(&facts))
    }
}

/// So many of the newest that are kept are looked through.
const FAILURES: usize = 2_000;
