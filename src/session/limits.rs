//! How long a query, a transaction and a pause within one may last, and what a client reads when it lasted longer. Pure.

use std::time::{Duration, Instant};

use super::course::Times;
use crate::config::PoolSettings;
use crate::protocol::encode::Complaint;
use crate::protocol::sqlstate;

/// The limits of one conversation; zero is none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    query: Duration,
    transaction: Duration,
    idle: Duration,
    rest: Duration,
    pinned: Duration,
}

/// How a client and its server stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    /// The client waits for the server.
    pub(super) busy: bool,
    /// A transaction is open, as far as has been heard: a block, or what was bound and waits for its Sync.
    pub(super) begun: bool,
    /// The client is tied to this server.
    pub(super) pinned: bool,
}

/// Which limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    Query,
    Transaction,
    Idle,
    /// Idle, with a server.
    Rest,
    /// Likewise, because something ties it to that server.
    Pinned,
}

impl Limits {
    pub(super) fn of(settings: &PoolSettings) -> Limits {
        Limits {
            query: settings.query_timeout,
            transaction: settings.transaction_timeout,
            idle: settings.idle_transaction_timeout,
            rest: settings.client_idle_timeout,
            pinned: settings.pinned_idle_timeout,
        }
    }

    pub(super) fn none() -> Limits {
        let none = Duration::ZERO;
        Limits { query: none, transaction: none, idle: none, rest: none, pinned: none }
    }

    /// Whether there are any.
    pub(super) fn is_any(&self) -> bool {
        [self.query, self.transaction, self.idle, self.rest, self.pinned].iter().any(|limit| !limit.is_zero())
    }

    /// When the next one is reached.
    pub(super) fn next(&self, times: &Times, standing: Standing) -> Option<Instant> {
        self.running(times, standing).map(|(_, at)| at).min()
    }

    /// The complaint about the one that has been reached.
    pub(super) fn exceeded(&self, times: &Times, standing: Standing) -> Option<Complaint> {
        let (limit, _) = self.running(times, standing).find(|(_, at)| *at <= times.now)?;
        Some(self.complaint(limit))
    }

    fn running(&self, times: &Times, standing: Standing) -> impl Iterator<Item = (Limit, Instant)> {
        let Standing { busy, begun, pinned } = standing;
        let open = busy || begun;
        [
            (busy, Limit::Query, self.query, times.statement),
            (!busy && open, Limit::Idle, self.idle, times.ready),
            (open, Limit::Transaction, self.transaction, times.transaction),
            (!open, Limit::Rest, self.rest, times.ready),
            (!open && pinned, Limit::Pinned, self.pinned, times.ready),
        ]
        .into_iter()
        .filter(|(applies, _, longest, _)| *applies && !longest.is_zero())
        .map(|(_, limit, longest, since)| (limit, since + longest))
    }

    fn complaint(&self, limit: Limit) -> Complaint {
        let (code, what, key, value) = match limit {
            Limit::Query => (sqlstate::QUERY_CANCELED, "a query ran", "query_timeout", self.query),
            Limit::Transaction => {
                (sqlstate::TRANSACTION_TIMEOUT, "a transaction lasted", "transaction_timeout", self.transaction)
            }
            Limit::Idle => (
                sqlstate::IDLE_IN_TRANSACTION_TIMEOUT,
                "the client was idle in a transaction",
                "idle_transaction_timeout",
                self.idle,
            ),
            Limit::Rest => (sqlstate::IDLE_SESSION_TIMEOUT, "the client was idle", "client_idle_timeout", self.rest),
            Limit::Pinned => (
                sqlstate::IDLE_SESSION_TIMEOUT,
                "the client was idle on a server of its own",
                "pinned_idle_timeout",
                self.pinned,
            ),
        };
        Complaint::fatal(code, format!("pgweir closed the connection: {what} for too long"))
            .detail(format!("{key} is {value:?}."))
            .hint(match limit {
                Limit::Query | Limit::Transaction => format!("Make it faster or do less at once, or raise {key}."),
                Limit::Idle => format!("End transactions as soon as their work is done, or raise {key}."),
                Limit::Rest => format!("Connect again, or raise {key}."),
                Limit::Pinned => {
                    format!("Give locks and temporary objects back when they are done with, or raise {key}.")
                }
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_at_its_time() {
        let start = Instant::now();
        let seconds = Duration::from_secs;
        let limits = Limits { query: seconds(1), transaction: seconds(3), idle: seconds(2), ..Limits::none() };
        let check = |busy, begun, after: u64, expected: Option<&str>| {
            let now = start + seconds(after);
            let times = Times { now, nanos: 0, statement: start, transaction: start, ready: start };
            let said = limits
                .exceeded(&times, Standing { busy, begun, pinned: false })
                .map(|complaint| complaint.code().to_string());
            assert_eq!(said.as_deref(), expected, "{busy} {begun} {after}");
        };
        check(true, false, 0, None);
        check(true, false, 1, Some("57014"));
        check(false, false, 9, None);
        check(false, true, 1, None);
        check(false, true, 2, Some("25P03"));
        let only = Limits { query: seconds(0), idle: seconds(0), ..limits };
        let times = Times { now: start + seconds(3), nanos: 0, statement: start, transaction: start, ready: start };
        let running = Standing { busy: true, begun: false, pinned: false };
        assert_eq!(only.exceeded(&times, running).unwrap().code(), "25P04");
        let failed = Standing { busy: false, begun: true, pinned: false };
        assert_eq!(only.next(&times, failed), Some(start + seconds(3)));
        let tied = Standing { busy: false, begun: false, pinned: true };
        let pinned = Limits { pinned: seconds(3), ..Limits::none() };
        assert_eq!(pinned.exceeded(&times, tied).unwrap().code(), "57P05");
        assert!(pinned.exceeded(&times, Standing { pinned: false, ..tied }).is_none());
        let rest = Limits { rest: seconds(3), ..Limits::none() };
        assert_eq!(rest.exceeded(&times, Standing { pinned: false, ..tied }).unwrap().code(), "57P05");
        assert!(only.is_any() && !Limits { transaction: seconds(0), ..only }.is_any());
    }
}
