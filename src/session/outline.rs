//! Plain texts whose numbers alone differ, read once: the next of the same outline is known by it. Pure.

use super::recall::Recall;
use super::tape::Bound;
use super::texts::SETS;
use crate::observe::keys::{Keys, Scalar};
use crate::sql::digest::{self, Reading, SLOTS, Statement, Value};
use crate::sql::effects_and_calls;
use crate::sql::skeleton::{NUMBERS, Skeleton, skeleton};

/// What was read lately.
#[derive(Debug)]
pub struct Outlines(Recall<Outline>);

#[derive(Debug)]
struct Outline {
    reading: Reading,
    /// It leaves nothing behind on its server.
    harmless: bool,
    /// For each number of the text the slot that it is in, and whether a minus before it is part of it.
    places: [Place; NUMBERS],
}

#[derive(Debug, Clone, Copy, Default)]
enum Place {
    /// In none: LIMIT's, or in a list.
    #[default]
    None,
    Slot(u8),
    Negative(u8),
}

impl Default for Outlines {
    fn default() -> Outlines {
        Outlines(Recall::new(SETS))
    }
}

impl Outlines {
    /// The one statement of a text, with its values, and whether it leaves nothing behind on its server; `None` for a text
    /// that is not plain, or not one statement.
    pub fn bound(&mut self, text: &[u8], keys: &Keys) -> Option<(Bound, bool)> {
        let found = skeleton(text)?;
        let read = || Outline::read(text, &found).ok_or(());
        let outline = self.0.get_or(hash(text, &found, keys), read).ok()?;
        Some((outline.fill(text, &found, keys), outline.harmless))
    }
}

impl Outline {
    fn read(text: &[u8], found: &Skeleton) -> Option<Outline> {
        let mut statements = digest::statements(text, false);
        let statement = statements.next()?;
        if statements.next().is_some() {
            return None;
        }
        let mut places = [Place::None; NUMBERS];
        for (place, (begin, _)) in places.iter_mut().zip(found.numbers()) {
            *place = place_of(&statement, text, begin);
        }
        // A plain text has no strings, so that it is all one what backslashes are in them.
        let harmless = effects_and_calls(text, false).is_empty();
        Some(Outline { reading: statement.reading, harmless, places })
    }

    fn fill(&self, text: &[u8], found: &Skeleton, keys: &Keys) -> Bound {
        let mut bound = Bound { reading: self.reading, ..Bound::default() };
        for (place, (begin, end)) in self.places.iter().zip(found.numbers()) {
            let (slot, negative) = match *place {
                Place::None => (SLOTS, false),
                Place::Slot(slot) => (usize::from(slot), false),
                Place::Negative(slot) => (usize::from(slot), true),
            };
            let value = keys.scalar(Scalar::literal(&Value::Number { negative, digits: &text[begin..end] }));
            bound.parameters = keys.join_values(bound.parameters, value);
            if let Some(place) = bound.values.get_mut(slot) {
                *place = value;
            }
        }
        bound
    }
}

/// The slot whose value begins there.
fn place_of(statement: &Statement<'_>, text: &[u8], begin: usize) -> Place {
    let used = usize::from(statement.reading.used).min(SLOTS);
    for (slot, value) in statement.values[..used].iter().enumerate() {
        if let Value::Number { negative, digits } = value
            && digits.as_ptr() == text[begin..].as_ptr()
        {
            return if *negative { Place::Negative(slot as u8) } else { Place::Slot(slot as u8) };
        }
    }
    Place::None
}

/// All of a text but its numbers.
fn hash(text: &[u8], found: &Skeleton, keys: &Keys) -> u64 {
    let (mut all, mut from) = (0, 0);
    for (begin, end) in found.numbers() {
        all = keys.join(all, keys.bytes(&text[from..begin]));
        from = end;
    }
    keys.join(all, keys.bytes(&text[from..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same as when the text is read, whether the outline is known or not.
    #[track_caller]
    fn check(texts: &[&str]) {
        let (mut outlines, keys) = (Outlines::default(), Keys::new([3; 16]));
        for text in texts {
            let (bound, harmless) = outlines.bound(text.as_bytes(), &keys).unwrap();
            let shape = keys.shape(&digest::statements(text.as_bytes(), false).next().unwrap());
            assert_eq!((bound.reading, bound.values), (shape.reading, shape.values), "{text}");
            assert_eq!(harmless, effects_and_calls(text.as_bytes(), false).is_empty(), "{text}");
        }
    }

    #[test]
    fn the_next_of_an_outline_is_what_reading_it_says() {
        check(&["select a from t where id = 1 and b = -2 limit 3", "select a from t where id = 77 and b = -5 limit 9"]);
        check(&["select a - 1 from t where 5 = c", "select a - 22 from t where 66 = c"]);
        check(&["select a from t where id in (1, 2, 3)", "select a from t where id in (44, 5, 6)"]);
        check(&["update t set n = n + 1 where id = 5;", "update t set n = n + 2 where id = 55;"]);
        check(&["select 123456789012345678901234567890", "select 1"]);
        check(&["select pg_advisory_lock(1)", "select pg_advisory_lock(2)"]);
        check(&["set work_mem = 1000", "set work_mem = 2000"]);
    }

    #[test]
    fn other_values_are_other_parameters() {
        let (mut outlines, keys) = (Outlines::default(), Keys::new([3; 16]));
        let mut parameters = |text: &str| outlines.bound(text.as_bytes(), &keys).unwrap().0.parameters;
        let first = parameters("select a from t where id = 1 limit 3");
        assert_ne!(first, parameters("select a from t where id = 1 limit 4"));
        assert_ne!(first, parameters("select a from t where id = 2 limit 3"));
        assert_eq!(first, parameters("select a from t where id = 1 limit 3"));
        assert!(outlines.bound(b"select 'a'", &keys).is_none());
    }
}
