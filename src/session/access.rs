//! Whether transactions may write is the operator's to say, for all sessions and at any time, until a client says it for itself:
//! one that has not follows its server, as it would follow Postgres.

use std::sync::Arc;

use super::downward::Step;
use super::relay::Relay;
use super::stay::Session;
use crate::pool::memory::Memory;
use crate::pool::parameters::{ACCESS, OF_SERVERS, Parameters};
use crate::protocol::backend;

impl Session {
    /// It gets what this server starts with, if it has not said what it wants; what that is, if it was something else.
    pub(super) fn follow(&mut self, memory: &Memory) -> Option<String> {
        let value = memory.starts(ACCESS)?;
        self.restart(value);
        let changed = differs(&self.parameters, value);
        if changed {
            self.parameters = self.pool.share(with(&self.parameters, value));
        }
        changed.then(|| value.to_string())
    }

    /// What it goes back to with RESET.
    fn restart(&mut self, value: &str) {
        if differs(&self.origin, value) {
            self.origin = self.pool.share(with(&self.origin, value));
        }
    }
}

/// Whether nobody has set it, and it is something else.
fn differs(parameters: &Parameters, value: &str) -> bool {
    parameters.quiet(ACCESS).is_none() && parameters.reported(ACCESS).is_some_and(|known| known != value)
}

fn with(parameters: &Arc<Parameters>, value: &str) -> Parameters {
    let mut parameters = (**parameters).clone();
    parameters.report(ACCESS, value);
    parameters
}

impl Relay<'_> {
    /// A parameter has changed because we have set others: as the client wants it, and it need not hear of that; or as the
    /// operator does.
    #[cold]
    pub(super) fn judge_own_parameter(&mut self) -> Step {
        let Ok(Some(frame)) = self.exchange.down.frame() else { return Step::Hold(0) };
        let size = frame.size;
        let told = backend::parameter_status(frame.body).filter(|(name, _)| OF_SERVERS.contains(name));
        let Some((name, value)) = told.filter(|(name, _)| self.session.parameters.quiet(name).is_none()) else {
            return Step::Swallow(size);
        };
        let (name, value) = (name.to_string(), value.to_string());
        let Some(lease) = &mut self.lease else { return Step::Hold(0) };
        lease.server().restarts(&name, &value);
        Arc::make_mut(&mut lease.server().memory.parameters).report(&name, &value);
        if name == ACCESS {
            self.session.restart(&value);
        }
        if self.session.parameters.reported(&name) == Some(&value) {
            return Step::Swallow(size);
        }
        Arc::make_mut(&mut self.session.parameters).report(&name, &value);
        Step::Forward(size)
    }

    /// The server reports what nobody has set: all servers start with it from now on, and so does whoever follows.
    pub(super) fn heed_operator(&mut self, name: &str, value: &str) {
        let unasked = self.exchange.watch.is_clean() && OF_SERVERS.contains(&name);
        let Some(lease) = self.lease.as_mut().filter(|_| unasked) else { return };
        lease.server().restarts(name, value);
        if name == ACCESS {
            self.session.restart(value);
        }
    }
}
