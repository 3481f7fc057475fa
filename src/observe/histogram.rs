//! Durations counted in log-linear buckets from 1 µs to 60 s, at most 3 % wrong. [`Histogram`] is written by one thread
//! while any thread reads; [`Distribution`] is what was read, and can be added up. No clock, no names.

use std::time::Duration;

use super::count::Count;

/// Where durations are counted while the program runs. Fixed size, about 6.5 KiB; `record` allocates nothing and is a
/// few loads and stores. One writer (see [`Count`]).
#[derive(Debug)]
pub struct Histogram {
    buckets: [Count; BUCKETS],
    nanos: Count,
    max: Count,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { buckets: std::array::from_fn(|_| Count::default()), nanos: Count::default(), max: Count::default() }
    }
}

impl Histogram {
    /// Counts one duration.
    #[inline]
    pub fn record(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[bucket_of(nanos)].add(1);
        self.nanos.add(nanos);
        self.max.lift(nanos);
    }

    /// Adds what was counted so far to `total`. A record that is under way may show in its bucket and not yet in the
    /// sum: the next reading has it.
    pub fn add_to(&self, total: &mut Distribution) {
        for (sum, count) in total.buckets.iter_mut().zip(&self.buckets) {
            *sum += count.get();
        }
        total.nanos = total.nanos.wrapping_add(self.nanos.get());
        total.max = total.max.max(self.max.get());
    }

    /// What was counted so far.
    pub fn snapshot(&self) -> Distribution {
        let mut total = Distribution::default();
        self.add_to(&mut total);
        total
    }
}

/// What one or more histograms had counted when they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    buckets: Vec<u64>,
    nanos: u64,
    max: u64,
}

impl Default for Distribution {
    fn default() -> Self {
        Distribution { buckets: vec![0; BUCKETS], nanos: 0, max: 0 }
    }
}

impl Distribution {
    /// Adds another reading.
    pub fn merge(&mut self, other: &Distribution) {
        for (sum, count) in self.buckets.iter_mut().zip(&other.buckets) {
            *sum += count;
        }
        self.nanos = self.nanos.wrapping_add(other.nanos);
        self.max = self.max.max(other.max);
    }

    /// What was counted between an earlier reading of the same histograms and this one. The longest is then known only as
    /// well as its bucket; the sum is exact.
    pub fn since(&self, earlier: &Distribution) -> Distribution {
        let pairs = self.buckets.iter().zip(&earlier.buckets);
        let buckets: Vec<u64> = pairs.map(|(now, before)| now.saturating_sub(*before)).collect();
        let longest = buckets.iter().rposition(|count| *count > 0);
        let max = if self.max > earlier.max { self.max } else { longest.map_or(0, middle_of).min(self.max) };
        Distribution { buckets, nanos: self.nanos.saturating_sub(earlier.nanos), max }
    }

    /// How many durations.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// All durations together, exact.
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.nanos)
    }

    /// The longest, exact.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.max)
    }

    /// The duration that a share `q` (0 to 1) of all did not exceed, at most 3 % wrong between 1 µs and 60 s; zero when
    /// there are none. What is shorter than 1 µs may be called 1 µs.
    pub fn quantile(&self, q: f64) -> Duration {
        let rank = ((self.count() as f64 * q).ceil() as u64).max(1);
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Duration::from_nanos(middle_of(index).min(self.max));
            }
        }
        Duration::ZERO
    }

    /// The four numbers that people ask for.
    pub fn quantiles(&self) -> Quantiles {
        Quantiles { p50: self.quantile(0.50), p95: self.quantile(0.95), p99: self.quantile(0.99), max: self.max() }
    }

    /// How many durations fall below each of `bounds` (ascending) and above the one before it, and last how many exceed
    /// them all. A bound takes the bucket edge that is nearest, at most 1.6 % away.
    pub fn split(&self, bounds: &[Duration]) -> Vec<u64> {
        let mut from = 0;
        let mut counts = Vec::with_capacity(bounds.len() + 1);
        for bound in bounds {
            let to = nearest_edge(bound.as_nanos() as u64).max(from);
            counts.push(self.buckets[from..to].iter().sum());
            from = to;
        }
        counts.push(self.buckets[from..].iter().sum());
        counts
    }
}

/// Half did not exceed `p50`, 95 % not `p95`, 99 % not `p99`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)] // see above
pub struct Quantiles {
    pub p50: Duration,
    pub p95: Duration,
    pub p99: Duration,
    pub max: Duration,
}

/// Each power of two is cut into 2^5 equal steps: a bucket is at most 1/32 of its lower edge wide, so its middle is at
/// most 1/64 away from anything in it.
const STEP_BITS: u32 = 5;
pub(super) const STEPS: usize = 1 << STEP_BITS;
/// 2^10 ns, about 1 µs: everything shorter shares the first bucket.
pub(super) const FIRST_POWER: u32 = 10;
/// 2^36 ns, about 69 s: the first power of two beyond 60 s. Everything longer shares the last bucket.
pub(super) const LAST_POWER: u32 = 36;
pub(super) const BUCKETS: usize = 1 + (LAST_POWER - FIRST_POWER) as usize * STEPS + 1;

#[inline]
pub(super) fn bucket_of(nanos: u64) -> usize {
    if nanos < 1 << FIRST_POWER {
        return 0;
    }
    let power = nanos.ilog2();
    if power >= LAST_POWER {
        return BUCKETS - 1;
    }
    let step = (nanos >> (power - STEP_BITS)) as usize - STEPS;
    1 + (power - FIRST_POWER) as usize * STEPS + step
}

/// The shortest duration of a bucket, in nanoseconds.
fn lower_edge(index: usize) -> u64 {
    let Some(position) = index.checked_sub(1) else { return 0 };
    let power = FIRST_POWER + (position / STEPS) as u32;
    ((STEPS + position % STEPS) as u64) << (power - STEP_BITS)
}

/// What stands for a bucket's durations; for the last bucket, which has no upper edge, only the maximum can.
pub(super) fn middle_of(index: usize) -> u64 {
    match index {
        0 => 1_000,
        _ if index == BUCKETS - 1 => u64::MAX,
        _ => lower_edge(index).midpoint(lower_edge(index + 1)),
    }
}

/// The bucket whose lower edge is nearest to `nanos`.
fn nearest_edge(nanos: u64) -> usize {
    let below = bucket_of(nanos);
    if below == BUCKETS - 1 || nanos - lower_edge(below) <= lower_edge(below + 1) - nanos { below } else { below + 1 }
}

#[cfg(test)]
mod tests;
