//! A few servers for many clients: one pool a database and user, shared by all workers.
//!
//! Reading order: `ledger` (who holds, who rests), its `queue` (who waits) and `failure` (when it is tried again), `memory`,
//! `catalog`, `parameters` and `leftovers` (what servers remember), `lessons` (what they taught), `inquiry` and `usual` (how they
//! are asked), `culprits`, `novelties` and `hunt` (whose statements they are asked about), `client`, `mail` and `cancel` (how one is
//! reached), `connect`, `server` and `ending` (why it ends), then `lease`, `tidy`, `retire`, `audit` and `foreign`, which move them;
//! `gauges` (how they stand); and `own`, servers that are in no pool, one of which listens to notifications (`channels`, `hub`);
//! `reach` (whether Postgres is there, before anybody has come).

pub mod audit;
pub mod cancel;
pub mod catalog;
pub mod channels;
pub mod client;
pub mod connect;
pub mod culprits;
pub mod ending;
mod failure;
mod foreign;
mod gauges;
pub mod hub;
pub mod hunt;
pub mod inquiry;
mod interner;
pub mod lease;
pub mod ledger;
mod leftovers;
pub mod lessons;
pub mod mail;
pub mod memory;
pub mod novelties;
pub mod own;
pub mod parameters;
pub mod pools;
pub mod queue;
pub mod quota;
pub mod reach;
mod retire;
pub mod roster;
pub mod server;
pub mod tidy;
pub mod usual;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::auth::{KeyCache, ServerKey};
use crate::config::PoolSettings;
use crate::config::demands::Demands;
use crate::net::dial::Address;
use crate::observe::counters::PoolMeter;
use crate::protocol::sqlstate;

pub use client::Client;
pub use gauges::{Full, Gauges};
pub use lease::{Lease, Waiting};
pub use ledger::{Ledger, Limits};
pub use pools::Pools;
pub use quota::{LimitOf, Quota};
pub use roster::Roster;
pub use server::Server;

use catalog::Catalog;
use lessons::Lessons;
use memory::Memory;
use parameters::Parameters;
use retire::Neighbours;

/// What a pool is made of, as the configuration has it now. A reload replaces it whole.
#[derive(Debug)]
pub struct Plan {
    /// Which reload it came with.
    pub version: u64,
    /// Which reload last changed where servers are and what they are: older servers are closed.
    pub generation: u64,
    /// Sizes, modes and times.
    pub settings: PoolSettings,
    /// How to reach a server.
    pub route: Route,
}

impl Plan {
    /// Whether servers of the other plan would be other servers, or other sessions on them. Certificates do not make them
    /// so: who has connected has connected.
    fn leads_elsewhere(&self, other: &Plan) -> bool {
        let (one, two) = (&self.route, &other.route);
        let place =
            |Route { address, .. }: &Route| (address.host.clone(), address.hostaddr, address.port, address.tls_mode);
        let who = |route: &Route| (route.dbname.clone(), route.user.clone(), route.startup.clone());
        place(one) != place(two)
            || who(one) != who(two)
            || one.key != two.key
            || one.demands != two.demands
            || self.settings.max_prepared_statements != other.settings.max_prepared_statements
            || self.settings.server_lifetime != other.settings.server_lifetime
            || self.settings.pool_mode != other.settings.pool_mode
    }
}

/// How to reach a server and log in to it.
#[derive(Debug)]
pub struct Route {
    /// Where it is.
    pub address: Arc<Address>,
    /// The database's name on the server.
    pub dbname: String,
    /// Whom we log in as.
    pub user: String,
    /// What we prove it with.
    pub key: ServerKey,
    /// What it has to be.
    pub demands: Demands,
    /// Parameters of our startup packet.
    pub startup: Vec<(String, String)>,
    /// TCP, TLS and login together; zero waits for ever.
    pub connect_timeout: Duration,
}

/// The servers of one database and user.
#[derive(Debug)]
pub struct Pool {
    /// The name that clients ask for.
    pub database: Arc<str>,
    /// The user that clients log in as.
    pub user: Arc<str>,
    /// Statements that its clients have prepared.
    pub catalog: Mutex<Catalog>,
    /// Clients of its database and of its user, all pools together.
    pub clients: [Arc<Quota>; 2],
    /// Servers of its database and of its user, all pools together.
    servers: [Arc<Quota>; 2],
    ledger: Mutex<Ledger<Box<Server>, Arc<Client>>>,
    plan: Mutex<Arc<Plan>>,
    /// The version of `plan`, to be looked at without its lock.
    version: AtomicU64,
    /// Likewise the generation.
    generation: AtomicU64,
    lessons: Mutex<Lessons>,
    /// A server died since the last one was opened.
    doubtful: AtomicBool,
    /// So it was at the last tick.
    crowded: AtomicBool,
    /// A client has asked what a sequence gave last.
    last_values: AtomicBool,
    /// For what leaves things on servers without saying so.
    pub hunt: hunt::Hunt,
    /// What may be worth finding out.
    pub novelties: novelties::Novelties,
    /// What was found out.
    pub culprits: culprits::Culprits,
    /// What listens for its clients.
    pub hub: hub::Hub,
    /// How many clients are tied to a server of theirs.
    pub tied: AtomicUsize,
    keys: Mutex<KeyCache>,
    homes: Arc<[Home]>,
    meters: Box<[Arc<PoolMeter>]>,
    /// Those of other databases and users.
    neighbours: Neighbours,
    /// How often its servers have been retired: older ones are closed.
    retirements: AtomicU64,
}

/// A worker, as far as a pool is concerned: where to run what opens a server.
#[derive(Debug, Clone)]
pub struct Home {
    /// Its runtime.
    pub runtime: Handle,
}

/// With fewer that wait, what one of them keeps is still in the processor's cache when its turn comes.
pub const CROWD: usize = 64;

/// Quotas of a pool: by database, by user.
#[derive(Debug, Clone)]
pub struct Quotas {
    /// Clients.
    pub clients: [Arc<Quota>; 2],
    /// Servers.
    pub servers: [Arc<Quota>; 2],
}

impl Pool {
    /// A pool without servers yet.
    pub fn new(database: Arc<str>, user: Arc<str>, plan: Arc<Plan>, quotas: Quotas, homes: Arc<[Home]>) -> Pool {
        Pool {
            database,
            user,
            catalog: Mutex::default(),
            clients: quotas.clients,
            servers: quotas.servers,
            ledger: Mutex::new(Ledger::new(limits(&plan), homes.len())),
            version: AtomicU64::new(plan.version),
            generation: AtomicU64::new(plan.generation),
            plan: Mutex::new(plan),
            lessons: Mutex::default(),
            doubtful: AtomicBool::new(false),
            crowded: AtomicBool::new(false),
            last_values: AtomicBool::new(false),
            hunt: hunt::Hunt::default(),
            novelties: novelties::Novelties::default(),
            culprits: culprits::Culprits::default(),
            hub: hub::Hub::default(),
            tied: AtomicUsize::new(0),
            keys: Mutex::default(),
            meters: homes.iter().map(|_| Arc::default()).collect(),
            homes,
            neighbours: Neighbours::default(),
            retirements: AtomicU64::new(0),
        }
    }

    /// What the configuration says now.
    pub fn plan(&self) -> Arc<Plan> {
        lock(&self.plan).clone()
    }

    /// Whether this is what the configuration says now.
    pub fn is_current(&self, plan: &Plan) -> bool {
        self.version() == plan.version
    }

    /// Of what the configuration says now.
    #[inline]
    pub fn version(&self) -> u64 {
        self.version.load(Relaxed)
    }

    /// Whether servers that were opened by this plan are still what they should be.
    pub fn keeps(&self, plan: &Plan) -> bool {
        self.generation.load(Relaxed) == plan.generation
    }

    /// A reload that leaves the servers what they are: new limits, new certificates.
    pub fn retune(self: &Arc<Self>, plan: Arc<Plan>) {
        let mut ledger = self.ledger();
        ledger.set_limits(limits(&plan));
        ledger.hasten();
        drop(ledger);
        self.version.store(plan.version, Relaxed);
        *lock(&self.plan) = plan;
    }

    /// A reload: new limits at once; servers of the old plan are closed, those on loan as they come back.
    pub fn replan(self: &Arc<Self>, plan: Arc<Plan>) {
        let mut ledger = self.ledger();
        ledger.set_limits(limits(&plan));
        ledger.forget_failure();
        drop(ledger);
        self.version.store(plan.version, Relaxed);
        self.generation.store(plan.generation, Relaxed);
        *lock(&self.plan) = plan;
        self.lessons().forget();
        self.close_idle(Instant::now(), "reconfigured");
    }

    /// One worker's numbers.
    pub fn meter(&self, worker: usize) -> &Arc<PoolMeter> {
        &self.meters[worker]
    }

    /// All workers' numbers.
    pub fn meters(&self) -> impl Iterator<Item = &PoolMeter> {
        self.meters.iter().map(|meter| &**meter)
    }

    /// What its servers taught. Held for a moment only.
    pub fn lessons(&self) -> MutexGuard<'_, Lessons> {
        lock(&self.lessons)
    }

    /// What a fresh server reports, once one has been seen.
    pub fn fresh(&self) -> Option<Arc<Parameters>> {
        self.lessons().fresh().cloned()
    }

    /// The same parameters, shared with whoever has them too.
    pub fn share(&self, parameters: Parameters) -> Arc<Parameters> {
        self.lessons().share(parameters)
    }

    /// A server died: whether another can be had is not known.
    pub fn doubt(&self) {
        self.doubtful.store(true, Relaxed);
    }

    /// Whether a server died since the last one was opened.
    pub fn is_doubtful(&self) -> bool {
        self.doubtful.load(Relaxed)
    }

    /// What texts mean has changed: a client has done so, or a prepared statement was found to be out of date.
    pub fn redefine(&self) {
        self.catalog.lock().unwrap_or_else(PoisonError::into_inner).redefine();
    }

    /// Whether there is no server because Postgres could not be reached, not long ago.
    pub fn is_cut_off(&self, now: Instant) -> bool {
        let ledger = self.ledger();
        ledger.failed_lately(now) && ledger.failure().is_some_and(|why| why.sqlstate == sqlstate::CONNECTION_FAILURE)
    }

    /// Whether no server could be opened, and nobody tries again yet.
    pub fn is_barred(&self, now: Instant) -> bool {
        self.ledger().is_barred(now)
    }

    /// Whether clients wait for a server.
    pub fn is_wanted(&self) -> bool {
        self.ledger().waiting() > 0
    }

    /// Whether so many clients wait for a server that what they have said goes cold meanwhile.
    #[inline]
    pub fn is_crowded(&self) -> bool {
        self.crowded.load(Relaxed)
    }

    /// Whether a client has ever asked what a sequence gave last in its session.
    #[inline]
    pub fn asks_for_last_values(&self) -> bool {
        self.last_values.load(Relaxed)
    }

    /// One has.
    pub fn note_last_values(&self) {
        if !self.asks_for_last_values() {
            self.last_values.store(true, Relaxed);
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger<Box<Server>, Arc<Client>>> {
        lock(&self.ledger)
    }
}

fn limits(Plan { settings, route, .. }: &Plan) -> Limits {
    Limits {
        size: settings.pool_size,
        min: if route.is_of_template() { 0 } else { settings.min_pool_size },
        reserve: settings.reserve_pool_size,
        reserve_after: settings.reserve_pool_timeout,
        max_opening: settings.max_opening,
        wait: settings.query_wait_timeout,
        retry: settings.server_login_retry,
    }
}

/// A lock that outlives a panic: what it guards is kept in order by each holder before it lets go.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn memory(parameters: Arc<Parameters>, plan: &Plan) -> Memory {
    Memory::new(parameters, plan.settings.max_prepared_statements)
}
