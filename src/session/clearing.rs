//! A server that another client has left its settings on, where that is not put right by what goes in front of the request, in the
//! same write: settings that Postgres may refuse to take back are no fault of the client's, which gets another server then; and a
//! request that begins by ending a transaction would end the one whose failure was to keep it from running.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::detour::Borrowed;
use super::errors::refusal;
use super::farewell::Farewell;
use super::statements::Statements;
use super::stay::Session;
use crate::net::Lane;
use crate::observe::snapshot::ClientState;
use crate::pool::Lease;
use crate::pool::parameters::Parameters;
use crate::pool::server::{ErrandError, Server};
use crate::protocol::frontend::{self, Bind, Parse};
use crate::protocol::{backend, frame::cut_str};
use crate::sql::ends_a_transaction;

/// A server that has not done it within this is closed.
const PATIENCE: Duration = Duration::from_secs(5);

/// What has to be done before the request is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clearing {
    /// Settings of others are taken back.
    Leftovers,
    /// Those, and the client's own are set.
    All,
}

impl Session {
    /// What has to be done before this request is sent to this server, usually nothing.
    #[inline]
    pub(super) fn clearing(&self, lease: &mut Lease, up: &Lane) -> Option<Clearing> {
        let known = &lease.server().memory.parameters;
        if Arc::ptr_eq(known, &self.parameters) { None } else { self.look_what_is_left(known, up) }
    }

    #[cold]
    fn look_what_is_left(&self, known: &Parameters, up: &Lane) -> Option<Clearing> {
        match () {
            // What works in a failed transaction, too, and something behind it.
            () if first_text(up, self.statements.as_deref()).is_none_or(ends_a_transaction) => Some(Clearing::All),
            () if known.leftovers(&self.parameters).is_some() => Some(Clearing::Leftovers),
            () => None,
        }
    }

    /// Does it; another server is asked for, should this one refuse.
    pub(super) async fn clear(
        &mut self,
        what: Clearing,
        up: Box<Lane>,
        mut lease: Lease,
        asked_at: Instant,
    ) -> Result<Borrowed, Farewell> {
        // A cancel that comes meanwhile is for what has not been sent yet.
        self.client.set_state(ClientState::Waiting);
        let cleared = {
            let clear = pin!(clear(lease.server(), &self.parameters, what));
            self.worker.alarms.within(PATIENCE, clear).await
        };
        self.client.set_state(ClientState::Active);
        match cleared {
            Some(Ok(())) => return Ok(Ok((up, lease))),
            Some(Err(Refused::Own(body))) => {
                lease.close("it refused a session's parameters");
                return Err(Farewell::told(refusal(&backend::error_line(&body))));
            }
            Some(Err(Refused::Leftovers)) => lease.close("what a client had set on it cannot be undone"),
            Some(Err(Refused::Lost)) | None => lease.close("lost while settings of another client were undone"),
        }
        self.borrow(up, asked_at).await
    }
}

/// The text that a request begins with, of a client that has prepared these; empty for one that is not known, `None` for a message
/// of another kind, or one of which not enough has arrived.
fn first_text<'a>(up: &'a Lane, own: Option<&'a Statements>) -> Option<&'a [u8]> {
    let frame = up.frame().ok()??;
    match frame.tag {
        frontend::QUERY => Some(cut_str(frame.body).map_or(frame.body, |(text, _)| text)),
        frontend::PARSE => frame.whole().and_then(Parse::read).map(|parse| parse.query()),
        frontend::BIND => {
            let bind = frame.whole().and_then(Bind::read)?;
            Some(own.and_then(|own| own.text_of(bind.statement)).unwrap_or_default())
        }
        _ => None,
    }
}

/// Why it was not done.
enum Refused {
    /// Settings of another client stay.
    Leftovers,
    /// The client's own were refused: the ErrorResponse's body.
    Own(Vec<u8>),
    /// The server has gone.
    Lost,
}

async fn clear(server: &mut Server, wanted: &Parameters, what: Clearing) -> Result<(), Refused> {
    if let Some((sql, rest)) = server.memory.parameters.leftovers(wanted) {
        // Before the server reports what it starts with.
        server.memory.parameters = Arc::new(rest);
        server.run(&sql).await.map_err(|error| match error {
            ErrandError::Refused(_) => Refused::Leftovers,
            ErrandError::Lost => Refused::Lost,
        })?;
    }
    if what == Clearing::Leftovers {
        return Ok(());
    }
    let difference = server.memory.parameters.difference(wanted);
    // Not the same: what else comes with a change of parameters is still to be done.
    server.memory.parameters = Arc::new(wanted.clone());
    for sql in difference {
        server.run(&sql).await.map_err(|error| match error {
            ErrandError::Refused(body) => Refused::Own(body),
            ErrandError::Lost => Refused::Lost,
        })?;
    }
    Ok(())
}
