//! The history of one pool.

use std::sync::Arc;
use std::time::Duration;

use super::LEVELS;
use super::ring::Ring;
use crate::observe::histogram::{Distribution, Quantiles};
use crate::observe::snapshot::PoolView;

/// What is added up, as it is called where it is shown: a second of its step.
pub const SUMS: [&str; 7] = [
    "queries_per_second",
    "transactions_per_second",
    "errors_per_second",
    "wait_ms_per_second",
    "query_ms_per_second",
    "drain_ms_per_second",
    "idle_tx_ms_per_second",
];

/// What is looked at once a second.
pub const GAUGES: [&str; 6] =
    ["clients_waiting", "clients_active", "clients_idle", "servers_active", "servers_idle", "pool_size"];

/// What is said of durations.
pub const QUANTILES: [&str; 4] = ["p50", "p95", "p99", "max"];

/// Waits are told apart by these bounds, in milliseconds: what nobody notices, what a page's reader notices, what fails.
pub const WAIT_BOUNDS_MS: [u64; WAITS - 1] = [1, 5, 20, 100, 500, 2_000];

/// What lies between them, below and above.
pub const WAITS: usize = 7;

/// One step of one pool. 148 bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PoolPoint {
    /// Where the step begins, in seconds since 1970.
    pub at: u32,
    /// How many seconds of it were seen.
    pub span: f32,
    /// In the order of [`SUMS`], of the whole span.
    pub sums: [f32; SUMS.len()],
    /// In the order of [`GAUGES`]: their means.
    pub means: [f32; GAUGES.len()],
    /// And their maxima.
    pub most: [f32; GAUGES.len()],
    /// How long clients waited for servers: in the order of [`QUANTILES`], in milliseconds.
    pub wait_ms: [f32; QUANTILES.len()],
    /// How long statements ran.
    pub query_ms: [f32; QUANTILES.len()],
    /// How many waits lay between [`WAIT_BOUNDS_MS`].
    pub waits: [u32; WAITS],
}

impl PoolPoint {
    /// Adds what happened in a part of the step.
    fn absorb(&mut self, span: f32, sums: &[f32; SUMS.len()], gauges: &[f32; GAUGES.len()]) {
        self.sums.iter_mut().zip(sums).for_each(|(sum, more)| *sum += more);
        for (place, value) in gauges.iter().enumerate() {
            self.means[place] = (self.means[place] * self.span + value * span) / (self.span + span);
            self.most[place] = self.most[place].max(*value);
        }
        self.span += span;
    }
}

/// Two histograms that only grow, as they once were.
#[derive(Debug, Clone, Default)]
struct Mark {
    wait: Distribution,
    query: Distribution,
}

/// See above.
#[derive(Debug)]
pub struct PoolHistory {
    /// The name that its clients ask for.
    pub database: Arc<str>,
    /// The user that they log in as.
    pub user: Arc<str>,
    totals: [f64; SUMS.len()],
    before: Mark,
    /// As they were when the coarser levels' steps began that are not over.
    begun: [Mark; LEVELS.len() - 1],
    rings: [Ring<PoolPoint>; LEVELS.len()],
}

impl PoolHistory {
    /// Before its first second; `late`: what the pool has counted so far, `drain` with it, belongs to no second.
    pub fn new(view: &PoolView, late: Option<u64>) -> PoolHistory {
        let mut history = PoolHistory {
            database: view.database.clone(),
            user: view.user.clone(),
            totals: [0.0; SUMS.len()],
            before: Mark::default(),
            begun: Default::default(),
            rings: LEVELS.map(|level| Ring::new(level.points)),
        };
        if let Some(drain) = late {
            history.totals = totals(view, drain);
            history.before = Mark::of(view);
        }
        history
    }

    /// A second has passed. `drain`: nanoseconds of it since the start.
    pub fn second(&mut self, view: &PoolView, drain: u64, at: u32, span: f64) {
        let now = totals(view, drain);
        if now[0] < self.totals[0] {
            self.begin_anew();
        }
        let mut sums = [0.0; SUMS.len()];
        for (sum, (now, before)) in sums.iter_mut().zip(now.iter().zip(&self.totals)) {
            *sum = (now - before).max(0.0) as f32;
        }
        self.totals = now;
        for place in 0..LEVELS.len() {
            self.turn(place, at);
            let mark = place.checked_sub(1).map_or(&self.before, |open| &self.begun[open]);
            if let Some(point) = self.rings[place].newest_mut() {
                point.absorb(span as f32, &sums, &gauges(view));
                let waited = view.numbers.wait.since(&mark.wait);
                point.waits = split(&waited);
                point.wait_ms = ms(waited.quantiles());
                point.query_ms = ms(view.numbers.query.since(&mark.query).quantiles());
            }
        }
        self.before = Mark::of(view);
    }

    /// The pool had gone, and another one of its name has come: its meters begin at zero, not what the
    /// analyst has added up.
    fn begin_anew(&mut self) {
        let [.., drain, _] = self.totals;
        self.totals = [0.0, 0.0, 0.0, 0.0, 0.0, drain, 0.0];
        self.before = Mark::default();
        self.begun = Default::default();
    }

    /// Begins a new step if the newest is over.
    fn turn(&mut self, place: usize, at: u32) {
        let begin = LEVELS[place].begin(at);
        if self.rings[place].newest().is_none_or(|point| point.at < begin) {
            self.rings[place].push(PoolPoint { at: begin, ..PoolPoint::default() });
            if let Some(open) = place.checked_sub(1) {
                self.begun[open].clone_from(&self.before);
            }
        }
    }

    /// The wall's clock was set back by so many seconds.
    pub fn set_back(&mut self, by: u32) {
        for (ring, level) in self.rings.iter_mut().zip(LEVELS) {
            ring.all_mut().for_each(|point| point.at = level.set_back(point.at, by));
        }
    }

    /// Where its last step begins.
    pub fn newest(&self) -> u32 {
        self.rings[0].newest().map_or(u32::MAX, |point| point.at)
    }

    /// Its points of one of [`LEVELS`], the oldest first.
    pub fn points(&self, level: usize) -> impl Iterator<Item = &PoolPoint> {
        self.rings[level].iter()
    }
}

impl Mark {
    fn of(view: &PoolView) -> Mark {
        Mark { wait: view.numbers.wait.clone(), query: view.numbers.query.clone() }
    }
}

fn totals(view: &PoolView, drain: u64) -> [f64; SUMS.len()] {
    let numbers = &view.numbers;
    [
        numbers.queries() as f64,
        numbers.transactions() as f64,
        numbers.errors.total() as f64,
        numbers.wait.sum().as_secs_f64() * 1e3,
        numbers.query.sum().as_secs_f64() * 1e3,
        drain as f64 / 1e6,
        numbers.idle_in_transaction.as_secs_f64() * 1e3,
    ]
}

fn gauges(view: &PoolView) -> [f32; GAUGES.len()] {
    let (clients, servers) = (&view.clients, &view.servers);
    [clients.waiting, clients.active, clients.idle, servers.active, servers.idle, view.pool_size].map(|n| n as f32)
}

fn ms(quantiles: Quantiles) -> [f32; QUANTILES.len()] {
    let Quantiles { p50, p95, p99, max } = quantiles;
    [p50, p95, p99, max].map(|duration| duration.as_secs_f32() * 1e3)
}

fn split(waited: &Distribution) -> [u32; WAITS] {
    let bounds = WAIT_BOUNDS_MS.map(Duration::from_millis);
    let mut counts = [0; WAITS];
    let split = waited.split(&bounds).into_iter().map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    counts.iter_mut().zip(split).for_each(|(place, count)| *place = count);
    counts
}
