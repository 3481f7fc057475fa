//! Statements that call functions nobody knows: what the first runs of each leave on their servers is looked at, so that it follows
//! its client from the first time on. Pure but for the clock.

use std::hash::BuildHasher;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use hashbrown::{DefaultHashBuilder, HashMap, HashSet};

use super::culprits::{cut, mark};
use super::{Pool, lock};

/// Of one pool.
#[derive(Debug, Default)]
pub struct Novelties {
    hasher: DefaultHashBuilder,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Texts that are no news, as they are.
    texts: HashSet<u64>,
    /// How often those that differ in values only were looked at.
    looks: HashMap<u64, u8>,
    budget: Budget,
}

/// How much may be looked at: programs that never say the same twice are not to be slowed down.
#[derive(Debug, Default)]
struct Budget {
    since: Option<Instant>,
    spent: u32,
}

/// A statement's first runs: the first may have done nothing for want of something.
const LOOKS: u8 = 2;

/// Looks in a second.
const MOST_LOOKS: u32 = 16;

/// Texts that are remembered, and shapes, before all of them are forgotten.
const MOST: usize = 8192;

impl Novelties {
    /// Whether this run of a text is to be looked at.
    pub fn is_news(&self, text: &[u8]) -> bool {
        let text = cut(text);
        let hash = self.hasher.hash_one(text);
        if lock(&self.seen).texts.contains(&hash) {
            return false;
        }
        let mark = mark(text);
        lock(&self.seen).look(mark, hash)
    }

    /// Functions may do something else by now.
    pub fn forget(&self) {
        let seen = &mut *lock(&self.seen);
        seen.texts.clear();
        seen.looks.clear();
    }
}

impl Seen {
    fn look(&mut self, mark: Option<u64>, hash: u64) -> bool {
        if self.texts.len() >= MOST {
            self.texts.clear();
        }
        if self.looks.len() >= MOST {
            self.looks.clear();
        }
        let looks = mark.map(|mark| self.looks.entry(mark).or_default());
        match looks {
            Some(looks) if *looks < LOOKS => {
                let may = self.budget.spend(Instant::now());
                *looks += u8::from(may);
                may
            }
            _ => {
                self.texts.insert(hash);
                false
            }
        }
    }
}

impl Budget {
    fn spend(&mut self, now: Instant) -> bool {
        if self.since.is_none_or(|since| now.saturating_duration_since(since) >= Duration::from_secs(1)) {
            *self = Budget { since: Some(now), spent: 0 };
        }
        self.spent += 1;
        self.spent <= MOST_LOOKS
    }
}

impl Pool {
    /// Functions of its database may do something else by now.
    #[cold]
    pub fn meet_functions(&self) {
        let dbname = &self.plan().route.dbname;
        let its = self.at_same_place().into_iter().filter(|pool| pool.plan().route.dbname == *dbname);
        its.for_each(|pool| pool.novelties.forget());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_runs_are_news() {
        let novelties = Novelties::default();
        let news = |text: &str| novelties.is_news(text.as_bytes());
        assert!(news("select enter(1)") && news("select enter(2)") && !news("select enter(3)"));
        assert!(news("select leave(1)"));
        assert!(!news("begin"), "it calls nothing");
        novelties.forget();
        assert!(news("select enter(3)"));
    }

    #[test]
    fn no_more_than_so_many_in_a_second() {
        let (mut budget, now) = (Budget::default(), Instant::now());
        let mut spent = |now| (0..2 * MOST_LOOKS).filter(|_| budget.spend(now)).count() as u32;
        assert_eq!((spent(now), spent(now), spent(now + Duration::from_secs(1))), (MOST_LOOKS, 0, MOST_LOOKS));
    }

    #[test]
    fn no_more_than_so_many_are_remembered() {
        let mut seen = Seen::default();
        (0..3 * MOST as u64).for_each(|n| _ = seen.look(Some(n % (2 * MOST as u64)), n));
        assert!(seen.looks.len() <= MOST && seen.texts.len() <= MOST);
    }
}
