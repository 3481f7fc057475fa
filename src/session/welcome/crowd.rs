//! Guests who have not said yet what they want: where there is no room for another, the one that has been silent for longest goes.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::sync::Notify;

/// All of them.
#[derive(Debug, Default)]
pub struct Crowd {
    leave: Notify,
    silent: AtomicUsize,
}

impl Crowd {
    /// The first of them is asked to go, if there is one: who only looks in shall not keep out those who want something.
    pub(super) fn make_room(&self) {
        if self.silent.load(Relaxed) > 0 {
            self.leave.notify_one();
        }
    }

    /// Until this one is asked to.
    pub(super) async fn asked_to_leave(&self) {
        let _silent = Silent::begin(&self.silent);
        self.leave.notified().await;
    }
}

/// One of them, however it ends.
struct Silent<'a>(&'a AtomicUsize);

impl Silent<'_> {
    fn begin(all: &AtomicUsize) -> Silent<'_> {
        all.fetch_add(1, Relaxed);
        Silent(all)
    }
}

impl Drop for Silent<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
