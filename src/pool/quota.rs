//! A limit that several pools share. Counts; does not wait. Pure.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Whose limit it is. Wherever there are two quotas, they are those of [`LimitOf::BOTH`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitOf {
    /// A database's.
    Database,
    /// A user's.
    User,
}

impl LimitOf {
    /// In the order of a pool's quotas.
    pub const BOTH: [LimitOf; 2] = [LimitOf::Database, LimitOf::User];

    /// The key of the limit on servers.
    pub fn servers_key(self) -> &'static str {
        match self {
            LimitOf::Database => "max_db_connections",
            LimitOf::User => "max_user_connections",
        }
    }

    /// The key of the limit on clients.
    pub fn clients_key(self) -> &'static str {
        match self {
            LimitOf::Database => "max_db_client_connections",
            LimitOf::User => "max_user_client_connections",
        }
    }
}

/// So many at once, 0 for no limit.
#[derive(Debug, Default)]
pub struct Quota {
    limit: AtomicUsize,
    used: AtomicUsize,
    own: AtomicUsize,
}

impl Quota {
    /// With this limit; `None` for no limit.
    pub fn new(limit: Option<usize>) -> Quota {
        Quota { limit: AtomicUsize::new(limit.unwrap_or(0)), used: AtomicUsize::new(0), own: AtomicUsize::new(0) }
    }

    /// Another limit, from a reload. Those above it stay for now.
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

    /// One that is taken is for a server that is lent to nobody.
    pub fn begin_own(&self) {
        self.own.fetch_add(1, Relaxed);
    }

    /// It is no longer.
    pub fn end_own(&self) {
        self.own.fetch_sub(1, Relaxed);
    }

    /// How many of those that are taken are for servers that are lent to nobody.
    pub fn own(&self) -> usize {
        self.own.load(Relaxed)
    }

    /// Whether more are taken than the limit of now allows.
    #[inline]
    pub fn is_exceeded(&self) -> bool {
        let limit = self.limit();
        limit > 0 && self.used() > limit
    }

    /// Takes one of both, or none of any; which was exhausted, and how many that allows.
    pub fn take_both(quotas: &[Arc<Quota>; 2]) -> Result<(), (LimitOf, usize)> {
        let [database, user] = quotas;
        if !database.take() {
            return Err((LimitOf::Database, database.limit()));
        }
        if !user.take() {
            database.give();
            return Err((LimitOf::User, user.limit()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_or_none() {
        let quotas = [Arc::new(Quota::new(None)), Arc::new(Quota::new(Some(1)))];
        assert_eq!(Quota::take_both(&quotas), Ok(()));
        assert_eq!(Quota::take_both(&quotas), Err((LimitOf::User, 1)));
        assert_eq!((quotas[0].used(), quotas[1].used()), (1, 1));
        quotas[1].give();
        assert!(quotas[1].take());
    }

    #[test]
    fn a_lower_limit_is_exceeded_until_enough_have_gone() {
        let quota = Quota::new(None);
        assert!((0..3).all(|_| quota.take()) && !quota.is_exceeded());
        quota.set_limit(Some(2));
        assert!(quota.is_exceeded() && !quota.take());
        quota.give();
        assert!(!quota.is_exceeded() && !quota.take());
    }
}
