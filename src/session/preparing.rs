//! A client that prepares with a Flush (asyncpg does) says Sync when it first executes what it has prepared: later, or never.
//! Until then nothing but the missing Sync keeps its server from others, so after a moment, or as soon as somebody waits, we
//! say it. The client does not notice: its statements are there on whichever server it has next. Where it was just about to
//! go on, what it says comes behind our Sync, and the server has read one more.

use std::time::{Duration, Instant};

use super::owed::Owed;
use super::relay::Relay;
use crate::config::PoolMode;
use crate::protocol::{encode, frontend};

/// A client that prepares what it executes now has begun to do so by then. Longer than a way there and back, shorter than
/// the patience of whoever comes to wait meanwhile.
const PATIENCE: Duration = Duration::from_millis(50);

impl Relay<'_> {
    /// Says Sync for a client that only prepares, where it is time. Whether it was.
    pub(super) fn sync_for_client(&mut self) -> bool {
        let now = self.exchange.course.times.now;
        let due = |patience| patience <= now || self.session.pool.is_wanted() || self.listens();
        if !self.patience().is_some_and(due) {
            return false;
        }
        self.up.insert(|out| encode::bare(out, frontend::SYNC));
        self.exchange.dialogue.send_sync();
        true
    }

    /// Whether the client has prepared a LISTEN: without a server it is not tied to one by it.
    fn listens(&self) -> bool {
        self.session.statements.as_ref().is_some_and(|own| own.listens())
    }

    /// Whether what comes next waits until the server is given back, to be done without one.
    pub(super) fn waits_to_listen(&self) -> bool {
        self.listens() && self.exchange.dialogue.next() == Some(Owed::OurSync)
    }

    /// Until when a client that only prepares may keep its server. Not after an error, when the client knows that all is
    /// skipped until its own Sync; nor if something of its own is on that server.
    pub(super) fn patience(&self) -> Option<Instant> {
        let (session, exchange) = (&self.session, &self.exchange);
        let shared = || {
            let bound_to_it = session.statements.as_ref().is_some_and(|own| own.is_unnamed_elsewhere());
            session.mode != PoolMode::Session && session.client.pins().is_empty() && !bound_to_it
        };
        let waits = exchange.dialogue.only_prepares() && self.lease.is_some() && self.up.is_empty();
        let goes_on = exchange.course.ending.is_none() && exchange.course.terminating.is_none();
        (waits && goes_on && shared()).then(|| exchange.course.times.ready + PATIENCE)
    }
}

#[cfg(test)]
#[path = "preparing_tests.rs"]
mod tests;
