//! Types, as they stand behind `::`, in CAST and before a string. Pure.

use super::key::Key;
use crate::sql::lexer::{Lexer, Token};
use crate::sql::literal::Literal;

/// Passes what casts stand there: `::int4`, `::numeric(10, 2)[]`, one behind the other.
#[inline]
pub(super) fn pass_casts(lexer: &mut Lexer<'_>) {
    while lexer.ahead().starts_with(b"::") {
        if !pass_cast(lexer) {
            break;
        }
    }
}

/// Passes `::` and a type, or nothing.
pub(super) fn pass_cast(lexer: &mut Lexer<'_>) -> bool {
    let mut ahead = lexer.clone();
    let found = ahead.pass_symbol(b':') && ahead.pass_symbol(b':') && pass_type(&mut ahead);
    if found {
        *lexer = ahead;
    }
    found
}

/// Passes the name of a type with all that belongs to it. Where it says no, it has passed something.
pub(super) fn pass_type(lexer: &mut Lexer<'_>) -> bool {
    let Some(key) = pass_name(lexer) else { return false };
    match key {
        Key::Double => drop(lexer.pass_word(b"precision")),
        Key::Char => {
            let _ = lexer.pass_word(b"character") || lexer.pass_word(b"char");
            lexer.pass_word(b"varying");
        }
        _ => {}
    }
    pass_length(lexer);
    if key == Key::Time {
        pass_zone(lexer);
    }
    pass_dimensions(lexer);
    true
}

/// Passes `name`, `schema.name`; what its last word is.
fn pass_name(lexer: &mut Lexer<'_>) -> Option<Key> {
    loop {
        let key = match lexer.next()? {
            Token::Word(word) => Key::of_word(word),
            Token::Quoted(_) | Token::Escaped(_) => Key::Plain,
            _ => return None,
        };
        if lexer.ahead().first() != Some(&b'.') {
            return Some(key);
        }
        lexer.next();
    }
}

/// Passes `(10)`, `(10, -2)`.
fn pass_length(lexer: &mut Lexer<'_>) {
    if lexer.ahead().first() != Some(&b'(') {
        return;
    }
    let mut ahead = lexer.clone();
    ahead.next();
    loop {
        ahead.pass_symbol(b'-');
        if ahead.pass_number().is_none() {
            return;
        }
        match ahead.next() {
            Some(Token::Symbol(b',')) => {}
            Some(Token::Symbol(b')')) => break,
            _ => return,
        }
    }
    *lexer = ahead;
}

/// Passes WITH TIME ZONE, WITHOUT TIME ZONE.
fn pass_zone(lexer: &mut Lexer<'_>) {
    let mut ahead = lexer.clone();
    let with = ahead.pass_word(b"with") || ahead.pass_word(b"without");
    if with && ahead.pass_word(b"time") && ahead.pass_word(b"zone") {
        *lexer = ahead;
    }
}

/// Passes `[]`, `[3][3]`.
fn pass_dimensions(lexer: &mut Lexer<'_>) {
    while lexer.ahead().first() == Some(&b'[') {
        let mut ahead = lexer.clone();
        ahead.next();
        ahead.pass_number();
        if !ahead.pass_symbol(b']') {
            return;
        }
        *lexer = ahead;
    }
}

/// The string behind the name of a type, which was the last token and is such a one: `date '2020-02-02'`.
pub(super) fn typed<'a>(lexer: &mut Lexer<'a>, key: Key) -> Option<Literal<'a>> {
    let mut ahead = lexer.clone();
    match key {
        Key::Double if !ahead.pass_word(b"precision") => return None,
        Key::Time => {
            pass_length(&mut ahead);
            pass_zone(&mut ahead);
        }
        Key::Char => drop(ahead.pass_word(b"varying")),
        // INTERVAL(3) '…'
        Key::TypeReserved => pass_length(&mut ahead),
        _ => {}
    }
    match ahead.next()? {
        Token::Text(literal) => {
            *lexer = ahead;
            Some(literal)
        }
        _ => None,
    }
}
