//! A text as it may be shown to people: without the values in it, and not too long. Pure.

use super::lexer::{Lexer, Token};

/// Longer ones are cut.
const LONGEST: usize = 200;

/// The text's words with `?` in place of every constant. Comments are left out, for anything may be in them.
pub fn redact(text: &[u8]) -> String {
    let mut shown = String::new();
    for token in Lexer::new(text, false) {
        match token {
            Token::Word(word) => space(&mut shown, &String::from_utf8_lossy(word)),
            Token::Quoted(name) => space(&mut shown, &format!("\"{}\"", String::from_utf8_lossy(name))),
            Token::Escaped(name) => space(&mut shown, &format!("U&\"{}\"", String::from_utf8_lossy(name))),
            Token::Text(_) | Token::Number(_) => space(&mut shown, "?"),
            Token::Parameter(number) => space(&mut shown, &format!("${number}")),
            Token::Symbol(symbol) => shown.push(char::from(symbol)),
        }
        // One name may be as long as the text.
        if let Some((end, _)) = shown.char_indices().nth(LONGEST) {
            shown.truncate(end);
            shown.push('…');
            break;
        }
    }
    shown
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
        for long in ["word ".repeat(100), "w".repeat(9999), format!("\"{}\"", "é".repeat(9999))] {
            assert!(redact(long.as_bytes()).chars().count() < LONGEST + 10);
        }
    }
}
