//! How many may log in at once (`max_logins`), which a reload may change: those who wait are let in at once where there are more
//! places, and where there are fewer nobody is put out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places, taken in the order of asking.
#[derive(Debug)]
pub struct Logins {
    places: Arc<Semaphore>,
    limit: AtomicUsize,
}

impl Logins {
    /// So many.
    pub fn new(limit: usize) -> Logins {
        Logins { places: Arc::new(Semaphore::new(limit)), limit: AtomicUsize::new(limit) }
    }

    /// Waits for a place.
    pub async fn take(&self) -> Option<OwnedSemaphorePermit> {
        self.places.clone().acquire_owned().await.ok()
    }

    /// Whether all are taken.
    pub fn is_full(&self) -> bool {
        self.places.available_permits() == 0
    }

    /// So many from now on. Places that are taken and are to be no more go with those who have them.
    pub fn set_limit(&self, limit: usize) {
        let before = self.limit.swap(limit, Relaxed);
        self.places.add_permits(limit.saturating_sub(before));
        let fewer = before.saturating_sub(limit);
        let taken = fewer - self.places.forget_permits(fewer);
        if taken > 0 {
            tokio::spawn(forget(self.places.clone(), taken));
        }
    }
}

async fn forget(places: Arc<Semaphore>, count: usize) {
    for _ in 0..count {
        if let Ok(place) = places.acquire().await {
            place.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn more_places_at_once_and_fewer_as_they_come_back() {
        let logins = Arc::new(Logins::new(1));
        let first = logins.take().await;
        let (one, another) = (logins.clone(), logins.clone());
        let waiting = tokio::spawn(async move { [one.take().await, one.take().await] });
        tokio::task::yield_now().await;
        assert!(logins.is_full() && !waiting.is_finished());
        logins.set_limit(4);
        let more = waiting.await.unwrap();
        assert!(!logins.is_full());
        logins.set_limit(1);
        tokio::task::yield_now().await;
        assert!(logins.is_full());
        drop(more);
        let next = tokio::spawn(async move { another.take().await.is_some() });
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        assert!(!next.is_finished(), "two have left, and none of their places remains");
        drop(first);
        assert!(next.await.unwrap());
        assert!(!logins.is_full());
    }
}
