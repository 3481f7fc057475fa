//! LISTEN and UNLISTEN, and which channel they name. Pure.
//!
//! <https://www.postgresql.org/docs/current/sql-listen.html>

use super::lexer::{Lexer, Token};

/// Longer names are cut by Postgres (NAMEDATALEN - 1), which says so; those are left to it.
const LONGEST_NAME: usize = 63;

/// One of these statements.
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
    /// Reads a text that is nothing but these statements, one at least.
    pub fn read(text: &[u8]) -> Option<Vec<Listen>> {
        let (mut lexer, mut found) = (Lexer::new(text, false), Vec::new());
        while let Some(token) = lexer.next() {
            match token {
                Token::Symbol(b';') => {}
                Token::Word(first) => {
                    found.push(statement(first, &mut lexer)?);
                    matches!(lexer.peek(), None | Some(Token::Symbol(b';'))).then_some(())?;
                }
                _ => return None,
            }
        }
        (!found.is_empty() && !lexer.is_open()).then_some(found)
    }

    /// The channels that are listened on after these statements, where those were before.
    pub fn after(statements: &[Listen], before: &[String]) -> Vec<String> {
        let mut channels = before.to_vec();
        for statement in statements {
            match statement {
                Listen::On(channel) if channels.contains(channel) => {}
                Listen::On(channel) => channels.push(channel.clone()),
                Listen::Off(channel) => channels.retain(|other| other != channel),
                Listen::AllOff => channels.clear(),
            }
        }
        channels
    }
}

/// Those among the statements of a text, in order. An UNLISTEN whose channel cannot be read is of all of them.
pub fn listens(text: &[u8], backslash: bool) -> Vec<Listen> {
    let mut lexer = Lexer::new(text, backslash);
    let mut found = Vec::new();
    while let Some(token) = lexer.next() {
        if let Token::Word(first) = token {
            let unread = first.eq_ignore_ascii_case(b"unlisten").then_some(Listen::AllOff);
            found.extend(statement(first, &mut lexer).or(unread));
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
    fn nothing_but_these() {
        let (on, off) = (|name: &str| Listen::On(name.into()), |name: &str| Listen::Off(name.into()));
        let check = |text: &str, expected: &[Listen]| {
            assert_eq!(Listen::read(text.as_bytes()).unwrap_or_default(), expected, "{text}")
        };
        check("LISTEN Orders", &[on("orders")]);
        check("listen \"Or\"\"ders\" ; ", &[on("Or\"ders")]);
        check("/* hi */ unlisten a", &[off("a")]);
        check("UNLISTEN *;", &[Listen::AllOff]);
        check("LISTEN \"jobs:insert\"; LISTEN \"worker;migrate\";", &[on("jobs:insert"), on("worker;migrate")]);
        check(";; listen a; -- one\n;unlisten b;/* two */ unlisten *;;", &[on("a"), off("b"), Listen::AllOff]);
        check("listen *", &[]);
        check("listen a; select 1", &[]);
        check("select 1; listen a", &[]);
        check("listen a; listen", &[]);
        check("listen a listen b", &[]);
        check("listen a; 'b", &[]);
        check("listen a; listen \"b", &[]);
        check("listen a; listen \"\"", &[]);
        check("listen", &[]);
        check("listen;", &[]);
        check("listen a b", &[]);
        check("listen 'a'", &[]);
        check("select 1", &[]);
        check(";", &[]);
        check("", &[]);
        check("listen U&\"a\"", &[]);
        check(&format!("listen {}", "x".repeat(64)), &[]);
    }

    #[test]
    fn what_is_listened_on_afterwards() {
        let check = |text: &str, before: &str, expected: &str| {
            let before: Vec<String> = before.split_whitespace().map(str::to_string).collect();
            assert_eq!(Listen::after(&listens(text.as_bytes(), false), &before).join(" "), expected, "{text}");
        };
        check("listen b; listen a; listen b", "a", "a b");
        check("unlisten a; listen c", "a b", "b c");
        check("unlisten *; listen b", "a b", "b");
        check("listen c; unlisten c; unlisten a", "a", "");
        check("listen c; unlisten *", "a", "");
    }

    #[test]
    fn among_others() {
        let (on, off) = (|name: &str| Listen::On(name.into()), |name: &str| Listen::Off(name.into()));
        let check = |text: &str, expected: &[Listen]| assert_eq!(listens(text.as_bytes(), false), expected, "{text}");
        check("select pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL", &[Listen::AllOff]);
        check("unlisten a; select 1; unlisten B", &[off("a"), off("b")]);
        check("select unlisten from t; listen x", &[on("x")]);
        check("listen; unlisten; select 1", &[Listen::AllOff]);
        check(";; unlisten a", &[off("a")]);
    }
}
