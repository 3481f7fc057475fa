//! The prepared statements that a text drops by name. Pure.

use std::ops::Range;

use super::lexer::{Lexer, Token};
use super::set::{follows, is};

/// One that is named in a `DEALLOCATE [PREPARE] name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deallocated {
    /// As Postgres folds it.
    pub name: Box<[u8]>,
    /// Where it stands in the text, quotes and all.
    pub place: Range<usize>,
}

/// Those of all statements of a text, in order; not ALL. `backslash`: whether `standard_conforming_strings` is off.
pub fn deallocated(text: &[u8], backslash: bool) -> Vec<Deallocated> {
    let (mut lexer, mut found) = (Lexer::new(text, backslash), Vec::new());
    while let Some(first) = lexer.next() {
        if first == Token::Symbol(b';') {
            continue;
        }
        if matches!(first, Token::Word(word) if is(word, "deallocate")) {
            found.extend(name(&mut lexer));
        }
        lexer.find(|token| *token == Token::Symbol(b';'));
    }
    found
}

fn name(lexer: &mut Lexer<'_>) -> Option<Deallocated> {
    let mut behind = lexer.clone();
    if follows(&mut behind, "prepare") && matches!(behind.peek(), Some(Token::Word(_) | Token::Quoted(_))) {
        *lexer = behind;
    }
    let (name, size): (Box<[u8]>, usize) = match lexer.next()? {
        Token::Word(word) if is(word, "all") => return None,
        Token::Word(word) => (word.to_ascii_lowercase().into(), word.len()),
        Token::Quoted(quoted) => (without_doubles(quoted), quoted.len() + 2),
        _ => return None,
    };
    let end = Lexer::position(lexer);
    Some(Deallocated { name, place: end.checked_sub(size)?..end })
}

fn without_doubles(quoted: &[u8]) -> Box<[u8]> {
    let mut before = 0;
    let kept = quoted.iter().filter(|byte| {
        before = if **byte == b'"' && before == b'"' { 0 } else { **byte };
        before != 0
    });
    kept.copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let found = deallocated(text.as_bytes(), false);
        let names: Vec<_> = found.iter().map(|found| String::from_utf8_lossy(&found.name)).collect();
        assert_eq!(names, expected, "{text}");
        for found in &found {
            let written = text[found.place.clone()].trim_matches('"').replace("\"\"", "\"").to_lowercase();
            assert_eq!(written.as_bytes(), found.name.to_ascii_lowercase(), "{text}");
        }
    }

    #[test]
    fn names() {
        check("DEALLOCATE a1", &["a1"]);
        check(" deallocate  prepare FOO ; ", &["foo"]);
        check("deallocate \"Foo\"\"x\"", &["Foo\"x"]);
        check("deallocate a; select 1", &["a"]);
        check("select 1;; deallocate a;/* */deallocate prepare -- x\n \"b\"", &["a", "b"]);
        check("deallocate prepare", &["prepare"]);
        for text in
            ["deallocate all", "DEALLOCATE", "select 1", "select 'deallocate a'", "prepare deallocate as select 1"]
        {
            check(text, &[]);
        }
    }
}
