//! What is wrong with a single statement: the heaviest complaint that its numbers support. Pure.

use super::{HOUR_MS, Place, Problem, Severity, milliseconds, percent};

/// A statement's numbers.
#[derive(Debug, Clone, Default)]
pub struct StatementHealth {
    /// Its digest.
    pub digest: String,
    /// The name that its clients ask for.
    pub database: String,
    /// The user that they log in as.
    pub user: String,
    /// What people would call it: "SELECT posts by slug".
    pub name: String,
    /// Executions of the time that is looked at.
    pub calls: f64,
    /// What one takes, on average, in milliseconds.
    pub mean_ms: f64,
    /// Of the time that all statements took, the part that is its: 0 to 1.
    pub share: f64,
    /// Servers that it keeps busy, on average: time it took a second.
    pub busy: f64,
    /// Rows that one returns, on average.
    pub rows: f64,
    /// Bytes a row, on average.
    pub row_bytes: f64,
    /// It reads.
    pub reads: bool,
    /// The columns that it compares with values for equality: `posts.slug`.
    pub equal: Vec<String>,
    /// It is one aggregate, or groups: few rows returned do not mean few rows wanted.
    pub aggregates: bool,
    /// Its select list has a `*`.
    pub star: bool,
    /// What looking up few rows by value takes usually, in milliseconds; 0: not known.
    pub lookup_ms: f64,
}

/// What may be wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspicion {
    /// It looks for few rows by value and takes as long as reading them all.
    MissingIndex,
    /// It fetches all columns, and a row is large.
    WideRows,
    /// It takes most of the time.
    Dominates,
}

/// A look-up by value that takes this long, in milliseconds, does not use an index, where nothing is known of others.
const LOOKUP_SLOW_MS: f64 = 5.0;

/// Where others are known: so long at the least …
const LOOKUP_MIN_MS: f64 = 2.0;

/// … and so many times what they take. When Postgres is overloaded, all take long.
const LOOKUP_SLOWER: f64 = 8.0;

/// One that returns more rows is a list.
const LOOKUP_ROWS: f64 = 10.0;

/// Fewer calls are an accident.
const CALLS_MIN: f64 = 20.0;

/// A row larger than this, in bytes, has a column that is not for lists.
const WIDE_BYTES: f64 = 2_048.0;

/// And what such rows must add up to in a second before it matters: bytes, with `CALLS_MIN`.
const WIDE_TOTAL: f64 = 1e6;

/// A statement with this share of a busy database's time …
const DOMINATES: f64 = 0.3;

/// … that keeps this many servers busy …
const DOMINATES_BUSY: f64 = 0.5;

/// … and takes so long, in milliseconds.
const DOMINATES_MS: f64 = 100.0;

impl StatementHealth {
    /// What may be wrong with it; the first is the most telling.
    pub fn suspicions(&self) -> Vec<Suspicion> {
        let all = [
            (self.may_lack_an_index(), Suspicion::MissingIndex),
            (self.is_wide(), Suspicion::WideRows),
            (self.dominates(), Suspicion::Dominates),
        ];
        all.into_iter().filter(|(is, _)| *is).map(|(_, suspicion)| suspicion).collect()
    }

    /// The most telling of them, in a sentence.
    pub fn problem(&self) -> Option<Problem> {
        of_statement(self)
    }

    fn may_lack_an_index(&self) -> bool {
        let slow =
            if self.lookup_ms > 0.0 { LOOKUP_MIN_MS.max(self.lookup_ms * LOOKUP_SLOWER) } else { LOOKUP_SLOW_MS };
        self.is_lookup() && self.calls >= CALLS_MIN && self.mean_ms >= slow
    }

    /// Whether it looks for few rows by value.
    pub fn is_lookup(&self) -> bool {
        self.reads && !self.equal.is_empty() && !self.aggregates && self.rows <= LOOKUP_ROWS
    }

    fn is_wide(&self) -> bool {
        let total = self.calls * self.rows * self.row_bytes;
        self.reads && self.star && self.calls >= CALLS_MIN && self.row_bytes >= WIDE_BYTES && total >= WIDE_TOTAL
    }

    fn dominates(&self) -> bool {
        self.share >= DOMINATES && self.busy >= DOMINATES_BUSY && self.mean_ms >= DOMINATES_MS
    }
}

pub(super) fn of_statement(statement: &StatementHealth) -> Option<Problem> {
    let suspicion = *statement.suspicions().first()?;
    let StatementHealth { digest, database, user, name, .. } = statement;
    let (brief, detail) = match suspicion {
        Suspicion::MissingIndex => missing_index(statement),
        Suspicion::WideRows => (
            format!("wide rows: {name} fetches {} a row", bytes(statement.row_bytes)),
            "It selects all columns (*), and one of them is large. Name those that are used.".to_owned(),
        ),
        Suspicion::Dominates => (
            format!("{name} takes {} of the time", percent(statement.share)),
            format!(
                "One execution takes {} and {:.1} servers are always busy with it. Make it faster, run it more rarely, \
                 or give it a user and a pool of its own.",
                milliseconds(statement.mean_ms),
                statement.busy
            ),
        ),
    };
    Some(Problem {
        severity: Severity::Warning,
        brief,
        detail,
        place: Place::Statement(digest.clone(), database.clone(), user.clone()),
        weight: statement.busy * HOUR_MS,
    })
}

fn missing_index(statement: &StatementHealth) -> (String, String) {
    let columns = statement.equal.join(", ");
    let brief = format!("an index on {columns} may be missing");
    let detail = format!(
        "{} returns {} by value and takes {}: look at its plan with EXPLAIN.",
        statement.name,
        rows(statement.rows),
        milliseconds(statement.mean_ms)
    );
    (brief, detail)
}

/// On average; an exact number without a fraction.
fn rows(rows: f64) -> String {
    match (rows * 10.0).round() / 10.0 {
        1.0 => "1 row".to_owned(),
        n => format!("{n} rows"),
    }
}

fn bytes(bytes: f64) -> String {
    match bytes {
        b if b < 10_240.0 => format!("{:.1} KiB", b / 1_024.0),
        b if b < 1_048_576.0 => format!("{:.0} KiB", b / 1_024.0),
        b => format!("{:.1} MiB", b / 1_048_576.0),
    }
}
