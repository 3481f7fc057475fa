//! The shapes of statements: what each digest stands for. Bounded in number and bytes; who goes when it is full is decided by
//! whoever knows when each was used ([`store`](super::store)). No clock: `now` is on the process' clock.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::sql::digest::Digest;
use crate::sql::facts::{Condition, Facts};
use crate::sql::fitting;

/// Shapes that are told apart. An application has hundreds; more come only from texts that are made up as they go.
pub const SHAPES_MAX: usize = 10_000;

/// What all facts together may weigh, in bytes: 1.6 KiB each, if there are as many shapes as there may be.
pub const FACTS_BYTES_MAX: usize = 16 << 20;

/// A longer text is cut where it is shown: nobody reads more of it.
pub const SQL_MAX: usize = 8 << 10;

/// A longer select list is not kept for advice: nobody would be advised to write it again.
const SELECTED_MAX: usize = 2 << 10;

/// What is known of a shape.
#[derive(Debug)]
enum Known {
    /// Its digest alone.
    Number,
    /// Its text is being read.
    Asked,
    /// This.
    Facts(Arc<Facts>),
}

#[derive(Debug)]
struct Shape {
    known: Known,
    used: u64,
}

/// All shapes.
#[derive(Debug, Default)]
pub struct Shapes {
    table: HashMap<Digest, Shape>,
    bytes: usize,
    forgotten: u64,
}

impl Shapes {
    /// A statement of this shape has run.
    pub fn meet(&mut self, digest: Digest, now: u64) {
        let shape = self.table.entry(digest).or_insert(Shape { known: Known::Number, used: now });
        shape.used = shape.used.max(now);
    }

    /// Whether the text of this shape, which has just come, should be read; it is then expected to be.
    pub fn ask(&mut self, digest: Digest, now: u64) -> bool {
        self.meet(digest, now);
        let Some(shape) = self.table.get_mut(&digest) else { return false };
        let wanted = matches!(shape.known, Known::Number);
        if wanted {
            shape.known = Known::Asked;
        }
        wanted
    }

    /// It could not be read now; the next text will be.
    pub fn give_up(&mut self, digest: Digest) {
        if let Some(shape) = self.table.get_mut(&digest) {
            shape.known = Known::Number;
        }
    }

    /// What was made of a text. Of a shape that has gone meanwhile nothing is kept.
    pub fn learn(&mut self, digest: Digest, mut facts: Facts) {
        let Some(shape) = self.table.get_mut(&digest).filter(|shape| !matches!(shape.known, Known::Facts(_))) else {
            return;
        };
        shorten(&mut facts);
        self.bytes += weight(&facts);
        shape.known = Known::Facts(Arc::new(facts));
    }

    /// What is known of it.
    pub fn facts(&self, digest: Digest) -> Option<&Arc<Facts>> {
        match &self.table.get(&digest)?.known {
            Known::Facts(facts) => Some(facts),
            Known::Number | Known::Asked => None,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// What the facts weigh, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether no more may come.
    pub fn is_full(&self) -> bool {
        self.table.len() >= SHAPES_MAX || self.bytes >= FACTS_BYTES_MAX
    }

    /// Forgets the `count` that were used longest ago; when the newest of them was used.
    pub fn forget(&mut self, count: usize) -> u64 {
        let mut ages: Vec<u64> = self.table.values().map(|shape| shape.used).collect();
        let Some(last) = count.min(ages.len()).checked_sub(1) else { return 0 };
        let (_, newest, _) = ages.select_nth_unstable(last);
        let (newest, mut left) = (*newest, count);
        let (bytes, forgotten) = (&mut self.bytes, &mut self.forgotten);
        self.table.retain(|_, shape| {
            let stays = shape.used > newest || left == 0;
            if !stays {
                left -= 1;
                *forgotten += 1;
                *bytes -= if let Known::Facts(facts) = &shape.known { weight(facts) } else { 0 };
            }
            stays
        });
        newest
    }

    /// How many were forgotten so far.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Whether it is among them.
    pub fn contains(&self, digest: Digest) -> bool {
        self.table.contains_key(&digest)
    }
}

fn shorten(facts: &mut Facts) {
    if facts.sql.len() > SQL_MAX {
        facts.sql.truncate(fitting(&facts.sql, SQL_MAX).len());
        facts.sql.push('…');
    }
    if facts.selected.iter().map(String::len).sum::<usize>() > SELECTED_MAX {
        facts.selected.clear();
    }
    facts.sql.shrink_to_fit();
}

fn weight(facts: &Facts) -> usize {
    let lists = facts.tables.iter().chain(&facts.selected).map(|name| name.len() + size_of::<String>()).sum::<usize>();
    let compared = facts.compared.iter().flatten();
    let compared = compared.map(|c| c.column.len() + c.table.as_ref().map_or(0, String::len)).sum::<usize>();
    let renamed = facts.renamed.iter();
    let renamed =
        renamed.map(|r| size_of_val(r) + r.label.len() + r.column.len() + r.table.as_ref().map_or(0, String::len));
    let chosen =
        facts.chosen.iter().map(|chosen| chosen.from.len() + chosen.conditions.iter().map(of_condition).sum::<usize>());
    size_of::<Facts>() + facts.sql.len() + lists + compared + renamed.sum::<usize>() + chosen.sum::<usize>()
}

fn of_condition(condition: &Condition) -> usize {
    size_of::<Condition>() + condition.text.len() + condition.ask.as_ref().map_or(0, |ask| ask.column.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(sql: &str) -> Facts {
        Facts { sql: sql.to_owned(), ..Facts::default() }
    }

    fn sql(shapes: &Shapes, digest: u64) -> Option<&str> {
        shapes.facts(Digest(digest)).map(|facts| &*facts.sql)
    }

    #[test]
    fn a_text_is_read_once() {
        let mut shapes = Shapes::default();
        let digest = Digest(7);
        assert!(shapes.ask(digest, 1));
        assert!(!shapes.ask(digest, 2), "it is being read");
        shapes.give_up(digest);
        assert!(shapes.ask(digest, 3), "it could not be");
        shapes.learn(digest, facts("SELECT $1"));
        assert!(!shapes.ask(digest, 4));
        assert_eq!(sql(&shapes, 7), Some("SELECT $1"));
        shapes.learn(Digest(8), facts("gone"));
        assert_eq!((shapes.len(), sql(&shapes, 8)), (1, None));
    }

    #[test]
    fn those_used_longest_ago_go_with_their_bytes() {
        let mut shapes = Shapes::default();
        for n in 1..=4 {
            shapes.ask(Digest(n), n);
            shapes.learn(Digest(n), facts("SELECT $1"));
        }
        let each = shapes.bytes() / 4;
        shapes.meet(Digest(1), 9);
        shapes.forget(2);
        assert_eq!([1, 2, 3, 4].map(|n| shapes.contains(Digest(n))), [true, false, false, true]);
        assert_eq!(shapes.bytes(), 2 * each);
        shapes.forget(9);
        assert_eq!((shapes.len(), shapes.bytes()), (0, 0));
    }

    #[test]
    fn of_equals_no_more_than_asked_go() {
        let mut shapes = Shapes::default();
        (0..10).for_each(|n| shapes.meet(Digest(n), 5));
        shapes.forget(3);
        assert_eq!(shapes.len(), 7);
    }

    #[test]
    fn a_long_text_is_cut_between_letters() {
        let mut shapes = Shapes::default();
        shapes.ask(Digest(1), 1);
        shapes.learn(Digest(1), facts(&"ä".repeat(SQL_MAX)));
        let sql = sql(&shapes, 1).unwrap();
        assert!(sql.len() <= SQL_MAX + '…'.len_utf8() && sql.ends_with("ä…"));
    }
}
