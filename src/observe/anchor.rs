//! When the process' clock began, as the wall's clock has it now: that may be set, or go on while the machine sleeps and the
//! process' does not. Pure: both times are arguments.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

use jiff::Timestamp;

/// See above. In nanoseconds since 1970.
#[derive(Debug)]
pub struct Anchor(AtomicI64);

/// The two clocks are never read at once, and a small correction is no reason to tell another beginning.
const SLACK: u64 = 2_000_000_000;

impl Anchor {
    /// It is `wall`, and `since` after the beginning.
    pub fn new(wall: Timestamp, since: Duration) -> Anchor {
        Anchor(AtomicI64::new(beginning(wall, since)))
    }

    /// The same, later: takes the other beginning where the wall's clock was set.
    pub fn hold(&self, wall: Timestamp, since: Duration) {
        let now = beginning(wall, since);
        if now.abs_diff(self.0.load(Relaxed)) > SLACK {
            self.0.store(now, Relaxed);
        }
    }

    /// What the wall's clock shows so long after the beginning.
    pub fn time(&self, since: Duration) -> Timestamp {
        let nanos = i128::from(self.0.load(Relaxed)) + since.as_nanos() as i128;
        Timestamp::from_nanosecond(nanos).unwrap_or(Timestamp::MAX)
    }
}

fn beginning(wall: Timestamp, since: Duration) -> i64 {
    i64::try_from(wall.as_nanosecond() - since.as_nanos() as i128).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set() {
        let wall = |ms: i64| Timestamp::from_millisecond(ms).unwrap();
        let after = Duration::from_millis;
        let anchor = Anchor::new(wall(1_000_500), after(500));
        assert_eq!(anchor.time(after(700)), wall(1_000_700));
        for (set_to, since, shown) in [
            (1_002_000, 1_000, 1_001_000),
            (1_000_000, 1_000, 1_001_000),
            (990_000, 2_000, 990_000),
            (5_000_000, 3_000, 5_000_000),
        ] {
            anchor.hold(wall(set_to), after(since));
            assert_eq!(anchor.time(after(since)), wall(shown), "{set_to}");
        }
    }
}
