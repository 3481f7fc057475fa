//! When a silent TCP connection to a server is taken for dead. libpq's parameters of a URL and PgBouncer's keys say the same. Pure.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Of each, zero is what the system has.
///
/// <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-KEEPALIVES>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tcp {
    /// Whether one that is silent is asked at all.
    pub keepalive: bool,
    /// One that is silent for so long is asked,
    pub idle: Duration,
    /// again after so long,
    pub interval: Duration,
    /// and is dead when it has not answered so many times.
    pub count: u32,
    /// What was sent may be unacknowledged, or find no room on the other side, for so long.
    pub user_timeout: Duration,
}

/// A host that vanished is noticed after a minute and a half where nothing was under way to it. No user timeout, as in libpq: it would
/// also end a COPY that waits for a lock, since nobody reads what is sent meanwhile.
impl Default for Tcp {
    fn default() -> Self {
        Tcp {
            keepalive: true,
            idle: Duration::from_secs(60),
            interval: Duration::from_secs(10),
            count: 3,
            user_timeout: Duration::ZERO,
        }
    }
}

/// Linux counts idle time and intervals in whole seconds, up to this many.
pub(super) const SECONDS: RangeInclusive<u64> = 0..=32_767;

/// And asks so often, at the most.
pub(super) const COUNTS: RangeInclusive<u32> = 0..=127;

/// It keeps the user timeout in an `int`.
pub(super) const MILLISECONDS: RangeInclusive<u64> = 0..=i32::MAX as u64;

/// A whole number of a URL.
pub(super) fn read<N>(name: &str, value: &str, range: &RangeInclusive<N>) -> Result<N, String>
where
    N: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    let number = value.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| format!("{name} as a whole number between {} and {}", range.start(), range.end()))
}

/// What would be right about a key that Linux counts in seconds.
pub(super) fn in_seconds(duration: &Duration) -> Result<(), String> {
    match duration.subsec_nanos() == 0 && SECONDS.contains(&duration.as_secs()) {
        true => Ok(()),
        false => Err(format!("whole seconds, at most {}; \"0s\" for what the system has", SECONDS.end())),
    }
}

/// The same of one in milliseconds.
pub(super) fn in_milliseconds(duration: &Duration) -> Result<(), String> {
    match duration.subsec_nanos().is_multiple_of(1_000_000) && duration.as_millis() <= u128::from(*MILLISECONDS.end()) {
        true => Ok(()),
        false => Err("whole milliseconds, at most \"24d\"; \"0s\" for what the system has".to_owned()),
    }
}
