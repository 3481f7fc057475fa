//! The database that a statement wants for itself: Postgres creates from, drops, renames and moves none that others are connected
//! to. Pure.
//!
//! Such a statement runs in no transaction, and so is the only one of its text.

use super::fitting;
use super::lexer::{Lexer, Token};
use super::set::{follows, is};

/// What new databases are made from where nothing else is said.
const TEMPLATE: &str = "template1";

/// Postgres cuts names at this many bytes (NAMEDATALEN - 1).
const LONGEST_NAME: usize = 63;

/// The one that this text wants, if its name can be read: not one with escapes (`U&"…"`). `backslash`: whether `standard_conforming_strings` is off.
pub fn wanted(text: &[u8], backslash: bool) -> Option<Box<str>> {
    let mut lexer = Lexer::new(text, backslash);
    let first = lexer.find(|token| *token != Token::Symbol(b';'))?;
    let Token::Word(verb) = first else { return None };
    if !["create", "drop", "alter"].iter().any(|own| is(verb, own)) || !follows(&mut lexer, "database") {
        return None;
    }
    match () {
        _ if is(verb, "create") => template(&mut lexer),
        _ if is(verb, "drop") => dropped(&mut lexer),
        _ => altered(&mut lexer),
    }
}

/// `DROP DATABASE [IF EXISTS] name`. IF can be a name as well.
fn dropped(lexer: &mut Lexer<'_>) -> Option<Box<str>> {
    let mut behind = lexer.clone();
    if follows(&mut behind, "if") && follows(&mut behind, "exists") {
        *lexer = behind;
    }
    name(lexer.next())
}

/// `ALTER DATABASE name RENAME TO …` or `SET TABLESPACE …`; nothing else wants it.
fn altered(lexer: &mut Lexer<'_>) -> Option<Box<str>> {
    let wanted = name(lexer.next());
    let moves = follows(lexer, "rename") || (follows(lexer, "set") && follows(lexer, "tablespace"));
    wanted.filter(|_| moves)
}

/// `CREATE DATABASE name [WITH] … TEMPLATE [=] name`; the last one counts, since Postgres refuses two.
fn template(lexer: &mut Lexer<'_>) -> Option<Box<str>> {
    lexer.next();
    follows(lexer, "with");
    let mut found = Some(TEMPLATE.into());
    while let Some(Token::Word(option)) = lexer.next() {
        if is(option, "connection") {
            follows(lexer, "limit");
        }
        let value = value(lexer);
        if is(option, "template") {
            found = match value {
                Some(Token::Word(word)) if is(word, "default") => Some(TEMPLATE.into()),
                token => name(token),
            };
        }
    }
    found
}

/// `[=] value` of an option. Of a number the sign is no part.
fn value<'a>(lexer: &mut Lexer<'a>) -> Option<Token<'a>> {
    lexer.find(|token| !matches!(token, Token::Symbol(b'=' | b'-' | b'+')))
}

fn name(token: Option<Token<'_>>) -> Option<Box<str>> {
    let read = match token {
        Some(Token::Word(word)) => Some(word.to_ascii_lowercase()),
        Some(Token::Quoted(quoted)) => Some(without_doubles(quoted)),
        Some(Token::Text(literal)) => literal.value(),
        _ => None,
    };
    let name = String::from_utf8(read?).ok()?;
    Some(fitting(&name, LONGEST_NAME).into())
}

fn without_doubles(quoted: &[u8]) -> Vec<u8> {
    let (mut name, mut rest) = (Vec::with_capacity(quoted.len()), quoted.iter());
    while let Some(byte) = rest.next() {
        name.push(*byte);
        if *byte == b'"' {
            rest.next();
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(wanted(text.as_bytes(), false).unwrap_or_default(), expected.into(), "{text}");
    }

    #[test]
    fn dropped_and_altered() {
        check("DROP DATABASE App", "app");
        check(" ;-- x\n/* y */ drop /**/ database if exists \"Te st\"\"x\" (force);", "Te st\"x");
        check("drop database if", "if");
        check("drop database exists", "exists");
        check("alter database app rename to b", "app");
        check("alter database \"App\" SET TABLESPACE fast", "App");
        check(r#"drop database U&"\0061pp""#, "");
        check(&format!("drop database {}", "a".repeat(64)), &"a".repeat(63));
        check("drop database", "");
    }

    #[test]
    fn created() {
        check("create database x", "template1");
        check("CREATE DATABASE \"x\" OWNER app ENCODING 'UTF8'", "template1");
        check("create database template", "template1");
        check("create database x template Tpl", "tpl");
        check("create database x with owner = template template = \"Tpl\" connection limit = -1", "Tpl");
        check("create database x connection limit -1 template=tpl;", "tpl");
        check("create database x template 'Tpl'", "Tpl");
        check("create database x template = default", "template1");
        check("create database x template", "");
    }

    #[test]
    fn others() {
        for text in [
            "",
            ";",
            "select 1",
            "select 'drop database x'",
            "drop table database",
            "create table database (a int)",
            "comment on database x is 'y'",
            "alter database x set work_mem = '1MB'",
            "alter database x reset all",
            "alter database x owner to y",
            "\"drop\" database x",
        ] {
            check(text, "");
        }
    }
}
