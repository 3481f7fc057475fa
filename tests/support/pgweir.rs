//! The program under test, as a process: started on ports that the system chooses, its log kept, ended with the test.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
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
    log: Arc<Mutex<Vec<String>>>,
    _config: NamedTempFile,
}

/// Starts pgweir with this file, to which `[listen]` is added, and these variables.
pub fn start(toml: &str, environment: &[(&str, &str)]) -> Pgweir {
    let mut config = NamedTempFile::new().unwrap();
    let listen = "[listen]\naddr = [\"127.0.0.1:0\"]\nhttp = \"127.0.0.1:0\"\nworkers = 1\n";
    write!(config, "{listen}{toml}").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgweir"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PGWEIR_") || name == "DATABASE_URL") {
        command.env_remove(name);
    }
    command.arg("--config").arg(config.path()).args(["--log-format", "json", "--log-level", "debug"]);
    command.envs(environment.iter().copied()).stdin(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (log, mut lines) = follow(&mut child);
    let mut listening = |kind: &str| {
        let found = lines.find_map(|line| listens(&line, kind));
        found.unwrap_or_else(|| panic!("pgweir does not listen: {:#?}", log.lock().unwrap()))
    };
    let http = listening("http");
    let addr = listening("tcp");
    Pgweir { child, addr, http, log, _config: config }
}

/// Its log as it grows: kept, and line by line until the reader loses interest.
fn follow(child: &mut Child) -> (Arc<Mutex<Vec<String>>>, impl Iterator<Item = String> + use<>) {
    let (tell, told) = mpsc::channel();
    let log = Arc::new(Mutex::new(Vec::new()));
    let (stderr, kept) = (child.stderr.take().unwrap(), log.clone());
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            kept.lock().unwrap().push(line.clone());
            let _ = tell.send(line);
        }
    });
    (log, std::iter::from_fn(move || told.recv_timeout(PATIENCE).ok()))
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
            eprintln!("pgweir's log:\n{}", self.log.lock().unwrap().join("\n"));
        }
    }
}
