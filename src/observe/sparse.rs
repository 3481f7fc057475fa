//! Durations counted in the buckets of [`histogram`](super::histogram), in no more room than they need: for thousands of
//! statements, whose durations each lie close together. One thread's; no clock.

use std::time::Duration;

use super::histogram::{BUCKETS, FIRST_POWER, LAST_POWER, Quantiles, STEPS, bucket_of, middle_of};

/// One power of two's buckets. 128 bytes.
type Chunk = [u32; STEPS];

/// Powers of two between the shortest and the longest duration that are told apart.
const POWERS: usize = (LAST_POWER - FIRST_POWER) as usize;

/// The most chunks that one histogram can have.
pub const CHUNKS_MAX: usize = POWERS;

/// A histogram that takes 88 bytes and 128 for each power of two in which there is a duration: 3.4 KiB at the most. As exact
/// as the dense one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sparse {
    nanos: u64,
    max: u64,
    /// Shorter than the first power, and longer than the last.
    below: u64,
    above: u64,
    /// For each power one more than its place in `chunks`, or 0.
    places: [u8; POWERS],
    chunks: Vec<Chunk>,
}

impl Sparse {
    /// Counts one duration; whether it took a new chunk.
    #[inline]
    pub fn record(&mut self, nanos: u64) -> bool {
        self.nanos = self.nanos.wrapping_add(nanos);
        self.max = self.max.max(nanos);
        match bucket_of(nanos) {
            0 => self.below += 1,
            bucket if bucket == BUCKETS - 1 => self.above += 1,
            bucket => return self.count_in(bucket - 1),
        }
        false
    }

    #[inline]
    fn count_in(&mut self, position: usize) -> bool {
        let place = self.places[position / STEPS];
        if place == 0 {
            self.grow(position / STEPS)[position % STEPS] = 1;
            return true;
        }
        let count = &mut self.chunks[usize::from(place) - 1][position % STEPS];
        *count += 1;
        if *count == u32::MAX {
            self.halve();
        }
        false
    }

    #[cold]
    fn grow(&mut self, power: usize) -> &mut Chunk {
        // Vec would double; most histograms stay small.
        self.chunks.reserve_exact(1);
        self.chunks.push([0; STEPS]);
        self.places[power] = self.chunks.len() as u8;
        self.chunks.last_mut().expect("was just pushed")
    }

    /// A bucket is full after four billion: from then on all weigh half, which no quantile notices.
    #[cold]
    fn halve(&mut self) {
        self.below /= 2;
        self.above /= 2;
        self.chunks.iter_mut().flatten().for_each(|count| *count /= 2);
    }

    /// Adds another one; how many chunks that took.
    pub fn merge(&mut self, other: &Sparse) -> usize {
        let before = self.chunks.len();
        self.nanos = self.nanos.wrapping_add(other.nanos);
        self.max = self.max.max(other.max);
        self.below += other.below;
        self.above += other.above;
        for (power, place) in other.places.iter().enumerate().filter(|(_, place)| **place > 0) {
            let own = match self.places[power] {
                0 => self.grow(power),
                place => &mut self.chunks[usize::from(place) - 1],
            };
            let theirs = &other.chunks[usize::from(*place) - 1];
            own.iter_mut().zip(theirs).for_each(|(sum, count)| *sum = sum.saturating_add(*count));
        }
        self.chunks.len() - before
    }

    /// Empty again; keeps its room.
    pub fn clear(&mut self) {
        (self.nanos, self.max, self.below, self.above) = (0, 0, 0, 0);
        self.chunks.iter_mut().for_each(|chunk| chunk.fill(0));
    }

    /// All durations together, exact.
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.nanos)
    }

    /// The same in nanoseconds.
    #[inline]
    pub fn nanos(&self) -> u64 {
        self.nanos
    }

    /// How many durations; of more than four billion, a part.
    pub fn count(&self) -> u64 {
        self.below + self.above + self.chunks.iter().flatten().map(|n| u64::from(*n)).sum::<u64>()
    }

    /// How many chunks it has.
    pub fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// As [`super::histogram::Distribution::quantile`].
    pub fn quantile(&self, q: f64) -> Duration {
        let rank = ((self.count() as f64 * q).ceil() as u64).max(1);
        let mut seen = 0;
        for (bucket, count) in self.buckets() {
            seen += count;
            if seen >= rank {
                return Duration::from_nanos(middle_of(bucket).min(self.max));
            }
        }
        Duration::ZERO
    }

    /// The four numbers that people ask for.
    pub fn quantiles(&self) -> Quantiles {
        Quantiles {
            p50: self.quantile(0.50),
            p95: self.quantile(0.95),
            p99: self.quantile(0.99),
            max: Duration::from_nanos(self.max),
        }
    }

    /// How many durations are at most each of `bounds` (ascending) and longer than the one before it, and last how many
    /// exceed them all, as exact as the buckets are.
    pub fn split(&self, bounds: &[Duration]) -> Vec<u64> {
        let mut counts = vec![0; bounds.len() + 1];
        for (bucket, count) in self.buckets() {
            let middle = Duration::from_nanos(middle_of(bucket));
            counts[bounds.iter().take_while(|bound| **bound < middle).count()] += count;
        }
        counts
    }

    /// The buckets of the dense histogram and what is in them, the shortest first.
    fn buckets(&self) -> impl Iterator<Item = (usize, u64)> {
        let chunk = |power: usize| usize::from(self.places[power]).checked_sub(1).map(|place| &self.chunks[place]);
        let between = (0..POWERS).filter_map(move |power| chunk(power).map(|chunk| (power, chunk)));
        let between = between.flat_map(|(power, chunk)| {
            chunk.iter().enumerate().map(move |(step, count)| (1 + power * STEPS + step, u64::from(*count)))
        });
        [(0, self.below)].into_iter().chain(between).chain([(BUCKETS - 1, self.above)])
    }
}

#[cfg(test)]
mod tests;
