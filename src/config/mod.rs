//! What the operator wants, as plain data: checked, resolved, units converted. Not the file as written (`file`), not how
//! it is checked (`check`). Pure: the file's text and the environment are arguments; only `sources` asks the system.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

mod address;
pub mod check;
mod defaults;
pub mod demands;
mod environment;
mod fields;
mod file;
mod layer;
mod listing;
mod mask;
mod nearest;
mod overrides;
mod pgbouncer;
mod print;
mod rules;
mod sources;
pub mod tcp;
pub mod units;
mod url;
mod value;

pub use layer::{Mistake, Source};
pub use listing::{Setting, settings};
pub use mask::mask;
pub use overrides::Overrides;
pub use sources::{Flags, Sources};

/// Everything that can be set, after all sources were laid over each other and every value was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where we listen.
    pub listen: Listen,
    /// The defaults of every pool.
    pub pool: Pool,
    /// Databases by the name that clients ask for; `*` is any other name.
    pub databases: BTreeMap<String, Database>,
    /// Users that may log in, by name.
    pub users: BTreeMap<String, User>,
    /// How clients prove who they are.
    pub auth: Auth,
    /// TLS towards clients.
    pub tls_client: TlsClient,
    /// TLS towards servers.
    pub tls_server: TlsServer,
    /// What is observed and kept.
    pub observe: Observe,
    /// Who may use the console.
    pub admin: Admin,
    /// What is logged.
    pub log: Log,
}

/// `[listen]`
#[derive(Debug, Clone, PartialEq)]
pub struct Listen {
    /// TCP addresses, resolved when bound; host names work, and `[::]:6432` is every address, of IPv4 too.
    pub addr: Vec<String>,
    /// Also a socket `.s.PGSQL.<port>` in this directory.
    pub unix_socket_dir: Option<PathBuf>,
    /// Permission bits of that socket.
    pub unix_socket_mode: u32,
    /// Pending connections the kernel holds for us.
    pub listen_backlog: u32,
    /// The HTTP side, or `None` for `off`.
    pub http: Option<SocketAddr>,
    /// Threads that carry clients; never 0 once resolved.
    pub workers: usize,
}

/// `[pool]`: what every pool starts from, and the limits of the whole process.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// The settings that a database or a user may override.
    pub defaults: PoolSettings,
    /// Clients at once, all pools together.
    pub max_clients: usize,
    /// How long a drain waits for transactions before it closes what is left; zero waits for ever.
    pub shutdown_timeout: Duration,
    /// A login has this long, from accept to ReadyForQuery.
    pub client_login_timeout: Duration,
    /// Logins under way at once; further ones wait their turn.
    pub max_logins: usize,
}

/// The settings of one pool, resolved for one database and user. A zero duration means never.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolSettings {
    /// When a server returns to the pool.
    pub pool_mode: PoolMode,
    /// Servers per database and user.
    pub pool_size: usize,
    /// Servers kept open even when nobody needs them.
    pub min_pool_size: usize,
    /// Further servers for clients that waited longer than `reserve_pool_timeout`.
    pub reserve_pool_size: usize,
    /// See `reserve_pool_size`.
    pub reserve_pool_timeout: Duration,
    /// Servers that may be opened at the same moment in one pool.
    pub max_opening: usize,
    /// How long a client may wait for a server.
    pub query_wait_timeout: Duration,
    /// TCP, TLS and login of a server together.
    pub server_connect_timeout: Duration,
    /// After a failed connect the pool refuses at once for this long, then tries again.
    pub server_login_retry: Duration,
    /// A server that rested longer is closed.
    pub server_idle_timeout: Duration,
    /// A server that is older is closed when it comes back (with some jitter, so that not all go at once).
    pub server_lifetime: Duration,
    /// A server that has rested longer is asked whether it lives, while no client waits for it.
    pub server_check_delay: Duration,
    /// Sent when a session-mode client leaves.
    pub server_reset_query: String,
    /// A client that asks nothing for longer is closed.
    pub client_idle_timeout: Duration,
    /// A client that sits in a transaction for longer is closed.
    pub idle_transaction_timeout: Duration,
    /// How often a server that comes back is looked at for what no text told of; zero is never.
    pub server_audit_interval: Duration,
    /// How long a client that is tied to a server of its own may be idle; zero is for ever.
    pub pinned_idle_timeout: Duration,
    /// How many clients of a pool may be tied to servers of their own; zero is no limit.
    pub max_pinned: usize,
    /// A query that runs for longer is cancelled and its client closed.
    pub query_timeout: Duration,
    /// A transaction that lasts longer is ended.
    pub transaction_timeout: Duration,
    /// Named prepared statements kept on each server.
    pub max_prepared_statements: usize,
}

/// When a server returns to its pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolMode {
    /// When the client leaves.
    Session,
    /// After each transaction.
    Transaction,
    /// After each statement; transactions of several statements are refused.
    Statement,
}

/// `[databases.x]`
#[derive(Debug, Clone, PartialEq)]
pub struct Database {
    /// Host name, address, or a directory (starts with `/`) for a unix socket.
    pub host: String,
    /// Where `host` is, so that its name is not looked up; only in a URL, as with libpq.
    pub hostaddr: Option<IpAddr>,
    /// Port, also of a unix socket.
    pub port: u16,
    /// The name on the server; `None`: the name that the client asked for.
    pub dbname: Option<String>,
    /// The user we log in as; `None`: the client's own.
    pub user: Option<String>,
    /// The password we log in with; `None`: what is known of the user.
    pub password: Option<String>,
    /// Parameters set at each server's start, like `application_name` or `options`, in the order given.
    pub startup: Vec<(String, String)>,
    /// TLS as the URL or the section says, over `[tls.server]`.
    pub tls: Option<TlsServer>,
    /// What its servers have to be; only in a URL, as `channel_binding=require` and `target_session_attrs`.
    pub demands: demands::Demands,
    /// When a TCP connection to it is taken for dead.
    pub tcp: tcp::Tcp,
    /// Servers of this database, all users together; `None`: no limit.
    pub max_db_connections: Option<usize>,
    /// Clients of this database, all users together.
    pub max_db_client_connections: Option<usize>,
    /// Overrides of the pool's settings.
    pub overrides: Overrides,
}

/// `[users.x]`
#[derive(Debug, Clone, PartialEq, Default)]
pub struct User {
    /// Plain, `md5…` or `SCRAM-SHA-256$…`, as written.
    pub password: Option<String>,
    /// Servers of this user, all databases together.
    pub max_user_connections: Option<usize>,
    /// Clients of this user, all databases together.
    pub max_user_client_connections: Option<usize>,
    /// Overrides of the pool's settings.
    pub overrides: Overrides,
}

/// `[auth]`
#[derive(Debug, Clone, PartialEq)]
pub struct Auth {
    /// How a client proves who it is.
    pub auth_type: AuthType,
}

/// How a client proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthType {
    /// It does not; any password, or none, will do.
    Trust,
    /// AuthenticationCleartextPassword.
    Plain,
    /// AuthenticationMD5Password, or SCRAM where a SCRAM verifier is all we have.
    Md5,
    /// AuthenticationSASL.
    ScramSha256,
}

/// `[tls.client]`: we are the TLS server. PgBouncer's `client_tls_*`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TlsClient {
    /// Whether TLS is offered, asked for, or verified.
    pub mode: TlsMode,
    /// Our certificate chain, PEM.
    pub cert_file: Option<PathBuf>,
    /// Its key, PEM.
    pub key_file: Option<PathBuf>,
    /// Who signs client certificates, PEM.
    pub ca_file: Option<PathBuf>,
}

/// `[tls.server]`: we are the TLS client. libpq's `sslmode` and friends.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TlsServer {
    /// libpq's meaning.
    pub mode: TlsMode,
    /// How TLS begins.
    pub sslnegotiation: TlsNegotiation,
    /// Who may sign the server's certificate; `None`: the system's roots.
    pub ca_file: Option<PathBuf>,
    /// Our certificate, for servers that ask for one.
    pub cert_file: Option<PathBuf>,
    /// Its key.
    pub key_file: Option<PathBuf>,
}

/// libpq's `sslmode`, PgBouncer's `client_tls_sslmode` and `server_tls_sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)] // libpq's words
pub enum TlsMode {
    #[default]
    Disable,
    Allow,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// libpq's `sslnegotiation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsNegotiation {
    /// The server is asked first.
    #[default]
    Postgres,
    /// The handshake is the first that is said: one round trip less, for servers from PostgreSQL 17 on.
    Direct,
}

impl Observe {
    /// What takes longer is slow: nothing, where that is "never".
    pub fn slow_after(&self) -> Duration {
        if self.slow_query.is_zero() { Duration::MAX } else { self.slow_query }
    }
}

/// `[observe]`
#[derive(Debug, Clone, PartialEq)]
pub struct Observe {
    /// Whether statements are looked at: digests, timing, findings.
    pub track_statements: bool,
    /// A statement that takes longer is slow.
    pub slow_query: Duration,
    /// Whether parameter values may be kept and logged.
    pub parameters: Parameters,
    /// Executions that make an N+1.
    pub n_plus_one: usize,
}

/// Whether parameter values may be kept and logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Parameters {
    Off,
    Hash,
    Plain,
}

/// `[admin]`
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Admin {
    /// May do everything on the console.
    pub admin_users: Vec<String>,
    /// May SHOW.
    pub stats_users: Vec<String>,
}

/// `[log]`, and the command line's `--log-*`.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    /// `None`: text on a terminal, JSON otherwise.
    pub format: Option<LogFormat>,
    /// The least serious level that is written.
    pub level: LogLevel,
    /// Lines a second, at the most, of one event.
    pub max_lines_per_second: u32,
    /// Whether each client's login is a line.
    pub log_connections: bool,
    /// Whether each client's leaving is a line.
    pub log_disconnections: bool,
}

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum LogFormat {
    Text,
    Json,
}

/// How serious.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Config {
    /// The database that a client's name leads to: its own section, or `*`.
    pub fn database(&self, name: &str) -> Option<&Database> {
        let any = || self.databases.get("*").filter(|_| !rules::CONSOLE.contains(&name));
        self.databases.get(name).or_else(any)
    }

    /// The settings of the pool of `database` and `user`: the user's own, over the database's, over `[pool]`.
    pub fn pool_settings(&self, database: &str, user: &str) -> PoolSettings {
        let mut settings = self.pool.defaults.clone();
        if let Some(database) = self.database(database) {
            database.overrides.apply(&mut settings);
        }
        if let Some(user) = self.users.get(user) {
            user.overrides.apply(&mut settings);
        }
        settings
    }
}
