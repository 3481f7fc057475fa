//! A text as it may be shown to people: without the values in it, and not too long. Pure.

use super::lexer::{Lexer, Token};
use super::literal::{Kind, Literal};

/// Longer ones are cut.
const LONGEST: usize = 200;

/// The text's words with `?` in place of every constant. Comments are left out, for anything may be in them. Ends where a
/// session whose backslashes are escapes might read a string to end elsewhere.
pub fn redact(text: &[u8]) -> String {
    let (mut shown, mut place) = (String::new(), Place::Begin);
    for token in Lexer::new(text, false) {
        match token {
            Token::Word(_) | Token::Quoted(_) | Token::Escaped(_) if place == Place::Given => space(&mut shown, "?"),
            Token::Word(word) => space(&mut shown, &String::from_utf8_lossy(word)),
            Token::Quoted(name) => space(&mut shown, &format!("\"{}\"", String::from_utf8_lossy(name))),
            Token::Escaped(name) => space(&mut shown, &format!("U&\"{}\"", String::from_utf8_lossy(name))),
            Token::Text(_) | Token::Number(_) => space(&mut shown, "?"),
            Token::Parameter(number) => space(&mut shown, &format!("${number}")),
            Token::Symbol(symbol) => shown.push(char::from(symbol)),
        }
        place = place.behind(&token);
        // One name may be as long as the text.
        if let Some((end, _)) = shown.char_indices().nth(LONGEST) {
            shown.truncate(end);
            shown.push('…');
            break;
        }
        if may_go_on(&token) {
            shown.push('…');
            break;
        }
    }
    shown
}

/// Where in a statement, as far as names may be values: those that a SET gives are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Begin,
    Set,
    Given,
    Body,
}

impl Place {
    fn behind(self, token: &Token<'_>) -> Place {
        match (self, token) {
            (_, Token::Symbol(b';')) => Place::Begin,
            (Place::Begin, Token::Word(word)) if word.eq_ignore_ascii_case(b"set") => Place::Set,
            (Place::Set, Token::Word(word)) if word.eq_ignore_ascii_case(b"to") => Place::Given,
            (Place::Set, Token::Symbol(b'=')) => Place::Given,
            (Place::Begin, _) => Place::Body,
            (place, _) => place,
        }
    }
}

fn may_go_on(token: &Token<'_>) -> bool {
    matches!(token, Token::Text(Literal { kind: Kind::Plain | Kind::National, raw }) if raw.contains(&b'\\'))
}

/// Words are apart, symbols are not.
fn space(shown: &mut String, word: &str) {
    let joined = shown.is_empty() || shown.ends_with(['(', '.', ':', '[']);
    if !joined {
        shown.push(' ');
    }
    shown.push_str(word);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_is_shown() {
        let check = |text: &str, shown: &str| assert_eq!(redact(text.as_bytes()), shown, "{text}");
        check("select pg_advisory_lock(42, 'secret')", "select pg_advisory_lock(?, ?)");
        check("create temp table \"T\" as select $1::int -- secret", "create temp table \"T\" as select $1::int");
        check("select E'x' /* secret */ , $$secret$$", "select ?, ?");
        check("", "");
        check("set a.b to Secret, \"S\", 1; set role x", "set a.b to ?, ?, ?; set role x");
        check("Set local a = secret", "Set local a= ?");
        check("update t set a = b", "update t set a= b");
        check(r"select 'it\'s secret' as x", "select ?…");
        check(r"select E'it\'s', $$it\s$$ as x", "select ?, ? as x");
        for long in ["word ".repeat(100), "w".repeat(9999), format!("\"{}\"", "é".repeat(9999))] {
            assert!(redact(long.as_bytes()).chars().count() < LONGEST + 10);
        }
    }
}
