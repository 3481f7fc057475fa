//! What a reload changes for a client that is here already: from its next request on, and how long it may rest at once.

use std::time::{Duration, Instant};

use super::stay::Session;
use crate::config::PoolMode;

impl Session {
    /// What the configuration says now holds from here on. Whether it is another than before.
    #[inline]
    pub(super) fn renew_plan(&mut self) -> bool {
        let outdated = !self.pool.is_current(&self.plan);
        if outdated {
            self.plan = self.pool.plan();
        }
        if self.mode != self.plan.settings.pool_mode {
            self.renew_mode();
        }
        outdated
    }

    /// In session mode a server is asked for what its client calls a statement, and has never heard of it: servers know those that
    /// were prepared before by names of ours. Who has such statements stays in its mode for as long as it has them.
    #[cold]
    fn renew_mode(&mut self) {
        let wanted = self.plan.settings.pool_mode;
        let has_names = self.statements.as_ref().is_some_and(|own| !own.names.is_empty());
        if wanted != PoolMode::Session || !has_names {
            self.mode = wanted;
        }
    }

    /// A client at rest, which a reload has woken, may rest for as long as the configuration says now.
    #[inline]
    pub(super) fn renew_at_rest(&mut self) {
        if self.renew_plan() {
            self.set_idle_deadline();
        }
    }

    /// In place of any deadline that the last conversation set.
    pub(super) fn set_idle_deadline(&self) {
        match self.idle_until() {
            Some(until) => self.worker.set_deadline(&self.client, until),
            None => self.client.set_deadline(0),
        }
    }

    /// When it has rested for too long.
    pub(super) fn idle_until(&self) -> Option<Instant> {
        let longest = self.plan.settings.client_idle_timeout;
        (!longest.is_zero()).then(|| self.worker.epoch + Duration::from(self.rested_at) + longest)
    }
}

#[cfg(test)]
#[path = "renewal_tests.rs"]
mod tests;
