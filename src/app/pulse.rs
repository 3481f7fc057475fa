//! Whether the whole process stood still between two ticks. No clock: callers pass `now`. Pure.

use std::time::{Duration, Instant};

/// When the next tick has not come by then, the process was stopped: by a debugger, a freezer, a machine that moves.
const PAUSE: Duration = Duration::from_secs(1);

/// When the last tick was, and whether that one was late itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pulse {
    Regular(Instant),
    Late(Instant),
}

impl Pulse {
    /// A tick. Whether all of us stood still before it: then what has arrived meanwhile is looked at before any deadline is, for
    /// the time was nobody's. Of ticks that are late one after the other only the first is said to be, for a process that is
    /// always slow still has its deadlines.
    pub(super) fn stood_still(&mut self, now: Instant) -> bool {
        let (Pulse::Regular(before) | Pulse::Late(before)) = *self;
        let late = now.saturating_duration_since(before) > PAUSE && matches!(self, Pulse::Regular(_));
        *self = if late { Pulse::Late(now) } else { Pulse::Regular(now) };
        late
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_late_tick_is_told() {
        let start = Instant::now();
        let mut pulse = Pulse::Regular(start);
        let mut now = start;
        for (after_ms, expected) in [
            (100, false),
            (1000, false),
            (1001, true),
            (100, false),
            (5000, true),
            (5000, false),
            (5000, true),
            (100, false),
        ] {
            now += Duration::from_millis(after_ms);
            assert_eq!(pulse.stood_still(now), expected, "{after_ms} ms after the tick before");
        }
    }
}
