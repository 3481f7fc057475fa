//! Names and values as SET has them. Pure.
//!
//! A value is what Postgres makes of it before it looks at the setting (`flatten_set_variable_args`): identifiers folded,
//! numbers as it prints them, the elements of a list with `, ` between.

use super::{Change, To};
use crate::sql::lexer::{Lexer, Token};
use crate::sql::set::{follows, is};

/// Longer identifiers are cut by Postgres. <https://www.postgresql.org/docs/current/limits.html>
const MAX_IDENTIFIER: usize = 63;

/// The settings whose elements are identifiers, to be quoted where they are not plain; extensions may have none of these.
const IDENTIFIERS: [&str; 5] = [
    "search_path",
    "temp_tablespaces",
    "local_preload_libraries",
    "session_preload_libraries",
    "unix_socket_directories",
];

/// How a list is put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    /// Elements are quoted where it matters.
    Identifiers,
}

impl Form {
    /// Of this setting's list.
    pub(super) fn of(name: &str) -> Form {
        if IDENTIFIERS.contains(&name) { Form::Identifiers } else { Form::Plain }
    }
}

/// The name that begins with `first`, which is done. `None` if it cannot be read.
pub(super) fn name(first: &[u8], lexer: &mut Lexer<'_>) -> Option<String> {
    let mut name = identifier(first)?;
    while lexer.peek() == Some(Token::Symbol(b'.')) {
        lexer.next();
        let (Token::Word(part) | Token::Quoted(part)) = lexer.next()? else { return None };
        name.push('.');
        name.push_str(&identifier(part)?);
    }
    name.make_ascii_lowercase();
    Some(name).filter(|name| !name.is_empty())
}

/// Without its doubled quotes, not longer than Postgres has it, in the case that it is written in.
fn identifier(written: &[u8]) -> Option<String> {
    let mut name = std::str::from_utf8(written).ok()?.replace("\"\"", "\"");
    while name.len() > MAX_IDENTIFIER {
        name.pop();
    }
    Some(name)
}

/// Whether TO or `=` is next; then it is done.
pub(super) fn assigned(lexer: &mut Lexer<'_>) -> bool {
    let equals = lexer.peek() == Some(Token::Symbol(b'='));
    if equals {
        lexer.next();
    }
    equals || follows(lexer, "to")
}

/// Whether the statement is over.
pub(super) fn ended(lexer: &Lexer<'_>) -> bool {
    matches!(lexer.peek(), None | Some(Token::Symbol(b';')))
}

/// The value that is the rest of the statement: one element or more.
pub(super) fn list(lexer: &mut Lexer<'_>, form: Form) -> To {
    if follows(lexer, "default") {
        return if ended(lexer) { To::Default } else { To::Unread };
    }
    match elements(lexer, form) {
        Some(value) => To::Value(value),
        None => To::Unread,
    }
}

fn elements(lexer: &mut Lexer<'_>, form: Form) -> Option<String> {
    let mut list = element(lexer, form)?;
    while !ended(lexer) {
        if lexer.next() != Some(Token::Symbol(b',')) {
            return None;
        }
        list.push_str(", ");
        list.push_str(&element(lexer, form)?);
    }
    Some(list)
}

fn element(lexer: &mut Lexer<'_>, form: Form) -> Option<String> {
    let string = match lexer.next()? {
        Token::Number(digits) => return number(digits, false),
        Token::Symbol(sign @ (b'+' | b'-')) => match lexer.next()? {
            Token::Number(digits) => return number(digits, sign == b'-'),
            _ => return None,
        },
        Token::Word(word) => identifier(word)?.to_ascii_lowercase(),
        Token::Quoted(name) => identifier(name)?,
        Token::Text(literal) => String::from_utf8(literal.value()?).ok()?,
        _ => return None,
    };
    Some(if form == Form::Identifiers { quoted(string) } else { string })
}

/// As Postgres prints it: what fits an `integer` as one, other numbers as written.
fn number(written: &[u8], negative: bool) -> Option<String> {
    let written = std::str::from_utf8(written).ok()?;
    let sign = if negative { "-" } else { "" };
    match written.parse::<i32>() {
        Ok(0) => Some("0".to_owned()),
        Ok(number) => Some(format!("{sign}{number}")),
        Err(_) if written.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte)) => {
            Some(format!("{sign}{written}"))
        }
        Err(_) => None,
    }
}

/// In quotes unless it is plain. Postgres quotes key words as well, which means the same.
fn quoted(name: String) -> String {
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    let begins = name.bytes().next().is_some_and(|byte| plain(byte) && !byte.is_ascii_digit());
    if begins && name.bytes().all(plain) { name } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// SET SESSION CHARACTERISTICS: what new transactions are, whichever it names.
/// <https://www.postgresql.org/docs/current/sql-set-transaction.html>
pub(super) fn characteristics(lexer: &mut Lexer<'_>) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut read = follows(lexer, "as") && follows(lexer, "transaction");
    while read && !ended(lexer) {
        let mode = mode(lexer);
        read = mode.is_some();
        changes.extend(mode.map(|(what, value)| change(what, To::Value(value.to_owned()))));
        if lexer.peek() == Some(Token::Symbol(b',')) {
            lexer.next();
        }
    }
    match read && !changes.is_empty() {
        true => changes,
        false => ["isolation", "read_only", "deferrable"].map(|what| change(what, To::Unread)).into(),
    }
}

fn change(what: &str, to: To) -> Change {
    Change { name: format!("default_transaction_{what}"), to }
}

fn mode(lexer: &mut Lexer<'_>) -> Option<(&'static str, &'static str)> {
    let Token::Word(word) = lexer.next()? else { return None };
    match () {
        _ if is(word, "deferrable") => Some(("deferrable", "on")),
        _ if is(word, "not") && follows(lexer, "deferrable") => Some(("deferrable", "off")),
        _ if is(word, "read") && follows(lexer, "only") => Some(("read_only", "on")),
        _ if is(word, "read") && follows(lexer, "write") => Some(("read_only", "off")),
        _ if is(word, "isolation") && follows(lexer, "level") => level(lexer).map(|level| ("isolation", level)),
        _ => None,
    }
}

fn level(lexer: &mut Lexer<'_>) -> Option<&'static str> {
    let Token::Word(word) = lexer.next()? else { return None };
    match () {
        _ if is(word, "serializable") => Some("serializable"),
        _ if is(word, "repeatable") && follows(lexer, "read") => Some("repeatable read"),
        _ if is(word, "read") && follows(lexer, "committed") => Some("read committed"),
        _ if is(word, "read") && follows(lexer, "uncommitted") => Some("read uncommitted"),
        _ => None,
    }
}
