//! Shapes of SQL: statements lie in order, one alone is the same as among others, and no value of it is shown.

use pgweir::sql::digest::{Kind, SLOTS, Statement, statements};
use pgweir::sql::facts::facts;
use pgweir::sql::tags::{is_allowed, tags};
use pgweir::sql::{Lexer, Token};

/// So much of a statement is shown at the most, and a little.
const LONGEST_SHOWN: usize = 8 * 1024 + 8;

/// Reads the text as SQL with backslashes as escapes, and without; and as a comment.
pub(crate) fn run(text: &[u8]) {
    for backslash in [false, true] {
        shapes(text, backslash);
    }
    let read: usize = tags(text).map(|(key, value)| key.len() + value.len()).sum();
    // Bytes that are not UTF-8 are replaced by three.
    assert!(read <= 3 * text.len());
    let _ = is_allowed(text);
}

fn shapes(text: &[u8], backslash: bool) {
    let (mut done, mut all) = (0, statements(text, backslash));
    for statement in all.by_ref() {
        assert!(done <= statement.begin && statement.begin < statement.end && statement.end <= text.len());
        done = statement.end;
        alone(&text[statement.begin..statement.end], backslash, &statement);
    }
    assert!(all.comment().is_none_or(|comment| comment.len() <= text.len()));
}

fn alone(text: &[u8], backslash: bool, statement: &Statement<'_>) {
    let reading = &statement.reading;
    assert!(reading.digest.0 != 0 && reading.slots().len() <= SLOTS);
    let again = statements(text, backslash).next().expect("a statement is there");
    assert_eq!((again.reading.digest, again.literals), (reading.digest, statement.literals));
    let facts = facts(text, backslash, reading);
    assert!(facts.sql.len() <= LONGEST_SHOWN && facts.kind == reading.kind);
    if reading.kind != Kind::Other {
        no_text_is_shown(text, backslash, &facts.sql);
    }
}

/// Strings that are long enough to be told from words are not in what is shown, unless they are words of the text as well.
fn no_text_is_shown(text: &[u8], backslash: bool, shown: &str) {
    let tokens: Vec<Token<'_>> = Lexer::new(text, backslash).collect();
    let names: Vec<&[u8]> = tokens.iter().filter_map(|token| name(*token)).collect();
    for token in &tokens {
        let Token::Text(literal) = token else { continue };
        let Ok(value) = std::str::from_utf8(literal.raw) else { continue };
        let is_plain = value.len() > 8 && value.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_plain {
            continue;
        }
        let named = names.iter().any(|name| name.windows(value.len()).any(|part| part == value.as_bytes()));
        assert!(named || !shown.contains(value), "{value} in {shown}");
    }
}

fn name(token: Token<'_>) -> Option<&[u8]> {
    match token {
        Token::Word(name) | Token::Quoted(name) | Token::Escaped(name) => Some(name),
        _ => None,
    }
}
