//! Clients that were turned away, counted by reason, for the whole process: a client that is refused often belongs to no
//! pool yet. Cold, so any thread may write.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Why a client was refused, or sent away before it got what it wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// `[pool] max_clients` is reached.
    MaxClients,
    /// The user has as many clients or servers as it may have.
    UserLimit,
    /// The database has as many clients or servers as it may have.
    DatabaseLimit,
    /// It did not prove who it is.
    Login,
    /// It did not speak the protocol, or not one that we can speak.
    Protocol,
    /// It took too long to log in, or waited too long for a server.
    Timeout,
    /// We are on the way out and take nobody new.
    Draining,
    /// No database of that name is configured.
    NoSuchDatabase,
    /// No server could be had: the last connect failed and the retry is not due.
    ServerUnavailable,
    /// TLS is required and the client came without, or its handshake failed.
    Tls,
}

impl Reason {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Reason; 10] = [
        Reason::MaxClients,
        Reason::UserLimit,
        Reason::DatabaseLimit,
        Reason::Login,
        Reason::Protocol,
        Reason::Timeout,
        Reason::Draining,
        Reason::NoSuchDatabase,
        Reason::ServerUnavailable,
        Reason::Tls,
    ];

    /// As it stands in the label `reason` and in log lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::MaxClients => "max_clients",
            Reason::UserLimit => "user_limit",
            Reason::DatabaseLimit => "database_limit",
            Reason::Login => "login",
            Reason::Protocol => "protocol",
            Reason::Timeout => "timeout",
            Reason::Draining => "draining",
            Reason::NoSuchDatabase => "no_such_database",
            Reason::ServerUnavailable => "server_unavailable",
            Reason::Tls => "tls",
        }
    }
}

/// How many clients were rejected, by reason.
#[derive(Debug, Default)]
pub struct Rejections([AtomicU64; Reason::ALL.len()]);

impl Rejections {
    /// Counts one.
    pub fn count(&self, reason: Reason) {
        self.0[reason as usize].fetch_add(1, Relaxed);
    }

    /// Every reason with its number, zeros too: a rate needs the zero before the one.
    pub fn totals(&self) -> Vec<(Reason, u64)> {
        Reason::ALL.into_iter().map(|reason| (reason, self.0[reason as usize].load(Relaxed))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_place_and_its_own_name() {
        let rejections = Rejections::default();
        for (index, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
            (0..=index).for_each(|_| rejections.count(reason));
        }
        let totals = rejections.totals();
        assert!(totals.iter().enumerate().all(|(index, (_, n))| *n == index as u64 + 1));
        let names: std::collections::BTreeSet<_> = totals.iter().map(|(reason, _)| reason.as_str()).collect();
        assert_eq!(names.len(), Reason::ALL.len());
    }
}
