//! Moments on the process' clock, and what lies between two of them. A `Duration` takes twice the room and a division to be
//! made of a clock's nanoseconds, and of each statement there are five. Pure.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, Sub};
use std::time::Duration;

/// Nanoseconds; 584 years of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Nanos(pub u64);

impl Nanos {
    /// None, or when the process' clock began.
    pub const ZERO: Nanos = Nanos(0);

    /// So many seconds.
    pub const fn from_secs(seconds: u64) -> Nanos {
        Nanos(seconds * 1_000_000_000)
    }

    /// So many milliseconds.
    pub const fn from_millis(millis: u64) -> Nanos {
        Nanos(millis * 1_000_000)
    }

    /// So many microseconds.
    pub const fn from_micros(micros: u64) -> Nanos {
        Nanos(micros * 1_000)
    }

    /// In whole seconds.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000_000
    }

    /// In whole microseconds.
    pub const fn as_micros(self) -> u64 {
        self.0 / 1_000
    }

    /// `None` where the other is later.
    pub fn checked_sub(self, other: Nanos) -> Option<Nanos> {
        self.0.checked_sub(other.0).map(Nanos)
    }
}

impl From<Duration> for Nanos {
    /// One of more than 584 years is one of that.
    fn from(duration: Duration) -> Nanos {
        let seconds = duration.as_secs().saturating_mul(1_000_000_000);
        Nanos(seconds.saturating_add(u64::from(duration.subsec_nanos())))
    }
}

impl From<Nanos> for Duration {
    fn from(nanos: Nanos) -> Duration {
        Duration::from_nanos(nanos.0)
    }
}

impl Add for Nanos {
    type Output = Nanos;

    fn add(self, other: Nanos) -> Nanos {
        Nanos(self.0 + other.0)
    }
}

impl AddAssign for Nanos {
    fn add_assign(&mut self, other: Nanos) {
        *self = *self + other;
    }
}

impl Sub for Nanos {
    type Output = Nanos;

    /// Zero where the other is later: two threads may have read the clock in the wrong order.
    fn sub(self, other: Nanos) -> Nanos {
        Nanos(self.0.saturating_sub(other.0))
    }
}

impl Mul<u32> for Nanos {
    type Output = Nanos;

    fn mul(self, times: u32) -> Nanos {
        Nanos(self.0 * u64::from(times))
    }
}

impl Div<u32> for Nanos {
    type Output = Nanos;

    fn div(self, parts: u32) -> Nanos {
        Nanos(self.0 / u64::from(parts))
    }
}

impl Sum for Nanos {
    fn sum<I: Iterator<Item = Nanos>>(all: I) -> Nanos {
        Nanos(all.map(|nanos| nanos.0).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for duration in [Duration::ZERO, Duration::from_nanos(1_999_999_999), Duration::from_secs(86_400 * 365)] {
            assert_eq!(Duration::from(Nanos::from(duration)), duration);
        }
        assert_eq!(Nanos::from(Duration::MAX), Nanos(u64::MAX));
        assert_eq!(Nanos::from_secs(2) - Nanos::from_millis(1), Nanos(1_999_000_000));
        assert_eq!(Nanos::from_millis(1) - Nanos::from_secs(1), Nanos::ZERO);
        assert_eq!(Nanos::from_micros(3) * 2 / 3, Nanos(2_000));
        assert_eq!(Nanos(5_999).as_micros(), 5);
    }
}
