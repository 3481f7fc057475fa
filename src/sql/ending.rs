//! Where a text ends a transaction. Pure.

use super::lexer::{Lexer, Token};

/// Whether its first word does, or may.
pub fn ends_a_transaction(text: &[u8]) -> bool {
    const WORDS: [&[u8]; 5] = [b"rollback", b"abort", b"commit", b"end", b"prepare"];
    let first = Lexer::new(text, false).find(|token| *token != Token::Symbol(b';'));
    matches!(first, Some(Token::Word(word)) if WORDS.iter().any(|ends| word.eq_ignore_ascii_case(ends)))
}

/// Where the first word of the text's last ROLLBACK or ABORT ends: what such a statement undoes stands before that. `None` if it
/// has none.
pub fn last_rollback(text: &[u8], backslash: bool) -> Option<usize> {
    let mut lexer = Lexer::new(text, backslash);
    let (mut first, mut last) = (true, None);
    while let Some(token) = lexer.next() {
        if first
            && matches!(token, Token::Word(word) if [&b"rollback"[..], b"abort"].iter().any(|undoes| word.eq_ignore_ascii_case(undoes)))
        {
            last = Some(lexer.position());
        }
        first = token == Token::Symbol(b';');
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_the_last_rollback() {
        for (text, behind) in [
            ("rollback", Some("")),
            ("ROLLBACK;\nselect 1; RESET ALL", Some(";\nselect 1; RESET ALL")),
            ("set a.b = 'rollback'; abort work; rollback to x; set c = 1", Some(" to x; set c = 1")),
            ("select 1 rollback; commit", None),
            ("", None),
        ] {
            assert_eq!(last_rollback(text.as_bytes(), false).map(|at| &text[at..]), behind, "{text}");
        }
    }

    #[test]
    fn words_that_end_a_transaction() {
        for ends in [
            "ROLLBACK; insert",
            " commit",
            "end",
            "abort",
            "-- x\nrollback",
            "/* /**/ */ End",
            ";;rollback",
            "Prepare transaction",
        ] {
            assert!(ends_a_transaction(ends.as_bytes()), "{ends}");
        }
        for goes_on in
            ["", "select 1", "(select 1)", "begin", "commitment", "/* commit */ insert into t values (1); rollback"]
        {
            assert!(!ends_a_transaction(goes_on.as_bytes()), "{goes_on}");
        }
    }
}
