//! All pools by database and user, and how the configuration becomes a pool's plan.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::reach::{Reach, Unvisited};
use super::retire::{All, Neighbours};
use super::{Home, Plan, Pool, Quota, Quotas, Route, lock};
use crate::auth::{Password, Secret, ServerKey};
use crate::config::{Config, Database, TlsMode};
use crate::net::dial::Address;
use crate::net::resolve::Names;
use crate::net::tls::{self, TlsError};

/// All pools.
#[derive(Debug)]
pub struct Pools {
    pools: Arc<All>,
    databases: Mutex<HashMap<Arc<str>, Shared>>,
    users: Mutex<HashMap<Arc<str>, Shared>>,
    homes: Arc<[Home]>,
    versions: AtomicU64,
    paused: AtomicBool,
    /// Of databases that have no pool yet.
    pub reach: Arc<Reach>,
    names: Names,
}

/// What the pools of one database, or of one user, share.
#[derive(Debug, Clone, Default)]
struct Shared {
    clients: Arc<Quota>,
    servers: Arc<Quota>,
}

/// TLS towards servers as the configuration has it: read from its files once for each load.
#[derive(Debug, Default)]
pub struct ServerTls {
    general: Option<Arc<rustls::ClientConfig>>,
    own: HashMap<String, Option<Arc<rustls::ClientConfig>>>,
}

impl ServerTls {
    /// Reads what the files say.
    pub fn load(config: &Config) -> Result<ServerTls, TlsError> {
        let mut own = HashMap::new();
        for (name, database) in &config.databases {
            if let Some(settings) = &database.tls {
                own.insert(name.clone(), tls::connector(settings, &format!("databases.{name}.tls"))?);
            }
        }
        Ok(ServerTls { general: tls::connector(&config.tls_server, "tls.server")?, own })
    }

    fn of(&self, section: &str) -> Option<Arc<rustls::ClientConfig>> {
        self.own.get(section).unwrap_or(&self.general).clone()
    }
}

impl Pools {
    /// None yet, for clients on these workers.
    pub fn new(homes: Arc<[Home]>) -> Pools {
        Pools {
            pools: Arc::default(),
            databases: Mutex::default(),
            users: Mutex::default(),
            homes,
            versions: AtomicU64::new(0),
            paused: AtomicBool::new(false),
            reach: Arc::default(),
            names: Names::default(),
        }
    }

    /// The pool of this database and user, made when it is first asked for. `key` is what this client's login lets us use
    /// towards the server, where the configuration has nothing better. `None` when there is no such database.
    pub fn of(
        &self,
        config: &Config,
        tls: &ServerTls,
        database: &str,
        user: &str,
        key: ServerKey,
    ) -> Option<Arc<Pool>> {
        config.database(database)?;
        let found = lock(&self.pools).get(&(database.into(), user.into())).cloned();
        if let Some(pool) = found {
            self.renew_key(&pool, config, tls, key);
            return Some(pool);
        }
        let plan = Arc::new(self.plan(config, tls, database, user, key)?);
        let (database, user): (Arc<str>, Arc<str>) = (database.into(), user.into());
        let quotas = self.quotas(config, &database, &user);
        let mut pools = lock(&self.pools);
        let entry = pools.entry((database.clone(), user.clone()));
        let new = || Pool::new(database, user, plan, quotas, self.homes.clone()).among(Neighbours::of(&self.pools));
        let pool = entry.or_insert_with(|| Arc::new(new())).clone();
        if self.is_paused() {
            pool.pause();
        }
        Some(pool)
    }

    /// Every pool now.
    pub fn all(&self) -> Vec<Arc<Pool>> {
        lock(&self.pools).values().cloned().collect()
    }

    /// A reload: every pool gets its new plan and limits. One whose database is gone serves its clients until they have left:
    /// [`Pools::prune`].
    pub fn reload(&self, config: &Config, tls: &ServerTls) {
        for pool in self.all() {
            let key = pool.plan().route.key.clone();
            if let Some(mut plan) = self.plan(config, tls, &pool.database, &pool.user, key) {
                let old = pool.plan();
                match old.leads_elsewhere(&plan) {
                    true => pool.replan(Arc::new(plan)),
                    false => {
                        plan.generation = old.generation;
                        pool.retune(Arc::new(plan));
                    }
                }
            }
            self.quotas(config, &pool.database, &pool.user);
        }
    }

    /// The pools whose servers are looked for without any client: those of databases whose user is fixed, and those that cannot
    /// reach Postgres.
    pub fn watched(&self, config: &Config, tls: &ServerTls, now: Instant) -> Vec<Arc<Pool>> {
        let mut watched = self.fixed(config, tls);
        let lost = |pool: &Arc<Pool>| pool.is_cut_off(now) && config.database(&pool.database).is_some();
        for pool in self.all().into_iter().filter(lost) {
            if !watched.iter().any(|known| Arc::ptr_eq(known, &pool)) {
                watched.push(pool);
            }
        }
        watched
    }

    /// The pools that can be without any client.
    fn fixed(&self, config: &Config, tls: &ServerTls) -> Vec<Arc<Pool>> {
        let named = config.databases.iter().filter(|(name, _)| *name != "*");
        let pool = |(name, database): (&String, &Database)| {
            let user = database.user.as_deref()?;
            self.of(config, tls, name, user, ServerKey::None)
        };
        named.filter_map(pool).collect()
    }

    /// The databases without a pool, for want of a user.
    pub fn unvisited(&self, config: &Config, tls: &ServerTls) -> Vec<Unvisited> {
        let visited: HashSet<Arc<str>> = self.all().iter().map(|pool| pool.database.clone()).collect();
        let nobodys = config
            .databases
            .iter()
            .filter(|(name, database)| *name != "*" && database.user.is_none() && !visited.contains(name.as_str()));
        let unvisited = |(name, database): (&String, &Database)| Unvisited {
            database: name.clone(),
            address: Arc::new(self.address(config, tls, name, database)),
            patience: config.pool_settings(name, "").server_connect_timeout,
        };
        nobodys.map(unvisited).collect()
    }

    /// Lends nothing, in no pool, until [`Pools::resume`].
    pub fn pause(&self) {
        self.paused.store(true, Relaxed);
        self.all().iter().for_each(|pool| pool.pause());
    }

    /// Lends again.
    pub fn resume(&self, now: Instant) {
        self.paused.store(false, Relaxed);
        self.all().iter().for_each(|pool| pool.resume(now));
    }

    /// Whether nothing is lent.
    pub fn is_paused(&self) -> bool {
        self.paused.load(Relaxed)
    }

    /// Forgets pools that nobody uses: those that never had a server, of databases that Postgres does not have, say; those of
    /// databases that are not in the configuration by their names, when their servers have gone, or not at all. Whoever holds
    /// one uses it.
    pub fn prune(&self, config: &Config, now: Instant) {
        lock(&self.pools).retain(|(database, _), pool| {
            if config.database(database).is_none() {
                return !is_left(pool, now);
            }
            let gauges = pool.gauges(now);
            let unused = gauges.waiting + gauges.lent + gauges.idle + gauges.opening == 0;
            let named = config.databases.contains_key(&**database);
            let proved = pool.fresh().is_some();
            Arc::strong_count(pool) > 1
                || !unused
                || (named && (proved || gauges.failure.is_none()))
                || pool.is_barred(now)
                || pool.is_cut_off(now)
        });
        for shared in [&self.databases, &self.users] {
            lock(shared).retain(|_, both| Arc::strong_count(&both.clients) + Arc::strong_count(&both.servers) > 2);
        }
    }

    /// A client has proved itself by other means than those that the pool was made with: the password was changed, or nobody
    /// had told one yet.
    fn renew_key(&self, pool: &Arc<Pool>, config: &Config, tls: &ServerTls, key: ServerKey) {
        let Some(database) = config.database(&pool.database) else { return };
        let key = server_key(config, database, &pool.user, key);
        if key != ServerKey::None
            && key != pool.plan().route.key
            && let Some(plan) = self.plan(config, tls, &pool.database, &pool.user, key)
        {
            pool.replan(Arc::new(plan));
        }
    }

    fn plan(&self, config: &Config, tls: &ServerTls, name: &str, user: &str, key: ServerKey) -> Option<Plan> {
        let database = config.database(name)?;
        let settings = config.pool_settings(name, user);
        let server_user = database.user.as_deref().unwrap_or(user);
        let version = self.versions.fetch_add(1, Relaxed) + 1;
        Some(Plan {
            version,
            generation: version,
            route: Route {
                address: Arc::new(self.address(config, tls, name, database)),
                dbname: database.dbname.clone().unwrap_or_else(|| name.to_string()),
                user: server_user.to_string(),
                key: server_key(config, database, user, key),
                demands: database.demands,
                startup: database.startup.clone(),
                connect_timeout: settings.server_connect_timeout,
            },
            settings,
        })
    }

    fn address(&self, config: &Config, tls: &ServerTls, name: &str, database: &Database) -> Address {
        let section = if config.databases.contains_key(name) { name } else { "*" };
        let wanted = database.tls.as_ref().unwrap_or(&config.tls_server);
        Address {
            host: database.host.clone(),
            hostaddr: database.hostaddr,
            port: database.port,
            tls_mode: wanted.mode,
            negotiation: wanted.sslnegotiation,
            tcp: database.tcp,
            names: self.names.clone(),
            tls: if wanted.mode == TlsMode::Disable { None } else { tls.of(section) },
        }
    }

    fn quotas(&self, config: &Config, database: &Arc<str>, user: &Arc<str>) -> Quotas {
        let of_database = lock(&self.databases).entry(database.clone()).or_default().clone();
        let of_user = lock(&self.users).entry(user.clone()).or_default().clone();
        let database = config.database(database);
        of_database.clients.set_limit(database.and_then(|d| d.max_db_client_connections));
        of_database.servers.set_limit(database.and_then(|d| d.max_db_connections));
        let user = config.users.get(&**user);
        of_user.clients.set_limit(user.and_then(|u| u.max_user_client_connections));
        of_user.servers.set_limit(user.and_then(|u| u.max_user_connections));
        Quotas { clients: [of_database.clients, of_user.clients], servers: [of_database.servers, of_user.servers] }
    }
}

/// Whether nobody but its resting servers holds a pool; they are closed.
fn is_left(pool: &Arc<Pool>, now: Instant) -> bool {
    if Arc::strong_count(pool) <= 1 + pool.gauges(now).idle {
        pool.close_idle(now, "its database is not configured any more");
    }
    Arc::strong_count(pool) == 1
}

/// What we prove ourselves with: the database's own password, what is known of the user we log in as, or what the
/// client's login gave us.
fn server_key(config: &Config, database: &Database, user: &str, key: ServerKey) -> ServerKey {
    let server_user = database.user.as_deref().unwrap_or(user);
    if let Some(password) = &database.password {
        return ServerKey::Plain(Password::from(password.as_str()));
    }
    let secret = config.users.get(server_user).and_then(|user| user.password.as_deref()).map(Secret::parse);
    match secret {
        Some(Secret::Plain(password)) => ServerKey::Plain(password),
        Some(Secret::Md5(hash)) if server_user != user => ServerKey::Md5(hash),
        _ if server_user == user => key,
        _ => ServerKey::None,
    }
}
