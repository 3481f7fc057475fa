//! Statements that were found to leave something behind without saying so. Whoever runs one again is looked at each time, so
//! that what it leaves follows its client and nobody else has it. Pure.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::lock;
use crate::sql::digest::{self, Kind};

/// Of one pool.
#[derive(Debug, Default)]
pub struct Culprits {
    any: AtomicBool,
    /// How often each has left nothing behind since it last did.
    marks: Mutex<HashMap<u64, u32>>,
}

/// So many are known; what others leave behind is found by chance, again and again.
const MOST: usize = 1024;

/// Who has left nothing behind so often in a row is looked at no more.
const INNOCENT: u32 = 100;

/// So much of a text is enough to know it by.
const MOST_READ: usize = 1024;

/// Statements of one text that are told apart.
const MOST_STATEMENTS: usize = 64;

impl Culprits {
    /// This text was found out.
    pub fn add(&self, text: &[u8]) {
        let (Some(mark), mut marks) = (mark(text), lock(&self.marks)) else { return };
        if marks.len() < MOST {
            marks.insert(mark, 0);
            self.any.store(true, Relaxed);
        }
    }

    /// This text was looked at and has left nothing behind: after many such times it was another, or does it no more.
    pub fn acquit(&self, text: &[u8]) {
        let Some(mark) = (!self.is_empty()).then(|| mark(text)).flatten() else { return };
        let mut marks = lock(&self.marks);
        let Some(times) = marks.get_mut(&mark) else { return };
        *times += 1;
        if *times >= INNOCENT {
            marks.remove(&mark);
            self.any.store(!marks.is_empty(), Relaxed);
        }
    }

    /// Whether nothing was found out.
    #[inline]
    pub fn is_empty(&self) -> bool {
        !self.any.load(Relaxed)
    }

    /// Whether this text, or one that differs from it in values only, was found out.
    #[inline]
    pub fn has(&self, text: &[u8]) -> bool {
        !self.is_empty() && mark(text).is_some_and(|mark| lock(&self.marks).contains_key(&mark))
    }
}

/// As much of a text as is remembered.
pub fn cut(text: &[u8]) -> &[u8] {
    text.get(..MOST_READ).unwrap_or(text)
}

/// Whether a text can leave anything behind: not what only begins and ends transactions.
pub fn may_leave(text: &[u8]) -> bool {
    mark(text).is_some()
}

/// The same for texts that differ in values only; `None` for what only begins and ends transactions.
fn mark(text: &[u8]) -> Option<u64> {
    let statements = digest::statements(cut(text), false).take(MOST_STATEMENTS).map(|statement| statement.reading);
    let mut does = statements.filter(|reading| reading.kind != Kind::Transparent).peekable();
    does.peek()?;
    Some(does.fold(0, |mark: u64, reading| mark.rotate_left(7) ^ reading.digest.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_by_all_but_their_values() {
        let culprits = Culprits::default();
        let check = |text: &str, known: bool| assert_eq!(culprits.has(text.as_bytes()), known, "{text}");
        check("select enter(1)", false);
        culprits.add(b"begin");
        culprits.add(b"select enter(1)");
        check("SELECT enter (22);", true);
        check("begin; select enter(3); commit", true);
        check("begin", false);
        check("select leave(1)", false);
        check("select enter(1); select leave(1)", false);
        assert!(!may_leave(b"commit") && may_leave(b"select 1"));
    }

    #[test]
    fn who_leaves_nothing_is_forgotten() {
        let culprits = Culprits::default();
        culprits.add(b"select enter(1)");
        (1..INNOCENT).for_each(|n| culprits.acquit(format!("select enter({n})").as_bytes()));
        culprits.add(b"select enter(2)");
        (1..INNOCENT).for_each(|_| culprits.acquit(b"select enter(3)"));
        assert!(culprits.has(b"select enter(4)"));
        culprits.acquit(b"select enter(4)");
        assert!(!culprits.has(b"select enter(4)") && culprits.is_empty());
    }

    #[test]
    fn no_more_than_so_many() {
        let culprits = Culprits::default();
        (0..2 * MOST).for_each(|n| culprits.add(format!("select f{n}()").as_bytes()));
        assert!(culprits.has(b"select f0()") && !culprits.has(format!("select f{MOST}()").as_bytes()));
    }
}
