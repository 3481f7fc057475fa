//! The history of the statements that take the most time. Each of them has a place, whose number stands beside the statement,
//! so that an execution costs no look-up.

use std::time::Duration;

use hashbrown::HashMap;

use super::ring::Ring;
use super::{LEVELS, Level};
use crate::observe::sparse::Sparse;
use crate::observe::store::groups::PoolId;
use crate::observe::store::statement::NO_SLOT;
use crate::sql::digest::Digest;

/// Statements (each of one pool) that have a history.
pub const SLOTS_MAX: usize = 200;

/// Executions are told apart by these bounds of their time in Postgres, in microseconds: what a look-up by key takes, what a
/// page can afford a hundred times, ten times, once, what its reader notices, what fails.
pub const QUERY_BOUNDS_US: [u64; RANGES - 1] = [100, 1_000, 5_000, 20_000, 100_000, 500_000, 2_000_000];

/// What lies between them, below and above.
pub const RANGES: usize = 8;

/// One step of one statement. 24 bytes: how long executions took is kept as parts of all, a byte for each range, for no
/// picture shows more, and a count of each would double the history.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct HeavyPoint {
    /// Where the step begins, in seconds since 1970.
    pub at: u32,
    /// Executions.
    pub calls: u32,
    /// How long they ran, all together.
    pub query_ms: f32,
    /// What 95 % of them did not exceed.
    pub p95_ms: f32,
    /// Which part of them lay between [`QUERY_BOUNDS_US`], in 255ths; 0 is none at all.
    pub parts: [u8; RANGES],
}

impl HeavyPoint {
    /// How many executions lay between [`QUERY_BOUNDS_US`], about.
    pub fn spread(&self) -> [f64; RANGES] {
        let all = self.parts.iter().map(|part| f64::from(*part)).sum::<f64>().max(1.0);
        self.parts.map(|part| f64::from(part) / all * f64::from(self.calls))
    }
}

/// One statement of one pool.
#[derive(Debug)]
pub struct Slot {
    /// Its shape.
    pub digest: Digest,
    /// Its pool.
    pub pool: PoolId,
    /// How heavy it was, with a half-life of an hour, in nanoseconds.
    score: f64,
    calls: u32,
    now: Sparse,
    /// The steps of the coarser levels that are not over.
    open: [Sparse; LEVELS.len() - 1],
    rings: [Ring<HeavyPoint>; LEVELS.len()],
}

/// All of them.
#[derive(Debug, Default)]
pub struct Heavy {
    slots: Vec<Slot>,
    places: HashMap<(Digest, PoolId), u16>,
}

/// What remains of a score from one choice to the next: half after an hour of choices every ten seconds.
const FADING: f64 = 0.998;

/// Whoever comes anew is expected to go on for so many choices.
const PROMISE: f64 = 8.0;

/// And must then be so much heavier than the one whose history it ends.
const ADVANTAGE: f64 = 2.0;

impl Heavy {
    /// The place of a statement, or [`NO_SLOT`].
    pub fn find(&self, digest: Digest, pool: PoolId) -> u16 {
        self.places.get(&(digest, pool)).copied().unwrap_or(NO_SLOT)
    }

    /// The same for a statement that has just come: it gets a place if one is free.
    pub fn slot(&mut self, digest: Digest, pool: PoolId) -> u16 {
        match self.find(digest, pool) {
            NO_SLOT if self.slots.len() < SLOTS_MAX => self.add(digest, pool),
            place => place,
        }
    }

    fn add(&mut self, digest: Digest, pool: PoolId) -> u16 {
        let place = self.slots.len() as u16;
        self.slots.push(Slot::new(digest, pool, 0.0));
        self.places.insert((digest, pool), place);
        place
    }

    /// Counts an execution.
    #[inline]
    pub fn record(&mut self, place: u16, nanos: u64) {
        let slot = &mut self.slots[usize::from(place)];
        slot.calls += 1;
        slot.now.record(nanos);
    }

    /// Gives places to those that took much time since the last choice, nanoseconds by statement.
    pub fn choose(&mut self, recent: &HashMap<(Digest, PoolId), u64>) {
        for slot in &mut self.slots {
            let nanos = recent.get(&(slot.digest, slot.pool)).copied().unwrap_or_default();
            slot.score = slot.score * FADING + nanos as f64;
        }
        let mut new: Vec<_> =
            recent.iter().filter(|(who, nanos)| **nanos > 0 && !self.places.contains_key(*who)).collect();
        new.sort_unstable_by_key(|((digest, pool), nanos)| (std::cmp::Reverse(**nanos), *digest, *pool));
        new.truncate(SLOTS_MAX);
        let mut weakest: Vec<usize> = (0..self.slots.len()).collect();
        weakest.sort_by(|one, two| self.slots[*one].score.total_cmp(&self.slots[*two].score));
        let mut weakest = weakest.into_iter();
        for ((digest, pool), nanos) in new {
            let promise = *nanos as f64 * PROMISE;
            if self.slots.len() < SLOTS_MAX {
                let place = self.add(*digest, *pool);
                self.slots[usize::from(place)].score = *nanos as f64;
                continue;
            }
            match weakest.next() {
                Some(place) if promise > self.slots[place].score * ADVANTAGE => {
                    self.replace(place, Slot::new(*digest, *pool, *nanos as f64));
                }
                _ => break,
            }
        }
    }

    fn replace(&mut self, place: usize, slot: Slot) {
        self.places.insert((slot.digest, slot.pool), place as u16);
        let old = std::mem::replace(&mut self.slots[place], slot);
        self.places.remove(&(old.digest, old.pool));
    }

    /// A second has passed.
    pub fn second(&mut self, at: u32) {
        self.slots.iter_mut().filter(|slot| slot.calls > 0).for_each(|slot| slot.second(at));
    }

    /// The wall's clock was set back by so many seconds.
    pub fn set_back(&mut self, by: u32) {
        let rings = self.slots.iter_mut().flat_map(|slot| slot.rings.iter_mut().zip(LEVELS));
        for (ring, level) in rings {
            ring.all_mut().for_each(|point| point.at = level.set_back(point.at, by));
        }
    }

    /// All of them.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }
}

impl Slot {
    fn new(digest: Digest, pool: PoolId, score: f64) -> Slot {
        Slot {
            digest,
            pool,
            score,
            calls: 0,
            now: Sparse::default(),
            open: Default::default(),
            rings: LEVELS.map(|level| Ring::new(level.points)),
        }
    }

    fn second(&mut self, at: u32) {
        let calls = std::mem::take(&mut self.calls);
        let query_ms = self.now.nanos() as f32 / 1e6;
        for (place, level) in LEVELS.into_iter().enumerate() {
            let is_new = self.turn(place, level, at);
            let merged = match place.checked_sub(1) {
                None => &self.now,
                Some(open) => {
                    if is_new {
                        self.open[open].clear();
                    }
                    self.open[open].merge(&self.now);
                    &self.open[open]
                }
            };
            if let Some(point) = self.rings[place].newest_mut() {
                point.calls += calls;
                point.query_ms += query_ms;
                point.p95_ms = merged.quantile(0.95).as_secs_f32() * 1e3;
                point.parts = parts(merged);
            }
        }
        self.now.clear();
    }

    /// Begins a new step if the newest is over.
    fn turn(&mut self, place: usize, level: Level, at: u32) -> bool {
        let begin = level.begin(at);
        let is_new = self.rings[place].newest().is_none_or(|point| point.at < begin);
        if is_new {
            self.rings[place].push(HeavyPoint { at: begin, ..HeavyPoint::default() });
        }
        is_new
    }

    /// Its points of one of [`LEVELS`], the oldest first.
    pub fn points(&self, level: usize) -> impl Iterator<Item = &HeavyPoint> {
        self.rings[level].iter()
    }
}

fn parts(ran: &Sparse) -> [u8; RANGES] {
    let counts = ran.split(&QUERY_BOUNDS_US.map(Duration::from_micros));
    let all = counts.iter().sum::<u64>().max(1);
    let mut parts = [0; RANGES];
    // Rounded up: a single slow one among a million is what one looks for.
    parts.iter_mut().zip(counts).for_each(|(part, count)| *part = (count * 255).div_ceil(all) as u8);
    parts
}
