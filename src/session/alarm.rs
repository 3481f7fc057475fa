//! Time limits of what has no conversation yet, or none any more: logins, LISTEN, last words. Looked at by one tick for all of a worker's, not by a timer for each: a timer costs a write to the
//! worker's own wake-up file whenever it is the next one due.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use hashbrown::HashMap;

/// Who waits with a limit: when to wake whom.
#[derive(Debug, Default)]
pub struct Alarms {
    slots: Mutex<Slots>,
}

#[derive(Debug, Default)]
struct Slots {
    last: u64,
    set: HashMap<u64, (Instant, Waker)>,
}

/// One limit; gone when it is dropped.
struct Alarm<'a> {
    alarms: &'a Alarms,
    id: Option<u64>,
}

impl Alarms {
    /// Runs `work`, but not for longer than `limit`, give or take a tick; zero is no limit. `None` when time is up. The work
    /// is pinned already, for it would stand twice in the future that this is.
    pub async fn within<T>(&self, limit: Duration, mut work: impl Future<Output = T> + Unpin) -> Option<T> {
        if limit.is_zero() {
            return Some(work.await);
        }
        let until = Instant::now() + limit;
        let mut alarm = Alarm { alarms: self, id: None };
        poll_fn(|cx| match Pin::new(&mut work).poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if Instant::now() >= until => Poll::Ready(None),
            Poll::Pending => {
                alarm.set(until, cx.waker());
                Poll::Pending
            }
        })
        .await
    }

    /// Every tick: wakes those whose time is up.
    pub fn ring(&self, now: Instant) {
        let mut due = Vec::new();
        self.lock().set.retain(|_, (until, waker)| {
            let rings = *until <= now;
            if rings {
                due.push(waker.clone());
            }
            !rings
        });
        due.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Alarm<'_> {
    /// Sets it, once: a task's waker stays the same.
    fn set(&mut self, until: Instant, waker: &Waker) {
        if self.id.is_none() {
            let mut slots = self.alarms.lock();
            slots.last += 1;
            let id = slots.last;
            slots.set.insert(id, (until, waker.clone()));
            self.id = Some(id);
        }
    }
}

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.alarms.lock().set.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::sync::Arc;

    #[tokio::test]
    async fn what_is_done_in_time_is_done() {
        let alarms = Alarms::default();
        assert_eq!(alarms.within(Duration::from_secs(9), pin!(async { 7 })).await, Some(7));
        assert_eq!(alarms.within(Duration::ZERO, pin!(tokio::task::yield_now())).await, Some(()));
        assert!(alarms.lock().set.is_empty());
    }

    #[tokio::test]
    async fn what_never_ends_ends_at_the_ring() {
        let alarms = Arc::new(Alarms::default());
        let ringing = alarms.clone();
        let waiting = tokio::spawn(async move { alarms.within(Duration::from_nanos(1), poll_fn(waits_once())).await });
        while !waiting.is_finished() {
            ringing.ring(Instant::now());
            tokio::task::yield_now().await;
        }
        assert_eq!(waiting.await.unwrap(), None);
        assert!(ringing.lock().set.is_empty());
    }

    fn waits_once() -> impl FnMut(&mut std::task::Context<'_>) -> Poll<()> {
        |_| Poll::Pending
    }
}
