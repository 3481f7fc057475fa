//! The error bound, the quantiles against a sorted list, and the edges.

use proptest::prelude::*;

use super::*;

fn filled(nanos: &[u64]) -> Distribution {
    let histogram = Histogram::default();
    nanos.iter().for_each(|n| histogram.record(Duration::from_nanos(*n)));
    histogram.snapshot()
}

/// The definition that `quantile` approximates.
fn exact(nanos: &[u64], q: f64) -> u64 {
    let mut sorted = nanos.to_vec();
    sorted.sort_unstable();
    let rank = ((sorted.len() as f64 * q).ceil() as usize).max(1);
    sorted[rank - 1]
}

fn near(got: u64, wanted: u64) -> bool {
    got.abs_diff(wanted) as f64 <= 0.03 * wanted as f64
}

#[test]
fn edges() {
    #[track_caller]
    fn check(nanos: u64, bucket: usize) {
        assert_eq!(bucket_of(nanos), bucket, "{nanos} ns");
        let upper = if bucket == BUCKETS - 1 { u64::MAX } else { lower_edge(bucket + 1) };
        assert!(lower_edge(bucket) <= nanos && (nanos < upper || upper == u64::MAX), "{nanos} ns");
    }
    check(0, 0);
    check(1_023, 0);
    check(1_024, 1);
    check(1_055, 1);
    check(1_056, 2);
    check(2_047, 32);
    check(2_048, 33);
    check((1 << 36) - 1, BUCKETS - 2);
    check(1 << 36, BUCKETS - 1);
    check(u64::MAX, BUCKETS - 1);
}

#[test]
fn every_bucket_begins_where_the_one_before_ends() {
    for index in 1..BUCKETS {
        assert_eq!(bucket_of(lower_edge(index)), index);
        assert_eq!(bucket_of(lower_edge(index) - 1), index - 1);
    }
}

#[test]
fn what_is_outside_the_range_is_still_counted() {
    #[track_caller]
    fn check(nanos: &[u64], q: f64, wanted: u64) {
        assert_eq!(filled(nanos).quantile(q).as_nanos() as u64, wanted, "{nanos:?} {q}");
    }
    check(&[], 0.5, 0);
    check(&[0], 0.5, 0);
    check(&[300], 0.99, 300);
    check(&[300, 5_000_000], 0.5, 1_000);
    check(&[3_600_000_000_000], 0.5, 3_600_000_000_000);
    check(&[1, 2, 3_600_000_000_000], 1.0, 3_600_000_000_000);
}

#[test]
fn a_histogram_takes_few_kib() {
    assert!(size_of::<Histogram>() < 7 * 1024, "{}", size_of::<Histogram>());
}

#[test]
fn split_puts_each_duration_on_its_side() {
    let ms = Duration::from_millis;
    let counts = filled(&[500_000, 900_000, 5_000_000, 70_000_000_000]).split(&[ms(1), ms(10), ms(60_000)]);
    assert_eq!(counts, [2, 1, 0, 1]);
    assert_eq!(filled(&[7]).split(&[]), [1]);
}

proptest! {
    #[test]
    fn quantiles_are_within_three_per_cent(
        nanos in prop::collection::vec(1_000u64..60_000_000_000, 1..300),
        q in 0.0f64..=1.0,
    ) {
        let got = filled(&nanos).quantile(q).as_nanos() as u64;
        let wanted = exact(&nanos, q);
        prop_assert!(near(got, wanted), "got {got}, wanted {wanted}");
    }

    #[test]
    fn the_bound_holds_on_every_scale(power in 10u32..36, fraction in 0.0f64..1.0) {
        let nanos = ((1u64 << power) as f64 * (1.0 + fraction)) as u64;
        // A neighbour that is longer, so that the maximum does not correct the middle of the bucket.
        let got = filled(&[nanos, 3_600_000_000_000]).quantile(0.5).as_nanos() as u64;
        prop_assert!(near(got, nanos), "got {got}, wanted {nanos}");
    }

    #[test]
    fn merged_is_the_same_as_recorded_together(
        one in prop::collection::vec(any::<u32>(), 0..50),
        two in prop::collection::vec(any::<u32>(), 0..50),
    ) {
        let wide = |list: &[u32]| list.iter().map(|n| u64::from(*n) * 20).collect::<Vec<_>>();
        let mut merged = filled(&wide(&one));
        merged.merge(&filled(&wide(&two)));
        let together = filled(&[wide(&one), wide(&two)].concat());
        prop_assert_eq!(&merged, &together);
        prop_assert_eq!(merged.count() as usize, one.len() + two.len());
    }

    #[test]
    fn split_loses_nothing_and_misplaces_only_near_a_bound(
        nanos in prop::collection::vec(0u64..100_000_000_000, 0..100),
        bound in 2_000u64..60_000_000_000,
    ) {
        let counts = filled(&nanos).split(&[Duration::from_nanos(bound)]);
        prop_assert_eq!(counts.iter().sum::<u64>() as usize, nanos.len());
        let surely_below = nanos.iter().filter(|n| (**n as f64) < bound as f64 * 0.98).count() as u64;
        let maybe_below = nanos.iter().filter(|n| (**n as f64) < bound as f64 * 1.02).count() as u64;
        prop_assert!((surely_below..=maybe_below).contains(&counts[0]));
    }
}
