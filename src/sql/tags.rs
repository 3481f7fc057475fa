//! What a comment says to us: tags (`key='value'`, as sqlcommenter writes them), and `pgweir: ok`. Pure.
//!
//! <https://open-telemetry.github.io/opentelemetry-sqlcommenter/specifications>

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// The tags of a comment, which has no delimiters any more: `key='value',key='value'`, percent-decoded, `\'` in them `'`. What
/// cannot be read ends them. Not UTF-8 is replaced.
pub fn tags(comment: &[u8]) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    let mut rest = comment;
    std::iter::from_fn(move || {
        let (key, value, behind) = next(rest)?;
        rest = behind;
        Some((decode(key), decode(value)))
    })
}

/// Whether it says `pgweir: ok`, in whatever case, with whatever white space.
pub fn is_allowed(comment: &[u8]) -> bool {
    memchr::memchr2_iter(b'p', b'P', comment).any(|at| begins_allowed(&comment[at..]) && !is_letter(comment, at))
}

/// Whether a letter stands before it: it is another word then.
fn is_letter(comment: &[u8], at: usize) -> bool {
    at.checked_sub(1).is_some_and(|before| comment[before].is_ascii_alphanumeric())
}

fn begins_allowed(text: &[u8]) -> bool {
    let says = || {
        let rest = strip(text, b"pgweir")?.trim_ascii_start().strip_prefix(b":")?;
        strip(rest.trim_ascii_start(), b"ok")
    };
    says().is_some_and(|rest| !rest.first().is_some_and(u8::is_ascii_alphanumeric))
}

fn strip<'a>(text: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    let (begin, rest) = text.split_at_checked(word.len())?;
    begin.eq_ignore_ascii_case(word).then_some(rest)
}

/// A key, its value as written, and what is behind.
fn next(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let text = text.trim_ascii_start();
    let text = text.strip_prefix(b",").unwrap_or(text).trim_ascii();
    let (key, rest) = text.split_at(memchr::memchr(b'=', text)?);
    let key = key.trim_ascii_end();
    let is_key = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'\'' | b',' | b'"');
    if key.is_empty() || !key.iter().all(is_key) {
        return None;
    }
    let rest = rest[1..].trim_ascii_start().strip_prefix(b"'")?;
    let end = end_of(rest)?;
    Some((key, &rest[..end], &rest[end + 1..]))
}

/// Where the closing quote is.
fn end_of(value: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'\'', b'\\', value.get(at..)?)?;
        match value[at] {
            b'\'' => return Some(at),
            _ => at += 2,
        }
    }
}

fn decode(written: &[u8]) -> Cow<'_, str> {
    if !written.iter().any(|byte| matches!(byte, b'%' | b'\\')) {
        return String::from_utf8_lossy(written);
    }
    let mut plain = Vec::with_capacity(written.len());
    let mut bytes = written.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        plain.push(if byte == b'\\' { bytes.next().unwrap_or(byte) } else { byte });
    }
    let decoded: Cow<'_, [u8]> = percent_decode(&plain).into();
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(comment: &str, expected: &[(&str, &str)]) {
        let found: Vec<_> =
            tags(comment.as_bytes()).map(|(key, value)| (key.into_owned(), value.into_owned())).collect();
        let found: Vec<_> = found.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(found, expected, "{comment}");
    }

    #[test]
    fn read() {
        check("a='b'", &[("a", "b")]);
        check(" a = 'b' , c='d' ", &[("a", "b"), ("c", "d")]);
        check("route='%2Fbooks%2F%3Aid',x='%25'", &[("route", "/books/:id"), ("x", "%")]);
        check(r"a='it\'s',b='\\'", &[("a", "it's"), ("b", "\\")]);
        check("db%20driver='x'", &[("db driver", "x")]);
        check("a='',b='c'", &[("a", ""), ("b", "c")]);
        check(
            "traceparent='00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01'",
            &[("traceparent", "00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01")],
        );
        check("é='%C3%A9%FF'", &[]);
        check("e='%C3%A9%FF'", &[("e", "é\u{fffd}")]);
    }

    #[test]
    fn not_read() {
        for comment in ["", "a", "a=", "a=b", "a='b", "='b'", "a b='c'", "a='b\\'", "see 'x=1'", "it's", ",,a='b'"] {
            check(comment, &[]);
        }
        check("a='b', and more", &[("a", "b")]);
    }

    #[test]
    fn allowed() {
        for comment in ["pgweir: ok", " PgWeir :\n OK ", "pgweir:ok.", "x; pgweir: ok, since few", "p pgweir:ok"] {
            assert!(is_allowed(comment.as_bytes()), "{comment}");
        }
        for comment in ["", "pgweir", "pgweir ok", "pgweir: okay", "apgweir: ok", "pgweir: not ok", "pgweir:"] {
            assert!(!is_allowed(comment.as_bytes()), "{comment}");
        }
    }
}
