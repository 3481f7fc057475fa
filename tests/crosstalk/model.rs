//! The settings of a session as Postgres would have them, had the client one of its own: transactions, savepoints, SET LOCAL.
//! <https://www.postgresql.org/docs/current/sql-set.html>

/// The settings that clients change.
pub const NAMES: [&str; 7] =
    ["my.client", "work_mem", "statement_timeout", "search_path", "application_name", "TimeZone", "role"];

/// The one that RESET ALL leaves.
pub const ROLE: usize = 6;

pub const STATEMENT_TIMEOUT: usize = 2;

/// Those that a server reports.
pub const REPORTED: [usize; 2] = [4, 5];

/// A value for each of `NAMES`.
pub type Values = [String; NAMES.len()];

/// What one client's settings are.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What they were when the session started.
    origin: Values,
    committed: Values,
    /// The transaction that is open, and its savepoints.
    open: Vec<Level>,
}

/// What has become of them in a transaction or since a savepoint.
#[derive(Debug, Clone)]
struct Level {
    session: Values,
    /// Until the transaction ends.
    local: [Option<String>; NAMES.len()],
}

impl Settings {
    pub fn new(origin: Values) -> Settings {
        Settings { committed: origin.clone(), origin, open: Vec::new() }
    }

    /// What a look shows.
    pub fn visible(&self, which: usize) -> &str {
        match self.open.last() {
            Some(level) => level.local[which].as_ref().unwrap_or(&level.session[which]),
            None => &self.committed[which],
        }
    }

    /// What it was when the session started.
    pub fn origin(&self, which: usize) -> &str {
        &self.origin[which]
    }

    /// All of them, as one row.
    pub fn row(&self) -> String {
        (0..NAMES.len()).map(|which| self.visible(which)).collect::<Vec<_>>().join("|")
    }

    pub fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    pub fn savepoints(&self) -> usize {
        self.open.len().saturating_sub(1)
    }

    /// SET.
    pub fn set(&mut self, which: usize, value: &str) {
        match self.open.last_mut() {
            Some(level) => {
                level.session[which] = value.to_string();
                level.local[which] = None;
            }
            None => self.committed[which] = value.to_string(),
        }
    }

    /// SET LOCAL: outside of a transaction it is nothing.
    pub fn set_local(&mut self, which: usize, value: &str) {
        if let Some(level) = self.open.last_mut() {
            level.local[which] = Some(value.to_string());
        }
    }

    /// RESET.
    pub fn reset(&mut self, which: usize) {
        let value = self.origin[which].clone();
        self.set(which, &value);
    }

    /// RESET ALL.
    pub fn reset_all(&mut self) {
        (0..NAMES.len()).filter(|which| *which != ROLE).for_each(|which| self.reset(which));
    }

    /// DISCARD ALL.
    pub fn discard(&mut self) {
        (0..NAMES.len()).for_each(|which| self.reset(which));
    }

    pub fn begin(&mut self) {
        self.open.push(Level { session: self.committed.clone(), local: Default::default() });
    }

    pub fn commit(&mut self) {
        if let Some(level) = self.open.pop() {
            self.committed = level.session;
        }
        self.open.clear();
    }

    pub fn rollback(&mut self) {
        self.open.clear();
    }

    pub fn savepoint(&mut self) {
        self.open.extend(self.open.last().cloned());
    }

    /// ROLLBACK TO the last savepoint, which stays.
    pub fn rollback_to(&mut self) {
        self.open.pop();
        self.savepoint();
    }

    /// RELEASE of the last savepoint.
    pub fn release(&mut self) {
        if let Some(level) = self.open.pop() {
            self.open.pop();
            self.open.push(level);
        }
    }
}
