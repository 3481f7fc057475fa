//! How long others wait for one who is silent in the middle of its login, for a turn to log in or for a place.

use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use super::super::lobby::Lobby;
use super::super::turned::{self, Turned};
use super::super::worker::Worker;
use super::{Guest, Place};
use crate::net::Talk;
use crate::net::talk::TalkError;

/// A client that is silent for longer in the middle of its login lets others go first; after as long again it goes when there is no
/// place for another. Those who say nothing shall not keep out those who do.
const MAY_BE_SILENT: Duration = Duration::from_secs(1);

/// And this long where others wait already: however many fall silent, who comes last is not kept out for a second by each.
const SILENT_IN_A_CROWD: Duration = Duration::from_millis(50);

impl Guest {
    /// Reads what the client says next.
    pub(super) async fn hear<T>(
        &mut self,
        read: impl AsyncFnOnce(&mut Talk) -> Result<T, TalkError>,
    ) -> Result<T, Turned> {
        let (talk, patience) = self.patience();
        let heard = patience.wait(read(talk)).await?;
        self.heard(heard)
    }

    /// Who looks in and goes has done nothing wrong.
    pub(super) fn heard<T>(&self, heard: Result<T, TalkError>) -> Result<T, Turned> {
        match heard {
            Err(TalkError::Closed) if self.talk.is_silent() && !self.talk.stream.is_tls() => Err(Turned::Nobody),
            heard => Ok(heard?),
        }
    }

    /// With what is waited for.
    pub(super) fn patience(&mut self) -> (&mut Talk, Patience<'_>) {
        let Guest { talk, permit, lobby, worker, place, .. } = self;
        (talk, Patience { permit, lobby, worker, place })
    }
}

/// What a guest takes from others while it is waited for.
pub(super) struct Patience<'a> {
    permit: &'a mut Option<OwnedSemaphorePermit>,
    lobby: &'a Lobby,
    worker: &'a Worker,
    place: &'a Place,
}

impl Patience<'_> {
    /// Waits for something of the client's; when it is silent for long, others may log in meanwhile, or have its place. Who has no
    /// permit gets none; who has no place has none to give.
    pub(super) async fn wait<T>(self, waiting: impl Future<Output = T>) -> Result<T, Turned> {
        let Patience { permit, lobby, worker, place } = self;
        let mut waiting = Box::pin(waiting);
        let crowded = permit.is_some() && lobby.logins.is_full();
        let turn = if crowded { SILENT_IN_A_CROWD } else { MAY_BE_SILENT };
        if let Some(done) = worker.alarms.within(turn, &mut waiting).await {
            return Ok(done);
        }
        let had_permit = permit.take().is_some();
        let done = match worker.alarms.within(MAY_BE_SILENT, &mut waiting).await {
            Some(done) => done,
            None if place.total.is_none() => waiting.await,
            None => tokio::select! {
                biased;
                done = waiting => done,
                () = lobby.crowd.asked_to_leave() => return Err(turned::silent()),
            },
        };
        if had_permit {
            *permit = lobby.logins.take().await;
        }
        Ok(done)
    }
}
