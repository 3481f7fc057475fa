//! The history in as many steps as a picture has room for. Pure.

use crate::observe::history::pool::{GAUGES, PoolPoint, QUANTILES, SUMS, WAITS};
use crate::observe::history::{LEVELS, PoolSeries};
use crate::web::pages::chart::{Axis, Series};

/// Slots of a picture.
const SLOTS: u32 = 180;

/// The axis of a level that ends now. Of a process that is younger than the level is long, it shows a part: an empty picture
/// with a scratch at its end would show nothing.
pub(super) fn axis(level: usize, now: u32, started: u32) -> Axis {
    let level = LEVELS[level];
    let whole = level.step * level.points as u32;
    let parts = [15, 6, 3, 1].map(|part| (whole / part).max(SLOTS_MIN * level.step));
    let range = parts.into_iter().find(|range| started + range > now).unwrap_or(whole);
    let step = (range / SLOTS).max(level.step);
    let end = now - now % step + step;
    Axis { begin: end.saturating_sub(range), step, count: (range / step) as usize }
}

/// A picture has no fewer.
const SLOTS_MIN: u32 = 60;

/// Places in [`SUMS`].
pub(super) const QUERIES: usize = 0;
pub(super) const TRANSACTIONS: usize = 1;
pub(super) const ERRORS: usize = 2;
pub(super) const WAIT: usize = 3;
pub(super) const QUERY: usize = 4;
pub(super) const DRAIN: usize = 5;
pub(super) const IDLE: usize = 6;

/// Places in [`GAUGES`].
pub(super) const WAITING: usize = 0;
pub(super) const BUSY: usize = 3;
pub(super) const SIZE: usize = 5;

/// One slot.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Step {
    span: f64,
    /// A second, in the order of [`SUMS`]; durations in milliseconds.
    pub(super) rates: [f64; SUMS.len()],
    /// On average, in the order of [`GAUGES`].
    pub(super) means: [f64; GAUGES.len()],
    /// The highest.
    pub(super) most: [f64; GAUGES.len()],
    /// The highest of each quantile, in milliseconds.
    pub(super) wait_ms: [f64; QUANTILES.len()],
    /// See `wait_ms`.
    pub(super) query_ms: [f64; QUANTILES.len()],
    /// How many waited for how long.
    pub(super) waits: [f64; WAITS],
}

impl Step {
    /// Adds a later point of the same pool.
    fn absorb(&mut self, point: &PoolPoint) {
        let (before, span) = (self.span, f64::from(point.span));
        let all = (before + span).max(f64::EPSILON);
        let mean = |old: f64, sum: f64| (old * before + sum) / all;
        self.rates.iter_mut().zip(point.sums).for_each(|(rate, sum)| *rate = mean(*rate, f64::from(sum)));
        self.means.iter_mut().zip(point.means).for_each(|(old, new)| *old = mean(*old, f64::from(new) * span));
        self.waits.iter_mut().zip(point.waits).for_each(|(sum, count)| *sum += f64::from(count));
        raise(&mut self.most, point.most.map(f64::from));
        raise(&mut self.wait_ms, point.wait_ms.map(f64::from));
        raise(&mut self.query_ms, point.query_ms.map(f64::from));
        self.span = all;
    }

    /// Adds the same time of another pool: what is counted adds up, of quantiles the worst remains.
    fn beside(&mut self, other: &Step) {
        self.span = self.span.max(other.span);
        add(&mut self.rates, other.rates);
        add(&mut self.means, other.means);
        add(&mut self.most, other.most);
        add(&mut self.waits, other.waits);
        raise(&mut self.wait_ms, other.wait_ms);
        raise(&mut self.query_ms, other.query_ms);
    }
}

fn add<const N: usize>(sums: &mut [f64; N], more: [f64; N]) {
    sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}

fn raise<const N: usize>(most: &mut [f64; N], other: [f64; N]) {
    most.iter_mut().zip(other).for_each(|(most, other)| *most = most.max(other));
}

/// The points of one pool, slot by slot; `None` where nothing was seen.
pub(super) fn steps(axis: &Axis, points: &[PoolPoint]) -> Vec<Option<Step>> {
    let mut steps: Vec<Option<Step>> = vec![None; axis.count];
    for point in points {
        if let Some(slot) = axis.slot(point.at) {
            steps[slot].get_or_insert_default().absorb(point);
            // A second that was looked at late tells of those before it.
            let covered = (f64::from(point.span) / f64::from(axis.step)).round() as usize;
            for before in slot.saturating_sub(covered.saturating_sub(1))..slot {
                steps[before] = steps[before].or(steps[slot]);
            }
        }
    }
    steps
}

/// The points of all pools together.
pub(super) fn together(axis: &Axis, pools: &[PoolSeries]) -> Vec<Option<Step>> {
    let mut all: Vec<Option<Step>> = vec![None; axis.count];
    for pool in pools {
        for (sum, step) in all.iter_mut().zip(steps(axis, &pool.points)) {
            if let Some(step) = step {
                sum.get_or_insert_default().beside(&step);
            }
        }
    }
    all
}

/// All points as one step.
pub(super) fn whole<'p>(points: impl IntoIterator<Item = &'p PoolPoint>) -> Step {
    let mut whole = Step::default();
    points.into_iter().for_each(|point| whole.absorb(point));
    whole
}

/// All points of all pools as one step.
pub(super) fn whole_together(pools: &[PoolSeries], since: u32) -> Step {
    let mut all = Step::default();
    pools.iter().for_each(|pool| all.beside(&whole(pool.points.iter().filter(|point| point.at >= since))));
    all
}

/// One quantity of all slots.
pub(super) fn series(
    name: &'static str,
    class: &'static str,
    steps: &[Option<Step>],
    value: impl Fn(&Step) -> f64,
) -> Series {
    Series { name, class, values: steps.iter().map(|step| step.as_ref().map(&value)).collect() }
}

/// Where the time goes, in seconds a second.
pub(super) fn time(steps: &[Option<Step>]) -> Vec<Series> {
    vec![
        series("query", "s-query", steps, |step| step.rates[QUERY] / 1e3),
        series("wait", "s-wait", steps, |step| step.rates[WAIT] / 1e3),
        series("idle in transaction", "s-idle", steps, |step| step.rates[IDLE] / 1e3),
        series("drain", "s-drain", steps, |step| step.rates[DRAIN] / 1e3),
    ]
}

/// Some values of all slots, for a picture as small as a word; zero where nothing was seen.
pub(super) fn trend(steps: &[Option<Step>], value: impl Fn(&Step) -> f64) -> Vec<f64> {
    const JOINED: usize = 6;
    let most = |part: &[Option<Step>]| part.iter().flatten().map(&value).fold(0.0, f64::max);
    steps.chunks(JOINED).map(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(at: u32, queries: f32, waiting: f32, p95: f32) -> PoolPoint {
        let mut point = PoolPoint { at, span: 1.0, ..PoolPoint::default() };
        (point.sums[QUERIES], point.means[WAITING], point.most[WAITING]) = (queries, waiting, waiting);
        point.wait_ms[1] = p95;
        point
    }

    #[test]
    fn seconds_become_slots() {
        let axis = axis(0, 1_795_341_600, 0);
        assert_eq!((axis.begin, axis.step, axis.count), (1_795_340_705, 5, 180));
        let points = [
            point(axis.begin - 1, 9.0, 9.0, 9.0),
            point(axis.begin, 10.0, 1.0, 5.0),
            point(axis.begin + 4, 20.0, 3.0, 2.0),
        ];
        let steps = steps(&axis, &points);
        let first = steps[0].unwrap();
        assert_eq!(
            (first.rates[QUERIES], first.means[WAITING], first.most[WAITING], first.wait_ms[1]),
            (15.0, 2.0, 3.0, 5.0)
        );
        assert!(steps[1..].iter().all(Option::is_none));
    }

    #[test]
    fn a_late_look_tells_of_the_seconds_before_it() {
        let axis = axis(0, 1_795_341_600, 1_795_341_590);
        assert_eq!(axis.step, 1);
        let points =
            [point(axis.begin + 3, 7.0, 0.0, 0.0), PoolPoint { span: 3.1, ..point(axis.begin + 6, 31.0, 0.0, 0.0) }];
        let seen: Vec<Option<i64>> =
            steps(&axis, &points)[..8].iter().map(|step| step.map(|step| step.rates[QUERIES].round() as i64)).collect();
        assert_eq!(seen, [None, None, None, Some(7), Some(10), Some(10), Some(10), None]);
    }

    #[test]
    fn pools_add_up() {
        let axis = axis(0, 1_795_341_600, 0);
        let pool = |queries, p95| PoolSeries {
            database: "d".into(),
            user: "u".into(),
            points: vec![point(axis.begin, queries, 1.0, p95)],
        };
        let pools = [pool(10.0, 5.0), pool(30.0, 1.0)];
        let first = together(&axis, &pools)[0].unwrap();
        assert_eq!((first.rates[QUERIES], first.means[WAITING], first.wait_ms[1]), (40.0, 2.0, 5.0));
        assert_eq!(whole_together(&pools, 0).rates[QUERIES], 40.0);
        assert_eq!(whole_together(&pools, axis.begin + 1).rates[QUERIES], 0.0);
    }

    #[test]
    fn every_level_has_its_slots() {
        let now = 1_795_341_601;
        let check = |level: usize, age: u32, wanted: (u32, usize)| {
            let axis = axis(level, now, now - age);
            assert_eq!((axis.step, axis.count), wanted, "{level} {age}");
            assert_eq!(axis.slot(now), Some(axis.count - 1));
        };
        check(0, 9_000, (5, 180));
        check(0, 800, (5, 180));
        check(0, 20, (1, 60));
        check(0, 61, (1, 150));
        check(0, 200, (1, 300));
        check(1, 600, (10, 144));
        check(1, 30_000, (120, 180));
        check(2, 999_999, (960, 180));
        assert_eq!(axis(0, 0, 0).begin, 0);
    }
}
