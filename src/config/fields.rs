//! Every key there is, bound to its field, once. Reading, printing and the list of known keys are visitors of this one
//! list, so that they cannot disagree. What a key means is said in `config/reference.toml`. Pure.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::layer::KeyPath;
use super::tcp::{COUNTS, Tcp, in_milliseconds, in_seconds};
use super::url::ServerUrl;
use super::value::{Http, Permissions, Value};
use super::{Config, Database, Listen, Log, Overrides, Pool, PoolSettings, TlsClient, TlsServer, User, defaults};

/// Goes over all keys and does something with each.
pub(super) trait Visitor {
    /// Keys from here on are in this section.
    fn section(&mut self, path: KeyPath);

    /// One key; `fits` says what would be right about a value of the right kind.
    fn key_if<V: Value>(&mut self, name: &str, field: &mut V, fits: impl Fn(&V) -> Result<(), String>);

    /// One key, any value of its kind.
    fn key<V: Value>(&mut self, name: &str, field: &mut V) {
        self.key_if(name, field, |_| Ok(()));
    }

    /// A section with keys that nobody can list.
    fn texts(&mut self, name: &str, field: &mut Vec<(String, String)>);

    /// Whether to go over a section that is not set.
    fn enters(&mut self, section: &KeyPath) -> bool;
}

/// More are a slip: Postgres itself can hardly serve that many.
const MOST_SERVERS: usize = 10_000;

/// More need more file descriptors than Linux gives a process by default, at the most (`fs.nr_open`).
const MOST_CLIENTS: usize = 1_000_000;

/// More threads than any sidecar has cores.
const MOST_WORKERS: usize = 256;

/// Linux keeps the backlog in an unsigned short on older kernels.
const LONGEST_BACKLOG: u32 = 65_535;

/// Each is memory on a server, and on every one of them.
const MOST_PREPARED_STATEMENTS: usize = 100_000;

pub(super) fn visit(v: &mut impl Visitor, config: &mut Config) {
    listen(v, &mut config.listen);
    pool(v, &mut config.pool);
    v.section(KeyPath::of(&["auth"]));
    v.key("auth_type", &mut config.auth.auth_type);
    tls_client(v, &mut config.tls_client);
    v.section(KeyPath::of(&["tls", "server"]));
    tls_server(v, &mut config.tls_server);
    for (name, each) in &mut config.databases {
        database(v, KeyPath::of(&["databases", name]), each, &config.tls_server);
    }
    for (name, each) in &mut config.users {
        user(v, KeyPath::of(&["users", name]), each);
    }
    v.section(KeyPath::of(&["observe"]));
    v.key("track_statements", &mut config.observe.track_statements);
    v.key("slow_query", &mut config.observe.slow_query);
    v.key("parameters", &mut config.observe.parameters);
    v.key_if("n_plus_one", &mut config.observe.n_plus_one, between(2..=1_000_000));
    v.section(KeyPath::of(&["admin"]));
    v.key("admin_users", &mut config.admin.admin_users);
    v.key("stats_users", &mut config.admin.stats_users);
    log(v, &mut config.log);
}

fn listen(v: &mut impl Visitor, listen: &mut Listen) {
    v.section(KeyPath::of(&["listen"]));
    v.key("addr", &mut listen.addr);
    v.key("unix_socket_dir", &mut listen.unix_socket_dir);
    let mut permissions = Permissions(listen.unix_socket_mode);
    v.key("unix_socket_mode", &mut permissions);
    listen.unix_socket_mode = permissions.0;
    v.key_if("listen_backlog", &mut listen.listen_backlog, between(1..=LONGEST_BACKLOG));
    let mut http = Http(listen.http);
    v.key("http", &mut http);
    listen.http = http.0;
    v.key_if("workers", &mut listen.workers, between(0..=MOST_WORKERS));
}

fn pool(v: &mut impl Visitor, pool: &mut Pool) {
    v.section(KeyPath::of(&["pool"]));
    pool_settings(v, &mut pool.defaults);
    v.key_if("max_clients", &mut pool.max_clients, between(1..=MOST_CLIENTS));
    v.key_if("max_logins", &mut pool.max_logins, between(1..=MOST_CLIENTS));
    v.key_if("client_login_timeout", &mut pool.client_login_timeout, measurable);
    v.key_if("shutdown_timeout", &mut pool.shutdown_timeout, measurable);
}

fn pool_settings(v: &mut impl Visitor, pool: &mut PoolSettings) {
    v.key("pool_mode", &mut pool.pool_mode);
    v.key_if("pool_size", &mut pool.pool_size, between(1..=MOST_SERVERS));
    v.key_if("min_pool_size", &mut pool.min_pool_size, between(0..=MOST_SERVERS));
    v.key_if("reserve_pool_size", &mut pool.reserve_pool_size, between(0..=MOST_SERVERS));
    v.key_if("reserve_pool_timeout", &mut pool.reserve_pool_timeout, measurable);
    v.key_if("max_opening", &mut pool.max_opening, between(1..=MOST_SERVERS));
    v.key_if("query_wait_timeout", &mut pool.query_wait_timeout, measurable);
    v.key_if("server_connect_timeout", &mut pool.server_connect_timeout, measurable);
    v.key_if("server_login_retry", &mut pool.server_login_retry, measurable);
    v.key_if("server_idle_timeout", &mut pool.server_idle_timeout, measurable);
    v.key_if("server_lifetime", &mut pool.server_lifetime, measurable);
    v.key_if("server_check_delay", &mut pool.server_check_delay, measurable);
    v.key_if("server_audit_interval", &mut pool.server_audit_interval, measurable);
    v.key("server_reset_query", &mut pool.server_reset_query);
    v.key_if("client_idle_timeout", &mut pool.client_idle_timeout, measurable);
    v.key_if("idle_transaction_timeout", &mut pool.idle_transaction_timeout, measurable);
    v.key_if("pinned_idle_timeout", &mut pool.pinned_idle_timeout, measurable);
    v.key_if("max_pinned", &mut pool.max_pinned, between(0..=MOST_SERVERS));
    v.key_if("query_timeout", &mut pool.query_timeout, measurable);
    v.key_if("transaction_timeout", &mut pool.transaction_timeout, measurable);
    v.key_if("max_prepared_statements", &mut pool.max_prepared_statements, between(0..=MOST_PREPARED_STATEMENTS));
}

fn overrides(v: &mut impl Visitor, over: &mut Overrides) {
    v.key("pool_mode", &mut over.pool_mode);
    v.key_if("pool_size", &mut over.pool_size, some_between(1..=MOST_SERVERS));
    v.key_if("min_pool_size", &mut over.min_pool_size, some_between(0..=MOST_SERVERS));
    v.key_if("reserve_pool_size", &mut over.reserve_pool_size, some_between(0..=MOST_SERVERS));
    v.key_if("reserve_pool_timeout", &mut over.reserve_pool_timeout, some_measurable);
    v.key_if("query_wait_timeout", &mut over.query_wait_timeout, some_measurable);
    v.key_if("server_connect_timeout", &mut over.server_connect_timeout, some_measurable);
    v.key_if("server_idle_timeout", &mut over.server_idle_timeout, some_measurable);
    v.key_if("server_lifetime", &mut over.server_lifetime, some_measurable);
    v.key_if("server_check_delay", &mut over.server_check_delay, some_measurable);
    v.key_if("client_idle_timeout", &mut over.client_idle_timeout, some_measurable);
    v.key_if("idle_transaction_timeout", &mut over.idle_transaction_timeout, some_measurable);
    v.key_if("pinned_idle_timeout", &mut over.pinned_idle_timeout, some_measurable);
    v.key_if("max_pinned", &mut over.max_pinned, some_between(0..=MOST_SERVERS));
    v.key_if("query_timeout", &mut over.query_timeout, some_measurable);
    v.key_if("transaction_timeout", &mut over.transaction_timeout, some_measurable);
    let most = some_between(0..=MOST_PREPARED_STATEMENTS);
    v.key_if("max_prepared_statements", &mut over.max_prepared_statements, most);
}

fn database(v: &mut impl Visitor, path: KeyPath, database: &mut Database, tls: &TlsServer) {
    v.section(path.clone());
    let mut url: Option<ServerUrl> = None;
    v.key("url", &mut url);
    if let Some(url) = url {
        place(database, url, tls);
    }
    v.key("host", &mut database.host);
    v.key_if("port", &mut database.port, between(1..=u16::MAX));
    v.key("dbname", &mut database.dbname);
    v.key("user", &mut database.user);
    v.key("password", &mut database.password);
    v.key("max_db_connections", &mut database.max_db_connections);
    v.key("max_db_client_connections", &mut database.max_db_client_connections);
    database.max_db_connections = limit(database.max_db_connections);
    database.max_db_client_connections = limit(database.max_db_client_connections);
    tcp(v, &mut database.tcp);
    overrides(v, &mut database.overrides);
    v.texts("startup", &mut database.startup);
    let section = path.child("tls");
    if database.tls.is_some() || v.enters(&section) {
        v.section(section);
        tls_server(v, database.tls.get_or_insert_with(|| tls.clone()));
    }
}

fn tcp(v: &mut impl Visitor, tcp: &mut Tcp) {
    v.key("tcp_keepalive", &mut tcp.keepalive);
    v.key_if("tcp_keepidle", &mut tcp.idle, in_seconds);
    v.key_if("tcp_keepintvl", &mut tcp.interval, in_seconds);
    v.key_if("tcp_keepcnt", &mut tcp.count, between(COUNTS));
    v.key_if("tcp_user_timeout", &mut tcp.user_timeout, in_milliseconds);
}

/// What a URL says of a database; its other keys come over it.
fn place(database: &mut Database, url: ServerUrl, tls: &TlsServer) {
    database.tls = url_tls(&url, tls);
    // An address alone is its own name.
    let name = || url.hostaddr.map_or_else(|| defaults::HOST.to_owned(), |addr| addr.to_string());
    database.host = url.host.unwrap_or_else(name);
    database.hostaddr = url.hostaddr;
    database.port = url.port.unwrap_or(defaults::PORT);
    database.dbname = url.dbname;
    database.user = url.user;
    database.password = url.password;
    database.startup = url.startup;
    database.demands = url.demands;
    database.tcp = url.tcp;
    database.overrides.server_connect_timeout = url.connect_timeout;
}

/// What a URL says of TLS, over `[tls.server]`; `None` if it says nothing.
fn url_tls(url: &ServerUrl, below: &TlsServer) -> Option<TlsServer> {
    let files = url.sslrootcert.is_some() || url.sslcert.is_some() || url.sslkey.is_some();
    (files || url.sslmode.is_some() || url.sslnegotiation.is_some()).then(|| TlsServer {
        mode: url.sslmode.unwrap_or(below.mode),
        sslnegotiation: url.sslnegotiation.unwrap_or(below.sslnegotiation),
        ca_file: url.sslrootcert.clone().unwrap_or_else(|| below.ca_file.clone()),
        cert_file: url.sslcert.clone().or_else(|| below.cert_file.clone()),
        key_file: url.sslkey.clone().or_else(|| below.key_file.clone()),
    })
}

fn user(v: &mut impl Visitor, path: KeyPath, user: &mut User) {
    v.section(path);
    v.key("password", &mut user.password);
    v.key("max_user_connections", &mut user.max_user_connections);
    v.key("max_user_client_connections", &mut user.max_user_client_connections);
    user.max_user_connections = limit(user.max_user_connections);
    user.max_user_client_connections = limit(user.max_user_client_connections);
    overrides(v, &mut user.overrides);
}

fn tls_client(v: &mut impl Visitor, tls: &mut TlsClient) {
    v.section(KeyPath::of(&["tls", "client"]));
    v.key("mode", &mut tls.mode);
    v.key("cert_file", &mut tls.cert_file);
    v.key("key_file", &mut tls.key_file);
    v.key("ca_file", &mut tls.ca_file);
}

fn tls_server(v: &mut impl Visitor, tls: &mut TlsServer) {
    v.key("mode", &mut tls.mode);
    v.key("sslnegotiation", &mut tls.sslnegotiation);
    v.key("ca_file", &mut tls.ca_file);
    v.key("cert_file", &mut tls.cert_file);
    v.key("key_file", &mut tls.key_file);
}

fn log(v: &mut impl Visitor, log: &mut Log) {
    v.section(KeyPath::of(&["log"]));
    v.key("format", &mut log.format);
    v.key("level", &mut log.level);
    v.key_if("max_lines_per_second", &mut log.max_lines_per_second, between(1..=1_000_000));
    v.key("log_connections", &mut log.log_connections);
    v.key("log_disconnections", &mut log.log_disconnections);
}

/// 0 is no limit, as in PgBouncer.
fn limit(number: Option<usize>) -> Option<usize> {
    number.filter(|number| *number > 0)
}

fn between<V: PartialOrd + Display>(range: RangeInclusive<V>) -> impl Fn(&V) -> Result<(), String> {
    move |value| match range.contains(value) {
        true => Ok(()),
        false => Err(format!("between {} and {}", range.start(), range.end())),
    }
}

fn some_between<V: PartialOrd + Display>(range: RangeInclusive<V>) -> impl Fn(&Option<V>) -> Result<(), String> {
    let fits = between(range);
    move |value| value.as_ref().map_or(Ok(()), &fits)
}

/// Timers count milliseconds, so that a shorter time would be another one.
const SHORTEST: Duration = Duration::from_millis(1);

fn measurable(duration: &Duration) -> Result<(), String> {
    match duration.is_zero() || *duration >= SHORTEST {
        true => Ok(()),
        false => Err("at least \"1ms\", or \"0s\" for never".to_owned()),
    }
}

fn some_measurable(duration: &Option<Duration>) -> Result<(), String> {
    duration.as_ref().map_or(Ok(()), measurable)
}
