//! How long a query, a transaction and a pause within one may last, and what a client reads when it lasted longer. Pure.

use std::time::{Duration, Instant};

use super::course::Times;
use crate::config::PoolSettings;
use crate::protocol::TransactionStatus;
use crate::protocol::encode::Complaint;
use crate::protocol::sqlstate;

/// The limits of one conversation; zero is none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    query: Duration,
    transaction: Duration,
    idle: Duration,
}

/// Which limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    Query,
    Transaction,
    Idle,
}

impl Limits {
    pub(super) fn of(settings: &PoolSettings) -> Limits {
        Limits {
            query: settings.query_timeout,
            transaction: settings.transaction_timeout,
            idle: settings.idle_transaction_timeout,
        }
    }

    pub(super) fn none() -> Limits {
        Limits { query: Duration::ZERO, transaction: Duration::ZERO, idle: Duration::ZERO }
    }

    /// Whether there are any.
    pub(super) fn is_any(&self) -> bool {
        !(self.query.is_zero() && self.transaction.is_zero() && self.idle.is_zero())
    }

    /// When the next one is reached.
    pub(super) fn next(&self, times: &Times, busy: bool, status: TransactionStatus) -> Option<Instant> {
        self.running(times, busy, status).map(|(_, at)| at).min()
    }

    /// The complaint about the one that has been reached.
    pub(super) fn exceeded(&self, times: &Times, busy: bool, status: TransactionStatus) -> Option<Complaint> {
        let (limit, _) = self.running(times, busy, status).find(|(_, at)| *at <= times.now)?;
        Some(self.complaint(limit))
    }

    fn running(&self, times: &Times, busy: bool, status: TransactionStatus) -> impl Iterator<Item = (Limit, Instant)> {
        let open = busy || status != TransactionStatus::Idle;
        [
            (busy, Limit::Query, self.query, times.statement),
            (!busy && open, Limit::Idle, self.idle, times.ready),
            (open, Limit::Transaction, self.transaction, times.transaction),
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
        };
        Complaint::fatal(code, format!("pgweir closed the connection: {what} for too long"))
            .detail(format!("{key} is {value:?}."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_at_its_time() {
        let start = Instant::now();
        let seconds = Duration::from_secs;
        let limits = Limits { query: seconds(1), transaction: seconds(3), idle: seconds(2) };
        let check = |busy, status, after: u64, expected: Option<&str>| {
            let now = start + seconds(after);
            let times = Times { now, statement: start, transaction: start, ready: start };
            let said = limits.exceeded(&times, busy, status).map(|complaint| complaint.code().to_string());
            assert_eq!(said.as_deref(), expected, "{busy} {status:?} {after}");
        };
        check(true, TransactionStatus::Idle, 0, None);
        check(true, TransactionStatus::Idle, 1, Some("57014"));
        check(false, TransactionStatus::Idle, 9, None);
        check(false, TransactionStatus::Open, 1, None);
        check(false, TransactionStatus::Open, 2, Some("25P03"));
        let only = Limits { query: seconds(0), idle: seconds(0), ..limits };
        let times = Times { now: start + seconds(3), statement: start, transaction: start, ready: start };
        assert_eq!(only.exceeded(&times, true, TransactionStatus::Idle).unwrap().code(), "25P04");
        assert_eq!(only.next(&times, false, TransactionStatus::Failed), Some(start + seconds(3)));
        assert!(only.is_any() && !Limits { transaction: seconds(0), ..only }.is_any());
    }
}
