//! One immutable picture of everything, taken once a second, read by whoever shows something. Made by the root of the
//! program; in here nobody counts, asks or waits.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::counters::PoolNumbers;
use super::pins::{Pin, Pins};
use super::rejections::Reason;
use crate::config::PoolMode;
use crate::sql::digest::Digest;

/// How it was at `taken_at`.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// When this picture was taken.
    pub taken_at: Timestamp,
    /// When the process started, by the clock that says so now.
    pub started_at: Timestamp,
    /// How long ago that was, by a clock that nobody sets.
    pub uptime: Duration,
    /// Our version, like `0.1.0`.
    pub version: &'static str,
    /// Every pool, in any order: readers sort.
    pub pools: Vec<PoolView>,
    /// Clients turned away since the start, by reason.
    pub rejections: Vec<(Reason, u64)>,
    /// And in about the last minute.
    pub turned_away: Vec<(Reason, u64)>,
    /// Whether a server can be had.
    pub ready: Readiness,
}

impl Snapshot {
    /// The picture before the first one is taken: no pools, not ready.
    pub fn starting(at: Timestamp, version: &'static str) -> Snapshot {
        Snapshot {
            taken_at: at,
            started_at: at,
            uptime: Duration::ZERO,
            version,
            pools: Vec::new(),
            rejections: Vec::new(),
            turned_away: Vec::new(),
            ready: Readiness::Starting,
        }
    }
}

/// Whether a server can be had.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Readiness {
    /// Yes.
    #[default]
    Ready,
    /// Nobody has looked yet.
    Starting,
    /// None has been opened yet for this database.
    Untried(Arc<str>),
    /// Servers are not lent until somebody says so.
    Paused,
    /// The process has been told to stop.
    Draining,
    /// Postgres cannot be reached, or refuses: which, and its words.
    CutOff(String),
}

impl Readiness {
    /// Why not, in a few words without secrets.
    pub fn why_not(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Readiness::Ready => return None,
            Readiness::Starting => "starting".into(),
            Readiness::Untried(database) => {
                format!("{database}: no server is open, and whether one can be opened is not known yet").into()
            }
            Readiness::Paused => "paused".into(),
            Readiness::Draining => "draining".into(),
            Readiness::CutOff(why) => why.as_str().into(),
        })
    }
}

/// One pool: the servers of one database and user.
#[derive(Debug, Clone)]
pub struct PoolView {
    /// The name that clients ask for.
    pub database: Arc<str>,
    /// The user that they log in as.
    pub user: Arc<str>,
    /// When a server returns.
    pub pool_mode: PoolMode,
    /// Servers that there may be.
    pub pool_size: usize,
    /// Clients now.
    pub clients: ClientCounts,
    /// Servers now.
    pub servers: ServerCounts,
    /// Those who are in the queue, clients that log in among them.
    pub queued: usize,
    /// How long the first of them has waited; zero when none waits.
    pub max_wait: Duration,
    /// What beside `pool_size` keeps servers from being opened, in a sentence without secrets, while somebody waits.
    pub obstacle: Option<String>,
    /// What was counted since the start.
    pub numbers: PoolNumbers,
}

/// Clients of a pool by what they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClientCounts {
    /// Ask for nothing.
    pub idle: usize,
    /// Hold a server.
    pub active: usize,
    /// Want one.
    pub waiting: usize,
    /// Are tied to theirs, by reason, in the order of [`Pin::ALL`]; some by several.
    pub pinned: [usize; Pin::ALL.len()],
}

/// Servers of a pool by what they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ServerCounts {
    /// Rest.
    pub idle: usize,
    /// On loan.
    pub active: usize,
    /// Connect or log in.
    pub login: usize,
}

/// One client.
#[derive(Debug, Clone)]
pub struct ClientView {
    /// Ours; no other client that is here has it.
    pub id: u64,
    /// The name that it asked for.
    pub database: Arc<str>,
    /// The user that it logged in as.
    pub user: Arc<str>,
    /// What it says it is; may be empty.
    pub application_name: Arc<str>,
    /// `address:port`, or `unix`.
    pub addr: Arc<str>,
    /// What it does.
    pub state: ClientState,
    /// Since when it was seen doing that, within the same transaction; to the second, `None` where nobody has looked yet.
    pub since: Option<Timestamp>,
    /// What its server runs for it.
    pub running: Running,
    /// Since when it was seen running just that: nothing else, and nothing of it has ended. To the second.
    pub running_since: Option<Timestamp>,
    /// What ties it to its server.
    pub pins: Pins,
    /// When it came.
    pub connected_at: Timestamp,
    /// Statements that are over.
    pub queries: u64,
    /// Transactions that are over.
    pub transactions: u64,
    /// Time spent waiting for servers, all together.
    pub wait: Duration,
    /// Time spent in statements, all together.
    pub query: Duration,
}

/// What a client does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientState {
    /// Asks for nothing.
    Idle,
    /// Holds a server.
    Active,
    /// Wants one.
    Waiting,
}

/// What a client's server runs for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Running {
    /// It has none, or statements are not looked at.
    #[default]
    Unknown,
    /// Nothing: a transaction is open, and the client says nothing.
    Nothing,
    /// Nothing, and no transaction is open: the client is tied to it.
    AtRest,
    /// A statement of this shape.
    Statement(Digest),
}

impl ClientState {
    /// As it stands in `/api/clients`.
    pub fn as_str(self) -> &'static str {
        match self {
            ClientState::Idle => "idle",
            ClientState::Active => "active",
            ClientState::Waiting => "waiting",
        }
    }
}

/// PgBouncer's word for a pool mode.
pub fn pool_mode_name(mode: PoolMode) -> &'static str {
    match mode {
        PoolMode::Session => "session",
        PoolMode::Transaction => "transaction",
        PoolMode::Statement => "statement",
    }
}

/// Lists the clients when somebody asks: there may be ten thousand, too many for a picture a second.
#[derive(Clone)]
pub struct ClientSource(Arc<dyn Fn() -> Vec<ClientView> + Send + Sync>);

impl ClientSource {
    /// `list` is called from the HTTP thread and must not wait for a client or a server.
    pub fn new(list: impl Fn() -> Vec<ClientView> + Send + Sync + 'static) -> ClientSource {
        ClientSource(Arc::new(list))
    }

    /// The clients now, in any order.
    pub fn list(&self) -> Vec<ClientView> {
        (self.0)()
    }
}

impl fmt::Debug for ClientSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSource")
    }
}

/// Where the newest picture hangs. The lock is held for as long as it takes to copy a pointer.
#[derive(Debug)]
pub struct SnapshotCell(Mutex<Arc<Snapshot>>);

impl SnapshotCell {
    /// With a first picture, usually [`Snapshot::starting`].
    pub fn new(first: Snapshot) -> SnapshotCell {
        SnapshotCell(Mutex::new(Arc::new(first)))
    }

    /// The newest picture.
    pub fn get(&self) -> Arc<Snapshot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Hangs up a newer one.
    pub fn set(&self, newer: Snapshot) {
        let older = std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), Arc::new(newer));
        // Freed here, after the lock: a picture of a hundred pools is a few megabytes.
        drop(older);
    }
}
