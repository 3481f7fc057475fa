//! What the body of a DO may leave behind, judged by its words alone. Pure.
//!
//! That is too much rather than too little: UPDATE has a SET as well. In a body between dollars the words are those outside
//! of strings and comments; in another all are.

use super::{Effects, altered};
use crate::sql::key::Key;
use crate::sql::lexer::{Lexer, Token};
use crate::sql::literal::{Kind, Literal};

/// What may be run that nobody can read here: other settings, other tables, fewer prepared statements.
pub(super) const ANYTHING: Effects = Effects::OPAQUE.union(Effects::DEFINES).union(Effects::DEALLOCATE);

/// Of a DO with this body.
pub(super) fn effects(body: Literal<'_>, backslash: bool) -> Effects {
    match body.kind {
        Kind::Dollar => tokens(body.raw, backslash),
        Kind::Plain | Kind::Escape if as_written(body) => words(body.raw),
        _ => ANYTHING | words(body.raw),
    }
}

/// Whether its words are those that one sees: no escapes, and no word goes on in another line, where a quote stands alone.
fn as_written(body: Literal<'_>) -> bool {
    let escapes = body.kind == Kind::Escape && body.raw.contains(&b'\\');
    let mut quotes = body.raw.split(|byte| *byte != b'\'');
    !escapes && quotes.all(|run| run.len() % 2 == 0)
}

fn tokens(body: &[u8], backslash: bool) -> Effects {
    let (mut lexer, mut found) = (Lexer::new(body, backslash), Effects::NONE);
    while let Some(token) = lexer.next() {
        found |= match token {
            Token::Word(word) if Key::of(word) == Key::Alter => altered(&lexer),
            Token::Word(word) => of(Key::of(word)),
            Token::Quoted(name) => of(Key::of_quoted(name)),
            Token::Escaped(_) => ANYTHING,
            _ => Effects::NONE,
        };
    }
    found
}

fn words(body: &[u8]) -> Effects {
    let words = body.split(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 128..)));
    words.fold(Effects::NONE, |found, word| found | of(Key::of(word)))
}

fn of(key: Key) -> Effects {
    match key {
        Key::SetConfig | Key::Set | Key::Reset | Key::PgSettings => Effects::OPAQUE,
        Key::Execute => ANYTHING,
        Key::Lock => Effects::LOCK,
        Key::Unlock => Effects::UNLOCK,
        Key::Temp | Key::PgTemp => Effects::TEMP,
        Key::Currval => Effects::CURRVAL,
        Key::Listen => Effects::LISTEN,
        Key::Unlisten => Effects::UNLISTEN,
        Key::Load | Key::Opener => Effects::LOAD,
        Key::Drop => Effects::DROP | Effects::DEFINES,
        Key::Create | Key::Alter => Effects::DEFINES,
        Key::Deallocate => Effects::DEALLOCATE,
        _ => Effects::NONE,
    }
}
