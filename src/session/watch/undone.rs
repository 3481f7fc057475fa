//! What of a client's changes may have been undone: by an error, or by a ROLLBACK. Pure.

/// What was undone since the server was last known. Changes are told apart by their places, in the order of their texts, and
/// by their batches, whose numbers go round.
#[derive(Debug, Default)]
pub struct Undone {
    /// In this batch something failed: what it and those before it have changed may not be so.
    failed: Option<u32>,
    /// In this batch something was rolled back.
    rolled_back: Option<u32>,
    /// What could be rolled back has smaller places: those behind it were sent later than the last ROLLBACK.
    end: Option<usize>,
}

impl Undone {
    /// A text passes that rolls back what has been changed so far, which is so much.
    pub fn pass_rollback(&mut self, changes: usize) {
        self.end = Some(changes);
    }

    /// Something was rolled back, says the server.
    pub fn roll_back(&mut self, batch: u32) {
        self.rolled_back = Some(batch);
    }

    /// Something failed.
    pub fn fail(&mut self, batch: u32) {
        self.failed = Some(batch);
    }

    /// Whether something failed since.
    pub fn has_failed_since(&self, batch: u32) -> bool {
        is_since(self.failed, batch)
    }

    /// Whether the change of this place and batch may have been undone.
    pub fn reaches(&self, place: usize, batch: u32) -> bool {
        let sent_before = self.end.is_none_or(|end| place < end);
        self.has_failed_since(batch) || (sent_before && is_since(self.rolled_back, batch))
    }
}

fn is_since(event: Option<u32>, batch: u32) -> bool {
    event.is_some_and(|event| event.wrapping_sub(batch) < u32::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_behind_a_rollback_is_undone_by_errors_only() {
        let mut undone = Undone::default();
        assert!(!undone.reaches(0, 7));
        undone.roll_back(7);
        assert!(undone.reaches(0, 7) && undone.reaches(9, u32::MAX) && !undone.reaches(0, 8), "nobody knows by what");
        undone.pass_rollback(2);
        assert!(undone.reaches(1, 7) && !undone.reaches(2, 7));
        undone.fail(6);
        assert!(undone.reaches(2, 6) && !undone.reaches(2, 7));
        assert!(undone.has_failed_since(6) && !undone.has_failed_since(7));
    }
}
