//! The hunt for a statement that leaves something behind without saying so: after something was found on a server, every release
//! is looked at for a while. What a server had before the hunt began is nobody's: it is taken away, not given to who had the server last.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::culprits::Culprits;
use super::novelties::Novelties;
use super::{Pool, lock};
use crate::config::PoolSettings;

/// For so long every release is looked at.
const LENGTH: Duration = Duration::from_secs(60);

/// A pool's.
#[derive(Debug, Default)]
pub struct Hunt {
    on: AtomicBool,
    since: Mutex<Option<Instant>>,
    /// How many there were.
    number: AtomicU64,
}

impl Hunt {
    /// Something was found, perhaps in the middle of one.
    pub fn begin(&self, now: Instant) {
        *lock(&self.since) = Some(now);
        if !self.on.swap(true, Relaxed) {
            self.number.fetch_add(1, Relaxed);
        }
    }

    /// What was looked for has been found; where there is more, that will be found as well.
    pub fn end(&self) {
        self.on.store(false, Relaxed);
    }

    /// Every second.
    pub(super) fn tire(&self, now: Instant) {
        let over = lock(&self.since).is_none_or(|since| now.saturating_duration_since(since) >= LENGTH);
        if over {
            self.end();
        }
    }

    /// Whether every release is looked at.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.on.load(Relaxed)
    }

    /// The number of the last one: servers that were last looked at in an earlier one may have what it began with.
    #[inline]
    pub fn number(&self) -> u64 {
        self.number.load(Relaxed)
    }
}

/// Which texts are remembered as they pass, so that what they leave can be told to be theirs.
#[derive(Debug, Clone, Copy)]
pub struct Suspects<'a> {
    /// All.
    pub hunting: bool,
    /// Those that were found out.
    pub culprits: &'a Culprits,
    /// The first runs of those that call functions; `None` where nothing is to be looked at.
    pub novelties: Option<&'a Novelties>,
}

impl Pool {
    /// Whom it suspects.
    #[inline]
    pub fn suspects(&self, settings: &PoolSettings) -> Suspects<'_> {
        let novelties = (!settings.server_audit_interval.is_zero()).then_some(&self.novelties);
        Suspects { hunting: self.hunt.is_on(), culprits: &self.culprits, novelties }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_for_a_while() {
        let (hunt, now) = (Hunt::default(), Instant::now());
        assert!(!hunt.is_on() && hunt.number() == 0);
        hunt.begin(now);
        hunt.tire(now + LENGTH / 2);
        assert!(hunt.is_on() && hunt.number() == 1);
        hunt.begin(now + LENGTH / 2);
        hunt.tire(now + LENGTH);
        assert!(hunt.is_on() && hunt.number() == 1);
        hunt.tire(now + LENGTH + LENGTH / 2);
        assert!(!hunt.is_on());
        hunt.begin(now);
        assert!(hunt.is_on() && hunt.number() == 2);
        hunt.end();
        assert!(!hunt.is_on());
    }
}
