//! Why somebody is not let in: what the log says, what the client reads, what is counted. Pure.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::refusal::standing;
use crate::net::talk::TalkError;
use crate::observe::rejections::Reason;
use crate::pool::own::NoOwn;
use crate::pool::{LimitOf, Pool};
use crate::protocol::encode::Complaint;
use crate::protocol::sqlstate;

/// Why nobody came in.
pub(super) enum Turned {
    /// It is told why.
    Away(Reason, Complaint, String),
    /// It has gone, or is not worth a word.
    Gone(Reason, String),
    /// It came to cancel.
    Cancelled,
    /// It came to see whether the door is open, and has gone without a word.
    Nobody,
}

impl From<TalkError> for Turned {
    fn from(error: TalkError) -> Turned {
        match error {
            TalkError::Startup(bad) => {
                Turned::Away(Reason::Protocol, Complaint::fatal(bad.sqlstate(), bad.to_string()), bad.to_string())
            }
            other => Turned::Gone(Reason::Protocol, other.to_string()),
        }
    }
}

/// What a login waits for.
#[derive(Debug)]
pub(super) enum Awaited {
    /// That the client has said whole what it wants.
    Greeting,
    /// Its turn to log in.
    Turn,
    /// That the client proves who it is.
    Proof,
    /// A server of this pool.
    Server(Arc<Pool>),
    /// That the client reads what it is told. Nothing can be said behind half a message.
    Reading,
}

/// The login has taken longer than this limit.
pub(super) fn late(awaited: &Awaited, limit: Duration, now: Instant) -> Turned {
    let why = "the login took longer than client_login_timeout";
    let (code, what, hint) = match awaited {
        Awaited::Greeting | Awaited::Reading => return Turned::Gone(Reason::Timeout, why.to_string()),
        Awaited::Turn => (
            sqlstate::TOO_MANY_CONNECTIONS,
            "it was still waiting for its turn among max_logins",
            "Have fewer clients connect at once, or raise max_logins or client_login_timeout.",
        ),
        Awaited::Proof => (
            sqlstate::IDLE_SESSION_TIMEOUT,
            "the client had not yet proven who it is",
            "Send the password sooner, or raise client_login_timeout.",
        ),
        Awaited::Server(_) => (
            sqlstate::CONNECTION_FAILURE,
            "it was still waiting for a server",
            "See whether Postgres answers and what its servers do, or raise client_login_timeout.",
        ),
    };
    let pools = match awaited {
        Awaited::Server(pool) => format!(" {}", standing(pool, &pool.gauges(now))),
        _ => String::new(),
    };
    let complaint = Complaint::fatal(code, format!("pgweir closed the connection: {why}"))
        .detail(format!("client_login_timeout is {limit:?}, and {what}.{pools}"))
        .hint(hint);
    Turned::Away(Reason::Timeout, complaint, format!("{why}: {what}"))
}

pub(super) fn silent() -> Turned {
    Turned::Gone(Reason::Timeout, "it was silent, and there was no room for that".to_string())
}

/// Its secret is another than the one that its proof was held against.
pub(super) fn overtaken() -> Turned {
    let complaint =
        Complaint::fatal(sqlstate::CANNOT_CONNECT_NOW, "pgweir was given another password during this login")
            .hint("Connect again.");
    Turned::Away(Reason::Login, complaint, "its password was changed meanwhile".to_string())
}

pub(super) fn draining() -> Turned {
    let complaint = Complaint::fatal(sqlstate::CANNOT_CONNECT_NOW, "pgweir is shutting down")
        .hint("Connect again; another pgweir may be taking over.");
    Turned::Away(Reason::Draining, complaint, "draining".to_string())
}

/// `limit` is `max_clients`, or less where there are not files enough.
pub(super) fn no_room(limit: usize, max_clients: usize) -> Turned {
    let (what, raise) = match limit < max_clients {
        true => ("the room within the limit of open files", "the limit of open files (ulimit -n, LimitNOFILE)"),
        false => ("max_clients", "max_clients"),
    };
    let complaint = Complaint::fatal(sqlstate::TOO_MANY_CONNECTIONS, "pgweir has no room for more clients")
        .detail(format!("{what} is {limit}, and all are connected."))
        .hint(format!("Raise {raise}, or have the app keep fewer connections."));
    Turned::Away(Reason::MaxClients, complaint, format!("{what} is {limit}"))
}

pub(super) fn no_database(name: &str) -> Turned {
    let complaint = Complaint::fatal(sqlstate::INVALID_CATALOG_NAME, format!("database \"{name}\" does not exist"))
        .detail("pgweir has no such database in its configuration.")
        .hint(match name {
            "pgweir" | "pgbouncer" => {
                "pgweir has no admin console: what PgBouncer's SHOW tells is on its dashboard, at /api and at /metrics."
            }
            _ => "Add [databases.…] for it, or connect to one that is there.",
        });
    Turned::Away(Reason::NoSuchDatabase, complaint, format!("no database {name:?}"))
}

pub(super) fn no_tls() -> Turned {
    let complaint = Complaint::fatal(sqlstate::INVALID_AUTHORIZATION, "pgweir requires TLS here")
        .hint("Connect with sslmode=require.");
    Turned::Away(Reason::Tls, complaint, "TLS is required".to_string())
}

/// Since a reload during its login, after a handshake in which none was asked for.
pub(super) fn no_certificate() -> Turned {
    let complaint =
        Complaint::fatal(sqlstate::CANNOT_CONNECT_NOW, "pgweir was told to require certificates during this login")
            .hint("Connect again, with a client certificate (sslcert, sslkey).");
    Turned::Away(Reason::Tls, complaint, "a certificate is required since a reload during the login".to_string())
}

pub(super) fn unexpected(tag: u8) -> Turned {
    let why = format!("expected password response, got message type {tag}");
    Turned::Away(Reason::Protocol, Complaint::fatal(sqlstate::PROTOCOL_VIOLATION, why.clone()), why)
}

/// There is no server for a client that replicates.
pub(super) fn no_own(pool: &Pool, why: NoOwn) -> Turned {
    match why {
        NoOwn::Failed(complaint, cause) => Turned::Away(Reason::ServerUnavailable, *complaint, cause),
        NoOwn::Full { whose, limit } => {
            let (reason, key) = (over(whose), whose.servers_key());
            let whose = name(pool, whose);
            let complaint = Complaint::fatal(
                sqlstate::TOO_MANY_CONNECTIONS,
                format!("pgweir may open no further server for replication of {whose}"),
            )
            .detail(format!("{key} is {limit}, and all are in use."))
            .hint(format!("Raise {key}: each client that replicates has a server of its own."));
            Turned::Away(reason, complaint, format!("{key} {limit}"))
        }
    }
}

fn over(whose: LimitOf) -> Reason {
    match whose {
        LimitOf::Database => Reason::DatabaseLimit,
        LimitOf::User => Reason::UserLimit,
    }
}

fn name(pool: &Pool, whose: LimitOf) -> String {
    match whose {
        LimitOf::Database => format!("database \"{}\"", pool.database),
        LimitOf::User => format!("user \"{}\"", pool.user),
    }
}

/// Its database, or its user, has as many clients as it may.
pub(super) fn over_quota(pool: &Pool, (whose, limit): (LimitOf, usize)) -> Turned {
    let (reason, key) = (over(whose), whose.clients_key());
    let whose = name(pool, whose);
    let complaint =
        Complaint::fatal(sqlstate::TOO_MANY_CONNECTIONS, format!("pgweir has no room for more clients of {whose}"))
            .detail(format!("{key} is {limit}, and all are connected."))
            .hint(format!("Raise {key}, or have the app keep fewer connections."));
    Turned::Away(reason, complaint, format!("{key} {limit}"))
}
