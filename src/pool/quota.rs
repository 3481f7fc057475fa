//! A limit that several pools share. Counts; does not wait. Pure.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// So many at once, 0 for no limit.
#[derive(Debug, Default)]
pub struct Quota {
    limit: AtomicUsize,
    used: AtomicUsize,
}

impl Quota {
    /// With this limit; `None` for no limit.
    pub fn new(limit: Option<usize>) -> Quota {
        Quota { limit: AtomicUsize::new(limit.unwrap_or(0)), used: AtomicUsize::new(0) }
    }

    /// Another limit, from a reload. Those above it stay.
    pub fn set_limit(&self, limit: Option<usize>) {
        self.limit.store(limit.unwrap_or(0), Relaxed);
    }

    /// The limit, 0 for none.
    pub fn limit(&self) -> usize {
        self.limit.load(Relaxed)
    }

    /// Takes one, if there is one left.
    pub fn take(&self) -> bool {
        let limit = self.limit();
        let room = |used| (limit == 0 || used < limit).then_some(used + 1);
        self.used.fetch_update(Relaxed, Relaxed, room).is_ok()
    }

    /// Gives one back.
    pub fn give(&self) {
        self.used.fetch_sub(1, Relaxed);
    }

    /// How many are taken.
    pub fn used(&self) -> usize {
        self.used.load(Relaxed)
    }

    /// Takes one of each, or none of any; which one was exhausted.
    pub fn take_all(quotas: &[std::sync::Arc<Quota>]) -> Result<(), usize> {
        for (index, quota) in quotas.iter().enumerate() {
            if !quota.take() {
                quotas[..index].iter().for_each(|taken| taken.give());
                return Err(index);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn all_or_none() {
        let quotas = [Arc::new(Quota::new(None)), Arc::new(Quota::new(Some(1)))];
        assert_eq!(Quota::take_all(&quotas), Ok(()));
        assert_eq!(Quota::take_all(&quotas), Err(1));
        assert_eq!((quotas[0].used(), quotas[1].used()), (1, 1));
        quotas[1].give();
        assert!(quotas[1].take());
    }
}
