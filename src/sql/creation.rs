//! Texts that may create something, whatever they call it. Pure.

/// Whether a text may create something: SELECT INTO does too. Not INSERT INTO.
pub fn creates(text: &[u8]) -> bool {
    let mut words = text.split(|byte| !byte.is_ascii_alphabetic());
    let inserts = text.trim_ascii_start().get(..6).is_some_and(|word| word.eq_ignore_ascii_case(b"insert"));
    words.any(|word| word.eq_ignore_ascii_case(b"create") || (!inserts && word.eq_ignore_ascii_case(b"into")))
}

#[cfg(test)]
mod tests {
    #[test]
    fn creates() {
        let check = |text: &str, expected| assert_eq!(super::creates(text.as_bytes()), expected, "{text}");
        check("CREATE TABLE t ()", true);
        check("select 1 into t", true);
        check(" insert into t values (1)", false);
        check("select created from t", false);
    }
}
