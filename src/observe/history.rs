//! How it was: series in three resolutions, so that a dashboard that is opened after the incident shows the incident. Fed once
//! a second from the difference of two pictures, as long as the process' clock says that it is. Sums add up, gauges keep mean and maximum, quantiles are those of all
//! durations of the step (merged histograms, never a mean of quantiles). No clock: a picture says when it was taken.
//!
//! In bytes, at the most: a pool 5,940 points of 148 and 45 KiB of histograms, 0.93 MB, so 30 MB for [`POOLS_MAX`] pools that
//! were busy for two days; a statement 5,940 points of 24, 143 KB, so 29 MB for [`heavy::SLOTS_MAX`] that each ran in every
//! second of two days. Points exist only for steps in which there was something: one pool and 20 busy statements take 3 MB.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use self::heavy::{Heavy, HeavyPoint};
use self::places::Places;
use self::pool::PoolPoint;
use super::insight::Wanted;
use super::snapshot::{PoolView, Snapshot};
use super::store::groups::Groups;
use crate::sql::digest::Digest;

pub mod heavy;
mod places;
pub mod pool;
pub mod ring;

/// Pools that have a history; where there are more, those that are in use. A sidecar has one to three. More would fit into
/// memory, at up to 0.93 MB each, but a page that shows all of them copies all their points while the analyst waits for it.
pub const POOLS_MAX: usize = 32;

/// One resolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// How it is asked for.
    pub name: &'static str,
    /// Seconds from point to point.
    pub step: u32,
    /// Points that are kept.
    pub points: usize,
}

/// All resolutions, the finest first.
pub const LEVELS: [Level; 3] = [
    Level { name: "15m", step: 1, points: 900 },
    Level { name: "6h", step: 10, points: 2_160 },
    Level { name: "48h", step: 60, points: 2_880 },
];

impl Level {
    /// Where a step begins.
    fn begin(self, at: u32) -> u32 {
        at - at % self.step
    }

    /// Where one begins that began so many seconds later by a clock that was wrong: each in a step of its own, as before.
    fn set_back(self, at: u32, by: u32) -> u32 {
        self.begin(at.saturating_sub(by))
    }
}

/// Which part of the history is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Period {
    /// Its place in [`LEVELS`].
    pub level: usize,
    /// Only points that begin then or later, in seconds since 1970.
    pub since: u32,
}

/// The points of one pool.
#[derive(Debug)]
pub struct PoolSeries {
    /// The name that its clients ask for.
    pub database: Arc<str>,
    /// The user that they log in as.
    pub user: Arc<str>,
    /// The oldest first.
    pub points: Vec<PoolPoint>,
}

/// The points of one statement.
#[derive(Debug)]
pub struct StatementSeries {
    /// Its shape.
    pub digest: Digest,
    /// The name that its clients ask for.
    pub database: Arc<str>,
    /// The user that they log in as.
    pub user: Arc<str>,
    /// The oldest first; steps in which it did not run have none.
    pub points: Vec<HeavyPoint>,
    /// So far, in seconds since 1970, was looked: the last step may not be over.
    pub until: u32,
}

/// All series.
#[derive(Debug, Default)]
pub struct History {
    places: Places,
    /// Of statements.
    pub heavy: Heavy,
    /// When the last picture was taken, by the process' clock,
    uptime: Duration,
    /// and by the wall's, in seconds since 1970.
    now: u32,
}

/// By so many seconds the clock may go back and catch up, which is one long step.
const SLIP: u32 = 5;

/// Two pictures that are closer than this, in seconds, tell nothing of a rate.
const SPAN_MIN: f64 = 0.01;

impl History {
    /// A second has passed.
    pub fn second(&mut self, snapshot: &Snapshot, groups: &Groups) {
        let span = snapshot.uptime.saturating_sub(self.uptime).as_secs_f64();
        let at = seconds(snapshot.taken_at);
        // What was looked at before was looked at before: all of it moves with the clock.
        if at + SLIP < self.now {
            self.set_back(self.now - at + span.round() as u32);
        }
        (self.uptime, self.now) = (snapshot.uptime, at);
        self.forget(at);
        let drain = |view: &PoolView| groups.pool_of(&view.database, &view.user).map_or(0, |totals| totals.drain);
        for (pool, view) in self.places.second(&snapshot.pools, at, drain) {
            pool.second(view, drain(view), at, span.max(SPAN_MIN));
        }
        self.heavy.second(at);
    }

    fn set_back(&mut self, by: u32) {
        self.places.set_back(by);
        self.heavy.set_back(by);
    }

    /// Pools whose last point is older than anything that is shown.
    fn forget(&mut self, at: u32) {
        let [.., coarsest] = LEVELS;
        self.places.forget(at.saturating_sub(coarsest.step * coarsest.points as u32));
    }

    /// Pools in use that found no place, counted once a second.
    pub fn refused(&self) -> u64 {
        self.places.refused()
    }

    /// Points of the wanted pools.
    pub fn pools(&self, period: Period, wanted: &Wanted) -> Vec<PoolSeries> {
        let pools = self.places.pools().filter(|pool| wanted.pool(&pool.database, &pool.user));
        let series = pools.map(|pool| PoolSeries {
            database: pool.database.clone(),
            user: pool.user.clone(),
            points: pool.points(period.level).filter(|point| point.at >= self.from(period)).copied().collect(),
        });
        series.collect()
    }

    /// Points of the wanted statements.
    pub fn statements(&self, period: Period, wanted: &Wanted, groups: &Groups) -> Vec<StatementSeries> {
        let slots = self.heavy.slots().iter().filter(|slot| wanted.digest(slot.digest));
        let series = slots.filter_map(|slot| {
            let pool = groups.pool(slot.pool);
            let points = slot.points(period.level).filter(|point| point.at >= self.from(period)).copied();
            wanted.pool(&pool.database, &pool.user).then(|| StatementSeries {
                digest: slot.digest,
                database: pool.database.clone(),
                user: pool.user.clone(),
                points: points.collect(),
                until: self.now + 1,
            })
        });
        series.collect()
    }

    /// Where the period begins: after gaps a ring also holds older points.
    fn from(&self, period: Period) -> u32 {
        let Level { step, points, .. } = LEVELS[period.level];
        period.since.max(self.now.saturating_sub(step * points as u32))
    }
}

fn seconds(at: Timestamp) -> u32 {
    u32::try_from(at.as_second()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
