//! The first words of SET and RESET: what is set, and for how long. Pure.
//!
//! <https://www.postgresql.org/docs/current/sql-set.html>. Key words may be names of settings as well, where `.`, `=` or TO
//! follows: `SET session.user = 1`.

use super::lexer::{Lexer, Token};
use super::meaning;

/// What SET or RESET is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target<'a> {
    /// Nothing that outlives the transaction.
    Transient,
    /// Every setting: RESET ALL.
    All,
    /// TIME ZONE
    Zone,
    /// SESSION AUTHORIZATION
    Authorization,
    /// SESSION CHARACTERISTICS
    Characteristics,
    /// XML OPTION
    XmlOption,
    /// NAMES
    Names,
    /// SCHEMA
    Schema,
    /// ROLE
    Role,
    /// The first part of a name, without quotes or in them.
    Named(&'a [u8]),
}

/// For how long it is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Session,
    /// SET LOCAL
    Transaction,
}

impl<'a> Target<'a> {
    /// Of a statement whose SET is done; leaves the lexer behind what it has read.
    pub(super) fn of_set(lexer: &mut Lexer<'a>) -> (Scope, Target<'a>) {
        let Some(word) = special(lexer) else { return (Scope::Session, Target::named(lexer)) };
        let target = match () {
            _ if is(word, "local") => return (Scope::Transaction, Target::behind_scope(lexer)),
            _ if is(word, "constraints") => Target::Transient,
            _ if is(word, "session") => Target::behind_scope(lexer),
            _ => Target::of_rest(word, lexer),
        };
        (Scope::Session, target)
    }

    /// Whether texts may mean something else behind it.
    pub(super) fn changes_meaning(self) -> bool {
        match self {
            Target::Transient | Target::All | Target::Characteristics => false,
            // One that cannot be read is empty.
            Target::Named(name) => name.is_empty() || meaning::depends_on(name),
            _ => true,
        }
    }

    /// Behind the first SESSION or LOCAL, which may say how long or begin what is set.
    fn behind_scope(lexer: &mut Lexer<'a>) -> Target<'a> {
        let Some(word) = special(lexer) else { return Target::named(lexer) };
        match () {
            _ if is(word, "authorization") => Target::Authorization,
            _ if is(word, "characteristics") => Target::Characteristics,
            _ => Target::of_rest(word, lexer),
        }
    }

    fn of_rest(word: &'a [u8], lexer: &mut Lexer<'a>) -> Target<'a> {
        match () {
            _ if is(word, "transaction") => Target::Transient,
            _ if is(word, "time") && follows(lexer, "zone") => Target::Zone,
            _ if is(word, "xml") && follows(lexer, "option") => Target::XmlOption,
            _ if is(word, "session") && follows(lexer, "authorization") => Target::Authorization,
            _ if is(word, "session") && follows(lexer, "characteristics") => Target::Characteristics,
            _ if is(word, "names") => Target::Names,
            _ if is(word, "schema") => Target::Schema,
            _ if is(word, "role") => Target::Role,
            _ => Target::Named(word),
        }
    }

    /// Of a statement whose RESET is done.
    pub(super) fn of_reset(lexer: &mut Lexer<'a>) -> Target<'a> {
        let Some(word) = special(lexer) else { return Target::named(lexer) };
        match () {
            _ if is(word, "all") => Target::All,
            _ if is(word, "time") && follows(lexer, "zone") => Target::Zone,
            _ if is(word, "session") && follows(lexer, "authorization") => Target::Authorization,
            _ if is(word, "transaction") && follows(lexer, "isolation") => Target::Transient,
            _ if is_transient(word) => Target::Transient,
            _ => Target::Named(word),
        }
    }

    /// At a name that is no key word of SET, or at what no statement has there.
    fn named(lexer: &mut Lexer<'a>) -> Target<'a> {
        match lexer.peek() {
            Some(Token::Word(name) | Token::Quoted(name)) => {
                lexer.next();
                let whole = lexer.peek() != Some(Token::Symbol(b'.'));
                if whole && is_transient(name) { Target::Transient } else { Target::Named(name) }
            }
            Some(Token::Escaped(_)) => Target::Named(b""),
            _ => Target::Transient,
        }
    }
}

/// Settings of the transaction, whatever sets them.
pub(super) fn is_transient(name: &[u8]) -> bool {
    ["transaction_isolation", "transaction_read_only", "transaction_deferrable"].iter().any(|own| is(name, own))
}

/// The next word, done, if it is one that may have a meaning of its own: not as a name.
fn special<'a>(lexer: &mut Lexer<'a>) -> Option<&'a [u8]> {
    let mut ahead = lexer.clone();
    let Some(Token::Word(word)) = ahead.next() else { return None };
    let named = match ahead.peek() {
        Some(Token::Symbol(b'.' | b'=')) => true,
        Some(Token::Word(next)) => is(next, "to"),
        _ => false,
    };
    (!named).then(|| {
        *lexer = ahead;
        word
    })
}

/// Whether this word is next; then it is done.
pub(super) fn follows(lexer: &mut Lexer<'_>, word: &str) -> bool {
    let mut ahead = lexer.clone();
    let found = matches!(ahead.next(), Some(Token::Word(next)) if is(next, word));
    if found {
        *lexer = ahead;
    }
    found
}

pub(super) fn is(word: &[u8], name: &str) -> bool {
    word.eq_ignore_ascii_case(name.as_bytes())
}
