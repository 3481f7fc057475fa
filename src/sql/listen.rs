//! LISTEN and UNLISTEN, and which channel they name. Pure.
//!
//! <https://www.postgresql.org/docs/current/sql-listen.html>

use super::lexer::{Lexer, Token};

/// Longer names are cut by Postgres (NAMEDATALEN - 1), which says so; those are left to it.
const LONGEST_NAME: usize = 63;

/// A text that is one of these statements and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// `LISTEN channel`
    On(String),
    /// `UNLISTEN channel`
    Off(String),
    /// `UNLISTEN *`
    AllOff,
}

impl Listen {
    /// Reads a text that is a lone LISTEN or UNLISTEN.
    pub fn read(text: &[u8]) -> Option<Listen> {
        let mut lexer = Lexer::new(text, false);
        let Some(Token::Word(first)) = lexer.next() else { return None };
        let found = statement(first, &mut lexer)?;
        lexer.all(|token| token == Token::Symbol(b';')).then_some(found)
    }
}

/// What the UNLISTENs among the statements of a text take back, in order. A channel that cannot be read is all of them.
pub fn unlistened(text: &[u8], backslash: bool) -> Vec<Listen> {
    let mut lexer = Lexer::new(text, backslash);
    let mut found = Vec::new();
    while let Some(token) = lexer.next() {
        if let Token::Word(first) = token
            && first.eq_ignore_ascii_case(b"unlisten")
        {
            found.push(statement(first, &mut lexer).unwrap_or(Listen::AllOff));
        }
        if token != Token::Symbol(b';') {
            lexer.find(|token| *token == Token::Symbol(b';'));
        }
    }
    found
}

/// The statement whose first word has been read.
fn statement(first: &[u8], lexer: &mut Lexer<'_>) -> Option<Listen> {
    let off = first.eq_ignore_ascii_case(b"unlisten");
    if !off && !first.eq_ignore_ascii_case(b"listen") {
        return None;
    }
    let after = lexer.peek()?;
    if after == Token::Symbol(b';') {
        return None;
    }
    lexer.next();
    let channel = match after {
        Token::Symbol(b'*') if off => return Some(Listen::AllOff),
        Token::Word(name) => String::from_utf8(name.to_ascii_lowercase()).ok()?,
        Token::Quoted(name) => String::from_utf8(name.to_vec()).ok()?.replace("\"\"", "\""),
        _ => return None,
    };
    let fits = (1..=LONGEST_NAME).contains(&channel.len());
    fits.then_some(if off { Listen::Off(channel) } else { Listen::On(channel) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_statements() {
        let check =
            |text: &str, expected: Option<Listen>| assert_eq!(Listen::read(text.as_bytes()), expected, "{text}");
        check("LISTEN Orders", Some(Listen::On("orders".into())));
        check("listen \"Or\"\"ders\" ; ", Some(Listen::On("Or\"ders".into())));
        check("/* hi */ unlisten a", Some(Listen::Off("a".into())));
        check("UNLISTEN *;", Some(Listen::AllOff));
        check("listen *", None);
        check("listen a; select 1", None);
        check("listen", None);
        check("listen;", None);
        check("listen a b", None);
        check("listen 'a'", None);
        check("select 1", None);
        check(&format!("listen {}", "x".repeat(64)), None);
    }

    #[test]
    fn among_others() {
        let check =
            |text: &str, expected: &[Listen]| assert_eq!(unlistened(text.as_bytes(), false), expected, "{text}");
        check("select pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL", &[Listen::AllOff]);
        check("unlisten a; unlisten B", &[Listen::Off("a".into()), Listen::Off("b".into())]);
        check("select unlisten from t; listen x", &[]);
        check("unlisten; select 1", &[Listen::AllOff]);
        check(";; unlisten a", &[Listen::Off("a".into())]);
    }
}
