//! How a client's stay ends. Plain data.

use crate::pool::ending::Ending;
use crate::protocol::encode::Complaint;
use crate::protocol::sqlstate;

/// How a stay ends.
#[derive(Debug)]
pub(super) enum Farewell {
    /// It said Terminate.
    Terminated,
    /// Its connection broke or was closed.
    Gone,
    /// It is told why.
    Told(Box<Complaint>),
    /// It would be told why, but is in the middle of a message that will not be completed.
    Cut(Box<Complaint>),
    /// The server was lost, for this reason as far as that is known; the client has heard it.
    ServerLost(Option<Box<Ending>>),
}

impl Farewell {
    /// The client is told why.
    #[cold]
    pub(super) fn told(complaint: Complaint) -> Farewell {
        Farewell::Told(Box::new(complaint))
    }

    /// It has sent a message that no Postgres client sends.
    #[cold]
    pub(super) fn violation(why: &str) -> Farewell {
        Farewell::told(Complaint::fatal(sqlstate::PROTOCOL_VIOLATION, why))
    }

    /// For the log: a SQLSTATE, or words.
    pub(super) fn reason(&self) -> &str {
        match self {
            Farewell::Terminated => "terminated",
            Farewell::Gone => "connection lost",
            Farewell::Told(complaint) | Farewell::Cut(complaint) => complaint.code(),
            Farewell::ServerLost(_) => "server lost",
        }
    }
    /// Why the server was lost, if that was it.
    pub(super) fn ending(&self) -> Option<&Ending> {
        match self {
            Farewell::ServerLost(ending) => ending.as_deref(),
            _ => None,
        }
    }
}
