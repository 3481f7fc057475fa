//! What holds for every text, made of bytes or of pieces of SQL.

use proptest::prelude::*;

use super::*;

/// Pieces that mean much to the lexer or to what reads its tokens.
const PIECES: &[&str] = &[
    "'",
    "''",
    "\"",
    "$$",
    "$a$",
    "$",
    "\\",
    "E'",
    "U&'",
    "U&\"",
    "B'",
    "N'",
    "--",
    "/*",
    "*/",
    "\n",
    " ",
    ";",
    ",",
    "(",
    ")",
    ".",
    "=",
    "::",
    "1",
    "0x",
    "1e",
    "$1",
    "$2",
    "é",
    "a",
    "'a'",
    "'x.y'",
    "\"b\"",
    "true",
    "false",
    "null",
    "'t'",
    "text",
    "SET",
    "RESET",
    "LOCAL",
    "SESSION",
    "TO",
    "DEFAULT",
    "ALL",
    "TIME",
    "ZONE",
    "ROLE",
    "NAMES",
    "SCHEMA",
    "XML",
    "OPTION",
    "AUTHORIZATION",
    "CHARACTERISTICS",
    "AS",
    "TRANSACTION",
    "READ",
    "ONLY",
    "ISOLATION",
    "LEVEL",
    "FROM",
    "CURRENT",
    "transaction_isolation",
    "SELECT",
    "set_config",
    "\"set_config\"",
    "set_config('a', 'b', false)",
    "set_config('a', 'b', true)",
    "set_config(",
    "pg_catalog",
    "UPDATE",
    "pg_settings",
    "DO",
    "LANGUAGE",
    "EXECUTE",
    "EXPLAIN",
    "ANALYZE",
    "CREATE",
    "OR",
    "REPLACE",
    "TEMP",
    "TABLE",
    "pg_temp",
    "pg_temp_",
    "ON",
    "COMMIT",
    "DROP",
    "INSERT",
    "INTO",
    "DECLARE",
    "WITH",
    "HOLD",
    "FOR",
    "PREPARE",
    "DEALLOCATE",
    "DISCARD",
    "PLANS",
    "CLOSE",
    "LISTEN",
    "UNLISTEN",
    "LOAD",
    "ROLLBACK",
    "GRANT",
    "pg_advisory_lock(1)",
    "pg_advisory_unlock",
    "currval(",
    "interval",
    "-",
    "+",
];

fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => (prop::sample::select(PIECES), any::<bool>()).prop_map(|(piece, space)| {
            if space { format!("{piece} ").into_bytes() } else { piece.as_bytes().to_vec() }
        }),
        1 => prop::collection::vec(any::<u8>(), 0..3),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

/// One statement that is more likely to be right.
fn likely() -> impl Strategy<Value = Vec<u8>> {
    let begin =
        prop::sample::select(&["SET ", "RESET ", "SELECT ", "SELECT set_config(", "SET SESSION ", "CREATE ", ""][..]);
    (begin, text()).prop_map(|(begin, rest)| [begin.as_bytes(), &rest].concat())
}

fn count(text: &[u8], backslash: bool) -> usize {
    Lexer::new(text, backslash).count()
}

/// Whether nothing that `text` began swallows what is written behind it.
fn is_closed(text: &[u8], backslash: bool) -> bool {
    count(&[text, b";"].concat(), backslash) == count(text, backslash) + 1
}

/// The part of the text that a token has, if it has one.
fn slice(token: Token<'_>) -> Option<&[u8]> {
    match token {
        Token::Word(slice) | Token::Quoted(slice) | Token::Escaped(slice) | Token::Number(slice) => Some(slice),
        Token::Text(literal) => Some(literal.raw),
        Token::Parameter(_) | Token::Symbol(_) => None,
    }
}

fn slices_lie_in_order(text: &[u8], backslash: bool) {
    let mut lexer = Lexer::new(text, backslash);
    let mut done = 0;
    while let Some(token) = lexer.next() {
        let position = lexer.position();
        assert!(done < position && position <= text.len(), "{token:?} at {done}..{position}");
        if let Some(slice) = slice(token) {
            let begin = slice.as_ptr().addr() - text.as_ptr().addr();
            assert!(done <= begin && begin + slice.len() <= position, "{token:?} at {begin}");
        }
        done = position;
    }
    assert_eq!((lexer.next(), lexer.position()), (None, text.len()), "the end stays the end");
}

fn all_changes(text: &[u8], backslash: bool) -> Vec<Change> {
    changes(text, backslash, &|number| if number == 1 { Some(Some(b"one".to_vec())) } else { None })
}

fn effects_are_those_of_the_parts(one: &[u8], other: &[u8], backslash: bool) {
    if is_closed(one, backslash) {
        let both = effects(&[one, b";", other].concat(), backslash);
        assert_eq!(both, effects(one, backslash) | effects(other, backslash));
    }
}

fn what_changes_is_named(text: &[u8], backslash: bool) {
    let (found, changes) = (effects(text, backslash), all_changes(text, backslash));
    if found.contains(Effects::SETTINGS) && !found.contains(Effects::OPAQUE) {
        assert!(!changes.is_empty(), "{}", String::from_utf8_lossy(text));
    }
    // Of statements that run no calls, changes says that they may.
    let read = changes.iter().any(|change| matches!(change.to, To::Value(_) | To::Default));
    let may = Effects::SETTINGS | Effects::OPAQUE | Effects::DISCARD_ALL;
    assert!(!read || found.intersects(may), "{changes:?} {}", String::from_utf8_lossy(text));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_are_read(text in prop::collection::vec(any::<u8>(), 0..200), backslash: bool) {
        slices_lie_in_order(&text, backslash);
        what_changes_is_named(&text, backslash);
    }

    #[test]
    fn any_pieces_are_read(text in text(), backslash: bool) {
        slices_lie_in_order(&text, backslash);
        what_changes_is_named(&text, backslash);
    }

    #[test]
    fn what_changes_has_a_name(text in likely(), backslash: bool) {
        what_changes_is_named(&text, backslash);
    }

    #[test]
    fn two_texts_have_the_effects_of_both(one in text(), other in text(), backslash: bool) {
        effects_are_those_of_the_parts(&one, &other, backslash);
    }

    #[test]
    fn what_looks_harmless_is(rest in text(), first in 0..4_usize, backslash: bool) {
        let text = [&b"select "[..], b"INSERT ", b"update ", b"with "][first].iter().chain(&rest).copied().collect::<Vec<_>>();
        prop_assert!(!effects::is_harmless(&text) || effects::read(&text, backslash).is_empty());
    }

    #[test]
    fn literals_are_read_or_not(raw in text(), backslash: bool) {
        let literals = Lexer::new(&raw, backslash).filter_map(|token| match token {
            Token::Text(literal) => Some(literal),
            _ => None,
        });
        for literal in literals {
            let value = literal.value();
            prop_assert!(value.as_ref().is_none_or(|value| value.len() <= literal.raw.len()));
            prop_assert!(literal.plain().is_none_or(|plain| value.as_deref() == Some(plain)));
        }
    }
}
