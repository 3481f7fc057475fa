//! The lines between those who log and the thread that writes.
//!
//! Why a thread: standard error may be a pipe whose reader sleeps, and a worker that waits for it would stop a thousand
//! clients. Why lines are lost rather than waited for when the queue is full: for the same reason; the loss is counted and
//! told. One string in, one string out: no allocation a line once both have grown.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: String,
    lost: u64,
    phase: Phase,
}

/// Whether there is a writer.
#[derive(Debug, Default, PartialEq, Eq, Clone, Copy)]
enum Phase {
    #[default]
    Open,
    /// The writer shall take what is there and go.
    Closing,
    /// It has taken the last and writes it; nobody will take more.
    Leaving,
    /// It has gone.
    Closed,
}

/// What a writer took.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(super) enum Take {
    /// What there was, perhaps nothing.
    Some,
    /// The same, and there will be no more.
    Last,
}

/// Bytes that wait for the writer. Some thousand lines: seconds of a bad time, and little memory.
const WAITING_MAX: usize = 1 << 20;

impl Queue {
    /// Takes a line, or counts it as lost when too many wait; `false` when no writer will take it.
    pub(super) fn push(&self, line: &str) -> bool {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Leaving | Phase::Closed) {
            return false;
        }
        if state.lines.len() + line.len() > WAITING_MAX {
            state.lost += 1;
            return true;
        }
        if state.lines.is_empty() {
            self.changed.notify_all();
        }
        state.lines.push_str(line);
        true
    }

    /// Replaces `lines` by what waits, as soon as there is something, at the latest after `patience`.
    pub(super) fn take(&self, lines: &mut String, patience: Duration) -> Take {
        lines.clear();
        let idle = |state: &mut State| state.lines.is_empty() && state.phase == Phase::Open;
        let (mut state, _) =
            self.changed.wait_timeout_while(self.lock(), patience, idle).unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(lines, &mut state.lines);
        match state.phase {
            Phase::Open => Take::Some,
            Phase::Closing | Phase::Leaving | Phase::Closed => {
                state.phase = Phase::Leaving;
                Take::Last
            }
        }
    }

    /// The writer has written the last; or there never was one.
    pub(super) fn closed(&self) {
        self.lock().phase = Phase::Closed;
        self.changed.notify_all();
    }

    /// How many lines were lost since this was last asked.
    pub(super) fn lost(&self) -> u64 {
        std::mem::take(&mut self.lock().lost)
    }

    /// Asks the writer to finish and waits until it has, though not for ever.
    pub(super) fn close(&self, patience: Duration) {
        let mut state = self.lock();
        if state.phase == Phase::Open {
            state.phase = Phase::Closing;
            self.changed.notify_all();
        }
        let writing = |state: &mut State| state.phase != Phase::Closed;
        drop(self.changed.wait_timeout_while(state, patience, writing));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(1);

    #[track_caller]
    fn taken(queue: &Queue, wanted: &str) -> Take {
        let mut lines = "old".to_owned();
        let take = queue.take(&mut lines, SOON);
        assert_eq!(lines, wanted);
        take
    }

    #[test]
    fn lines_come_out_in_order_and_the_last_are_the_last() {
        let queue = Queue::default();
        assert_eq!(taken(&queue, ""), Take::Some);
        assert!(queue.push("a\n") && queue.push("b\n"));
        assert_eq!(taken(&queue, "a\nb\n"), Take::Some);
        assert!(queue.push("c\n"));
        queue.close(SOON);
        assert!(queue.push("d\n"));
        assert_eq!(taken(&queue, "c\nd\n"), Take::Last);
        assert!(!queue.push("e\n"));
        queue.closed();
        assert!(!queue.push("f\n"));
        queue.close(Duration::MAX);
    }

    #[test]
    fn a_full_queue_counts_what_it_loses() {
        let queue = Queue::default();
        let line = "x".repeat(WAITING_MAX / 2);
        (0..5).for_each(|_| assert!(queue.push(&line)));
        assert_eq!((queue.lost(), queue.lost()), (3, 0));
        assert_eq!(taken(&queue, &line.repeat(2)), Take::Some);
        assert!(queue.push(&line));
        assert_eq!(queue.lost(), 0);
    }
}
