//! What is not over, and so stands in no number yet: transactions that are held open, statements that run and run. Pure.

use super::{Place, Problem, Severity, span};

/// Clients of one application and pool that have been at the same for long.
#[derive(Debug, Clone, PartialEq)]
pub struct Ongoing {
    /// The name that they asked for.
    pub database: String,
    /// The user that they logged in as.
    pub user: String,
    /// What they say they are; may be empty.
    pub application: String,
    /// How many they are.
    pub clients: usize,
    /// How long the first of them has been at it, in seconds.
    pub seconds: f64,
    /// At what.
    pub what: Doing,
}

/// What a client with a server does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doing {
    /// Nothing, in an open transaction.
    Nothing,
    /// It runs this: its digest, and what people would call it.
    Statement(String, String),
}

/// A transaction in which nothing runs for longer, in seconds, has been forgotten.
const FORGOTTEN_S: f64 = 5.0;

/// A statement that runs for longer, in seconds, is told of before it ends.
const LONG_S: f64 = 10.0;

/// One problem for each of those who are at the same for too long.
pub(super) fn of_ongoing(all: &[Ongoing]) -> Vec<Problem> {
    let too_long = |one: &&Ongoing| {
        one.seconds
            >= match one.what {
                Doing::Nothing => FORGOTTEN_S,
                Doing::Statement(..) => LONG_S,
            }
    };
    all.iter().filter(too_long).map(|one| problem(one, all)).collect()
}

fn problem(one: &Ongoing, all: &[Ongoing]) -> Problem {
    let (who, long) = (who(one), span(one.seconds));
    let behind = behind(one, all);
    let (brief, detail, place) = match &one.what {
        Doing::Nothing => (
            format!("{who} runs nothing in a transaction for {long}"),
            format!(
                "{} {}/{} in an open transaction, with its locks, and no statement runs. {behind}\
                 idle_transaction_timeout would end it.",
                holds(one.clients),
                one.database,
                one.user
            ),
            Place::Clients,
        ),
        Doing::Statement(digest, name) => (
            format!("{name} has been running for {long}"),
            format!(
                "{} of {who} {} it. It may be slow, wait for a lock (pg_stat_activity says so, in wait_event_type), or be read slowly.",
                clients(one.clients),
                if one.clients == 1 { "runs" } else { "run" }
            ),
            Place::Statement(digest.clone(), one.database.clone(), one.user.clone()),
        ),
    };
    let severity = if behind.is_empty() { Severity::Warning } else { Severity::Bad };
    Problem { severity, brief, detail, place, weight: one.seconds * one.clients as f64 * 1e3 }
}

/// Who may wait for what is held.
fn behind(one: &Ongoing, all: &[Ongoing]) -> String {
    let waits = |other: &&Ongoing| {
        let since = other.seconds >= FORGOTTEN_S && other.seconds <= one.seconds + 1.0;
        one.what == Doing::Nothing && other.database == one.database && other.what != Doing::Nothing && since
    };
    let longest = all.iter().filter(waits).max_by(|a, b| {
        (a.clients, a.seconds).partial_cmp(&(b.clients, b.seconds)).unwrap_or(std::cmp::Ordering::Equal)
    });
    match longest.map(|other| (other, &other.what)) {
        Some((other, Doing::Statement(_, name))) => {
            format!(
                "Meanwhile {} in {name} for {}: probably for one of its locks. ",
                are(other.clients),
                span(other.seconds)
            )
        }
        _ => String::new(),
    }
}

fn who(one: &Ongoing) -> &str {
    if one.application.is_empty() { "an unnamed application" } else { &one.application }
}

fn clients(n: usize) -> String {
    if n == 1 { "1 client".to_owned() } else { format!("{n} clients") }
}

fn holds(n: usize) -> String {
    if n == 1 { "1 client holds a server of".to_owned() } else { format!("{n} clients hold a server each of") }
}

fn are(n: usize) -> String {
    if n == 1 { "1 client has been".to_owned() } else { format!("{n} clients have been") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(all: &[Ongoing]) -> Vec<String> {
        of_ongoing(all).into_iter().map(|problem| format!("{}. {}", problem.brief, problem.detail)).collect()
    }

    #[test]
    fn what_lasts() {
        let held = Ongoing {
            database: "app".into(),
            user: "web".into(),
            application: "checkout".into(),
            clients: 1,
            seconds: 26.0,
            what: Doing::Nothing,
        };
        let what = Doing::Statement("00ab".into(), "UPDATE accounts by id".into());
        let blocked = Ongoing { application: String::new(), clients: 5, seconds: 25.0, what, ..held.clone() };
        let alone = "checkout runs nothing in a transaction for 26 s. 1 client holds a server of app/web in an open \
             transaction, with its locks, and no statement runs. idle_transaction_timeout would end it.";
        assert_eq!(told(std::slice::from_ref(&held)), [alone]);
        let both = told(&[held.clone(), blocked.clone()]);
        assert!(both[0].contains("5 clients have been in UPDATE accounts by id for 25 s: probably"), "{both:?}");
        assert!(
            both[1].starts_with("UPDATE accounts by id has been running for 25 s. 5 clients of an unnamed"),
            "{both:?}"
        );
        // What began before it waits for something else; and what has just begun is nothing yet.
        let earlier = Ongoing { seconds: 60.0, ..blocked.clone() };
        assert_eq!(told(&[held.clone(), earlier])[0], alone);
        assert!(told(&[Ongoing { seconds: 4.0, ..held }, Ongoing { seconds: 9.0, ..blocked }]).is_empty());
    }
}
