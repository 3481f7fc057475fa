//! The database that a statement wants for itself: Postgres creates from, drops, renames and moves none that others are connected
//! to. Pure.
//!
//! Such a statement runs in no transaction, and so is the only one of its text.

use super::lexer::{Lexer, Token};
use super::set::{follows, is};

/// A database that nobody else may be connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The one with this name.
    Named(Box<str>),
    /// Its name cannot be read here: it may be any.
    Any,
}

/// What new databases are made from where nothing else is said.
const TEMPLATE: &str = "template1";

/// Postgres cuts names at this many bytes (NAMEDATALEN - 1).
const LONGEST_NAME: usize = 63;

/// The one that this text wants. `backslash`: whether `standard_conforming_strings` is off.
pub fn wanted(text: &[u8], backslash: bool) -> Option<Wanted> {
    let mut lexer = Lexer::new(text, backslash);
    let first = lexer.find(|token| *token != Token::Symbol(b';'))?;
    let Token::Word(verb) = first else { return None };
    if !["create", "drop", "alter"].iter().any(|own| is(verb, own)) || !follows(&mut lexer, "database") {
        return None;
    }
    match () {
        _ if is(verb, "create") => Some(template(&mut lexer)),
        _ if is(verb, "drop") => Some(dropped(&mut lexer)),
        _ => altered(&mut lexer),
    }
}

/// `DROP DATABASE [IF EXISTS] name`. IF can be a name as well.
fn dropped(lexer: &mut Lexer<'_>) -> Wanted {
    let mut behind = lexer.clone();
    if follows(&mut behind, "if") && follows(&mut behind, "exists") {
        *lexer = behind;
    }
    name(lexer.next())
}

/// `ALTER DATABASE name RENAME TO …` or `SET TABLESPACE …`; nothing else wants it.
fn altered(lexer: &mut Lexer<'_>) -> Option<Wanted> {
    let wanted = name(lexer.next());
    let moves = follows(lexer, "rename") || (follows(lexer, "set") && follows(lexer, "tablespace"));
    moves.then_some(wanted)
}

/// `CREATE DATABASE name [WITH] … TEMPLATE [=] name`; the last one counts, since Postgres refuses two.
fn template(lexer: &mut Lexer<'_>) -> Wanted {
    lexer.next();
    follows(lexer, "with");
    let mut found = Wanted::Named(TEMPLATE.into());
    while let Some(Token::Word(option)) = lexer.next() {
        if is(option, "connection") {
            follows(lexer, "limit");
        }
        let value = value(lexer);
        if is(option, "template") {
            found = match value {
                Some(Token::Word(word)) if is(word, "default") => Wanted::Named(TEMPLATE.into()),
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

fn name(token: Option<Token<'_>>) -> Wanted {
    let read = match token {
        Some(Token::Word(word)) => Some(word.to_ascii_lowercase()),
        Some(Token::Quoted(quoted)) => Some(without_doubles(quoted)),
        Some(Token::Text(literal)) => literal.value(),
        _ => None,
    };
    let read = read.filter(|name| name.len() <= LONGEST_NAME).and_then(|name| String::from_utf8(name).ok());
    read.map_or(Wanted::Any, |name| Wanted::Named(name.into()))
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
        let found = match wanted(text.as_bytes(), false) {
            Some(Wanted::Named(name)) => name.into(),
            Some(Wanted::Any) => "any".to_string(),
            None => String::new(),
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn dropped_and_altered() {
        check("DROP DATABASE App", "app");
        check(" ;-- x\n/* y */ drop /**/ database if exists \"Te st\"\"x\" (force);", "Te st\"x");
        check("drop database if", "if");
        check("drop database exists", "exists");
        check("alter database app rename to b", "app");
        check("alter database \"App\" SET TABLESPACE fast", "App");
        check(r#"drop database U&"\0061pp""#, "any");
        check(&format!("drop database {}", "a".repeat(64)), "any");
        check("drop database", "any");
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
        check("create database x template", "any");
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
