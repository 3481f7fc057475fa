//! Guests who have a place and have not said a word, or none for long (`patience`): where another comes for whom there is none, the
//! first of them goes.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::super::greeting::Greeting;
use super::super::turned::{self, Turned};
use super::Guest;

/// One for whom there is no room says within this what it wants, and hears that there is none.
const WITHOUT_ROOM: Duration = Duration::from_secs(1);

/// All of them, by their numbers: in the order in which they fell silent.
#[derive(Debug, Default)]
pub struct Crowd(Mutex<Silent>);

#[derive(Debug, Default)]
struct Silent {
    last: u64,
    all: BTreeMap<u64, oneshot::Sender<()>>,
}

impl Crowd {
    /// The first of them is asked to go, if there is one: who only looks in shall not keep out those who want something.
    pub(super) fn make_room(&self) {
        let first = self.lock().all.pop_first();
        if let Some((_, first)) = first {
            let _ = first.send(());
        }
    }

    /// Until this one is asked to. No longer, and it is none of them any more.
    pub(super) async fn asked_to_leave(&self) {
        let (ask, asked) = oneshot::channel();
        let _here = self.enter(ask);
        if asked.await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    fn enter(&self, ask: oneshot::Sender<()>) -> Here<'_> {
        let mut silent = self.lock();
        silent.last += 1;
        let number = silent.last;
        silent.all.insert(number, ask);
        Here { crowd: self, number }
    }

    fn lock(&self) -> MutexGuard<'_, Silent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guest {
    /// What it wants. One for whom there is no room has to say so at once, and the first one that has a place and says nothing makes
    /// room for it.
    pub(super) async fn hear_out(&mut self) -> Result<Greeting, Turned> {
        let (lobby, worker) = (self.lobby.clone(), self.worker.clone());
        if self.place.total.is_none() {
            lobby.crowd.make_room();
            // Before it is told that there is none.
            tokio::task::yield_now().await;
            let heard = worker.alarms.within(WITHOUT_ROOM, pin!(self.greet())).await;
            return heard.unwrap_or_else(|| Err(turned::silent()));
        }
        let word = tokio::select! {
            biased;
            word = self.talk.peek() => word,
            () = lobby.crowd.asked_to_leave() => return Err(turned::silent()),
        };
        self.heard(word)?;
        self.greet().await
    }
}

/// One of them, however that ends.
struct Here<'a> {
    crowd: &'a Crowd,
    number: u64,
}

impl Drop for Here<'_> {
    fn drop(&mut self) {
        self.crowd.lock().all.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn the_first_goes() {
        let crowd = Crowd::default();
        crowd.make_room();
        let (mut one, mut two) = (pin!(crowd.asked_to_leave()), pin!(crowd.asked_to_leave()));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(one.as_mut().poll(&mut cx).is_pending() && two.as_mut().poll(&mut cx).is_pending());
        crowd.make_room();
        assert!(one.as_mut().poll(&mut cx).is_ready() && two.as_mut().poll(&mut cx).is_pending());
        {
            let mut three = pin!(crowd.asked_to_leave());
            assert!(three.as_mut().poll(&mut cx).is_pending());
        }
        assert_eq!(crowd.lock().all.len(), 1, "who has gone or spoken is none of them");
    }
}
