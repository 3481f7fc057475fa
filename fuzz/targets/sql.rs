//! Client SQL: its tokens lie in order, what it changes has a name, and no value of it is shown.

use pgweir::sql::{Effects, Lexer, To, Token, changes, effects, redact};

/// So much of a text is shown at the most, and a little.
const LONGEST_SHOWN: usize = 210;

/// Reads the text with backslashes as escapes, and without.
pub(crate) fn run(text: &[u8]) {
    for backslash in [false, true] {
        tokens(text, backslash);
        what_changes_is_named(text, backslash);
    }
    assert!(redact(text).chars().count() < LONGEST_SHOWN);
}

fn tokens(text: &[u8], backslash: bool) {
    let (mut lexer, mut done) = (Lexer::new(text, backslash), 0);
    while let Some(token) = lexer.next() {
        let position = lexer.position();
        assert!(done < position && position <= text.len(), "{token:?} at {done}..{position}");
        if let Token::Text(literal) = token {
            let value = literal.value();
            assert!(value.as_ref().is_none_or(|value| value.len() <= literal.raw.len()));
            assert!(literal.plain().is_none_or(|plain| value.as_deref() == Some(plain)));
        }
        done = position;
    }
    assert_eq!((lexer.next(), lexer.position()), (None, text.len()), "the end stays the end");
}

fn what_changes_is_named(text: &[u8], backslash: bool) {
    let found = effects(text, backslash);
    let changes = changes(text, backslash, &|number| (number == 1).then(|| Some(b"one".to_vec())));
    let named = !found.contains(Effects::SETTINGS) || found.contains(Effects::OPAQUE);
    assert!(named || !changes.is_empty(), "a setting changes that nobody names");
    let read = changes.iter().any(|change| matches!(change.to, To::Value(_) | To::Default));
    let may = Effects::SETTINGS | Effects::OPAQUE | Effects::DISCARD_ALL;
    assert!(!read || found.intersects(may), "{changes:?} of a text without effects");
    // A statement of SET names one setting, or two.
    assert!(changes.len() <= text.len());
}
