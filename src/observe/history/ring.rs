//! The newest so many of something. Takes room only for what is in it.

/// See above.
#[derive(Debug, Clone)]
pub struct Ring<P> {
    points: Vec<P>,
    /// The oldest, once the ring is full.
    head: usize,
    most: usize,
}

/// The first allocation.
const FIRST: usize = 16;

impl<P> Ring<P> {
    /// For `most` of them.
    pub fn new(most: usize) -> Ring<P> {
        Ring { points: Vec::new(), head: 0, most }
    }

    /// Adds one; when there are too many the oldest goes.
    pub fn push(&mut self, point: P) {
        if self.points.len() < self.most {
            if self.points.len() == self.points.capacity() {
                let more = self.points.len().max(FIRST).min(self.most - self.points.len());
                self.points.reserve_exact(more);
            }
            self.points.push(point);
        } else {
            self.points[self.head] = point;
            self.head = (self.head + 1) % self.most;
        }
    }

    /// The last one that was added.
    pub fn newest(&self) -> Option<&P> {
        self.points.get(self.newest_place()?)
    }

    /// The same, to be changed.
    pub fn newest_mut(&mut self) -> Option<&mut P> {
        let place = self.newest_place()?;
        self.points.get_mut(place)
    }

    fn newest_place(&self) -> Option<usize> {
        let last = self.points.len().checked_sub(1)?;
        Some(self.head.checked_sub(1).unwrap_or(last))
    }

    /// All of them, to be changed, in any order.
    pub fn all_mut(&mut self) -> impl Iterator<Item = &mut P> {
        self.points.iter_mut()
    }

    /// The oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &P> {
        let (newer, older) = self.points.split_at(self.head);
        older.iter().chain(newer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stay_in_order() {
        #[track_caller]
        fn check(most: usize, pushed: u32, wanted: &[u32]) {
            let mut ring = Ring::new(most);
            (0..pushed).for_each(|n| ring.push(n));
            assert_eq!(ring.iter().copied().collect::<Vec<_>>(), wanted, "{pushed} into {most}");
            assert_eq!(ring.newest(), wanted.last());
            assert_eq!(ring.newest_mut().copied(), wanted.last().copied());
            assert!(ring.points.capacity() <= most);
        }
        check(3, 0, &[]);
        check(3, 2, &[0, 1]);
        check(3, 3, &[0, 1, 2]);
        check(3, 4, &[1, 2, 3]);
        check(3, 6, &[3, 4, 5]);
        check(3, 8, &[5, 6, 7]);
        check(20, 45, &(25..45).collect::<Vec<_>>());
    }
}
