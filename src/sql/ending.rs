//! Whether a text begins by ending a transaction. Pure.

use super::lexer::{Lexer, Token};

/// Whether its first word does, or may.
pub fn ends_a_transaction(text: &[u8]) -> bool {
    const WORDS: [&[u8]; 5] = [b"rollback", b"abort", b"commit", b"end", b"prepare"];
    let first = Lexer::new(text, false).find(|token| *token != Token::Symbol(b';'));
    matches!(first, Some(Token::Word(word)) if WORDS.iter().any(|ends| word.eq_ignore_ascii_case(ends)))
}

#[cfg(test)]
mod tests {
    use super::*;

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
