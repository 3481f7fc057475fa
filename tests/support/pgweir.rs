//! The program under test, as a process: started on ports that the system chooses, its log kept, ended with the test.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use socket2::SockRef;
use tempfile::NamedTempFile;

use super::{PATIENCE, client, wire};

/// A running pgweir.
#[derive(Debug)]
pub struct Pgweir {
    child: Child,
    /// Where clients connect.
    pub addr: SocketAddr,
    /// Where it speaks HTTP.
    pub http: SocketAddr,
    log: Arc<Log>,
    config: NamedTempFile,
}

/// What it has said.
#[derive(Debug, Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    grown: Condvar,
}

/// Ports of its own choice, and one loop, so that what comes first is served first.
const LISTEN: &str = "[listen]\naddr = [\"127.0.0.1:0\"]\nhttp = \"127.0.0.1:0\"\nworkers = 1\n";

/// Starts pgweir with this file, to which `[listen]` is added, and these variables.
pub fn start(toml: &str, environment: &[(&str, &str)]) -> Pgweir {
    let mut config = NamedTempFile::new().unwrap();
    write!(config, "{LISTEN}{toml}").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgweir"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PGWEIR_") || name == "DATABASE_URL") {
        command.env_remove(name);
    }
    command.arg("--config").arg(config.path()).args(["--log-format", "json", "--log-level", "debug"]);
    command.envs(environment.iter().copied()).stdin(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let log = Arc::new(Log::default());
    let (kept, stderr) = (log.clone(), child.stderr.take().unwrap());
    thread::spawn(move || kept.keep(BufReader::new(stderr)));
    let http = log.wait_for(|line| listens(line, "http"));
    let addr = log.wait_for(|line| listens(line, "tcp"));
    Pgweir { child, addr, http, log, config }
}

impl Log {
    fn keep(&self, stderr: impl BufRead) {
        for line in stderr.lines().map_while(Result::ok) {
            self.lines.lock().unwrap().push(line);
            self.grown.notify_all();
        }
    }

    /// What the first line to be found so, now or later, comes to.
    fn wait_for<T>(&self, find: impl Fn(&str) -> Option<T>) -> T {
        let lines = self.lines.lock().unwrap();
        let missing = |lines: &mut Vec<String>| !lines.iter().any(|line| find(line).is_some());
        let (lines, _) = self.grown.wait_timeout_while(lines, PATIENCE, missing).unwrap();
        let found = lines.iter().find_map(|line| find(line));
        found.unwrap_or_else(|| panic!("not in pgweir's log: {lines:#?}"))
    }

    fn text(&self) -> String {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }
}

fn listens(line: &str, kind: &str) -> Option<SocketAddr> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    (line["event"] == "listening" && line["kind"] == kind).then(|| line["addr"].as_str().unwrap().parse().unwrap())
}

impl Pgweir {
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Returns once it has read all that was sent to it before, from either side: its one loop serves first what came
    /// first, and here it answers somebody who came later.
    pub fn settle(&self) {
        let mut conn = client::connect(self.addr);
        conn.send(&wire::ssl_request());
        conn.read_raw(&mut [0; 1]);
        // Thousands of these in TIME_WAIT would be a burden.
        SockRef::from(&conn.socket).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Has it read another file, and returns once it has.
    pub fn reload(&self, toml: &str) {
        std::fs::write(self.config.path(), format!("{LISTEN}{toml}")).unwrap();
        let hup = Command::new("sh").arg("-c").arg(format!("kill -HUP {}", self.process_id())).status().unwrap();
        assert!(hup.success());
        self.wait_for_event("reloaded");
    }

    /// Has it drain, as a supervisor does.
    pub fn terminate(&self) {
        let term = Command::new("sh").arg("-c").arg(format!("kill -TERM {}", self.process_id())).status().unwrap();
        assert!(term.success());
    }

    /// Returns once it has logged such an event.
    pub fn wait_for_event(&self, event: &str) {
        self.log.wait_for(|line| line.contains(&format!("\"event\":\"{event}\"")).then_some(()));
    }

    /// The same, of one whose line contains this.
    pub fn wait_for_event_with(&self, event: &str, part: &str) {
        let event = format!("\"event\":\"{event}\"");
        self.log.wait_for(|line| (line.contains(&event) && line.contains(part)).then_some(()));
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Pgweir {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("pgweir's log:\n{}", self.log.text());
        }
    }
}
