//! One number that only grows, written by one thread and read by any. Not for several writers: those need
//! `fetch_add` (see `rejections`).

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A number that only grows.
///
/// Load and store instead of `fetch_add`: with one writer nothing is lost, and the path is spared a locked instruction.
/// A second writer would lose increments, nothing worse. Readers need no order between two counts, hence `Relaxed`.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds `n`. Only its one writer calls this.
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    /// Lifts the number to `n` if it is lower: for a maximum. Only its one writer calls this.
    #[inline]
    pub fn lift(&self, n: u64) {
        if n > self.0.load(Relaxed) {
            self.0.store(n, Relaxed);
        }
    }

    /// The number now; any thread.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}
