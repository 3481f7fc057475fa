//! How many lines an event may have in a second, and how many it did not get. Pure: the second is an argument.

use std::collections::BTreeMap;

/// Counts lines by event.
#[derive(Debug)]
pub(super) struct Limiter {
    /// 0 is no limit.
    per_second: u32,
    tallies: BTreeMap<String, Tally>,
}

/// Lines that were not written in a second that is over.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Suppressed {
    pub(super) event: String,
    pub(super) count: u64,
}

#[derive(Debug, Default)]
struct Tally {
    second: u64,
    written: u32,
    /// In `second`.
    suppressed: u64,
    /// In seconds before it, not yet told.
    due: u64,
}

impl Limiter {
    pub(super) fn new(per_second: u32) -> Limiter {
        Limiter { per_second, tallies: BTreeMap::new() }
    }

    pub(super) fn set_per_second(&mut self, per_second: u32) {
        self.per_second = per_second;
    }

    /// Whether `event` may have a line in `second`; counts it either way.
    pub(super) fn admit(&mut self, event: &str, second: u64) -> bool {
        let per_second = self.per_second;
        let tally = self.tally(event);
        tally.turn(second);
        if per_second == 0 || tally.written < per_second {
            tally.written = tally.written.saturating_add(1);
            true
        } else {
            tally.suppressed += 1;
            false
        }
    }

    /// What was suppressed before `second` and not told yet.
    pub(super) fn due(&mut self, second: u64) -> Vec<Suppressed> {
        let turned = self.tallies.iter_mut().map(|(event, tally)| (event, tally.take_due(second)));
        turned.filter(|(_, n)| *n > 0).map(|(event, count)| Suppressed { event: event.clone(), count }).collect()
    }

    fn tally(&mut self, event: &str) -> &mut Tally {
        let name = if self.tallies.contains_key(event) || self.tallies.len() < EVENTS_MAX { event } else { OTHER };
        self.tallies.entry(name.to_owned()).or_default()
    }
}

impl Tally {
    fn turn(&mut self, second: u64) {
        if self.second < second {
            self.due += std::mem::take(&mut self.suppressed);
            (self.second, self.written) = (second, 0);
        }
    }

    fn take_due(&mut self, second: u64) -> u64 {
        self.turn(second);
        std::mem::take(&mut self.due)
    }
}

/// Our event names are a few dozen, written in the source; should a crate below us invent more, they share a tally.
const EVENTS_MAX: usize = 128;
const OTHER: &str = "other";

#[cfg(test)]
mod tests {
    use super::*;

    /// `a1` is event a in second 1; `?2` asks what is due in second 2. Wanted: `+` or `-`, or the answer.
    #[track_caller]
    fn check(per_second: u32, events: &str, wanted: &str) {
        let mut limiter = Limiter::new(per_second);
        let answer = |event: &str| {
            let (name, second) = event.split_at(1);
            let second = second.parse().unwrap();
            match name {
                "?" => {
                    limiter.due(second).iter().map(|s| format!("{}={}", s.event, s.count)).collect::<Vec<_>>().join(",")
                }
                _ if limiter.admit(name, second) => "+".to_owned(),
                _ => "-".to_owned(),
            }
        };
        let got: Vec<String> = events.split(' ').map(answer).collect();
        assert_eq!(got.join(" "), wanted, "{events}");
    }

    #[test]
    fn lines_a_second() {
        check(2, "a1 a1 a1 a1", "+ + - -");
        check(2, "a1 b1 a1 b1 a1 b1", "+ + + + - -");
        check(1, "a1 a1 a2 a2", "+ - + -");
        check(0, "a1 a1 a1", "+ + +");
    }

    #[test]
    fn what_was_suppressed_is_told_once_when_the_second_has_turned() {
        check(1, "a1 a1 a1 ?1 ?2 ?3", "+ - -  a=2 ");
        check(1, "a1 a1 a2 a2 ?2 ?3", "+ - + - a=1 a=1");
        check(1, "a1 a1 b1 b1 ?2", "+ - + - a=1,b=1");
        check(1, "a1 ?2", "+ ");
    }

    #[test]
    fn a_clock_that_stands_or_steps_back_opens_no_gate() {
        check(1, "a5 a5 a4 a5", "+ - - -");
    }

    #[test]
    fn many_names_share_one_tally() {
        let mut limiter = Limiter::new(1);
        let admitted = (0..EVENTS_MAX * 3).filter(|n| limiter.admit(&format!("event{n}"), 1)).count();
        assert_eq!(admitted, EVENTS_MAX + 1);
        assert_eq!(limiter.tallies.len(), EVENTS_MAX + 1);
    }
}
