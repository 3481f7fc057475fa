//! The values of one statement, as they are met. Pure.

use super::hash;
use super::{SLOTS, Value};

/// Values so far. `Copy`: what may turn out to be no list is read into a second one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) values: [Value<'a>; SLOTS],
    pub(super) slots: [u8; SLOTS],
    pub(super) used: u8,
    pub(super) literals: u64,
    /// Values of all kinds, in slots or not: literals are told apart by where they stand.
    met: u32,
}

impl<'a> Found<'a> {
    pub(super) const NONE: Found<'a> =
        Found { values: [Value::Parameter(0); SLOTS], slots: [0; SLOTS], used: 0, literals: 0, met: 0 };

    /// One more; `slot`: whether it is one that is looked at.
    #[inline]
    pub(super) fn add(&mut self, value: Value<'a>, slot: bool) {
        if slot {
            self.slot(value);
        }
        self.met = self.met.wrapping_add(1);
        match value {
            Value::Text(literal) => self.literal(literal.raw, 1 + literal.kind as u64),
            Value::Number { negative, digits } => self.literal(digits, 16 + u64::from(negative)),
            Value::Parameter(_) => {}
        }
    }

    /// A NULL, TRUE or FALSE in a list: a value that cannot be told from others but by its word.
    pub(super) fn add_word(&mut self, word: &[u8], slot: bool) {
        self.add(Value::Parameter(0), slot);
        self.literal(word, 32);
    }

    #[inline]
    fn slot(&mut self, value: Value<'a>) {
        let at = usize::from(self.used);
        if at < SLOTS {
            self.values[at] = value;
            self.slots[at] = match value {
                Value::Parameter(number) => number.min(255) as u8,
                _ => 0,
            };
            self.used += 1;
        }
    }

    #[inline]
    fn literal(&mut self, bytes: &[u8], kind: u64) {
        let place = kind << 32 | u64::from(self.met);
        self.literals = hash::chain(hash::chain(self.literals, place), hash::raw(bytes)).max(1);
    }
}
