//! A real Postgres of the tests' own, in a directory that goes away. Fast, not durable. The tests of one file share one.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pgweir::auth::verifier::derive;
use tempfile::TempDir;

use super::PATIENCE;
use super::tls::Pair;

/// A running Postgres with the database `app`.
#[derive(Debug)]
pub struct Postgres {
    child: Child,
    directory: TempDir,
    /// On 127.0.0.1.
    pub port: u16,
    /// What it shows; anybody may read the certificate, and pgweir may use the pair too.
    pub pair: Pair,
}

/// Only by TLS and SCRAM over TCP, so that whoever gets in has done both; but `direct` may come as a test's own client can.
const HBA: &str = "local all postgres trust\nhostnossl all direct all password\nhostssl all all all scram-sha-256\n";

/// A statement that hangs ends some time, and its test fails.
const FAST: [&str; 7] = [
    "statement_timeout=20s",
    "fsync=off",
    "full_page_writes=off",
    "autovacuum=off",
    "password_encryption=scram-sha-256",
    "log_min_messages=warning",
    "ssl=on",
];

/// What Postgres and pgweir may know of the password `secret`. Few iterations: PBKDF2 is slow on purpose, and slower still
/// without optimization.
pub fn verifier() -> String {
    let (salt, iterations) = (b"as long as sixte", 8);
    let keys = derive(b"secret", salt, iterations);
    let [salt, stored, server] = [&salt[..], &keys.stored_key.0, &keys.server_key.0].map(|key| STANDARD.encode(key));
    format!("SCRAM-SHA-256${iterations}:{salt}${stored}:{server}")
}

/// Another process may take the port between our look and Postgres' bind.
const TRIES: usize = 3;

static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());

/// The one that runs, or a new one: it ends with the last test that has it.
pub fn shared() -> Arc<Postgres> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let postgres = Arc::new(Postgres::start());
        *shared = Arc::downgrade(&postgres);
        postgres
    })
}

impl Postgres {
    fn start() -> Postgres {
        let directory = tempfile::Builder::new().prefix("pgweir-").tempdir().unwrap();
        let account = Account::find();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let pair = Pair::in_directory(directory.path());
        account.own(&pair.key, 0o600);
        for name in ["db", "run"] {
            fs::create_dir(directory.path().join(name)).unwrap();
            account.own(&directory.path().join(name), 0o700);
        }
        let db = directory.path().join("db");
        let mut initdb = account.command("initdb");
        initdb.arg("-D").arg(&db).args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
        succeed(&mut initdb);
        fs::write(db.join("pg_hba.conf"), HBA).unwrap();
        let started = (0..TRIES).find_map(|_| start(&account, directory.path(), &pair));
        let (child, port) = started.expect("Postgres starts");
        let postgres = Postgres { child, directory, port, pair };
        postgres.sql("create database app");
        postgres
    }

    /// Runs SQL in the database `app` as its superuser, past pgweir; what psql prints.
    pub fn sql(&self, sql: &str) -> String {
        let database = if sql.starts_with("create database") { "postgres" } else { "app" };
        let mut psql = Command::new(programs().join("psql"));
        psql.arg("-h").arg(self.directory.path().join("run")).args(["-p", &self.port.to_string(), "-U", "postgres"]);
        psql.args(["-d", database, "-AtqX", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        String::from_utf8(succeed(&mut psql).stdout).unwrap().trim_end().to_string()
    }

    /// A role with a schema of its own, so that tests do not meet. Its password is `secret`.
    pub fn role(&self, name: &str) {
        self.sql(&format!("create role {name} login password '{}'", verifier()));
        self.sql(&format!("create schema authorization {name}"));
    }

    /// How many sessions this role has.
    pub fn sessions(&self, role: &str) -> usize {
        self.sql(&format!("select count(*) from pg_stat_activity where usename = '{role}'")).parse().unwrap()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // At once, and it takes its shared memory with it, which it does not when it is killed.
        let quit = format!("kill -QUIT {}", self.child.id());
        let _ = Command::new("sh").arg("-c").arg(quit).status();
        let _ = self.child.wait();
    }
}

/// Starts it on a port that is free; `None` when it ended again.
fn start(account: &Account, directory: &Path, pair: &Pair) -> Option<(Child, u16)> {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (db, run) = (directory.join("db"), directory.join("run"));
    let mut postgres = account.command("postgres");
    postgres.arg("-D").arg(&db).args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k"]).arg(&run);
    let files = [format!("ssl_cert_file={}", pair.cert.display()), format!("ssl_key_file={}", pair.key.display())];
    for setting in FAST.into_iter().chain(files.iter().map(String::as_str)) {
        postgres.args(["-c", setting]);
    }
    let log = fs::File::create(directory.join("log")).unwrap();
    let mut child = postgres.stdout(Stdio::null()).stderr(log).spawn().unwrap();
    let begun = Instant::now();
    // The eighth line of its pid file says how it is.
    while !fs::read_to_string(db.join("postmaster.pid")).is_ok_and(|text| text.contains("\nready")) {
        let log = || fs::read_to_string(directory.join("log")).unwrap();
        assert!(begun.elapsed() < PATIENCE, "Postgres does not start: {}", log());
        if child.try_wait().unwrap().is_some() {
            assert!(log().contains("already in use"), "Postgres does not start: {}", log());
            return None;
        }
        thread::yield_now();
    }
    Some((child, port))
}

fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Where the newest Postgres of this machine has its programs: Debian keeps them out of the path.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.map(|version| version.path().join("bin")).filter(|bin| bin.join("initdb").exists()).max();
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let in_path = || std::env::split_paths(&paths).find(|directory| directory.join("initdb").exists());
    newest.or_else(in_path).expect("these tests need a Postgres: no initdb in /usr/lib/postgresql or the path")
}

/// Whom Postgres runs as: ourselves, or when we are root, whom it refuses, an ordinary user.
struct Account(Option<(u32, u32)>);

impl Account {
    fn find() -> Account {
        let ours = fs::metadata("/proc/self").map(|process| std::os::unix::fs::MetadataExt::uid(&process)).unwrap();
        if ours != 0 {
            return Account(None);
        }
        let users = fs::read_to_string("/etc/passwd").unwrap();
        let entry = |name: &str| {
            let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|line| line[0] == name)?;
            Some((fields[2].parse().ok()?, fields[3].parse().ok()?))
        };
        let found = ["postgres", "nobody"].into_iter().find_map(entry);
        Account(Some(found.expect("we are root, and there is neither a user postgres nor nobody to run Postgres as")))
    }

    fn own(&self, path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        if let Some((user, group)) = self.0 {
            chown(path, Some(user), Some(group)).unwrap();
        }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(programs().join(program));
        command.current_dir("/").stdin(Stdio::null());
        if let Some((user, group)) = self.0 {
            command.gid(group).uid(user);
        }
        command
    }
}
