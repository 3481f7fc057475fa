//! How a pool stands at a moment, and what keeps it from having more servers: for errors, pictures and metrics.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{LimitOf, Pool, Quota};
use crate::protocol::encode::Complaint;

/// A pool at this moment.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Gauges {
    pub waiting: usize,
    pub idle: usize,
    pub lent: usize,
    pub opening: usize,
    pub max_wait: Duration,
    pub failure: Option<Arc<Complaint>>,
    pub paused: bool,
    /// The limit beside `pool_size` that no further server may be opened for.
    pub full: Option<Full>,
}

/// A limit that is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full {
    /// Its key.
    pub key: &'static str,
    /// How many servers it allows.
    pub limit: usize,
    /// How many of them are lent to nobody: see [`own`](super::own).
    pub own: usize,
}

impl Pool {
    /// How many clients wait, servers rest, are lent, are being opened; how long the first has waited; why opening fails.
    pub fn gauges(&self, now: Instant) -> Gauges {
        let ledger = self.ledger();
        Gauges {
            waiting: ledger.waiting(),
            idle: ledger.idle(),
            lent: ledger.lent(),
            opening: ledger.opening(),
            max_wait: ledger.longest_wait(now),
            failure: ledger.failure().cloned(),
            paused: ledger.is_paused(),
            full: Full::of(&self.servers),
        }
    }
}

impl Gauges {
    /// What keeps the pool from having as many servers as its size, if something does.
    pub fn obstacle(&self) -> Option<String> {
        match self {
            Gauges { paused: true, .. } => Some("pgweir is paused".to_owned()),
            Gauges { full: Some(full), .. } => Some(full.obstacle()),
            Gauges { failure: Some(why), .. } => Some(format!("no more can be opened: {} {}", why.code(), why.message)),
            Gauges { .. } => None,
        }
    }
}

impl Full {
    fn of(servers: &[Arc<Quota>; 2]) -> Option<Full> {
        let limits = LimitOf::BOTH.into_iter().zip(servers);
        let mut all = limits.map(|(whose, quota)| (quota.used(), whose.servers_key(), quota.limit(), quota.own()));
        all.find(|(used, _, limit, _)| (1..=*used).contains(limit)).map(|(_, key, limit, own)| Full { key, limit, own })
    }

    fn obstacle(self) -> String {
        let Full { key, limit, own } = self;
        let open = format!("{key} is {limit}, and so many are open");
        match own {
            0 => open,
            _ => format!("{open}, {own} of them to LISTEN or to replicate"),
        }
    }

    /// Whether no place is left for servers that are lent.
    pub fn is_all_own(self) -> bool {
        self.own >= self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_are_lent_to_nobody_are_named() {
        let quotas = [None, Some(2)].map(|limit| Arc::new(Quota::new(limit)));
        let check = |expected: &str| {
            let full = Full::of(&quotas);
            assert_eq!(full.map(Full::obstacle).unwrap_or_default(), expected, "{full:?}");
        };
        Quota::take_both(&quotas).unwrap();
        check("");
        Quota::take_both(&quotas).unwrap();
        check("max_user_connections is 2, and so many are open");
        quotas.iter().for_each(|quota| quota.begin_own());
        check("max_user_connections is 2, and so many are open, 1 of them to LISTEN or to replicate");
        quotas.iter().for_each(|quota| quota.end_own());
        check("max_user_connections is 2, and so many are open");
    }
}
