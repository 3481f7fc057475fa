//! LISTEN and UNLISTEN of a client that holds no server: its pool listens for it, on one connection for all. Elsewhere (in a
//! transaction, among other statements) LISTEN runs on the client's own server, and ties it there; what the pool hears, too,
//! is told once.

use std::pin::pin;
use std::sync::{Arc, PoisonError};

use super::farewell::Farewell;
use super::owed::Owed;
use super::statements::Statements;
use super::stay::{Session, dialect_of};
use crate::config::PoolMode;
use crate::net::Lane;
use crate::pool::mail::Mailbox;
use crate::pool::{Client, Pool};
use crate::protocol::encode::Complaint;
use crate::protocol::frame::cut_str;
use crate::protocol::frontend::Parse;
use crate::protocol::{Frame, backend, sqlstate};
use crate::sql::Listen;

mod wanted;

pub(super) use wanted::Wanted;

/// What a client hears through its pool. Dropped, it hears nothing.
#[derive(Debug)]
pub(super) struct Hearing {
    pool: Arc<Pool>,
    client: Arc<Client>,
    channels: Vec<String>,
}

impl Hearing {
    /// Those of the letters that the client still wants: of a channel that it has left some may be on their way.
    fn wanted(&self, letters: &[u8]) -> Vec<u8> {
        let (mut wanted, mut rest) = (Vec::new(), letters);
        while let Ok(Some(frame)) = Frame::read(rest) {
            if frame.tag != backend::NOTIFICATION || self.hears(frame.body) {
                wanted.extend_from_slice(&rest[..frame.size]);
            }
            rest = &rest[frame.size..];
        }
        wanted
    }

    /// Whether a notification is of one of the channels.
    fn hears(&self, notification: &[u8]) -> bool {
        let channel = notification.get(4..).and_then(cut_str).map(|(channel, _)| channel);
        channel.is_some_and(|channel| self.channels.iter().any(|own| own.as_bytes() == channel))
    }
}

impl Drop for Hearing {
    fn drop(&mut self) {
        self.pool.hub.unlisten(self.client.id, None);
    }
}

impl Session {
    /// What the request that has come wants of the pool's ear, if that is all it wants.
    #[inline]
    pub(super) fn wants_to_listen(&self, up: &Lane) -> Option<Wanted> {
        let wanted = wanted::wanted(up.unjudged(), self.statements.as_deref())?;
        let off = !wanted.what.iter().any(|one| matches!(one, Listen::On(_)));
        // Letters are in UTF-8. What is not heard through the pool cannot be heard no more.
        let served = self.parameters.reported("client_encoding") == Some("UTF8") && (!off || self.hearing.is_some());
        (served && self.mode != PoolMode::Session).then_some(wanted)
    }

    /// Does it.
    pub(super) async fn listen(&mut self, mut up: Box<Lane>, wanted: Wanted) -> Result<(), Farewell> {
        let answer = wanted.answer();
        if let Err(complaint) = self.hear(&wanted.what).await {
            return match complaint.sqlstate == sqlstate::CONNECTION_FAILURE && self.is_fresh() {
                true => Err(Farewell::told(complaint.ending())),
                false => self.refuse(up, complaint).await,
            };
        }
        self.note_statement(&up, &wanted);
        up.swallow(wanted.size);
        self.keep_or_shelve(up);
        self.client.queries.add(wanted.what.len() as u64);
        self.say(&mut { answer }).await
    }

    /// All of it, or nothing: one text is one transaction.
    async fn hear(&mut self, what: &[Listen]) -> Result<(), Complaint> {
        let mut on = Listen::after(what, self.channels());
        on.retain(|channel| what.iter().any(|one| matches!(one, Listen::On(name) if name == channel)));
        if !on.is_empty() {
            self.hear_on(&on).await?;
        }
        self.hear_no_more(what);
        Ok(())
    }

    /// The client counts as a listener before it is one: when it goes, or waits in vain, the pool is told that it is none.
    async fn hear_on(&mut self, channels: &[String]) -> Result<(), Complaint> {
        let patience = self.plan.settings.query_wait_timeout;
        let (pool, client) = (self.pool.clone(), self.client.clone());
        let hearing = self.hearing.get_or_insert_with(|| Box::new(Hearing { pool, client, channels: Vec::new() }));
        let is_new = |channel: &&String| !hearing.channels.contains(channel);
        let new: Vec<String> = channels.iter().filter(is_new).cloned().collect();
        hearing.channels.extend_from_slice(&new);
        let heard = self.pool.hub.listen(&self.pool, &self.client, channels);
        let heard = self.worker.alarms.within(patience, pin!(heard)).await.unwrap_or_else(|| Err(late(patience)));
        if heard.is_err() {
            new.into_iter().for_each(|channel| self.hear_no_more(&[Listen::Off(channel)]));
        }
        heard
    }

    /// What it hears no more after these, be it said here or on the client's own server.
    pub(super) fn hear_no_more(&mut self, what: &[Listen]) {
        let after = Listen::after(what, self.channels());
        let Some(hearing) = &mut self.hearing else { return };
        hearing.channels.retain(|channel| {
            let stays = after.contains(channel);
            if !stays {
                self.pool.hub.unlisten(self.client.id, Some(channel.clone()));
            }
            stays
        });
        if hearing.channels.is_empty() {
            self.hearing = None;
        }
    }

    fn channels(&self) -> &[String] {
        self.hearing.as_ref().map_or(&[], |hearing| &hearing.channels)
    }

    /// Whether what its own server notifies the client of comes from its pool as well. It is told by the pool, which has listened
    /// for longer and goes on when the server no longer does; by both where the pool may have missed it.
    pub(super) fn hears_of(&self, notification: &[u8]) -> bool {
        self.hearing.as_ref().is_some_and(|hearing| hearing.hears(notification)) && !self.pool.hub.is_cut_off()
    }

    /// What others have for the client, and it wants.
    pub(super) fn letters(&self) -> Result<Vec<u8>, Farewell> {
        let letters = self.client.mail().map_or(Ok(Vec::new()), Mailbox::take);
        let letters = letters.map_err(|_| Farewell::told(overflow()))?;
        Ok(self.hearing.as_ref().map_or(Vec::new(), |hearing| hearing.wanted(&letters)))
    }

    /// A Query ends the unnamed statement, a Parse of it is another; a named one is known to the pool.
    fn note_statement(&mut self, up: &Lane, wanted: &Wanted) {
        let parse = match wanted.owed.first() {
            Some(Owed::Parse(_)) => up.frame().ok().flatten().and_then(|frame| Parse::read(frame.body)),
            Some(Owed::Bind(_)) => return,
            _ => None,
        };
        let Some(Parse { name, definition }) = parse else {
            return self.statements.iter_mut().for_each(|statements| statements.drop_unnamed());
        };
        let id = self.client.id;
        let statements = self.statements.get_or_insert_with(|| Box::new(Statements::new(id)));
        if name.is_empty() {
            statements.keep_unnamed(definition);
        } else {
            let dialect = dialect_of(&mut self.dialect, &self.pool, &self.parameters);
            let mut catalog = self.pool.catalog.lock().unwrap_or_else(PoisonError::into_inner);
            statements.adopt(name.into(), catalog.intern(dialect, definition));
        }
    }

    /// Sends what others have for the client.
    pub(super) async fn deliver(&mut self) -> Result<(), Farewell> {
        let mut letters = self.letters()?;
        self.say(&mut letters).await
    }
}

fn late(patience: std::time::Duration) -> Complaint {
    Complaint::error(
        sqlstate::TOO_MANY_CONNECTIONS,
        format!("pgweir had no server to listen with within query_wait_timeout ({patience:?})"),
    )
}

fn overflow() -> Complaint {
    Complaint::fatal(
        sqlstate::CONFIGURATION_LIMIT_EXCEEDED,
        "pgweir closed the connection: its client did not take its notifications, and there is room for no more",
    )
    .hint("Read from connections that listen, or say UNLISTEN.")
}

#[cfg(test)]
mod tests;
