//! What is wrong with a pool: clients wait, statements fail, servers are held for nothing. Pure.

use super::{
    FailingHealth, HOUR_MS, Place, PoolHealth, Problem, SATURATED_MIN_S, Severity, WAIT_MIN_MS, milliseconds, percent,
    span, waits,
};

/// Who has waited this long, in milliseconds, waits too long, whatever the pool looks like. Waits that last are in no quantile yet.
const STUCK_MS: f64 = 1_000.0;

/// Fewer failures are daily business.
const ERRORS_MIN: f64 = 5.0;

/// A share of failures that should be looked at.
const ERROR_SHARE: f64 = 0.01;

/// And one that hurts.
const ERROR_SHARE_BAD: f64 = 0.1;

/// The same of a single statement and SQLSTATE, for some are made to fail now and then: to insert what may be there.
const ERROR_SHARE_OF_ONE: f64 = 0.5;

/// And of a failure that nobody means to have.
const ERROR_SHARE_UNMEANT: f64 = 0.01;

/// Open transactions in which nothing runs may take this much of the servers' time.
const IDLE_SHARE: f64 = 0.4;

pub(super) fn of_pool(pool: &PoolHealth) -> Vec<Problem> {
    [saturated(pool), failing(pool), idling(pool)].into_iter().flatten().collect()
}

fn saturated(pool: &PoolHealth) -> Option<Problem> {
    let (lasts, stuck) = (pool.saturated_s >= SATURATED_MIN_S, pool.max_wait_ms >= STUCK_MS);
    let is_one = stuck || (lasts && pool.wait_p95_ms >= WAIT_MIN_MS);
    let brief = match lasts {
        true => format!("pool {} saturated for {}{}", name(pool), span(pool.saturated_s), short(pool)),
        false => format!("clients of {} wait for a server for {}", name(pool), span(pool.max_wait_ms / 1e3)),
    };
    let long = match stuck {
        true => format!("the first has waited for {}", milliseconds(pool.max_wait_ms)),
        false => format!("5 % waited longer than {} in the last minute", milliseconds(pool.wait_p95_ms)),
    };
    is_one.then(|| Problem {
        severity: Severity::Bad,
        brief,
        detail: match &pool.obstacle {
            Some(obstacle) => format!("Why: {obstacle}. {}; {long}.{}", crowd(pool), next_to(pool)),
            None => format!("{}; {long}. {}", crowd(pool), next(pool)),
        },
        place: place(pool),
        weight: f64::MAX,
    })
}

impl PoolHealth {
    /// Whether something keeps it from having as many servers as its size.
    fn is_kept_short(&self) -> bool {
        self.obstacle.is_some() && self.open < self.size
    }
}

fn short(pool: &PoolHealth) -> String {
    if pool.is_kept_short() { format!(" with {} of its {} servers", pool.open, pool.size) } else { String::new() }
}

/// Between two looks a queue can be empty and be there again.
fn crowd(pool: &PoolHealth) -> String {
    let (held, size) = (pool.held, pool.size);
    match (pool.waiting, pool.is_kept_short()) {
        (0, false) => format!("Again and again all {size} servers are held and clients wait"),
        (n, true) => format!("{}, and {held} of {size} servers are held", waits(n)),
        (1, false) => format!("All {size} servers are held and 1 client waits for one"),
        (n, false) => format!("All {size} servers are held and {n} clients wait for one"),
    }
}

fn next(pool: &PoolHealth) -> String {
    match &pool.holders {
        Some(holders) => format!("Servers are held now: {holders}. The pool's page says by whom."),
        None => "The pool's page says who holds them and whether more would help.".to_owned(),
    }
}

fn next_to(pool: &PoolHealth) -> &'static str {
    if pool.is_kept_short() { " A larger pool_size would change nothing." } else { "" }
}

fn failing(pool: &PoolHealth) -> Option<Problem> {
    // A statement that gets no server has failed and was none.
    let asked = pool.queries.max(pool.errors);
    let share = if asked > 0.0 { pool.errors / asked } else { 0.0 };
    (pool.errors >= ERRORS_MIN && share >= ERROR_SHARE).then(|| Problem {
        severity: if share >= ERROR_SHARE_BAD { Severity::Bad } else { Severity::Warning },
        brief: format!("{} of the statements of {} fail", percent(share), name(pool)),
        detail: format!("{:.0} of {:.0} in the last minute ended in an error{}.", pool.errors, asked, most(pool)),
        place: pool.failure.as_ref().map_or_else(
            || place(pool),
            |(_, _, digest)| Place::Statement(digest.clone(), pool.database.clone(), pool.user.clone()),
        ),
        weight: share * HOUR_MS,
    })
}

/// One that always fails does so also where it drowns among the others.
pub(super) fn of_failing(statement: &FailingHealth) -> Option<Problem> {
    let FailingHealth { digest, database, user, name, code, failed, calls } = statement;
    let share = failed / calls.max(*failed).max(1.0);
    let bar = if cause(code).is_empty() { ERROR_SHARE_OF_ONE } else { ERROR_SHARE_UNMEANT };
    (*failed >= ERRORS_MIN && share >= bar).then(|| Problem {
        severity: Severity::Warning,
        brief: format!("{name} fails {} of the time", percent(share)),
        detail: format!("{failed:.0} of {:.0} in the last minute ended in {code}.{}", calls.max(*failed), cause(code)),
        place: Place::Statement(digest.clone(), database.clone(), user.clone()),
        weight: share * failed,
    })
}

/// What is behind an SQLSTATE that nobody means to have; nothing of others.
fn cause(code: &str) -> &'static str {
    match code {
        "57014" => " It was cancelled: it took longer than statement_timeout, or than somebody wanted to wait.",
        "40P01" => {
            " Transactions waited for each other in a circle: have all of them change their rows in the same order."
        }
        "55P03" => " Its lock did not come in time: make the transactions that hold it shorter.",
        _ if code.starts_with("53") => {
            " Postgres lacks something: memory, room on a disk, connections. Its log says what."
        }
        _ if code.starts_with("XX") => " Something is broken in Postgres or below it: see its log.",
        _ => "",
    }
}

fn most(pool: &PoolHealth) -> String {
    pool.failure.as_ref().map_or(String::new(), |(code, name, _)| format!(", most of them {code} of {name}"))
}

fn idling(pool: &PoolHealth) -> Option<Problem> {
    let held = pool.idle_share * pool.busy;
    (pool.idle_share >= IDLE_SHARE && held >= 1.0).then(|| Problem {
        severity: Severity::Warning,
        brief: format!("idle transactions hold {held:.0} servers of {}", name(pool)),
        detail: format!(
            "{} of the time that servers are held, a transaction is open and nothing runs in it: the application does \
             something else before it commits. Do that before BEGIN or after COMMIT.",
            percent(pool.idle_share)
        ),
        place: place(pool),
        weight: held * HOUR_MS,
    })
}

fn name(pool: &PoolHealth) -> String {
    format!("{}/{}", pool.database, pool.user)
}

fn place(pool: &PoolHealth) -> Place {
    Place::Pool(pool.database.clone(), pool.user.clone())
}
