//! What stands next, by its bytes: cheaper than a token, for those who know what they look for. And operators. Pure.

use super::{CLASSES, DIGIT, Lexer, Token};

impl<'a> Lexer<'a> {
    /// The whole text.
    #[inline]
    pub(in crate::sql) fn text(&self) -> &'a [u8] {
        self.text
    }

    /// Whether the tokens ended because a string or a name did not.
    #[inline]
    pub(in crate::sql) fn is_open(&self) -> bool {
        self.open
    }

    /// What is behind white space and comments.
    #[inline]
    pub(in crate::sql) fn ahead(&self) -> &'a [u8] {
        match self.byte(0) {
            Some(byte) if byte > b' ' && byte != b'-' && byte != b'/' => &self.text[self.at..],
            _ => self.far_ahead(),
        }
    }

    fn far_ahead(&self) -> &'a [u8] {
        let mut ahead = self.clone();
        Lexer::skip(&mut ahead);
        self.text.get(ahead.at..).unwrap_or_default()
    }

    /// Passes white space and comments; where that ends.
    pub(in crate::sql) fn pass_space(&mut self) -> usize {
        self.skip();
        Lexer::position(self)
    }

    /// Goes back, or on, to where a token begins.
    pub(in crate::sql) fn go_to(&mut self, at: usize) {
        self.at = at;
    }

    /// Passes this word if it is the next token.
    pub(in crate::sql) fn pass_word(&mut self, word: &[u8]) -> bool {
        self.pass_if(|token| matches!(token, Token::Word(found) if found.eq_ignore_ascii_case(word)))
    }

    /// Passes this symbol if it is the next token.
    #[inline]
    pub(in crate::sql) fn pass_symbol(&mut self, symbol: u8) -> bool {
        let found = self.ahead().first() == Some(&symbol);
        if found {
            self.skip();
            self.at += 1;
        }
        found
    }

    /// Passes the next token if it is such a one.
    pub(in crate::sql) fn pass_if(&mut self, wanted: impl Fn(Token<'a>) -> bool) -> bool {
        let mut ahead = self.clone();
        let found = ahead.next().is_some_and(wanted);
        if found {
            *self = ahead;
        }
        found
    }

    /// The number that is the next token, if one is.
    pub(in crate::sql) fn pass_number(&mut self) -> Option<&'a [u8]> {
        let is = |byte: Option<&u8>| byte.is_some_and(|&byte| CLASSES[usize::from(byte)] & DIGIT != 0);
        let rest = self.ahead();
        let begin = usize::from(rest.first() == Some(&b'.'));
        if !is(rest.get(begin)) {
            return None;
        }
        match self.next() {
            Some(Token::Number(number)) => Some(number),
            _ => None,
        }
    }

    /// The operator whose first byte was the last token, cut as Postgres cuts it.
    ///
    /// <https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-OPERATORS>
    #[inline]
    pub(in crate::sql) fn operator(&mut self) -> &'a [u8] {
        let begin = self.at - 1;
        match self.byte(0) {
            Some(next) if is_operator(next) => self.longer(begin),
            _ => &self.text[begin..self.at],
        }
    }

    fn longer(&mut self, begin: usize) -> &'a [u8] {
        let rest = &self.text[begin..self.text.len().min(begin + LONGEST)];
        let mut length = rest.iter().position(|&byte| !is_operator(byte)).unwrap_or(rest.len());
        if let Some(comment) = rest[1..length].windows(2).position(|pair| pair == b"--" || pair == b"/*") {
            length = comment + 1;
        }
        // A sign at the end is the next operand's.
        if !rest[..length].iter().any(|byte| b"~!@#%^&|`?".contains(byte)) {
            while length > 1 && matches!(rest[length - 1], b'+' | b'-') {
                length -= 1;
            }
        }
        self.at = begin + length;
        &rest[..length]
    }
}

/// Postgres takes no longer operators; without a bound a row of signs, cut off one by one, would take quadratic time.
const LONGEST: usize = 63;

/// Whether operators are made of it.
#[inline]
pub(in crate::sql) fn is_operator(byte: u8) -> bool {
    matches!(
        byte,
        b'+' | b'-'
            | b'*'
            | b'/'
            | b'<'
            | b'>'
            | b'='
            | b'~'
            | b'!'
            | b'@'
            | b'#'
            | b'%'
            | b'^'
            | b'&'
            | b'|'
            | b'`'
            | b'?'
    )
}
