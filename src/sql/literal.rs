//! String constants: their kinds, and what they say. Pure.
//!
//! <https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-CONSTANTS>

use super::lexer::continuation;

/// A string constant as written, without its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Literal<'a> {
    /// How it is quoted.
    pub kind: Kind,
    /// Between the first quote and the last; where it goes on in another line, quotes and comments in between are in it.
    pub raw: &'a [u8],
}

/// How a string constant is quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `'…'`
    Plain,
    /// `E'…'`, and `'…'` where backslashes are escapes everywhere.
    Escape,
    /// `U&'…'`
    Unicode,
    /// `N'…'`
    National,
    /// `B'…'`
    Bits,
    /// `X'…'`
    Hex,
    /// `$tag$…$tag$`
    Dollar,
}

impl<'a> Literal<'a> {
    /// Whether it is one that Postgres takes wherever it wants a string, and that can be read here.
    pub fn is_string(&self) -> bool {
        matches!(self.kind, Kind::Plain | Kind::Escape | Kind::Dollar)
    }

    /// What it says, if that is what is written: no escapes, no doubled quotes.
    pub fn plain(&self) -> Option<&'a [u8]> {
        let special = |byte: &u8| matches!(byte, b'\'' | b'\\');
        match self.kind {
            Kind::Dollar => Some(self.raw),
            Kind::Plain | Kind::Escape if !self.raw.iter().any(special) => Some(self.raw),
            _ => None,
        }
    }

    /// What it says. `None` if that takes more than reading: other kinds, characters by their code, bytes beyond ASCII.
    pub fn value(&self) -> Option<Vec<u8>> {
        match self.kind {
            Kind::Dollar => Some(self.raw.to_vec()),
            Kind::Plain => unescape(self.raw, false),
            Kind::Escape => unescape(self.raw, true),
            _ => None,
        }
    }
}

fn unescape(raw: &[u8], backslash: bool) -> Option<Vec<u8>> {
    let (mut value, mut at) = (Vec::with_capacity(raw.len()), 0);
    while let Some(&byte) = raw.get(at) {
        at += 1;
        match byte {
            b'\'' if raw.get(at) != Some(&b'\'') => at = continuation(raw, at, raw.get(at).copied())?,
            b'\'' => {
                value.push(byte);
                at += 1;
            }
            b'\\' if backslash => {
                let (byte, length) = escape(&raw[at..])?;
                value.push(byte);
                at += length;
            }
            _ => value.push(byte),
        }
    }
    Some(value)
}

/// The byte that is meant by what stands behind a backslash, and how long that is.
fn escape(rest: &[u8]) -> Option<(u8, usize)> {
    match rest.first()? {
        b'b' => Some((8, 1)),
        b'f' => Some((12, 1)),
        b'n' => Some((b'\n', 1)),
        b'r' => Some((b'\r', 1)),
        b't' => Some((b'\t', 1)),
        // Not in all versions the same.
        b'v' => None,
        b'u' => number(&rest[1..], 16, 4).filter(|&(_, length)| length == 4).and_then(ascii),
        b'U' => number(&rest[1..], 16, 8).filter(|&(_, length)| length == 8).and_then(ascii),
        b'x' => match number(&rest[1..], 16, 2) {
            Some(found) => ascii(found),
            None => Some((b'x', 1)),
        },
        b'0'..=b'7' => number(rest, 8, 3).and_then(ascii).map(|(byte, length)| (byte, length - 1)),
        &other => Some((other, 1)),
    }
}

/// The number of at most so many digits at the begin, and how many they are.
fn number(text: &[u8], base: u32, most: usize) -> Option<(u32, usize)> {
    let digits = text.iter().take(most).map_while(|&byte| char::from(byte).to_digit(base));
    let (number, length) =
        digits.fold((0u32, 0), |(number, length), digit| (number.wrapping_mul(base).wrapping_add(digit), length + 1));
    (length > 0).then_some((number, length))
}

/// What it means beyond ASCII depends on the encoding. With the letter before it, it is one longer.
fn ascii((number, length): (u32, usize)) -> Option<(u8, usize)> {
    let byte = u8::try_from(number).ok().filter(|byte| (1..128).contains(byte));
    byte.map(|byte| (byte, length + 1))
}

#[cfg(test)]
mod tests {
    use crate::sql::{Lexer, Token};

    fn check(sql: &str, expected: Option<&str>) {
        let Some(Token::Text(literal)) = Lexer::new(sql.as_bytes(), false).next() else { panic!("{sql}") };
        let value = literal.value().map(|value| String::from_utf8(value).unwrap());
        assert_eq!(value.as_deref(), expected, "{sql}");
        assert!(literal.plain().is_none_or(|plain| Some(plain) == literal.value().as_deref()), "{sql}");
    }

    #[test]
    fn values() {
        check("''", Some(""));
        check("'a'", Some("a"));
        check("'it''s'", Some("it's"));
        check("''''", Some("'"));
        check(r"'a\n'", Some(r"a\n"));
        check(r"E'a\nb\tc\rd\be\f'", Some("a\nb\tc\rd\u{8}e\u{c}"));
        check(r"E'\\ \' \q \é'", Some(r"\ ' q é"));
        check(r"E'it''s'", Some("it's"));
        check(r"E'\x41\x4\xg\101\1019\7'", Some("A\u{4}xgAA9\u{7}"));
        check(r"E'\u0041\U00000042C'", Some("ABC"));
        check(r"E'\u004'", None);
        check(r"E'\u00e9'", None);
        check(r"E'\xe9'", None);
        check(r"E'\377'", None);
        check(r"E'\0'", None);
        check(r"E'\v'", None);
        check("'a'\n'b'", Some("ab"));
        check("'a' -- it's\n\t'b'\r\n 'c'''", Some("abc'"));
        check("E'a\\n'\n'\\t'", Some("a\n\t"));
        check("$$it''s \\n$$", Some("it''s \\n"));
        check("$a$ $$ $b$ $a$", Some(" $$ $b$ "));
        for other in ["U&'a'", "N'a'", "B'1'", "X'1'"] {
            check(other, None);
        }
    }
}
