//! Of what is not over: what clients that hold servers have been at, and for how long.

use std::sync::Arc;

use hashbrown::HashMap;

use super::{Known, clients};
use crate::observe::health::{Doing, Ongoing};
use crate::observe::snapshot::{ClientState, Running};

/// Whose, and what.
type Crowd<'a> = (&'a Arc<str>, &'a Arc<str>, &'a Arc<str>, Running);

/// Clients at the same together: how many, and for how long the first of them.
pub(super) fn ongoing(known: &Known) -> Vec<Ongoing> {
    let mut crowds: HashMap<Crowd<'_>, (usize, f64)> = HashMap::new();
    for client in known.clients.iter().filter(|client| client.state == ClientState::Active) {
        let Some(since) = client.running_since else { continue };
        let seconds = (known.now.as_millisecond() - since.as_millisecond()) as f64 / 1e3;
        let crowd = crowds.entry((&client.database, &client.user, &client.application_name, client.running));
        let crowd = crowd.or_default();
        *crowd = (crowd.0 + usize::from(seconds >= LONG_S), crowd.1.max(seconds));
    }
    let told = crowds.into_iter().filter(|(_, (clients, _))| *clients > 0);
    told.filter_map(|((database, user, application, running), (clients, seconds))| {
        let what = doing(known, running)?;
        let [database, user, application] = [database, user, application].map(|name| name.to_string());
        Some(Ongoing { database, user, application, clients, seconds, what })
    })
    .collect()
}

/// Only these are counted, in seconds.
const LONG_S: f64 = 4.0;

fn doing(known: &Known, running: Running) -> Option<Doing> {
    match running {
        // A client that is tied to its server, by itself or by the pool's mode, is nobody's matter between transactions.
        Running::Unknown | Running::AtRest => None,
        Running::Nothing => Some(Doing::Nothing),
        Running::Statement(digest) => {
            let name = clients::running(known, running);
            (!name.is_empty()).then(|| Doing::Statement(digest.to_string(), name))
        }
    }
}
