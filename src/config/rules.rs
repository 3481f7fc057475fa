//! What has to fit together: sizes, addresses, certificates, databases, who may log in. Each value by itself was already
//! read by `check`. Pure: what stands at a path is asked of an argument.

use std::net::SocketAddr;
use std::path::Path;

use super::address::{check_host, is_any, is_dir, is_local, split_address};
use super::check::{Behind, Checked, Found, Served};
use super::layer::{KeyPath, Layer, Mistake};
use super::listing::ANY;
use super::mask::mask;
use super::{AuthType, Config, Database, Overrides, PoolSettings, TlsClient, TlsMode, TlsNegotiation, TlsServer};

/// Adds a mistake for everything that does not fit. `behind` is what DATABASE_URL says.
pub(super) fn check(checked: &Checked, behind: &Behind, look: &dyn Fn(&Path) -> Found, mistakes: &mut Vec<Mistake>) {
    let all_read = mistakes.is_empty();
    let mut rules = Rules { config: &checked.config, layer: &checked.layer, look, mistakes };
    rules.sizes();
    rules.addresses();
    rules.unix_socket();
    rules.tls_client(&checked.config.tls_client);
    rules.tls_server(&["tls", "server"], &checked.config.tls_server);
    for (name, database) in &checked.config.databases {
        rules.database(name, database);
    }
    for name in checked.config.users.keys() {
        rules.user(name);
    }
    rules.secrets();
    match behind {
        Behind::Wrong => {}
        Behind::Unsaid => rules.databases_exist(),
        Behind::Served(served) => rules.trust_stays_at_home(served),
    }
    // A value that could not be read may be the very password that would be missed.
    if all_read {
        rules.somebody_can_log_in();
    }
}

/// Names that are kept for an admin console.
pub(super) const CONSOLE: [&str; 2] = ["pgweir", "pgbouncer"];

/// A socket's whole path has to fit into Linux' `sun_path`, with its ending NUL.
const LONGEST_SOCKET_PATH: usize = 107;

/// The longest name that we give a socket.
const SOCKET_NAME: &str = "/.s.PGSQL.65535";

struct Rules<'a> {
    config: &'a Config,
    layer: &'a Layer,
    look: &'a dyn Fn(&Path) -> Found,
    mistakes: &'a mut Vec<Mistake>,
}

impl Rules<'_> {
    fn complain(&mut self, path: &[&str], right: impl std::fmt::Display) {
        let path = KeyPath::of(path);
        let mistake = match self.layer.get(&path) {
            Some(written) => Mistake::at(&path, written, right),
            None => match self.layer.source_of(&path) {
                Some(source) => Mistake::line(source, format_args!("{path}: {right}")),
                None => Mistake::unset(self.layer.file.as_deref(), &path, right),
            },
        };
        self.mistakes.push(mistake);
    }

    fn is_set(&self, path: &[&str]) -> bool {
        self.layer.get(&KeyPath::of(path)).is_some()
    }

    /// Of the source that has set it.
    fn rank(&self, path: &[&str]) -> Option<u8> {
        self.layer.get(&KeyPath::of(path)).map(|written| written.source.rank())
    }

    fn sizes(&mut self) {
        let pool = &self.config.pool.defaults;
        self.pool_size(&["pool"], pool);
        for (name, database) in &self.config.databases {
            self.overridden_size(&["databases", name], &database.overrides);
        }
        for (name, user) in &self.config.users {
            self.overridden_size(&["users", name], &user.overrides);
        }
    }

    fn overridden_size(&mut self, section: &[&str], overrides: &Overrides) {
        if overrides.pool_size.is_some() || overrides.min_pool_size.is_some() {
            let mut settings = self.config.pool.defaults.clone();
            overrides.apply(&mut settings);
            self.pool_size(section, &settings);
        }
    }

    fn pool_size(&mut self, section: &[&str], settings: &PoolSettings) {
        let (least, most) = (settings.min_pool_size, settings.pool_size);
        if least > most {
            // About the key that this section sets, so that the line is the one to change.
            let own = ["min_pool_size", "pool_size"].into_iter().find(|key| self.is_set(&[section, &[key]].concat()));
            let key = own.unwrap_or("min_pool_size");
            let right = format!("min_pool_size is {least} and pool_size is {most}; at most pool_size can be kept open");
            self.complain(&[section, &[key]].concat(), right);
        }
    }

    fn addresses(&mut self) {
        let listen = &self.config.listen;
        if listen.addr.is_empty() && listen.unix_socket_dir.is_none() {
            self.complain(&["listen", "addr"], "at least one address, or a unix_socket_dir");
        }
        for (at, addr) in listen.addr.iter().enumerate() {
            if let Err(right) = split_address(addr) {
                self.complain(&["listen", "addr"], format_args!("{:?} should be {right}", mask(addr)));
            } else if listen.addr[..at].contains(addr) {
                self.complain(&["listen", "addr"], format_args!("{addr:?} stands there twice"));
            }
        }
        if let Some(http) = listen.http.filter(|http| http.port() != 0)
            && listen.addr.iter().any(|addr| addr.parse::<SocketAddr>() == Ok(http))
        {
            self.complain(&["listen", "http"], "another port than that of listen.addr");
        }
    }

    fn unix_socket(&mut self) {
        let Some(directory) = &self.config.listen.unix_socket_dir else { return };
        let key = ["listen", "unix_socket_dir"];
        match (self.look)(directory) {
            Found::Directory => {}
            Found::File => self.complain(&key, "a directory; this is a file"),
            Found::Nothing(why) => self.complain(&key, format_args!("a directory; this one {why}")),
        }
        if directory.as_os_str().len() + SOCKET_NAME.len() > LONGEST_SOCKET_PATH {
            let most = LONGEST_SOCKET_PATH - SOCKET_NAME.len();
            self.complain(&key, format_args!("at most {most} bytes, or the socket's path is too long for the kernel"));
        }
    }

    fn tls_client(&mut self, tls: &TlsClient) {
        let key = |name| ["tls", "client", name];
        self.pair(&["tls", "client"], tls.cert_file.as_deref(), tls.key_file.as_deref());
        self.readable(&key("ca_file"), tls.ca_file.as_deref());
        if tls.mode != TlsMode::Disable && tls.cert_file.is_none() {
            self.complain(&key("mode"), "cert_file and key_file beside it; without them there is no TLS to offer");
        }
        if tls.mode == TlsMode::Disable && tls.cert_file.is_some() && !self.is_set(&key("mode")) {
            self.complain(&key("mode"), "\"prefer\" or \"require\"; cert_file alone turns nothing on");
        }
        if verifies(tls.mode) && tls.ca_file.is_none() {
            self.complain(&key("mode"), "a ca_file beside it, which says who signs the clients' certificates");
        }
    }

    fn tls_server(&mut self, section: &[&str], tls: &TlsServer) {
        self.pair(section, tls.cert_file.as_deref(), tls.key_file.as_deref());
        self.readable(&[section, &["ca_file"]].concat(), tls.ca_file.as_deref());
        if tls.mode == TlsMode::VerifyCa && tls.ca_file.is_none() {
            let right = "a ca_file beside it, or \"verify-full\": any host has a certificate of some public authority";
            self.complain(&[section, &["mode"]].concat(), right);
        }
        let insists = matches!(tls.mode, TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull);
        if tls.sslnegotiation == TlsNegotiation::Direct && !insists {
            let right =
                "\"require\", \"verify-ca\" or \"verify-full\"; sslnegotiation = \"direct\" cannot do without TLS";
            self.complain(&[section, &["mode"]].concat(), right);
        }
    }

    fn pair(&mut self, section: &[&str], cert: Option<&Path>, key: Option<&Path>) {
        match (cert, key) {
            (Some(_), None) => self.complain(&[section, &["cert_file"]].concat(), "a key_file beside it"),
            (None, Some(_)) => self.complain(&[section, &["key_file"]].concat(), "a cert_file beside it"),
            _ => {}
        }
        self.readable(&[section, &["cert_file"]].concat(), cert);
        self.readable(&[section, &["key_file"]].concat(), key);
    }

    fn readable(&mut self, key: &[&str], path: Option<&Path>) {
        let Some(path) = path else { return };
        match (self.look)(path) {
            Found::File => {}
            Found::Directory => self.complain(key, format_args!("a PEM file; {} is a directory", path.display())),
            Found::Nothing(why) => self.complain(key, format_args!("a PEM file; {} {why}", path.display())),
        }
    }

    fn user(&mut self, name: &str) {
        if name.is_empty() || name.contains('*') {
            self.complain(&["users", name], "a user's name: each who may log in has a section of its own");
        }
    }

    fn database(&mut self, name: &str, database: &Database) {
        let key = |key| ["databases", name, key];
        if CONSOLE.contains(&name) {
            self.complain(&["databases", name], format_args!("another name; {name} is kept for an admin console"));
        }
        if name.contains('*') && name != "*" {
            self.complain(&["databases", name], "a name; only * alone stands for those that are not named");
        }
        if self.layer.get(&KeyPath::of(&key("url"))).is_some_and(|written| written.raw.is_empty()) {
            self.complain(&key("url"), "a URL like postgres://user:password@host:5432/database, or no url at all");
        }
        for part in ["host", "port", "dbname", "user"] {
            if self.rank(&key("url")).is_some_and(|rank| self.rank(&key(part)) == Some(rank)) {
                self.complain(&key(part), format_args!("either url or {part}; the url says it already"));
            }
        }
        if let Err(right) = check_host(&database.host) {
            self.complain(&key("host"), right);
        } else if self.leads_to_itself(database) {
            let place = if self.is_set(&key("url")) { "url" } else { "host" };
            self.complain(&key(place), "the address of Postgres; this is where pgweir itself listens");
        }
        if database.password.is_some() && database.user.is_none() {
            self.complain(&key("password"), "a user beside it; a password belongs to one user");
        }
        for (parameter, _) in &database.startup {
            if NOT_AT_STARTUP.contains(&parameter.as_str()) {
                let right = "without it; user and dbname have keys of their own, replication is not pooled";
                self.complain(&["databases", name, "startup", parameter], right);
            }
        }
        if let Some(tls) = &database.tls {
            self.tls_server(&key("tls"), tls);
        }
    }

    /// The app's URL in the place of our own is the likeliest slip of a sidecar; it would end in a circle of logins.
    fn leads_to_itself(&self, database: &Database) -> bool {
        let reaches = |addr: &String| match split_address(addr) {
            Ok((host, port)) => port == database.port && (is_local(host) || is_any(host)),
            Err(_) => false,
        };
        let ours = self.config.listen.addr.iter().any(reaches);
        let same_directory = self.config.listen.unix_socket_dir.as_ref().is_some_and(|dir| is_dir(dir, &database.host));
        let local = database.hostaddr.map_or_else(|| is_local(&database.host), |addr| addr.is_loopback());
        ours && (local || same_directory)
    }

    fn secrets(&mut self) {
        for (name, user) in &self.config.users {
            if let Some(Err(right)) =
                user.password.as_deref().map(|secret| check_secret(secret, self.config.auth.auth_type))
            {
                self.complain(&["users", name, "password"], right);
            }
        }
    }

    fn databases_exist(&mut self) {
        if self.config.databases.is_empty() {
            let file = self.layer.file.as_ref().map_or(String::new(), |name| format!(" in {name}"));
            let text = format!(
                "no database to serve: set DATABASE_URL (or --database-url) to postgres://user:password@host:5432/database, \
                 or [databases.<name>] url{file}"
            );
            self.mistakes.push(Mistake::unplaced(text));
        }
    }

    fn somebody_can_log_in(&mut self) {
        let config = self.config;
        if config.auth.auth_type == AuthType::Trust || config.databases.is_empty() {
            return;
        }
        let can = |name: &str| config.users.get(name).is_some_and(|user| user.password.is_some());
        if !config.users.keys().any(|name| can(name)) {
            let right = "no user has a password, so nobody could log in; set it, or auth_type = \"trust\" under [auth]";
            let path = format!("users.{ANY}.password");
            let file = self.layer.file.as_ref().map_or(String::new(), |name| format!("{name} "));
            self.mistakes.push(Mistake::unplaced(format!("{file}{path}: {right}")));
            return;
        }
        for (key, names) in [("admin_users", &config.admin.admin_users), ("stats_users", &config.admin.stats_users)] {
            for name in names.iter().filter(|name| !can(name)) {
                let right = format!("{name:?} has no [users.{name}] password and could not log in");
                self.complain(&["admin", key], right);
            }
        }
    }

    fn trust_stays_at_home(&mut self, served: &Served) {
        for addr in &self.config.listen.addr {
            if served.trusts && split_address(addr).is_ok_and(|(host, _)| !is_local(host)) {
                let url = KeyPath::of(&["databases", &served.name, "url"]);
                let right = format!(
                    "has no password, so every client is trusted, but listen.addr {addr:?} is open to others: put a password \
                     into the URL, listen on 127.0.0.1, or set auth_type = \"trust\" under [auth]"
                );
                self.mistakes.push(Mistake::at(&url, &served.written, right));
            }
        }
    }
}

/// Names of a startup packet that are not parameters of a session.
const NOT_AT_STARTUP: [&str; 3] = ["user", "database", "replication"];

fn verifies(mode: TlsMode) -> bool {
    matches!(mode, TlsMode::VerifyCa | TlsMode::VerifyFull)
}

/// More hexadecimal digits than this after `md5` are no plain password but a hash that was cut or mistyped.
const HASH_LIKE: usize = 16;

/// Only the outside: whether the pieces are there.
fn check_secret(secret: &str, auth_type: AuthType) -> Result<(), String> {
    if let Some(rest) = secret.strip_prefix("SCRAM-SHA-256$") {
        return if is_verifier(rest) { Ok(()) } else { Err(VERIFIER.to_owned()) };
    }
    let digits = secret.strip_prefix("md5").filter(|rest| rest.bytes().all(|b| b.is_ascii_hexdigit()));
    match digits.map_or(0, str::len) {
        32 if auth_type == AuthType::ScramSha256 => {
            Err("the plain password or a SCRAM-SHA-256 verifier; an md5 hash cannot serve auth_type \"scram-sha-256\""
                .to_owned())
        }
        32 => Ok(()),
        length if length > HASH_LIKE => Err("32 hexadecimal digits after md5, as pg_authid has them".to_owned()),
        _ => Ok(()),
    }
}

const VERIFIER: &str = "SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>, as pg_authid has it";

fn is_verifier(rest: &str) -> bool {
    let base64 =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b));
    let pieces: Vec<&str> = rest.split(['$', ':']).collect();
    match pieces[..] {
        [iterations, salt, stored, server] => {
            iterations.parse::<u32>().is_ok_and(|n| n > 0) && [salt, stored, server].into_iter().all(base64)
        }
        _ => false,
    }
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
