//! The statements of a text without their values: one digest for one shape, whatever literals, parameters, lengths of lists
//! or comments it comes with. One pass, no allocation. Pure.

use std::fmt;

use super::lexer::Lexer;
use super::literal::Literal;
use super::tags::{is_allowed, tags};

mod cast;
mod found;
mod hash;
pub(super) mod key;
pub(super) mod list;
mod open;
pub(super) mod scan;
mod shape;

/// A statement's shape as a number. The same text has the same digest in every process and version; 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Digest(pub u64);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What a statement does, as far as its words tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Kind {
    /// SELECT, VALUES, TABLE, and WITH in front of them.
    Select,
    /// INSERT.
    Insert,
    /// UPDATE.
    Update,
    /// DELETE.
    Delete,
    /// MERGE.
    Merge,
    /// COPY.
    Copy,
    /// BEGIN, COMMIT, SAVEPOINT, SET, SHOW, DEALLOCATE, …, and what drivers ask the catalog: no edge of anything.
    Transparent,
    /// Everything else.
    #[default]
    Other,
}

/// What else its words tell, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Traits(pub u8);

impl Traits {
    /// Nothing of it.
    pub const NONE: Traits = Traits(0);
    /// OFFSET, or a comparison by `<` or `>`: it may be a page of a longer list.
    pub const PAGED: Traits = Traits(1);
    /// FOR UPDATE or FOR SHARE, of whatever strength, SKIP LOCKED or not.
    pub const LOCKS: Traits = Traits(2);
    /// RETURNING.
    pub const RETURNING: Traits = Traits(4);
    /// FETCH or MOVE from a cursor.
    pub const FETCH: Traits = Traits(8);
    /// INSERT of more than one row of VALUES, or from a SELECT.
    pub const MANY_ROWS: Traits = Traits(16);
    /// The comment says `pgweir: ok`.
    pub const ALLOWED: Traits = Traits(32);

    /// Whether all of `other` is in it.
    pub fn has(self, other: Traits) -> bool {
        self.0 & other.0 == other.0
    }

    /// With `other` as well.
    #[must_use]
    pub fn with(self, other: Traits) -> Traits {
        Traits(self.0 | other.0)
    }
}

/// So many places of values are looked at.
pub const SLOTS: usize = 8;

/// A value in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// A string constant.
    Text(Literal<'a>),
    /// A number; its sign, if it has one of its own, is folded in.
    Number {
        /// A minus that is no subtraction stands before it.
        negative: bool,
        /// As written.
        digits: &'a [u8],
    },
    /// `$1` is 1. 0 is what cannot be linked: TRUE, FALSE or NULL in a list, and the member that an empty `ARRAY[]` lacks.
    Parameter(u32),
}

/// One statement of a text. Small and `Copy`, so that it can be kept with a prepared statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reading {
    /// Its shape.
    pub digest: Digest,
    /// What it does.
    pub kind: Kind,
    /// And what else is known.
    pub traits: Traits,
    /// How many members its longest list of values has: `IN (1, 2)`, `VALUES (1), (2)`, `ARRAY[1, 2]`. 0 where it has none.
    pub list: u16,
    /// The numbers of the parameters (`$1` is 1, 0 a literal, 255 one beyond) that stand where values are looked at, in the
    /// order of the text: all but those of LIMIT and OFFSET, and of lists only the first member (of rows all of the first).
    pub slots: [u8; SLOTS],
    /// How many of `slots` there are.
    pub used: u8,
}

impl Reading {
    /// The numbers in use.
    pub fn slots(&self) -> &[u8] {
        &self.slots[..usize::from(self.used)]
    }
}

/// One statement with its values, which stand where `reading.slots()` says.
#[derive(Debug, Clone, Copy)]
pub struct Statement<'a> {
    /// Without its values.
    pub reading: Reading,
    /// One for each slot.
    pub values: [Value<'a>; SLOTS],
    /// All literals together, those of LIMIT, OFFSET and lists too, as a number that is the same only for the same values;
    /// 0 where there is none. Not keyed: it must not leave the process.
    pub literals: u64,
    /// Where it stands in the text.
    pub begin: usize,
    /// Behind its last token.
    pub end: usize,
}

/// Reads a text statement by statement; empty ones are left out. `backslash`: see [`Lexer::new`].
///
/// It is cut at each `;` outside parentheses and outside the body of `CREATE FUNCTION … BEGIN ATOMIC`. What does not lex to its
/// end (an open quote) ends its statement, whose digest says that it was open.
pub fn statements(text: &[u8], backslash: bool) -> Statements<'_> {
    Statements { lexer: Lexer::new(text, backslash) }
}

/// See [`statements`].
#[derive(Debug, Clone)]
pub struct Statements<'a> {
    lexer: Lexer<'a>,
}

impl<'a> Statements<'a> {
    /// When all have been read: the text's first or last comment that carries tags (`key='value'`, sqlcommenter) or, if none
    /// does, speaks to us (`pgweir: ok`), without its delimiters.
    #[inline]
    pub fn comment(&self) -> Option<&'a [u8]> {
        if self.lexer.has_comment() { self.find_comment() } else { None }
    }

    fn find_comment(&self) -> Option<&'a [u8]> {
        let comments = self.comments();
        let tagged = comments.clone().find(|comment| tags(comment).next().is_some());
        tagged.or_else(|| comments.clone().find(|comment| is_allowed(comment)))
    }

    /// Whether a comment so far says `pgweir: ok`. All statements behind it, and the one that it stands in or directly behind,
    /// have [`Traits::ALLOWED`] as well; those before it have not: ask here when all have been read.
    pub fn is_allowed(&self) -> bool {
        self.comments().any(is_allowed)
    }

    fn comments(&self) -> impl Iterator<Item = &'a [u8]> + Clone {
        self.lexer.comments().into_iter().flatten()
    }
}

impl<'a> Iterator for Statements<'a> {
    type Item = Statement<'a>;

    fn next(&mut self) -> Option<Statement<'a>> {
        let mut statement = scan::read(&mut self.lexer, |_| {})?;
        if self.lexer.has_comment() && self.is_allowed() {
            statement.reading.traits = statement.reading.traits.with(Traits::ALLOWED);
        }
        Some(statement)
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
