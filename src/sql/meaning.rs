//! What a text means depends on settings, and for some on when it is read. Pure.

use memchr::memchr2;

use super::lexer::{Lexer, Token};

/// How constants are read (`date '01/02/2003'` is another day in another DateStyle), how the text itself is, and where names are
/// looked for. Postgres looks again when the last three have changed, but a statement keeps the types of the parameters and
/// columns that it found first, and those may be of another tenant's schema.
///
/// Not those by which nothing but a result is shown: they hold when it is.
pub const SETTINGS: [&str; 14] = [
    "DateStyle",
    "IntervalStyle",
    "TimeZone",
    "timezone_abbreviations",
    "client_encoding",
    "standard_conforming_strings",
    "backslash_quote",
    "transform_null_equals",
    "array_nulls",
    "xmloption",
    "lc_monetary",
    "search_path",
    "role",
    "session_authorization",
];

/// Whether texts mean something else where the setting of this name has another value.
pub fn depends_on(name: &[u8]) -> bool {
    SETTINGS.iter().any(|setting| setting.as_bytes().eq_ignore_ascii_case(name))
}

/// Constants that are read as the time of reading. <https://www.postgresql.org/docs/current/datatype-datetime.html#DATATYPE-DATETIME-SPECIAL-VALUES>
const MOMENTS: [&[u8]; 4] = [b"now", b"today", b"tomorrow", b"yesterday"];

/// Whether a constant of the text may be one that is another each time the text is read: `timestamp 'now'`.
pub fn is_of_its_time(text: &[u8], backslash: bool) -> bool {
    if memchr2(b'\'', b'$', text).is_none() {
        return false;
    }
    Lexer::new(text, backslash).any(|token| matches!(token, Token::Text(literal) if names_a_moment(literal.raw)))
}

fn names_a_moment(constant: &[u8]) -> bool {
    let words = constant.split(|byte| !byte.is_ascii_alphabetic());
    words.into_iter().any(|word| MOMENTS.iter().any(|moment| word.eq_ignore_ascii_case(moment)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings() {
        assert!(depends_on(b"datestyle"));
        assert!(depends_on(b"SEARCH_PATH"));
        assert!(!depends_on(b"app.tenant"));
    }

    #[test]
    fn moments() {
        let of_its_time = |text: &str| is_of_its_time(text.as_bytes(), false);
        for text in ["select 'now'::timestamptz", "select date ' TODAY '", "select $$yesterday 12:00$$::timestamp"] {
            assert!(of_its_time(text), "{text}");
        }
        for text in ["select now()", "select 'known'", "select today from days", "select $1::date", "select 'nowhere'"]
        {
            assert!(!of_its_time(text), "{text}");
        }
    }
}
