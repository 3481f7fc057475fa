//! That no server could be opened: why, and when it is tried again, for a client or for nobody. No clock: callers pass `now`. Pure.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::protocol::encode::Complaint;
use crate::protocol::sqlstate::SqlState;

/// A failure is old when nobody has tried again for so long.
const LATELY: Duration = Duration::from_secs(30);

/// Where nobody waits, a login that was refused is tried again at least so often.
const LONGEST: Duration = Duration::from_secs(60);

/// However short `server_login_retry` is, it grows from this.
const SHORTEST: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Failure {
    pub(super) why: Arc<Complaint>,
    /// Clients are refused until then.
    until: Instant,
    /// Nobody tries for nobody until then.
    rests_until: Instant,
    rest: Rest,
}

/// How long nobody tries for nobody. A login that is refused is refused until somebody has changed something, and who counts refused
/// logins may lock us out: it is tried less and less often. A Postgres that is not there comes back by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rest(Duration);

impl Failure {
    /// After `before`, if that was not the first. `retry` is `server_login_retry`.
    pub(super) fn new(why: Arc<Complaint>, before: Option<Failure>, retry: Duration, now: Instant) -> Failure {
        let rest = before.filter(|_| is_refusal(why.sqlstate)).map_or(Rest::new(retry), |before| before.rest);
        Failure { why, until: now + retry, rests_until: now + rest.0.max(retry), rest }
    }

    /// Whether it may be tried again: for somebody, or for nobody.
    pub(super) fn is_over(&self, for_somebody: bool, now: Instant) -> bool {
        now >= if for_somebody { self.until } else { self.rests_until }
    }

    /// Whether clients are refused at once.
    pub(super) fn bars(&self, now: Instant) -> bool {
        !self.is_over(true, now)
    }

    /// Whether it is still news.
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        now < self.until + LATELY
    }

    /// It is tried again for nobody: if that fails too, the next time is later.
    pub(super) fn tried_for_nobody(&mut self) {
        self.rest.grow();
    }

    /// What was wrong may be mended: it is tried as if this had been the first time.
    pub(super) fn hasten(&mut self, retry: Duration) {
        (self.rests_until, self.rest) = (self.until, Rest::new(retry));
    }
}

impl Rest {
    pub(super) fn new(first: Duration) -> Rest {
        Rest(first)
    }

    /// After a failure with this code; after the next, longer. `first` is where that begins.
    pub(super) fn after(&mut self, code: SqlState, first: Duration) -> Duration {
        if !is_refusal(code) {
            *self = Rest::new(first);
            return first;
        }
        let rest = self.0;
        self.grow();
        rest
    }

    fn grow(&mut self) {
        self.0 = (self.0 * 2).clamp(SHORTEST, LONGEST).max(self.0);
    }
}

/// Whether Postgres has answered, and will not have us: the role, its password, pg_hba.conf. Nobody counts other refusals.
fn is_refusal(code: SqlState) -> bool {
    code.starts_with(b"28")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_grow_with_refusals() {
        let first = Duration::from_millis(250);
        let mut rest = Rest::new(first);
        let mut check = |codes: &str, expected: &str| {
            let codes = codes.split(' ').map(|code| code.as_bytes().try_into().unwrap());
            let said: Vec<_> = codes.map(|code| rest.after(code, first).as_millis().to_string()).collect();
            assert_eq!(said.join(" "), expected);
        };
        check("28P01 28P01 28000 28P01", "250 500 1000 2000");
        check("08006 57P03 53300 3D000 42501", "250 250 250 250 250");
        check("28P01 28P01", "250 500");
        check("28P01 28P01 28P01 28P01 28P01 28P01 28P01 28P01", "1000 2000 4000 8000 16000 32000 60000 60000");
    }
}
