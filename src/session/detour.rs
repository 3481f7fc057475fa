//! What a client is served with that needs no server of its own, or gets none.

use std::pin::Pin;
use std::time::Instant;

use super::clearing::Clearing;
use super::farewell::Farewell;
use super::known;
use super::listen::Wanted;
use super::relay::Relay;
use super::stay::{Session, dialect_of};
use crate::config::PoolMode;
use crate::net::Lane;
use crate::pool::Lease;
use crate::protocol::encode::Complaint;

/// What is done in place of a conversation with a server.
#[derive(Debug)]
pub(super) enum Detour {
    /// What others have for it.
    Mail,
    /// What is known without asking a server.
    Known(Vec<u8>),
    /// What it wants to hear from now on, and its request.
    Listen(Wanted, Box<Lane>),
    /// What has to be done with its server first, its request, and since when that has waited.
    Clear(Clearing, Box<Lane>, Lease, Instant),
    /// Why it gets none, its request, and since when that has waited.
    Refusal(Complaint, Box<Lane>, Instant),
}

/// A request and a server for it, or what is done instead.
pub(super) type Borrowed = Result<(Box<Lane>, Lease), Box<Detour>>;

impl Session {
    /// A request that only a server can serve.
    pub(super) fn needs_server(&mut self, mut up: Box<Lane>) -> Result<Box<Lane>, Box<Detour>> {
        if let Some(answer) = self.know(&mut up) {
            self.keep_or_shelve(up);
            return Err(Box::new(Detour::Known(answer)));
        }
        match self.wants_to_listen(&up) {
            Some(wanted) => Err(Box::new(Detour::Listen(wanted, up))),
            None => Ok(up),
        }
    }

    /// Boxed, for it is rare and needs more room than all the rest.
    #[cold]
    pub(super) fn take(
        &mut self,
        detour: Box<Detour>,
    ) -> Pin<Box<dyn Future<Output = Result<(), Farewell>> + Send + '_>> {
        Box::pin(async move {
            match *detour {
                Detour::Mail => self.deliver().await,
                Detour::Known(mut answer) => self.say(&mut answer).await,
                Detour::Listen(wanted, up) => self.listen(up, wanted).await,
                Detour::Clear(what, up, lease, asked_at) => match self.clear(what, up, lease, asked_at).await? {
                    Ok((up, lease)) => Relay::new(self, up, lease, asked_at).converse().await,
                    Err(detour) => self.take(detour).await,
                },
                Detour::Refusal(complaint, up, asked_at) => {
                    self.tell_refused(&up, asked_at, complaint.sqlstate);
                    self.refuse(up, complaint).await
                }
            }
        })
    }

    /// The answer to a request that needs no server.
    fn know(&mut self, up: &mut Lane) -> Option<Vec<u8>> {
        if self.mode == PoolMode::Session {
            return None;
        }
        let Session { dialect, pool, parameters, statements, client, .. } = self;
        known::answer(up, statements, client.id, &pool.catalog, || dialect_of(dialect, pool, parameters))
    }
}
