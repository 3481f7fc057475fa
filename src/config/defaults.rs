//! What holds when nobody says otherwise. The reasons are in `config/reference.toml`, which a test holds equal. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{
    Admin, Auth, AuthType, Config, Database, Listen, Log, LogLevel, Observe, Overrides, Parameters, Pool, PoolMode,
    PoolSettings, TlsClient, TlsMode, TlsServer,
};

/// libpq's, where a database names no host.
pub(super) const HOST: &str = "localhost";

/// Postgres' port.
pub(super) const PORT: u16 = 5432;

/// Everything as if nothing was set, with one worker, no database and no user.
impl Default for Config {
    fn default() -> Self {
        Config {
            listen: Listen::default(),
            pool: Pool::default(),
            databases: BTreeMap::new(),
            users: BTreeMap::new(),
            auth: Auth::default(),
            tls_client: TlsClient::default(),
            tls_server: TlsServer { mode: TlsMode::Prefer, ..TlsServer::default() },
            observe: Observe::default(),
            admin: Admin::default(),
            log: Log::default(),
        }
    }
}

impl Default for Listen {
    fn default() -> Self {
        Listen {
            addr: vec!["127.0.0.1:6432".to_owned()],
            unix_socket_dir: None,
            unix_socket_mode: 0o777,
            listen_backlog: 4096,
            http: Some(([127, 0, 0, 1], 6433).into()),
            workers: 1,
        }
    }
}

impl Default for Pool {
    fn default() -> Self {
        Pool {
            defaults: PoolSettings::default(),
            max_clients: 10_000,
            shutdown_timeout: Duration::from_secs(30),
            client_login_timeout: Duration::from_secs(60),
            max_logins: 256,
        }
    }
}

impl Default for PoolSettings {
    fn default() -> Self {
        PoolSettings {
            pool_mode: PoolMode::Transaction,
            pool_size: 20,
            min_pool_size: 0,
            reserve_pool_size: 0,
            reserve_pool_timeout: Duration::from_secs(5),
            max_opening: 8,
            query_wait_timeout: Duration::from_secs(30),
            server_connect_timeout: Duration::from_secs(5),
            server_login_retry: Duration::from_millis(500),
            server_idle_timeout: Duration::from_secs(600),
            server_lifetime: Duration::from_secs(3600),
            server_check_delay: Duration::from_secs(30),
            server_reset_query: "DISCARD ALL".to_owned(),
            client_idle_timeout: Duration::ZERO,
            idle_transaction_timeout: Duration::ZERO,
            pinned_idle_timeout: Duration::ZERO,
            max_pinned: 0,
            server_audit_interval: Duration::from_secs(10),
            query_timeout: Duration::ZERO,
            transaction_timeout: Duration::ZERO,
            max_prepared_statements: 200,
        }
    }
}

impl Default for Database {
    fn default() -> Self {
        Database {
            host: HOST.to_owned(),
            hostaddr: None,
            port: PORT,
            dbname: None,
            user: None,
            password: None,
            startup: Vec::new(),
            demands: super::demands::Demands::default(),
            tcp: super::tcp::Tcp::default(),
            tls: None,
            max_db_connections: None,
            max_db_client_connections: None,
            overrides: Overrides::default(),
        }
    }
}

impl Default for Auth {
    fn default() -> Self {
        Auth { auth_type: AuthType::ScramSha256 }
    }
}

impl Default for Observe {
    fn default() -> Self {
        Observe {
            track_statements: true,
            slow_query: Duration::from_millis(200),
            parameters: Parameters::Off,
            n_plus_one: 5,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Log {
            format: None,
            level: LogLevel::Info,
            max_lines_per_second: 100,
            log_connections: true,
            log_disconnections: true,
        }
    }
}

/// How many threads carry clients when nobody says: one up to two cores, which a small sidecar has, then one for every
/// two, because the app and Postgres want the others.
pub(super) fn workers(cores: usize) -> usize {
    cores.div_ceil(2).max(1)
}

#[cfg(test)]
mod tests {
    #[test]
    fn workers() {
        for (cores, expected) in [(0, 1), (1, 1), (2, 1), (3, 2), (4, 2), (8, 4), (64, 32)] {
            assert_eq!(super::workers(cores), expected, "{cores} cores");
        }
    }
}
