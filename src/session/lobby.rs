//! What a login needs to know: the rules in force, who is known, which pools there are, how many may come in.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use super::greeting::Greeting;
use super::logins::Logins;
use super::welcome::Crowd;
use crate::auth::{Credential, Method, Secret, verifier};
use crate::config::{AuthType, Config};
use crate::net::tls::{self, TlsError};
use crate::observe::rejections::Rejections;
use crate::pool::pools::ServerTls;
use crate::pool::{Pools, Quota, Roster};

/// Shared by all logins.
#[derive(Debug)]
pub struct Lobby {
    /// Every pool.
    pub pools: Pools,
    /// Every client.
    pub roster: Arc<Roster>,
    /// Clients turned away.
    pub rejections: Arc<Rejections>,
    /// Clients at once.
    pub total: Arc<Quota>,
    /// Logins under way at once.
    pub logins: Logins,
    /// Those who have come and not said yet what they want.
    pub crowd: Crowd,
    /// Nobody new is taken.
    pub draining: AtomicBool,
    /// Drawn once: what users that do not exist are made of.
    mock_key: [u8; 32],
    rules: Mutex<Arc<Rules>>,
}

/// What a configuration comes to for those who log in; a reload replaces it whole.
pub struct Rules {
    /// As checked.
    pub config: Config,
    /// How clients prove who they are.
    pub method: Method,
    /// TLS towards clients, if it is spoken.
    pub tls: Option<tls::Acceptor>,
    /// TLS towards servers.
    pub server_tls: ServerTls,
    credentials: HashMap<String, Credential>,
}

impl std::fmt::Debug for Rules {
    /// Without the configuration, which has passwords in it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rules").field("method", &self.method).finish_non_exhaustive()
    }
}

impl Rules {
    /// Reads certificates and secrets. Fails as a whole.
    pub fn load(config: Config, mock_key: &[u8; 32]) -> Result<Rules, TlsError> {
        let credential = |(name, user): (&String, &crate::config::User)| {
            let secret = Secret::parse(user.password.as_deref()?);
            Some((name.clone(), Credential::new(name, secret, verifier::stable_salt(mock_key, name))))
        };
        Ok(Rules {
            method: method(config.auth.auth_type),
            tls: tls::acceptor(&config.tls_client)?,
            server_tls: ServerTls::load(&config)?,
            credentials: config.users.iter().filter_map(credential).collect(),
            config,
        })
    }

    /// What is known of a user.
    pub fn credential(&self, user: &str) -> Option<&Credential> {
        self.credentials.get(user)
    }

    /// The database that this client's name leads to. Physical replication is of no database, and its programs ask for one
    /// called `replication`: where one database is configured, that one's server is meant.
    pub fn database<'a>(&'a self, greeting: &'a Greeting) -> &'a str {
        let asked = greeting.database.as_str();
        let mut all = self.config.databases.keys();
        match (all.next(), all.next()) {
            (Some(only), None) if greeting.is_physical() && self.config.database(asked).is_none() => only,
            _ => asked,
        }
    }

    /// Secrets whose keys are still to be derived: slow, for a blocking thread, so that no login has to wait for it.
    pub fn underived(&self) -> Vec<Credential> {
        match self.method {
            Method::ScramSha256 => self.credentials.values().filter(|known| !known.is_derived()).cloned().collect(),
            Method::Trust | Method::Plain | Method::Md5 => Vec::new(),
        }
    }
}

impl Lobby {
    /// Open for everybody, with these rules; the files that may be open have room for so many clients.
    pub fn new(rules: Rules, pools: Pools, mock_key: [u8; 32], room: usize) -> Lobby {
        let roster = Arc::new(Roster::default());
        roster.log_goodbyes(rules.config.log.log_disconnections);
        Lobby {
            pools,
            roster,
            rejections: Arc::default(),
            total: Arc::new(Quota::new(Some(rules.config.pool.max_clients.min(room)))),
            logins: Logins::new(rules.config.pool.max_logins),
            crowd: Crowd::default(),
            draining: AtomicBool::new(false),
            mock_key,
            rules: Mutex::new(Arc::new(rules)),
        }
    }

    /// The rules in force.
    pub fn rules(&self) -> Arc<Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// New rules, for clients that come from now on; pools get their new plans. `room` as in [`Lobby::new`].
    pub fn replace(&self, rules: Rules, room: usize) {
        self.total.set_limit(Some(rules.config.pool.max_clients.min(room)));
        self.logins.set_limit(rules.config.pool.max_logins);
        self.roster.log_goodbyes(rules.config.log.log_disconnections);
        let rules = Arc::new(rules);
        // First: who makes a pool from now on makes it by these. One that is made this very moment may have the old plan.
        *self.rules.lock().unwrap_or_else(PoisonError::into_inner) = rules.clone();
        self.pools.reload(&rules.config, &rules.server_tls);
    }

    /// What users that do not exist are made of.
    pub fn mock_key(&self) -> &[u8; 32] {
        &self.mock_key
    }

    /// Whether nobody new is taken.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Relaxed)
    }
}

fn method(auth_type: AuthType) -> Method {
    match auth_type {
        AuthType::Trust => Method::Trust,
        AuthType::Plain => Method::Plain,
        AuthType::Md5 => Method::Md5,
        AuthType::ScramSha256 => Method::ScramSha256,
    }
}
