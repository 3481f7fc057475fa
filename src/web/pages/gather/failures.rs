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
    insight: Insight,
}

type Of = (Arc<str>, Arc<str>, String, Digest);

impl Failures {
    /// As of now.
    pub(super) fn of(known: &Known) -> Failures {
        let since = known.now.as_second() - i64::from(MINUTE_S);
        let mut counts: HashMap<Of, usize> = HashMap::new();
        let newest = known.insight.slow(&Wanted { limit: FAILURES, ..Wanted::default() }, true);
        for view in newest.iter().filter(|view| view.slow.time.as_second() >= since) {
            if let Some(code) = view.slow.sqlstate() {
                let of =
                    (view.slow.group.database.clone(), view.slow.group.user.clone(), code.to_owned(), view.slow.digest);
                *counts.entry(of).or_default() += 1;
            }
        }
        Failures { counts, insight: known.insight.clone() }
    }

    /// What failed most often of a pool's: the SQLSTATE, what it is called, its digest.
    pub(super) fn worst(&self, database: &str, user: &str) -> Option<(String, String, String)> {
        let its = self.counts.iter().filter(|((of, by, ..), _)| **of == *database && **by == *user);
        let ((.., code, digest), _) = its.max_by_key(|((.., code, digest), n)| (**n, code.clone(), digest.0))?;
        Some((code.clone(), self.name(*digest), digest.to_string()))
    }

    /// All of them, beside how often they ran.
    pub(super) fn by_statement(&self, judge: &Judge) -> Vec<FailingHealth> {
        let failing = self.counts.iter().map(|((database, user, code, digest), failed)| FailingHealth {
            digest: digest.to_string(),
            database: database.to_string(),
            user: user.to_string(),
            name: self.name(*digest),
            code: code.clone(),
            failed: *failed as f64,
            calls: judge.calls_in_a_minute(*digest, database, user),
        });
        failing.collect()
    }

    fn name(&self, digest: Digest) -> String {
        self.insight.facts(digest).map_or_else(|| format!("statement {digest}"), |facts| called(&facts))
    }
}

/// So many of the newest that are kept are looked through.
const FAILURES: usize = 500;
