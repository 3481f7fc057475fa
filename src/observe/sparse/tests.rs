//! Against the dense histogram, and what it weighs.

use proptest::prelude::*;

use super::*;
use crate::observe::histogram::Histogram;

fn sparse(nanos: &[u64]) -> Sparse {
    let mut sparse = Sparse::default();
    for n in nanos {
        sparse.record(*n);
    }
    sparse
}

#[test]
fn room() {
    let check = |nanos: &[u64], chunks: usize| assert_eq!(sparse(nanos).chunks(), chunks, "{nanos:?}");
    check(&[], 0);
    check(&[0, 900, 1 << 36, u64::MAX / 2], 0);
    check(&[1_024, 2_047], 1);
    check(&[1_024, 2_048], 2);
    check(&(10..36).map(|power| 1 << power).collect::<Vec<_>>(), CHUNKS_MAX);
    assert_eq!(size_of::<Sparse>(), 88);
}

#[test]
fn a_full_bucket_halves_all() {
    let mut full = sparse(&[5_000, 500, 90_000]);
    full.chunks[0].iter_mut().filter(|count| **count > 0).for_each(|count| *count = u32::MAX - 1);
    full.below = 10;
    full.record(5_000);
    assert_eq!(full.chunks[0].iter().max(), Some(&(u32::MAX / 2)));
    assert_eq!(full.below, 5);
}

proptest! {
    #[test]
    fn the_same_as_the_dense_one(
        nanos in prop::collection::vec(any::<u64>().prop_map(|n| n >> (n % 50)).prop_filter("sums", |n| *n < 1 << 50), 0..300),
        q in 0.0f64..=1.0,
    ) {
        let (sparse, dense) = (sparse(&nanos), Histogram::default());
        nanos.iter().for_each(|n| dense.record(Duration::from_nanos(*n)));
        let dense = dense.snapshot();
        prop_assert_eq!(sparse.quantile(q), dense.quantile(q));
        prop_assert_eq!((sparse.count(), sparse.sum()), (dense.count(), dense.sum()));
        prop_assert_eq!(sparse.quantiles(), dense.quantiles());
    }

    #[test]
    fn within_three_per_cent(nanos in prop::collection::vec(1_000u64..60_000_000_000, 1..200), q in 0.0f64..=1.0) {
        let got = sparse(&nanos).quantile(q).as_nanos() as f64;
        let mut sorted = nanos;
        sorted.sort_unstable();
        let wanted = sorted[((sorted.len() as f64 * q).ceil() as usize).max(1) - 1] as f64;
        prop_assert!((got - wanted).abs() <= 0.03 * wanted, "got {got}, wanted {wanted}");
    }

    #[test]
    fn merged_is_recorded_together(
        one in prop::collection::vec(0u64..100_000_000_000, 0..50),
        two in prop::collection::vec(0u64..100_000_000_000, 0..50),
    ) {
        let (mut merged, together) = (sparse(&one), sparse(&[one, two.clone()].concat()));
        merged.merge(&sparse(&two));
        prop_assert_eq!(merged.buckets().collect::<Vec<_>>(), together.buckets().collect::<Vec<_>>());
        prop_assert_eq!((merged.sum(), merged.quantiles()), (together.sum(), together.quantiles()));
    }
}

#[test]
fn split_at_bounds() {
    let mut sparse = Sparse::default();
    [500, 900_000, 4_000_000, 4_100_000, 30_000_000, 90_000_000_000].into_iter().for_each(|nanos| {
        sparse.record(nanos);
    });
    assert_eq!(sparse.split(&[1, 5, 25].map(Duration::from_millis)), [2, 2, 0, 2]);
    assert_eq!(sparse.split(&[]), [6]);
}
