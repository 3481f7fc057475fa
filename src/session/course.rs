//! How far one conversation has come: its moments, its limits, how it is going to end. Pure.

use std::time::Instant;

use super::farewell::Farewell;
use super::limits::Limits;
use crate::pool::Plan;

/// How far a conversation has come. It lies with the lent buffers, so that a client at rest does not carry it.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) times: Times,
    pub(super) limits: Limits,
    /// Of the plan that the limits are of.
    pub(super) version: u64,
    /// Since when the client has said Terminate: nothing more is read from it.
    pub(super) terminating: Option<Instant>,
    /// The stay ends with this as soon as the client has been sent what there is.
    pub(super) ending: Option<Farewell>,
    /// The server said FATAL: it is closing, and the client has been told.
    pub(super) doomed: bool,
    /// Nothing for the client is held back by TLS.
    pub(super) flushed: bool,
    /// What runs is ours, and cancels wait.
    pub(super) guarded: bool,
}

impl Course {
    /// One without limits.
    pub(super) fn begin(now: Instant) -> Course {
        let (limits, version) = (Limits::none(), 0);
        let times = Times { now, nanos: 0, statement: now, transaction: now, ready: now };
        Course { times, limits, version, terminating: None, ending: None, doomed: false, flushed: true, guarded: false }
    }

    /// The limits are those of this plan: also of what is held open while the configuration is read again.
    #[inline]
    pub(super) fn bind(&mut self, plan: &Plan) {
        (self.limits, self.version) = (Limits::of(&plan.settings), plan.version);
    }
}

/// Moments that are measured from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// This wake-up. The clock is read once for each.
    pub(super) now: Instant,
    /// The same, in nanoseconds of the process' clock, for those who look on.
    pub(super) nanos: u64,
    /// The running statement was sent, or the one before it ended.
    pub(super) statement: Instant,
    /// The transaction began.
    pub(super) transaction: Instant,
    /// The server last waited for the client.
    pub(super) ready: Instant,
}
