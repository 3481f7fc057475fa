//! A worker's own numbers of one pool: one writer, any reader, nothing shared on the path. Says nothing about how many
//! clients and servers there are now: those are the ledger's.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::count::Count;
use super::histogram::{Distribution, Histogram};

/// What one worker counted in one pool. About 33 KiB, made once a worker and pool; after that nothing is allocated
/// except for the first error of each SQLSTATE. Methods say what is over; only the worker that owns it calls them
/// (`error` may be called by any thread).
#[derive(Debug, Default)]
pub struct PoolMeter {
    wait: Histogram,
    query: Histogram,
    transaction: Histogram,
    server_connect: Histogram,
    connect_failures: Count,
    client_login: Histogram,
    client_received: Count,
    client_sent: Count,
    server_received: Count,
    server_sent: Count,
    idle_in_transaction: Count,
    errors: Errors,
}

impl PoolMeter {
    /// A client asked for a server and has one, or was told that there is none, after this long; zero counts too.
    #[inline]
    pub fn waited(&self, duration: Duration) {
        self.wait.record(duration);
    }

    /// A statement is over, well or badly; without the wait for a server.
    #[inline]
    pub fn queried(&self, duration: Duration) {
        self.query.record(duration);
    }

    /// A transaction is over, one of a single statement too.
    #[inline]
    pub fn transacted(&self, duration: Duration) {
        self.transaction.record(duration);
    }

    /// A client held a server in a transaction and asked nothing for this long.
    #[inline]
    pub fn idled_in_transaction(&self, duration: Duration) {
        self.idle_in_transaction.add(duration.as_nanos() as u64);
    }

    /// A server was opened and logged in.
    pub fn connected(&self, duration: Duration) {
        self.server_connect.record(duration);
    }

    /// A server could not be opened, or did not let us log in.
    pub fn connect_failed(&self) {
        self.connect_failures.add(1);
    }

    /// A client logged in, from accept to ReadyForQuery.
    pub fn logged_in(&self, duration: Duration) {
        self.client_login.record(duration);
    }

    /// Bytes read from clients.
    #[inline]
    pub fn client_received(&self, bytes: usize) {
        self.client_received.add(bytes as u64);
    }

    /// Bytes written to clients.
    #[inline]
    pub fn client_sent(&self, bytes: usize) {
        self.client_sent.add(bytes as u64);
    }

    /// Bytes read from servers.
    #[inline]
    pub fn server_received(&self, bytes: usize) {
        self.server_received.add(bytes as u64);
    }

    /// Bytes written to servers.
    #[inline]
    pub fn server_sent(&self, bytes: usize) {
        self.server_sent.add(bytes as u64);
    }

    /// A client was sent an ErrorResponse, a server's or ours.
    #[cold]
    pub fn error(&self, sqlstate: [u8; 5]) {
        self.errors.count(sqlstate);
    }

    /// Adds everything counted so far to `total`.
    pub fn add_to(&self, total: &mut PoolNumbers) {
        self.wait.add_to(&mut total.wait);
        self.query.add_to(&mut total.query);
        self.transaction.add_to(&mut total.transaction);
        self.server_connect.add_to(&mut total.server_connect);
        total.connect_failures += self.connect_failures.get();
        self.client_login.add_to(&mut total.client_login);
        total.client_received += self.client_received.get();
        total.client_sent += self.client_sent.get();
        total.server_received += self.server_received.get();
        total.server_sent += self.server_sent.get();
        total.idle_in_transaction += Duration::from_nanos(self.idle_in_transaction.get());
        self.errors.add_to(&mut total.errors);
    }
}

/// The numbers of one pool, all workers together, since the process started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PoolNumbers {
    /// Asked for a server until there was one, or the client was told that there is none.
    pub wait: Distribution,
    /// Statements; without the wait.
    pub query: Distribution,
    /// Transactions.
    pub transaction: Distribution,
    /// Opening servers, login included.
    pub server_connect: Distribution,
    /// Servers that could not be opened.
    pub connect_failures: u64,
    /// Logins of clients.
    pub client_login: Distribution,
    /// Bytes from clients.
    pub client_received: u64,
    /// Bytes to clients.
    pub client_sent: u64,
    /// Bytes from servers.
    pub server_received: u64,
    /// Bytes to servers.
    pub server_sent: u64,
    /// Time in which clients held servers in transactions and asked nothing.
    pub idle_in_transaction: Duration,
    /// ErrorResponses that clients were sent.
    pub errors: ErrorCounts,
}

impl PoolNumbers {
    /// The workers' meters of one pool, added up.
    pub fn merge<'a>(meters: impl IntoIterator<Item = &'a PoolMeter>) -> PoolNumbers {
        let mut total = PoolNumbers::default();
        meters.into_iter().for_each(|meter| meter.add_to(&mut total));
        total
    }

    /// Statements that are over.
    pub fn queries(&self) -> u64 {
        self.query.count()
    }

    /// Transactions that are over.
    pub fn transactions(&self) -> u64 {
        self.transaction.count()
    }
}

/// Errors by SQLSTATE. Postgres knows about 260 codes and a server may invent more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErrorCounts {
    by_sqlstate: Vec<(SqlState, u64)>,
    other: u64,
}

impl ErrorCounts {
    /// Each code with its number, and `other` for what found no place of its own.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        let other = (self.other > 0).then_some(("other", self.other));
        self.by_sqlstate.iter().map(|(state, n)| (state.as_str(), *n)).chain(other)
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.iter().map(|(_, n)| n).sum()
    }

    fn add(&mut self, state: SqlState, n: u64, places: usize) {
        match self.by_sqlstate.iter().position(|(known, _)| *known == state) {
            Some(place) => self.by_sqlstate[place].1 += n,
            None if self.by_sqlstate.len() < places => self.by_sqlstate.push((state, n)),
            None => self.other += n,
        }
    }
}

/// Codes that get a count of their own in one worker and pool. A label's values must be few: this is more than a pool meets in
/// practice, and a server that makes codes up cannot fill the memory.
const SQLSTATES_MAX: usize = 64;

#[derive(Debug, Default)]
struct Errors(Mutex<ErrorCounts>);

impl Errors {
    fn count(&self, sqlstate: [u8; 5]) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match SqlState::new(sqlstate) {
            Some(state) => counts.add(state, 1, SQLSTATES_MAX),
            None => counts.other += 1,
        }
    }

    /// Without a bound of its own: a code that has a place here must not lose it because another worker meets a new
    /// one, or its counter would step back.
    fn add_to(&self, total: &mut ErrorCounts) {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.by_sqlstate.iter().for_each(|(state, n)| total.add(*state, *n, usize::MAX));
        total.other += counts.other;
    }
}

/// Five digits or capital letters, as the SQL standard has it; anything else is not shown as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SqlState([u8; 5]);

impl SqlState {
    fn new(code: [u8; 5]) -> Option<SqlState> {
        code.iter().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase()).then_some(SqlState(code))
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only ASCII passes `new`")
    }
}

#[cfg(test)]
mod tests;
