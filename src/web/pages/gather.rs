//! Makes what pages show of what is known: the snapshot, the clients, what the analyst keeps. In here numbers are added up and
//! chosen; how they look is the pages' matter.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::ask::Ask;
use super::chart::Axis;
use super::frame::Choices;
use crate::observe::history::{Period, PoolSeries};
use crate::observe::insight::{Insight, Wanted};
use crate::observe::snapshot::{ClientView, Snapshot};
use crate::web::WebState;

mod clients;
mod earlier;
mod failures;
mod findings;
mod judge;
mod ongoing;
mod overview;
mod pools;
mod slow;
mod statements;
mod steps;
mod vitals;

pub(super) use clients::clients;
pub(super) use findings::findings;
pub(super) use overview::{overview, problems};
pub(super) use pools::{pool, pools};
pub(super) use slow::slow;
pub(super) use statements::{statement, statements};

/// All that is known at one moment.
pub(super) struct Known {
    /// The newest picture.
    pub(super) snapshot: Arc<Snapshot>,
    /// What the analyst knows.
    pub(super) insight: Insight,
    /// Now.
    pub(super) now: Timestamp,
    clients: Vec<ClientView>,
}

impl Known {
    /// As of `now`.
    pub(super) fn of(state: &WebState, now: Timestamp) -> Known {
        Known { snapshot: state.snapshots.get(), insight: state.insight.clone(), now, clients: state.clients.list() }
    }

    /// In seconds since 1970.
    fn seconds(&self) -> u32 {
        u32::try_from(self.now.as_second()).unwrap_or_default()
    }

    /// The axis of a page's pictures.
    fn axis(&self, ask: &Ask) -> Axis {
        let started = u32::try_from(self.snapshot.started_at.as_second()).unwrap_or_default();
        steps::axis(ask.level(), self.seconds(), started)
    }

    /// The history of the wanted pools in one of the levels, from `since` on.
    fn history(&self, level: usize, since: u32, wanted: &Wanted) -> Vec<PoolSeries> {
        self.insight.history(Period { level, since }, wanted)
    }

    /// Names to choose from: those of the pools that there are and of the clients that are here.
    fn choices(&self) -> Choices {
        let pools = &self.snapshot.pools;
        let databases: BTreeSet<&str> = pools.iter().map(|pool| &*pool.database).collect();
        let users: BTreeSet<&str> = pools.iter().map(|pool| &*pool.user).collect();
        let applications: BTreeSet<&str> = self.clients.iter().map(|client| &*client.application_name).collect();
        let owned = |names: BTreeSet<&str>| names.into_iter().map(str::to_owned).collect();
        Choices { databases: owned(databases), users: owned(users), applications: owned(applications) }
    }
}

/// What the filters of a page want.
fn wanted(ask: &Ask) -> Wanted {
    let given = |value: &String| (!value.is_empty()).then(|| value.clone());
    Wanted {
        database: given(&ask.database),
        user: given(&ask.user),
        application_name: given(&ask.application_name),
        digest: u64::from_str_radix(&ask.digest, 16).ok().map(crate::sql::digest::Digest),
        limit: usize::MAX,
    }
}

/// Whether a free text is in one of these, in whatever case.
fn contains(text: &str, places: &[&str]) -> bool {
    let wanted = text.to_lowercase();
    wanted.is_empty() || places.iter().any(|place| place.to_lowercase().contains(&wanted))
}

/// The part of a list that is shown.
fn leaf<T>(rows: Vec<T>, ask: &Ask) -> Vec<T> {
    rows.into_iter().skip(ask.skipped()).take(super::ask::ROWS).collect()
}
