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
    /// And those of the last minute.
    pub recent: f64,
    /// What one takes, on average, in milliseconds.
    pub mean_ms: f64,
    /// What one usually takes, in milliseconds: no more than half of the last ones did, about. A few that waited for a lock, or for
    /// a disk, are not in it.
    pub usual_ms: f64,
    /// What the quickest take: a tenth of the last ones did not take longer, about.
    pub quick_ms: f64,
    /// Of the time that all statements took, the part that is its: 0 to 1.
    pub share: f64,
    /// Servers that it keeps busy, on average: time it took a second.
    pub busy: f64,
    /// Rows that one returns or changes, on average.
    pub rows: f64,
    /// Bytes a row, on average.
    pub row_bytes: f64,
    /// What it does.
    pub does: Does,
    /// The tables that it names.
    pub tables: Vec<String>,
    /// The columns that it compares with values for equality: `posts.slug`.
    pub equal: Vec<String>,
    /// Those as an index has them, where they are of one table: `posts (slug)`.
    pub index: Option<String>,
    /// Another statement that looks for one of them alone is quick.
    pub indexed: bool,
    /// It is one aggregate, or groups: few rows returned do not mean few rows wanted.
    pub aggregates: bool,
    /// Its select list has a `*`.
    pub star: bool,
    /// It returns the first rows in some order.
    pub ordered: bool,
    /// What its text alone says of why it may be slow, in a sentence.
    pub hint: Option<&'static str>,
    /// What looking up few rows by value takes usually, in milliseconds; 0: not known.
    pub lookup_ms: f64,
}

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Does {
    /// Something else.
    #[default]
    Other,
    /// It reads.
    Reads,
    /// It reads rows and locks them.
    Locks,
    /// It changes or deletes rows.
    Changes,
}

/// What may be wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspicion {
    /// It changes or locks few rows, and several at once are at it.
    Locks,
    /// It looks for few rows by value and takes as long as reading them all.
    MissingIndex,
    /// It fetches all columns of several rows, and a row is large.
    WideRows,
    /// It fetches more rows than anybody looks at.
    ManyRows,
    /// It takes most of the time.
    Dominates,
}

/// A look-up by value that takes this long, in milliseconds, does not use an index, where nothing is known of others.
const LOOKUP_SLOW_MS: f64 = 5.0;

/// Where others are known: so long at the least …
const LOOKUP_MIN_MS: f64 = 2.0;

/// … and so many times what they take. When Postgres is overloaded, all take long …
const LOOKUP_SLOWER: f64 = 8.0;

/// … but not as long as that, in milliseconds, unless none of them has an index.
const LOOKUP_MOST_MS: f64 = 100.0;

/// Where its quickest executions take less than this part of what it needs to be slow, it is not the plan that is.
const QUICK: f64 = 0.25;

/// One that returns more rows is a list.
const LOOKUP_ROWS: f64 = 10.0;

/// Fewer calls are an accident.
const CALLS_MIN: f64 = 20.0;

/// Of those that take long, too: one alone is told of while it runs.
const SEVERAL: f64 = 3.0;

/// Where so many are under way on average that change few rows, they wait for each other.
const CROWDED: f64 = 2.0;

/// A row larger than this, in bytes, has a column that is not for lists.
const WIDE_BYTES: f64 = 2_048.0;

/// A list has more rows than one.
const LIST_ROWS: f64 = 1.5;

/// And what such rows must add up to in a second before it matters: bytes, with `CALLS_MIN`.
const WIDE_TOTAL: f64 = 1e6;

/// More rows than that are not shown to people …
const MANY_ROWS: f64 = 5_000.0;

/// … and are told of where they take this share of the time …
const MANY_SHARE: f64 = 0.3;

/// … and keep so many servers busy.
const MANY_BUSY: f64 = 0.05;

/// A statement with this share of a busy database's time …
const DOMINATES: f64 = 0.3;

/// … that keeps this many servers busy …
const DOMINATES_BUSY: f64 = 0.2;

/// … and takes so long, in milliseconds.
const DOMINATES_MS: f64 = 100.0;

/// The same of one with more than half of the time: of that, none stands out more.
const MOST: [f64; 3] = [0.5, 0.1, 20.0];

impl StatementHealth {
    /// What may be wrong with it; the first is the most telling.
    pub fn suspicions(&self) -> Vec<Suspicion> {
        let all = [
            (self.waits_for_locks(), Suspicion::Locks),
            (self.may_lack_an_index(), Suspicion::MissingIndex),
            (self.is_wide(), Suspicion::WideRows),
            (self.is_long(), Suspicion::ManyRows),
            (self.dominates(), Suspicion::Dominates),
        ];
        all.into_iter().filter(|(is, _)| *is).map(|(_, suspicion)| suspicion).collect()
    }

    /// The most telling of them, in a sentence.
    pub fn problem(&self) -> Option<Problem> {
        of_statement(self)
    }

    fn may_lack_an_index(&self) -> bool {
        let known = self.indexed && self.tables.len() < 2;
        self.is_lookup() && !known && self.is_slow() && self.quick_ms >= self.slow_ms() * QUICK
    }

    /// Of changes waiting is a part of what is usual, so that they look like one without an index.
    fn waits_for_locks(&self) -> bool {
        self.may_wait_for_locks() && self.busy >= CROWDED && self.is_slow()
    }

    fn is_slow(&self) -> bool {
        self.calls >= CALLS_MIN && self.usual_ms >= self.slow_ms()
    }

    /// So long takes what does not find its rows by an index.
    fn slow_ms(&self) -> f64 {
        match self.lookup_ms {
            usual if usual > 0.0 => (usual * LOOKUP_SLOWER).clamp(LOOKUP_MIN_MS, LOOKUP_MOST_MS),
            _ => LOOKUP_SLOW_MS,
        }
    }

    /// Whether it looks for few rows by value.
    pub fn is_lookup(&self) -> bool {
        let finds = matches!(self.does, Does::Reads | Does::Changes);
        finds && !self.equal.is_empty() && !self.aggregates && self.rows <= LOOKUP_ROWS
    }

    /// Whether what it looks for by value is found quickly: there is an index, then.
    pub fn is_quick_lookup(&self) -> bool {
        let finds = !matches!(self.does, Does::Other);
        finds && !self.equal.is_empty() && self.calls > 0.0 && self.usual_ms < LOOKUP_MIN_MS
    }

    /// Whether it changes or locks a few rows, by value: others may do so, too.
    pub fn may_wait_for_locks(&self) -> bool {
        matches!(self.does, Does::Locks | Does::Changes) && !self.equal.is_empty() && self.rows <= LOOKUP_ROWS
    }

    fn is_wide(&self) -> bool {
        let total = self.calls * self.rows * self.row_bytes;
        let large = self.row_bytes >= WIDE_BYTES && total >= WIDE_TOTAL && self.rows >= LIST_ROWS;
        self.does == Does::Reads && self.star && self.calls >= CALLS_MIN && large
    }

    fn is_long(&self) -> bool {
        let matters = self.share >= MANY_SHARE && self.busy >= MANY_BUSY;
        self.does == Does::Reads && self.rows >= MANY_ROWS && matters && self.goes_on()
    }

    fn dominates(&self) -> bool {
        let [share, busy, ms] = MOST;
        let most = self.share >= share && self.busy >= busy && self.mean_ms >= ms;
        let much = self.share >= DOMINATES && self.busy >= DOMINATES_BUSY && self.mean_ms >= DOMINATES_MS;
        (most || much) && self.goes_on()
    }

    /// Whether it ran several times, and the last time not long ago.
    fn goes_on(&self) -> bool {
        self.calls >= SEVERAL && self.recent >= 1.0
    }

    /// Whether a few executions take nearly all the time. Of those that nearly all take long it is not known how long.
    fn is_uneven(&self) -> bool {
        self.calls >= UNEVEN_CALLS && self.usual_ms < UNEVEN_MOST_MS && self.usual_ms * UNEVEN < self.mean_ms
    }
}

pub(super) fn of_statement(statement: &StatementHealth) -> Option<Problem> {
    let suspicion = *statement.suspicions().first()?;
    let StatementHealth { digest, database, user, name, .. } = statement;
    let (brief, detail) = match suspicion {
        Suspicion::Locks => locks(statement),
        Suspicion::MissingIndex => missing_index(statement),
        Suspicion::WideRows => (
            format!("wide rows: {name} fetches {} a row", bytes(statement.row_bytes)),
            "It selects all columns (*), and one of them is large. Name those that are used.".to_owned(),
        ),
        Suspicion::ManyRows => (
            format!("many rows: {name} fetches {:.0} a call", statement.rows),
            "Fetch what is looked at (LIMIT, and go on from the last key), or have Postgres add up what is not."
                .to_owned(),
        ),
        Suspicion::Dominates => dominates(statement),
    };
    Some(Problem {
        severity: Severity::Warning,
        brief,
        detail,
        place: Place::Statement(digest.clone(), database.clone(), user.clone()),
        weight: statement.busy * HOUR_MS,
    })
}

fn dominates(statement: &StatementHealth) -> (String, String) {
    let brief = format!("{} takes {} of the time", statement.name, percent(statement.share));
    let better =
        statement.hint.unwrap_or("Make it faster, run it more rarely, or give it a user and a pool of its own.");
    let uneven = match () {
        _ if statement.is_uneven() => " Most take far less: what is slow may be a lock that it waits for, or a disk.",
        _ if statement.may_wait_for_locks() => {
            " Or it waits for a lock: make the transactions that change the same rows shorter."
        }
        _ => "",
    };
    let detail = format!(
        "One execution takes {} and {:.1} servers are always busy with it. {better}{uneven}",
        milliseconds(statement.mean_ms),
        statement.busy
    );
    (brief, detail)
}

/// Where the mean is so many times what is usual, a few take all the time.
const UNEVEN: f64 = 4.0;

/// Of fewer calls nobody knows what is usual.
const UNEVEN_CALLS: f64 = 10.0;

/// What usually takes longer, in milliseconds, is not told apart.
const UNEVEN_MOST_MS: f64 = 2_000.0;

fn locks(statement: &StatementHealth) -> (String, String) {
    let StatementHealth { name, busy, usual_ms, .. } = statement;
    let brief = format!("{name} waits for locks");
    let detail = format!(
        "{busy:.1} of them are under way at any time, and one takes {}: where they change the same rows, each waits for \
         the others' transactions. Make those shorter, and change such rows last in them. If they change different \
         rows, look at its plan with EXPLAIN.",
        milliseconds(*usual_ms)
    );
    (brief, detail)
}

fn missing_index(statement: &StatementHealth) -> (String, String) {
    let StatementHealth { name, tables, index, .. } = statement;
    let (rows, usual) = (rows(statement.rows), milliseconds(statement.usual_ms));
    let found = match statement.does {
        Does::Changes => {
            format!("{name} changes {rows} by value and takes {usual}; where it does not wait for a lock, look")
        }
        _ => format!("{name} returns {rows} by value and takes {usual}: look"),
    };
    let look = format!("{found} at its plan with EXPLAIN, a real value in place of $1.");
    match index {
        Some(index) if tables.len() < 2 => {
            let behind = if statement.ordered { " Put the column of its ORDER BY behind." } else { "" };
            let brief = format!("an index on {} may be missing", statement.equal.join(", "));
            (brief, format!("{look} If it reads the whole table: CREATE INDEX CONCURRENTLY ON {index};{behind}"))
        }
        _ if tables.len() < 2 => (format!("an index on {} may be missing", statement.equal.join(", ")), look),
        _ => {
            let brief = format!("{name} may lack an index");
            (brief, format!("{look} It says which of {} is read whole.", tables.join(", ")))
        }
    }
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
