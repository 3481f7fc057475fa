//! How many servers a pool needs: what was recorded of it is played again with fewer and with more. Pure: the same record
//! gives the same advice, chance comes from a fixed sequence.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use self::chance::Chance;
use self::company::{Company, company};

mod chance;
mod company;

/// One second of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Second {
    /// Transactions that got a server and gave it back.
    pub served: f32,
    /// How long each held it, on average, in milliseconds.
    pub hold_ms: f32,
    /// Clients in the queue.
    pub waiting: f32,
}

/// A second of one statement.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Moment {
    /// Servers on loan meanwhile.
    pub busy: f64,
    /// Executions.
    pub calls: f64,
    /// How long they took, all together, in milliseconds.
    pub query_ms: f64,
}

/// What is known of a pool.
#[derive(Debug, Clone, Copy)]
pub struct Recorded<'a> {
    /// In order; seconds in which nothing was seen may be missing.
    pub seconds: &'a [Second],
    /// Servers that there may be.
    pub size: usize,
    /// Clients that there were at once, at most: with as many servers nobody waits.
    pub clients: usize,
    /// Of the time that servers were held, the part in which a transaction was open and nothing ran: 0 to 1.
    pub idle_share: f32,
    /// The statements that take most of the time, the heaviest first: how long each took while how many servers were busy.
    /// Whole transactions say nothing of that: others may have come.
    pub statements: &'a [Vec<Moment>],
    /// How far holds lie apart: what 50, 95, 99 and 100 % of them do not exceed, in any unit; zeros: all are alike.
    pub spread: [f32; 4],
}

/// What follows from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Advice {
    /// Transactions a second in the busiest stretch, which is what was played.
    pub arrivals: f64,
    /// How long each held its server, in milliseconds.
    pub hold_ms: f64,
    /// Servers that would be busy if nobody had to wait: arrivals × hold.
    pub offered: f64,
    /// How long that stretch was, in seconds.
    pub stretch: usize,
    /// In a word.
    pub verdict: Verdict,
    /// With a quarter less, as it is, with a quarter more and with half as many more.
    pub predictions: Vec<Prediction>,
}

/// What should be done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// So few keep the wait short, and there are as many.
    Enough {
        /// Servers.
        smallest: usize,
    },
    /// There should be so many.
    More {
        /// Servers.
        smallest: usize,
        /// Whether it was seen that more are served while more servers are busy.
        gains: bool,
    },
    /// More would not help.
    NotMore(Reason),
}

/// Why more servers would not help.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reason {
    /// Each takes longer the more there are: Postgres has no more to give.
    HoldsGrow {
        /// A statement while few were busy, in milliseconds.
        from_ms: f64,
        /// And while many were.
        to_ms: f64,
    },
    /// Servers are held for nothing.
    IdleInTransaction {
        /// Of the time that they are held, 0 to 1.
        share: f64,
    },
    /// Even very many would not do: transactions come faster than they are served.
    Endless,
}

/// What is expected of a size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// Difference to today's size in percent.
    pub change: i32,
    /// Servers.
    pub size: usize,
    /// What 99 % of the waits would not exceed, in milliseconds.
    pub wait_p99_ms: f64,
}

/// A wait that nobody notices, in milliseconds.
pub const WAIT_GOAL_MS: f64 = 5.0;

/// Fewer transactions say nothing.
const ASKS_MIN: f32 = 30.0;

/// More are not played: it must be over before the page's reader notices.
const ASKS_MAX: f32 = 20_000.0;

/// And not more than so many seconds: over a longer time a rush would look like a drizzle.
const STRETCH_MAX: usize = 20;

/// No larger pool is recommended: Postgres itself would be the one to suffer.
const SIZE_MAX: usize = 1_000;

const CHANGES: [i32; 4] = [-25, 0, 25, 50];

/// Advice for a pool; `None` when too little was recorded.
pub fn advise(recorded: &Recorded) -> Option<Advice> {
    let stretch = busiest(recorded.seconds);
    let asks = asks(stretch, recorded.spread);
    let served: f32 = stretch.iter().map(|second| second.served).sum();
    if served < ASKS_MIN || recorded.size == 0 {
        return None;
    }
    let arrivals = f64::from(served) / stretch.len() as f64;
    let held: f64 = stretch.iter().map(|second| f64::from(second.served) * f64::from(second.hold_ms)).sum();
    let hold_ms = held / f64::from(served);
    let prediction = |change| {
        let size = resized(recorded.size, change);
        let wait_p99_ms = if size >= recorded.clients { 0.0 } else { wait_p99(&asks, size) };
        Prediction { change, size, wait_p99_ms }
    };
    Some(Advice {
        arrivals,
        hold_ms,
        offered: arrivals * hold_ms / 1e3,
        stretch: stretch.len(),
        verdict: verdict(recorded, &asks),
        predictions: CHANGES.map(prediction).to_vec(),
    })
}

fn resized(size: usize, change: i32) -> usize {
    let exact = size as f64 * (1.0 + f64::from(change) / 100.0);
    let rounded = if change < 0 { exact.floor() } else { exact.ceil() };
    (rounded as usize).max(1)
}

fn verdict(recorded: &Recorded, asks: &[Ask]) -> Verdict {
    // Played are as many as may come; clients that wait for their answers do not come anew meanwhile.
    let smallest = smallest(asks).or((recorded.clients <= recorded.size).then_some(recorded.clients));
    let smallest = smallest.map(|smallest| smallest.min(recorded.clients).max(1));
    if let Some(smallest) = smallest.filter(|smallest| *smallest <= recorded.size) {
        return Verdict::Enough { smallest };
    }
    if recorded.idle_share >= IDLE_DOMINATES {
        return Verdict::NotMore(Reason::IdleInTransaction { share: f64::from(recorded.idle_share) });
    }
    match (company(recorded.statements), smallest) {
        (Company::Slows(reason), _) => Verdict::NotMore(reason),
        (company, Some(smallest)) => Verdict::More { smallest, gains: company == Company::Gains },
        (_, None) => Verdict::NotMore(Reason::Endless),
    }
}

/// From this share on the cure is to hold servers for less, not to have more of them.
const IDLE_DOMINATES: f32 = 0.5;

/// One transaction, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Ask {
    at: f64,
    hold: f64,
}

/// The time in which servers were wanted most, or as much of it as can be played.
fn busiest(seconds: &[Second]) -> &[Second] {
    let wanted =
        |second: &Second| f64::from(second.served) * f64::from(second.hold_ms) / 1e3 + f64::from(second.waiting);
    let length = STRETCH_MAX.min(seconds.len()).max(1);
    let sum = |stretch: &[Second]| stretch.iter().map(wanted).sum::<f64>();
    let best = seconds.windows(length).max_by(|one, two| sum(one).total_cmp(&sum(two))).unwrap_or_default();
    let mut served = 0.0;
    let fits = |second: &&Second| {
        served += second.served;
        served <= ASKS_MAX
    };
    let played = best.iter().take_while(fits).count().max(1);
    best.get(..played).unwrap_or_default()
}

/// Transactions as they may have come. Those who waited when the stretch began come at once; in each second come those who
/// were served and those by whom the queue grew.
fn asks(seconds: &[Second], spread: [f32; 4]) -> Vec<Ask> {
    let mut chance = Chance::default();
    let shape = Shape::of(spread);
    let mut asks = Vec::new();
    let (mut owed, mut before) = (0.0_f32, 0.0_f32);
    for (number, second) in seconds.iter().enumerate() {
        let at = number as f64 * 1e3;
        owed += second.served + second.waiting - before;
        before = second.waiting;
        let count = owed.clamp(0.0, 2.0 * ASKS_MAX) as usize;
        owed -= count as f32;
        let first = asks.len();
        let at_once = if number == 0 { second.waiting as usize } else { 0 };
        for ask in 0..count {
            let after = if ask < at_once { 0.0 } else { chance.next() * 1e3 };
            asks.push(Ask { at: at + after, hold: shape.hold(f64::from(second.hold_ms), chance.next()) });
        }
        asks[first..].sort_unstable_by(|one, two| one.at.total_cmp(&two.at));
    }
    asks
}

/// How holds are spread around their mean.
struct Shape {
    /// Multiples of the mean at [`Shape::RANKS`].
    corners: [f64; 5],
}

impl Shape {
    const RANKS: [f64; 5] = [0.0, 0.5, 0.95, 0.99, 1.0];

    fn of([p50, p95, p99, most]: [f32; 4]) -> Shape {
        let corners = [0.0, p50, p95, p99, most].map(f64::from);
        let pieces = Shape::RANKS.windows(2).zip(corners.windows(2));
        let mean: f64 = pieces.map(|(rank, value)| (rank[1] - rank[0]) * (value[0] + value[1]) / 2.0).sum();
        let usable = mean > 0.0 && corners.is_sorted();
        Shape { corners: if usable { corners.map(|corner| corner / mean) } else { [1.0; 5] } }
    }

    fn hold(&self, mean: f64, rank: f64) -> f64 {
        let piece = Shape::RANKS[1..4].iter().filter(|edge| rank >= **edge).count();
        let (from, to) = (Shape::RANKS[piece], Shape::RANKS[piece + 1]);
        let (low, high) = (self.corners[piece], self.corners[piece + 1]);
        mean * (low + (high - low) * (rank - from) / (to - from))
    }
}

/// First come, first served: what 99 % of the waits do not exceed, in milliseconds.
fn wait_p99(asks: &[Ask], servers: usize) -> f64 {
    let mut free: BinaryHeap<Reverse<u64>> = (0..servers).map(|_| Reverse(0)).collect();
    let mut waits: Vec<u64> = Vec::with_capacity(asks.len());
    for ask in asks {
        let Some(mut next) = free.peek_mut() else { return f64::INFINITY };
        let at = micros(ask.at);
        let begin = at.max(next.0);
        waits.push(begin - at);
        *next = Reverse(begin + micros(ask.hold));
    }
    let Some(last) = waits.len().checked_sub(1) else { return 0.0 };
    let (_, wait, _) = waits.select_nth_unstable(last * 99 / 100);
    *wait as f64 / 1e3
}

fn micros(ms: f64) -> u64 {
    (ms * 1e3) as u64
}

/// The fewest servers with which the wait is short.
fn smallest(asks: &[Ask]) -> Option<usize> {
    let is_enough = |size: usize| wait_p99(asks, size) < WAIT_GOAL_MS;
    let mut enough = 1;
    while !is_enough(enough) {
        if enough >= SIZE_MAX {
            return None;
        }
        enough = (enough * 2).min(SIZE_MAX);
    }
    let (mut low, mut high) = (enough / 2, enough);
    while low + 1 < high {
        let middle = low.midpoint(high);
        if is_enough(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

#[cfg(test)]
mod tests;
