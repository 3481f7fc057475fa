//! Down-sampling adds up, quantiles are of all durations of a step, and what is too much goes.

use std::time::Duration;

use super::heavy::SLOTS_MAX;
use super::*;
use crate::config::PoolMode;
use crate::observe::counters::{PoolMeter, PoolNumbers};
use crate::observe::snapshot::{ClientCounts, ServerCounts};

/// 2026-11-22T10:00:00Z: the begin of a step of each level.
const BEGIN: u32 = 1_795_341_600;

fn view(database: &str, meter: &PoolMeter, waiting: usize) -> PoolView {
    PoolView {
        database: database.into(),
        user: "u".into(),
        pool_mode: PoolMode::Transaction,
        pool_size: 20,
        clients: ClientCounts { waiting, ..ClientCounts::default() },
        servers: ServerCounts::default(),
        queued: 0,
        max_wait: Duration::ZERO,
        obstacle: None,
        numbers: PoolNumbers::merge([meter]),
    }
}

/// Taken when both clocks say so; the process began a second before [`BEGIN`].
fn picture(second: u32, pools: Vec<PoolView>) -> Snapshot {
    picture_at(second, second - (BEGIN - 1), pools)
}

fn picture_at(wall: u32, uptime: u32, pools: Vec<PoolView>) -> Snapshot {
    let at = |second: u32| Timestamp::from_second(i64::from(second)).unwrap();
    let uptime = Duration::from_secs(uptime.into());
    Snapshot { pools, taken_at: at(wall), uptime, ..Snapshot::starting(at(BEGIN - 1), "1") }
}

fn points(history: &History, level: usize) -> Vec<PoolPoint> {
    let mut series = history.pools(Period { level, since: 0 }, &Wanted::default());
    assert_eq!(series.len(), 1);
    series.remove(0).points
}

#[test]
fn steps_add_up() {
    let (meter, mut history) = (PoolMeter::default(), History::default());
    for second in 0..120 {
        (0..=second).for_each(|n| meter.queried(Duration::from_millis(1 + u64::from(n))));
        meter.transacted(Duration::ZERO);
        meter.idled_in_transaction(Duration::from_millis(3));
        if second % 4 == 0 {
            meter.error(*b"23505");
        }
        history.second(&picture(BEGIN + second, vec![view("d", &meter, second as usize % 7)]), &Groups::default());
    }
    for (level, count) in [120, 12, 2].into_iter().enumerate() {
        let points = points(&history, level);
        assert_eq!(points.len(), count);
        let sum = |place: usize| points.iter().map(|point| point.sums[place]).sum::<f32>();
        assert_eq!([sum(0), sum(1), sum(2)], [7_260.0, 120.0, 30.0], "{level}");
        assert!((sum(6) - 360.0).abs() < 0.01, "{}", sum(6));
        assert_eq!(points.iter().map(|point| point.span).sum::<f32>(), 120.0);
        assert!(points.iter().enumerate().all(|(n, point)| point.at == BEGIN + n as u32 * LEVELS[level].step));
        assert_eq!(points.iter().map(|point| point.most[0]).fold(0.0, f32::max), 6.0);
        let mean = points.iter().map(|point| point.means[0] * point.span).sum::<f32>() / 120.0;
        let exact = (0..120).map(|second| second % 7).sum::<i32>() as f32 / 120.0;
        assert!((mean - exact).abs() < 1e-3, "{mean} {exact}");
    }
    // The second minute's statements took 1 to 120 ms, most of them less: the quantile of all of them, not a mean or maximum.
    let mut all: Vec<u32> = (60..120).flat_map(|second| 1..=second + 1).collect();
    all.sort_unstable();
    let (got, wanted) = (points(&history, 2)[1].query_ms[1], all[all.len() * 95 / 100] as f32);
    assert!((got - wanted).abs() <= 0.04 * wanted, "{got} {wanted}");
    assert!((points(&history, 2)[1].query_ms[3] - 120.0).abs() < 0.1);
}

#[test]
fn a_second_that_was_missed_and_a_clock_that_steps_back() {
    let (meter, mut history) = (PoolMeter::default(), History::default());
    for (uptime, second) in [(1, 0), (2, 1), (5, 4), (6, 3), (7, 5)] {
        meter.queried(Duration::from_millis(1));
        let picture = picture_at(BEGIN + second, uptime, vec![view("d", &meter, 0)]);
        history.second(&picture, &Groups::default());
    }
    let points = points(&history, 0);
    let got: Vec<(u32, f32)> = points.iter().map(|point| (point.at - BEGIN, point.sums[0])).collect();
    assert_eq!(got, [(0, 1.0), (1, 1.0), (4, 2.0), (5, 1.0)]);
    assert_eq!(points.iter().map(|point| point.span).collect::<Vec<_>>(), [1.0, 1.0, 4.0, 1.0]);
}

/// For two minutes one clock goes on while the wall's is set by this in the middle: where the points of each level are, in steps,
/// before the last.
#[track_caller]
fn check_set(by: i64, wanted: [Vec<u32>; 3]) {
    let (meter, mut history) = (PoolMeter::default(), History::default());
    let (began, digest, pool) = (BEGIN + 7_200, Digest::default(), Default::default());
    let slot = history.heavy.slot(digest, pool);
    for second in 0..120 {
        meter.queried(Duration::from_millis(1));
        history.heavy.record(slot, 1_000_000);
        let set = if second < 60 { 0 } else { by };
        let wall = u32::try_from(i64::from(began + second) + set).unwrap();
        history.second(&picture_at(wall, second + 1, vec![view("d", &meter, 0)]), &Groups::default());
    }
    for (level, wanted) in wanted.into_iter().enumerate() {
        let points = points(&history, level);
        let last = i64::from(began + 119) + by;
        assert_eq!(i64::from(points.last().unwrap().at), last - last % i64::from(LEVELS[level].step));
        let ages =
            |all: &[u32]| all.iter().map(|at| (all[all.len() - 1] - at) / LEVELS[level].step).collect::<Vec<_>>();
        let at: Vec<u32> = points.iter().map(|point| point.at).collect();
        assert_eq!(ages(&at), wanted, "{by} {level}");
        assert!(
            points.iter().map(|point| point.span).sum::<f32>() == 120.0 && points.iter().all(|point| point.span > 0.0)
        );
        let calls = points.iter().map(|point| point.sums[0]).sum::<f32>();
        let heavy: Vec<HeavyPoint> = history.heavy.slots()[0].points(level).copied().collect();
        assert_eq!((calls, heavy.iter().map(|point| point.calls).sum()), (120.0, 120));
        assert_eq!(heavy.iter().map(|point| point.at).collect::<Vec<_>>(), at);
    }
}

#[test]
fn a_clock_that_is_set() {
    let down = |steps: u32| (0..steps).rev().collect::<Vec<_>>();
    check_set(-3_600, [down(120), down(12), down(2)]);
    check_set(-3_595, [down(120), down(13), down(3)]);
    let gap = |steps: u32, gap: u32| [(steps + gap..2 * steps + gap).rev().collect(), down(steps)].concat();
    check_set(600, [gap(60, 600), gap(6, 60), gap(1, 10)]);
}

#[test]
fn a_clock_that_is_set_by_years_makes_no_second_of_all_that_was() {
    let (meter, mut history) = (PoolMeter::default(), History::default());
    for (uptime, wall) in [(1, 0), (2, 1), (3, BEGIN), (4, BEGIN + 1)] {
        (0..10).for_each(|_| meter.queried(Duration::from_millis(1)));
        history.second(&picture_at(wall, uptime, vec![view("d", &meter, 0)]), &Groups::default());
    }
    let sums: Vec<f32> = points(&history, 0).iter().map(|point| point.sums[0]).collect();
    assert_eq!(sums, [0.0, 10.0]);
}

#[test]
fn a_pool_that_comes_again_begins_anew() {
    let mut history = History::default();
    for (second, queries) in [(0, 10), (1, 3)] {
        let meter = PoolMeter::default();
        (0..queries).for_each(|_| meter.queried(Duration::from_millis(queries)));
        history.second(&picture(BEGIN + second, vec![view("d", &meter, 0)]), &Groups::default());
    }
    let points = points(&history, 0);
    assert_eq!(points.iter().map(|point| point.sums[0]).collect::<Vec<_>>(), [10.0, 3.0]);
    assert!((points[1].query_ms[0] - 3.0).abs() < 0.1);
}

#[test]
fn periods_and_bounds() {
    let (meter, mut history) = (PoolMeter::default(), History::default());
    let seconds = 2 * 24 * 3600 + 7_200;
    // One second of each minute: a test is not an afternoon.
    for second in (0..seconds).step_by(60) {
        history.second(&picture(BEGIN + second, vec![view("d", &meter, 0)]), &Groups::default());
    }
    for (level, steps) in LEVELS.iter().enumerate() {
        let points = points(&history, level);
        let wanted = steps.points * steps.step as usize / 60;
        assert!(points.len().abs_diff(wanted) <= 1, "{level}: {}", points.len());
        assert!(points.is_sorted_by_key(|point| point.at));
    }
    let since = Period { level: 0, since: BEGIN + seconds - 150 };
    assert_eq!(history.pools(since, &Wanted::default())[0].points.len(), 2);
    let nobody = Wanted { user: Some("v".into()), ..Wanted::default() };
    assert!(history.pools(since, &nobody).is_empty());
}

#[test]
fn too_many_pools() {
    let (meter, mut history) = (PoolMeter::default(), History::default());
    (0..5).for_each(|_| meter.queried(Duration::from_millis(1)));
    let pools = |names: std::ops::Range<usize>| names.map(|n| view(&n.to_string(), &meter, 0)).collect::<Vec<_>>();
    history.second(&picture(BEGIN, pools(0..POOLS_MAX + 2)), &Groups::default());
    assert_eq!((history.places.pools().count(), history.refused()), (POOLS_MAX, 2));
    // The first has gone: one of the two gets its place, without what it has counted so far.
    history.second(&picture(BEGIN + 1, pools(1..POOLS_MAX + 1)), &Groups::default());
    assert_eq!((history.places.pools().count(), history.refused()), (POOLS_MAX, 2));
    let late = history.places.pools().find(|pool| *pool.database == *POOLS_MAX.to_string()).unwrap();
    assert_eq!(late.points(0).map(|point| point.sums[0]).collect::<Vec<_>>(), [0.0]);
    history.second(&picture(BEGIN + 1 + 48 * 3600 + 1, Vec::new()), &Groups::default());
    assert_eq!(history.places.pools().count(), 0, "nobody shows what is so old");
}

#[test]
fn statements_add_up() {
    let mut history = History::default();
    let slot = history.heavy.slot(Digest(1), 0);
    history.heavy.slot(Digest(2), 0);
    for second in 0..120 {
        if second % 2 == 0 {
            (0..10).for_each(|n| history.heavy.record(slot, (n + 1) * 1_000_000));
        }
        history.second(&picture(BEGIN + second, Vec::new()), &Groups::default());
    }
    for (level, count) in [60, 12, 2].into_iter().enumerate() {
        let series = history.statements(Period { level, since: 0 }, &Wanted::default(), &Groups::default());
        let points = &series[0].points;
        assert_eq!(points.len(), count);
        assert_eq!(points.iter().map(|point| point.calls).sum::<u32>(), 600);
        assert!((points.iter().map(|point| point.query_ms).sum::<f32>() - 60.0 * 55.0).abs() < 0.1);
        assert!(points.iter().all(|point| (point.p95_ms - 10.0).abs() <= 0.3), "{points:?}");
        assert!(series[1].points.is_empty(), "it never ran");
    }
}

#[test]
fn a_statement_shows_how_long_its_executions_took() {
    // Executions by their milliseconds, and about how many lie in each range.
    #[track_caller]
    fn check(runs: &[(u64, usize)], wanted: [f64; 8]) {
        let mut history = History::default();
        let slot = history.heavy.slot(Digest(1), 0);
        runs.iter().for_each(|(micros, n)| (0..*n).for_each(|_| history.heavy.record(slot, micros * 1_000)));
        history.second(&picture(BEGIN, Vec::new()), &Groups::default());
        for level in 0..LEVELS.len() {
            let point =
                history.statements(Period { level, since: 0 }, &Wanted::default(), &Groups::default())[0].points[0];
            let calls = f64::from(point.calls);
            let near =
                |(got, wanted): (f64, f64)| (got - wanted).abs() <= calls / 100.0 && (got > 0.0) == (wanted > 0.0);
            assert!(point.spread().into_iter().zip(wanted).all(near), "{:?} {wanted:?}", point.spread());
        }
    }
    check(&[(50, 10)], [10.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    check(&[(50, 500), (400, 300), (3_000, 100)], [500.0, 300.0, 100.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    check(&[(10_000, 7), (50_000, 7), (200_000, 7)], [0.0, 0.0, 0.0, 7.0, 7.0, 7.0, 0.0, 0.0]);
    // One of two thousand is still seen.
    check(&[(400, 2_000), (900_000, 1)], [0.0, 2_000.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    check(&[(100_000_000, 3)], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3.0]);
}

#[test]
fn a_place_is_not_taken_for_a_trifle() {
    let mut heavy = Heavy::default();
    let places = 0..SLOTS_MAX as u64;
    let recent = |digests: std::ops::Range<u64>, nanos: u64| digests.map(|n| ((Digest(n + 1), 0), nanos)).collect();
    heavy.choose(&recent(places.clone(), 1_000_000_000));
    assert_eq!(heavy.slots().len(), SLOTS_MAX);
    let has = |heavy: &Heavy, digest: u64| heavy.find(Digest(digest), 0) != u16::MAX;
    heavy.choose(&recent(1_000..1_001, 1_000_000));
    assert!(!has(&heavy, 1_001));
    heavy.choose(&recent(1_000..1_001, 1_000_000_000));
    assert!(has(&heavy, 1_001));
    assert_eq!(places.filter(|n| has(&heavy, n + 1)).count(), SLOTS_MAX - 1);
}

#[test]
fn points_are_as_big_as_is_stated() {
    assert!(size_of::<PoolPoint>() <= 148, "{}", size_of::<PoolPoint>());
    assert_eq!(size_of::<HeavyPoint>(), 24);
}
