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
    marks: Mutex<HashMap<u64, Culprit>>,
}

/// What is known of one.
#[derive(Debug, Default)]
struct Culprit {
    /// How often it has left nothing behind since it last did.
    clean: u32,
    /// All that it leaves are settings of these names, which no server lists; `None` if it leaves more.
    customs: Option<Vec<Box<str>>>,
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
    /// This text was found out: it leaves settings of these names that no server lists, or something else. Whether that is news.
    pub fn add(&self, text: &[u8], customs: Option<&[&str]>) -> bool {
        let (Some(mark), mut marks) = (mark(text), lock(&self.marks)) else { return false };
        let found = customs.map(|names| names.iter().map(|name| Box::from(*name)).collect());
        if let Some(known) = marks.get_mut(&mark) {
            known.clean = 0;
            return known.leaves(found);
        }
        if marks.len() < MOST {
            marks.insert(mark, Culprit { clean: 0, customs: found });
            self.any.store(true, Relaxed);
        }
        true
    }

    /// The names of the settings that these texts leave, if that is all that those among them do which were found out.
    pub fn customs(&self, texts: &[Box<[u8]>]) -> Option<Vec<Box<str>>> {
        let (marks, mut names) = (lock(&self.marks), Vec::new());
        for known in texts.iter().filter_map(|text| marks.get(&mark(text)?)) {
            names.extend(known.customs.as_ref()?.iter().cloned());
        }
        names.sort_unstable();
        names.dedup();
        (!names.is_empty()).then_some(names)
    }

    /// This text was looked at and has left nothing behind: after many such times it was another, or does it no more.
    pub fn acquit(&self, text: &[u8]) {
        let Some(mark) = (!self.is_empty()).then(|| mark(text)).flatten() else { return };
        let mut marks = lock(&self.marks);
        let Some(known) = marks.get_mut(&mark) else { return };
        known.clean += 1;
        if known.clean >= INNOCENT {
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

impl Culprit {
    /// It leaves this, too. Whether that is news.
    fn leaves(&mut self, found: Option<Vec<Box<str>>>) -> bool {
        match (&mut self.customs, found) {
            (None, _) => false,
            (known, None) => {
                *known = None;
                true
            }
            (Some(known), Some(found)) => {
                let before = known.len();
                known.extend(found);
                known.sort_unstable();
                known.dedup();
                known.len() > before
            }
        }
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
pub(super) fn mark(text: &[u8]) -> Option<u64> {
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
        culprits.add(b"begin", None);
        culprits.add(b"select enter(1)", None);
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
        culprits.add(b"select enter(1)", None);
        (1..INNOCENT).for_each(|n| culprits.acquit(format!("select enter({n})").as_bytes()));
        culprits.add(b"select enter(2)", None);
        (1..INNOCENT).for_each(|_| culprits.acquit(b"select enter(3)"));
        assert!(culprits.has(b"select enter(4)"));
        culprits.acquit(b"select enter(4)");
        assert!(!culprits.has(b"select enter(4)") && culprits.is_empty());
    }

    #[test]
    fn who_leaves_settings_that_no_server_lists_is_asked_for_them_alone() {
        let culprits = Culprits::default();
        let texts: [Box<[u8]>; 3] =
            ["select enter(1)", "select 2", "select leave(3)"].map(|text: &str| text.as_bytes().into());
        assert!(culprits.add(b"select enter(7)", Some(&["my.b", "my.a"])));
        assert!(!culprits.add(b"select enter(8)", Some(&["my.a"])));
        assert_eq!(culprits.customs(&texts).unwrap().join(" "), "my.a my.b");
        assert!(culprits.customs(&texts[1..]).is_none(), "there is no culprit among them");
        assert!(culprits.add(b"select leave(1)", Some(&["my.c"])) && culprits.add(b"select enter(1)", Some(&["my.d"])));
        assert_eq!(culprits.customs(&texts).unwrap().join(" "), "my.a my.b my.c my.d");
        assert!(culprits.add(b"select leave(1)", None) && !culprits.add(b"select leave(1)", Some(&["my.c"])));
        assert!(culprits.customs(&texts).is_none());
    }

    #[test]
    fn no_more_than_so_many() {
        let culprits = Culprits::default();
        (0..2 * MOST).for_each(|n| _ = culprits.add(format!("select f{n}()").as_bytes(), None));
        assert!(culprits.has(b"select f0()") && !culprits.has(format!("select f{MOST}()").as_bytes()));
    }
}
