//! What is wrong with all of it: no server is lent, clients are turned away. Pure.

use super::{Place, Problem, Severity, Vitals, waits};
use crate::observe::rejections::Reason;
use crate::observe::snapshot::Readiness;

/// Fewer clients that are turned away in a minute are daily business.
const TURNED_AWAY_MIN: u64 = 5;

/// Paused, say, or without a Postgres.
pub(super) fn standstill(vitals: &Vitals) -> Option<Problem> {
    let (brief, next) = match &vitals.ready {
        // At the start nobody has asked yet, and nothing is wrong.
        Readiness::Ready | Readiness::Starting | Readiness::Untried(_) => return None,
        Readiness::Paused => ("pgweir is paused", "Send it USR2 to go on."),
        Readiness::Draining => {
            ("pgweir is draining", "It has been told to stop: nobody new is let in, and transactions may finish.")
        }
        Readiness::CutOff(why) => ("no server can be had for a database", why.as_str()),
    };
    let waiting: usize = vitals.pools.iter().map(|pool| pool.waiting).sum();
    Some(Problem {
        severity: Severity::Bad,
        brief: brief.to_owned(),
        detail: format!("{next} {}.", waits(waiting)),
        place: Place::Pools,
        weight: f64::INFINITY,
    })
}

/// By the reason that most of them heard.
pub(super) fn turned_away(vitals: &Vitals) -> Option<Problem> {
    let told = vitals.turned_away.iter().filter(|(reason, n)| *n > 0 && *reason != Reason::Draining);
    let (reason, _) = told.clone().max_by_key(|(_, n)| *n)?;
    let all: u64 = told.clone().map(|(_, n)| n).sum();
    let reasons: Vec<String> = told.map(|(reason, n)| format!("{} ({n})", reason.as_str())).collect();
    let advice = match reason {
        Reason::MaxClients => "max_clients is reached: raise it, or see which application opens so many.",
        Reason::UserLimit | Reason::DatabaseLimit => "A limit of connections of their user or database is reached.",
        Reason::Login => "Their password was wrong, or there is no such user here.",
        Reason::NoSuchDatabase => "They ask for a database that is not configured.",
        Reason::ServerUnavailable => "There was no server for them: see the pools.",
        Reason::Timeout => "They waited too long for a server, or were too slow to log in: see the pools.",
        Reason::Tls | Reason::Protocol | Reason::Draining => "The log says why, for each.",
    };
    (all >= TURNED_AWAY_MIN).then(|| Problem {
        severity: if *reason == Reason::Login { Severity::Warning } else { Severity::Bad },
        brief: format!("{all} clients or statements turned away in the last minute"),
        detail: format!("{}. {advice}", reasons.join(", ")),
        place: Place::Clients,
        weight: all as f64 * 1e3,
    })
}
