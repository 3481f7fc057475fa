//! Whether a text asks what a sequence gave last in its session. Pure.

use memchr::memchr2_iter;

/// Whether it may call `currval` or `lastval`: it says so somewhere, if only in a comment. <https://www.postgresql.org/docs/current/functions-sequence.html>
pub fn asks_for_a_last_value(text: &[u8]) -> bool {
    let word =
        |from: usize, word: &[u8]| text.get(from..from + word.len()).is_some_and(|at| at.eq_ignore_ascii_case(word));
    memchr2_iter(b'v', b'V', text)
        .filter(|at| word(*at, b"val"))
        .filter_map(|at| at.checked_sub(4))
        .any(|at| word(at, b"curr") || word(at, b"last"))
}

#[cfg(test)]
mod tests {
    use super::asks_for_a_last_value;

    #[test]
    fn last_values() {
        for asks in
            ["select lastval()", "SELECT CURRVAL('s')", "select \"lastval\"()", "lastval", "values (currval('a'))"]
        {
            assert!(asks_for_a_last_value(asks.as_bytes()), "{asks}");
        }
        for does_not in
            ["", "val", "lastva", "select value from settings", "select interval '1 day'", "nextval('s')", "slast val"]
        {
            assert!(!asks_for_a_last_value(does_not.as_bytes()), "{does_not}");
        }
    }
}
