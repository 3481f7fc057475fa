//! Things known by their hashes, a fixed number of them; of those that share a place the ones that are used stay. Pure.

/// Four in each set. A hash is what a thing is: two things never share one.
#[derive(Debug)]
pub struct Recall<T>(Box<[Set<T>]>);

#[derive(Debug)]
struct Set<T> {
    hashes: [u64; WAYS],
    things: [Option<T>; WAYS],
    /// As bits: met again since they came, or since they were last passed over.
    used: u8,
    /// Which goes next, unless it is used.
    hand: u8,
}

const WAYS: usize = 4;

impl<T> Recall<T> {
    /// Room for four times `sets`, which is a power of two.
    pub fn new(sets: usize) -> Recall<T> {
        let empty = || Set { hashes: [0; WAYS], things: std::array::from_fn(|_| None), used: 0, hand: 0 };
        Recall(std::iter::repeat_with(empty).take(sets).collect())
    }

    /// The thing with this hash: the one that is known, or else what `read` makes of it, which is known from now on.
    #[inline]
    pub fn get_or<E>(&mut self, hash: u64, read: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        let place = hash as usize & (self.0.len() - 1);
        let set = &mut self.0[place];
        let way = match set.find(hash) {
            Some(way) => {
                set.used |= 1 << way;
                way
            }
            None => {
                let thing = read()?;
                set.put(hash, thing)
            }
        };
        Ok(set.things[way].as_ref().expect("it was found or put there"))
    }
}

impl<T> Set<T> {
    #[inline]
    fn find(&self, hash: u64) -> Option<usize> {
        (0..WAYS).find(|&way| self.hashes[way] == hash && self.things[way].is_some())
    }

    #[cold]
    fn put(&mut self, hash: u64, thing: T) -> usize {
        while self.used & (1 << self.hand) != 0 {
            self.used &= !(1 << self.hand);
            self.hand = (self.hand + 1) % WAYS as u8;
        }
        let way = usize::from(self.hand);
        self.hand = (self.hand + 1) % WAYS as u8;
        (self.hashes[way], self.things[way]) = (hash, Some(thing));
        way
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays() {
        let mut recall = Recall::new(1);
        let mut reads = 0;
        let mut ask = |hash: u64| {
            let known: Result<&u64, ()> = recall.get_or(hash, || {
                reads += 1;
                Ok(hash + 100)
            });
            assert_eq!(known, Ok(&(hash + 100)));
            reads
        };
        for hash in [1, 2, 3] {
            assert_eq!(ask(hash), hash);
        }
        assert_eq!((ask(1), ask(2), ask(3)), (3, 3, 3));
        for passing in 10..20 {
            let before = ask(passing);
            assert_eq!((ask(1), ask(2)), (before, before), "two that are used, after {passing}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_known() {
        let mut recall = Recall::new(2);
        assert_eq!(recall.get_or(0, || Err("no")), Err("no"));
        assert_eq!(recall.get_or(0, || Ok::<_, ()>(7)), Ok(&7));
        assert_eq!(recall.get_or(0, || Err("no")), Ok(&7));
    }
}
