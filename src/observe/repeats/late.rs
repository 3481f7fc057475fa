//! Executions of several connections, put in order: their reports come up to 100 ms apart. Pure.

use std::time::Duration;

use super::step::Step;
use crate::observe::who::WhoId;

/// Those that wait until all that came before them must be here.
#[derive(Debug, Default)]
pub(super) struct Late {
    waiting: Vec<(Shared, Step)>,
    /// Empty; for those that go on waiting.
    spare: Vec<(Shared, Step)>,
}

/// A scope of several connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Shared {
    /// All connections of the same.
    Group(WhoId),
    /// All that bears the same tag.
    Trace(u64),
}

impl Late {
    /// One more; `false` if it is time to take some out.
    pub(super) fn push(&mut self, scope: Shared, step: Step) -> bool {
        self.waiting.push((scope, step));
        self.waiting.len() < MOST
    }

    /// Those before `now`, in order. To be given back when they have been read.
    pub(super) fn take(&mut self, now: Duration) -> Vec<(Shared, Step)> {
        self.waiting.sort_by_key(|(_, step)| step.place());
        let due = self.waiting.partition_point(|(_, step)| step.place() + WAIT <= now);
        // When there is no room, those that are not due go as well.
        let due = if self.waiting.len() >= MOST { due.max(MOST / 2) } else { due };
        let mut rest = std::mem::take(&mut self.spare);
        rest.extend(self.waiting.drain(due..));
        std::mem::replace(&mut self.waiting, rest)
    }

    /// Room for the next; none while nothing comes.
    pub(super) fn give_back(&mut self, mut read: Vec<(Shared, Step)>) {
        if self.waiting.is_empty() {
            (self.waiting, self.spare) = (Vec::new(), Vec::new());
            return;
        }
        read.clear();
        self.spare = read;
    }

    /// What it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        (self.waiting.capacity() + self.spare.capacity()) * size_of::<(Shared, Step)>()
    }
}

/// Reports of a statement, and of all before it, come sooner.
pub(super) const WAIT: Duration = Duration::from_millis(250);

/// About what comes in that time at 100,000 a second.
const MOST: usize = 32_768;
