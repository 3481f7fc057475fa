//! Servers that are no longer wanted although they are well: Postgres wants their database for itself, or sessions start with something
//! else now. Those that rest are closed at once, those on loan when they come back, in every pool that leads there.

use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

use super::{Pool, Route, Server, lock};
use crate::protocol::sqlstate;

/// A database and a user.
pub(super) type Name = (Arc<str>, Arc<str>);

/// All pools.
pub(super) type All = Mutex<HashMap<Name, Arc<Pool>>>;

/// The other pools, as one of them sees them: as long as there are any.
#[derive(Debug, Clone, Default)]
pub(super) struct Neighbours(Weak<All>);

/// Databases that others are made from, and that nobody may be connected to then.
const TEMPLATES: [&str; 2] = ["template0", "template1"];

impl Neighbours {
    pub(super) fn of(pools: &Arc<All>) -> Neighbours {
        Neighbours(Arc::downgrade(pools))
    }

    fn all(&self) -> Vec<Arc<Pool>> {
        self.0.upgrade().map_or_else(Vec::new, |pools| lock(&pools).values().cloned().collect())
    }
}

impl Pool {
    /// The same, among all pools.
    pub(super) fn among(self, neighbours: Neighbours) -> Pool {
        Pool { neighbours, ..self }
    }

    /// A statement that wants a database for itself is on its way to a server of this pool. Postgres waits five seconds for
    /// others to leave.
    #[cold]
    pub fn make_way(&self, wanted: &str) {
        for pool in self.at_same_place() {
            if pool.plan().route.dbname == *wanted {
                pool.retire("Postgres wants its database for itself");
            }
        }
    }

    /// What sessions start with has changed: servers that were opened before are of the old kind, and what they taught is out of
    /// date.
    #[cold]
    pub fn restart(&self) {
        for pool in self.at_same_place() {
            pool.lessons().outdate();
            pool.retire("what sessions start with has changed");
            pool.redefine();
        }
    }

    /// There is a database that may not have been there when a server was last asked for.
    #[cold]
    pub fn hope(&self) {
        for pool in self.at_same_place() {
            let mut ledger = pool.ledger();
            if ledger.failure().is_some_and(|why| why.sqlstate == sqlstate::INVALID_CATALOG_NAME) {
                ledger.forget_failure();
                pool.doubt();
            }
        }
    }

    /// The pools of the same Postgres, this one too.
    pub(super) fn at_same_place(&self) -> Vec<Arc<Pool>> {
        let own = self.plan();
        let mut pools = self.neighbours.all();
        pools.retain(|pool| pool.plan().route.leads_to_place_of(&own.route));
        pools
    }

    fn retire(&self, why: &'static str) {
        self.retirements.fetch_add(1, Relaxed);
        self.close_idle(Instant::now(), why);
    }

    /// How often its servers have been retired.
    pub fn retirements(&self) -> u64 {
        self.retirements.load(Relaxed)
    }
}

impl Route {
    /// Whether its servers keep Postgres from making databases for as long as they are there.
    pub(super) fn is_of_template(&self) -> bool {
        TEMPLATES.contains(&&*self.dbname)
    }

    fn leads_to_place_of(&self, other: &Route) -> bool {
        let place = |Route { address, .. }: &Route| (address.host.clone(), address.hostaddr, address.port);
        place(self) == place(other)
    }
}

impl Server {
    /// Whether its pool's servers have been retired since it was opened.
    pub(super) fn is_retired(&self) -> bool {
        self.retirements != self.pool.retirements()
    }
}
