//! What was concluded so far. Bounded; who was seen longest ago goes. Decides nothing.

use std::collections::BTreeMap;

use crate::observe::finding::{Finding, FindingKind};

/// Findings that are kept. Each is a thing to mend; with its waterfall and texts it is some 8 KiB at worst: 8 MiB.
pub const FINDINGS_MAX: usize = 1_000;

/// See above.
#[derive(Debug, Default)]
pub struct Findings {
    by_id: BTreeMap<u64, Finding>,
    totals: [u64; FindingKind::ALL.len()],
    dropped: u64,
}

impl Findings {
    /// Keeps one, in place of what was known of it.
    pub fn keep(&mut self, finding: Finding) {
        let (id, kind) = (finding.id, finding.kind);
        if self.by_id.insert(id, finding).is_none() {
            self.totals[kind as usize] += 1;
            self.make_room(id);
        }
    }

    fn make_room(&mut self, but: u64) {
        if self.by_id.len() > FINDINGS_MAX {
            let others = self.by_id.values().filter(|finding| finding.id != but);
            let oldest = others.min_by_key(|finding| (finding.last_seen, finding.id)).map(|finding| finding.id);
            self.dropped += u64::from(oldest.and_then(|id| self.by_id.remove(&id)).is_some());
        }
    }

    /// By its number.
    pub fn get(&self, id: u64) -> Option<&Finding> {
        self.by_id.get(&id)
    }

    /// All of them, by number.
    pub fn list(&self) -> impl Iterator<Item = &Finding> {
        self.by_id.values()
    }

    /// How many there ever were, in the order of [`FindingKind::ALL`].
    pub fn totals(&self) -> [u64; FindingKind::ALL.len()] {
        self.totals
    }

    /// How many had to go.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}
